/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the words of a command line to a struct call, by the table of
 * commands.h; and the texts that come from the same table: usage and what a
 * shell may complete. Reads no file, asks nobody.
 */
#ifndef SEKIMORI_CTL_ARGUMENTS_H
#define SEKIMORI_CTL_ARGUMENTS_H

#include <stdio.h>

#include "server/ctl/commands.h"
#include "shared/err.h"

enum {
	ARGUMENTS_PROBLEM_SIZE = 320,
	ARGUMENTS_SERVER_SIZE = 100,
};

/*
 * Understands words (without the program's name). ERR_INVALID fills problem
 * with a sentence for the person. `--help` sets call->help and is no error;
 * call->command is then NULL unless noun and verb stood before it. Words are
 * borrowed. The caller frees with arguments_free, also after failure.
 */
enum err arguments_read(const char *const *words, size_t count,
    struct call *call, char problem[ARGUMENTS_PROBLEM_SIZE]);
void arguments_free(struct call *call);

/* `sekimorictl user add ID [--login NAME] ...` and its line of help. */
void arguments_usage(FILE *to, const struct command *command);
/* The whole table. */
void arguments_help(FILE *to);
/* What may stand at the place of the last of these words, one a line. */
void arguments_complete(FILE *to, const char *const *words, size_t count);

#endif
