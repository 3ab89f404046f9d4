/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `user extend`: a contractor's end rests on a decision, so its number is
 * asked for. The server insists; here it is only made easy.
 */
#include <string.h>

#include "server/ctl/client.h"
#include "server/ctl/commands.h"
#include "server/ctl/prompt.h"
#include "shared/text.h"

/* Nothing typed is left to the server to refuse. */
static int ask_decision(struct call *call, struct client *client)
{
	json_t *members = json_pack("{s:s}", "id", call_subject(call));
	char number[NAME_BYTES_MAX + 1];
	json_t *person = NULL;
	const char *kind;
	int code = EXIT_REFUSED;

	if (members)
		code = call_ask_at(call, client, "user/show", members, &person);
	json_decref(members);
	if (code != EXIT_DONE)
		return code;
	kind = json_string_value(json_object_get(person, "kind"));
	if (kind && strcmp(kind, "contractor") == 0 &&
	    prompt_line("Number of the decision (決裁番号)", number,
		sizeof(number)) == ERR_NONE &&
	    number[0])
		json_object_set_new(
		    call->members, "decision", json_string(number));
	json_decref(person);
	return EXIT_DONE;
}

int handle_user_extend(struct call *call, struct client *client)
{
	json_t *answer = NULL;
	int code = EXIT_DONE;

	if (!call->json && prompt_can_ask() &&
	    !json_object_get(call->members, "decision"))
		code = ask_decision(call, client);
	if (code == EXIT_DONE)
		code = call_ask(call, client, &answer);
	if (code == EXIT_DONE)
		call_show(call, answer);
	json_decref(answer);
	return code;
}
