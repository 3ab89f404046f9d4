/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands that hand something out once (a seed as a QR code, an emergency
 * code, a join code). A seed stays on no screen and in no scroll-back.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/ctl/client.h"
#include "server/ctl/commands.h"
#include "server/ctl/prompt.h"
#include "server/ctl/qr.h"

static const char *member_text(json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

static void show_seed(const char *serial, const char *uri)
{
	char *drawing = NULL, *text = NULL;
	int width = 0;

	if (qr_draw(uri, &drawing, &width))
		drawing = NULL;
	if (asprintf(&text, "%s\n%s\n\nToken %s, waiting for its first code.\n",
		drawing ? drawing : "", uri, serial) >= 0) {
		prompt_show_once(text);
		secret_wipe_bytes(text, strlen(text));
		free(text);
	}
	if (drawing)
		secret_wipe_bytes(drawing, strlen(drawing));
	free(drawing);
}

int handle_token_enroll(struct call *call, struct client *client)
{
	json_t *answer = NULL;
	int code = call_ask(call, client, &answer);
	const char *serial;

	if (code != EXIT_DONE)
		return code;
	serial = member_text(json_object_get(answer, "token"), "serial");
	if (call->json) {
		output_json(stdout, answer);
	} else {
		show_seed(serial, member_text(answer, "otpauth"));
		output_sentence(stdout,
		    "Next, with the first code it shows: `sekimorictl token "
		    "confirm {} CODE`.",
		    serial);
	}
	json_decref(answer);
	return EXIT_DONE;
}

/* One for everybody: a table to be cut into slips. */
static int issue_to_department(struct call *call, struct client *client)
{
	static const struct output_column columns[] = {
	    {"ID", "id", OUTPUT_TEXT},
	    {"NAME", "name", OUTPUT_TEXT},
	    {"CODE", "code", OUTPUT_TEXT},
	    {"UNTIL", "until", OUTPUT_TIME},
	    {0},
	};
	static const struct output_column skipped[] = {
	    {"NO CODE FOR", "id", OUTPUT_TEXT},
	    {"WHO", "why", OUTPUT_TEXT},
	    {0},
	};
	json_t *answer = NULL, *left_out;
	int code =
	    call_ask_at(call, client, "code/bulk", call->members, &answer);

	if (code != EXIT_DONE)
		return code;
	left_out = json_object_get(answer, "skipped");
	if (call->json) {
		output_json(stdout, answer);
	} else {
		output_table(stdout, json_object_get(answer, "items"), columns);
		if (json_array_size(left_out) > 0)
			output_table(stdout, left_out, skipped);
		puts("Each is good for one login. They are not shown again.");
	}
	json_decref(answer);
	return EXIT_DONE;
}

int handle_code_issue(struct call *call, struct client *client)
{
	static const struct output_column until = {
	    "until", "until", OUTPUT_TIME};
	bool has_id = json_object_get(call->members, "id") != NULL;
	bool to_all = json_object_get(call->members, "department") != NULL;
	char when[OUTPUT_CELL_SIZE];
	json_t *answer = NULL;
	const char *digits;
	int code;

	if (has_id == to_all) {
		fputs("sekimorictl: code issue: say for whom, ID or "
		      "--department DEPARTMENT.\n",
		    stderr);
		return EXIT_USAGE;
	}
	if (to_all)
		return issue_to_department(call, client);
	code = call_ask(call, client, &answer);
	if (code != EXIT_DONE)
		return code;
	digits = member_text(answer, "code");
	output_cell(answer, &until, when);
	if (call->json)
		output_json(stdout, answer);
	else if (strlen(digits) == 10)
		printf("%.5s-%s\nGood for one login until %s. It is not "
		       "shown again.\n",
		    digits, digits + 5, when);
	json_decref(answer);
	return EXIT_DONE;
}

int handle_terminal_add(struct call *call, struct client *client)
{
	json_t *answer = NULL;
	int code = call_ask(call, client, &answer);

	if (code != EXIT_DONE)
		return code;
	if (call->json) {
		output_json(stdout, answer);
	} else {
		output_sentence(stdout, "{}", member_text(answer, "join_code"));
		output_sentence(stdout,
		    "Good once, for ten minutes. On {}: `sekimori-agent join "
		    "--server https://HOST:PORT --code -`.",
		    call_subject(call));
	}
	json_decref(answer);
	return EXIT_DONE;
}
