/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands that stop somebody at once: after what was done, which terminals
 * have not heard of it. Their sessions stay open until they do.
 */
#include <stdio.h>
#include <string.h>

#include "server/ctl/client.h"
#include "server/ctl/commands.h"

enum {
	NAMES_SHOWN_MAX = 20
};

/* As many names as people read; --json has all. */
static void name_them(json_t *away)
{
	size_t count = json_array_size(away);

	fputs("Not connected, so nothing is locked there until they are:\n",
	    stdout);
	for (size_t i = 0; i < count && i < NAMES_SHOWN_MAX; i++)
		output_sentence(
		    stdout, "  {}", json_string_value(json_array_get(away, i)));
	if (count > NAMES_SHOWN_MAX)
		printf("  and %zu more: `sekimorictl terminal list`\n",
		    count - NAMES_SHOWN_MAX);
}

int handle_stop(struct call *call, struct client *client)
{
	json_t *answer = NULL, *away;
	int code = call_ask(call, client, &answer);

	if (code != EXIT_DONE)
		return code;
	call_show(call, answer);
	away = json_object_get(answer, "away");
	if (!call->json) {
		printf("Terminals told: %lld.\n",
		    (long long)json_integer_value(
			json_object_get(answer, "connected")));
		if (json_array_size(away) > 0)
			name_them(away);
	}
	json_decref(answer);
	return EXIT_DONE;
}
