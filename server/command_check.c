/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sekimorid check: the configuration has been read by the time this runs, so
 * only the good news is left.
 */
#include <stdio.h>

#include "server/commands.h"

int command_check(
    const struct command_options *options, const struct settings *settings)
{
	(void)settings;
	printf("%s: no mistakes found.\n", options->config);
	return EXIT_DONE;
}
