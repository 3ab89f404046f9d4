/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sekimorictl request show` and `approve`: what is asked for, in full, since
 * somebody is to answer for it; and what came of it.
 */
#include <stdio.h>
#include <string.h>

#include "server/ctl/client.h"
#include "server/ctl/commands.h"

/* A text of several lines as it is, below its name; anything else in a line. */
static void show_argument(const char *name, json_t *value)
{
	const char *text = json_string_value(value);
	char *other = NULL;

	output_sentence(stdout, "\n{}:", name);
	if (text && strchr(text, '\n')) {
		fputs(text, stdout); /* the server let no controls in */
		return;
	}
	if (!text)
		other = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
	output_sentence(stdout, "{}", text ? text : other ? other : "");
	free(other);
}

int handle_request_show(struct call *call, struct client *client)
{
	json_t *answer = NULL, *value;
	int code = call_ask(call, client, &answer);
	const char *name;

	if (code != EXIT_DONE)
		return code;
	call_show(call, answer);
	if (!call->json)
		json_object_foreach(json_object_get(answer, "arguments"), name,
		    value) show_argument(name, value);
	json_decref(answer);
	return EXIT_DONE;
}

/* Codes for a department, to be cut into slips. */
static const struct output_column CODE_COLUMNS[] = {
    {"ID", "id", OUTPUT_TEXT},
    {"NAME", "name", OUTPUT_TEXT},
    {"CODE", "code", OUTPUT_TEXT},
    {"UNTIL", "until", OUTPUT_TIME},
    {0},
};

/* The person, token or terminal that came of it: what is known, in lines. */
static void show_object(const char *name, json_t *object)
{
	const char *key;
	json_t *value;

	output_sentence(stdout, "\n{}:", name);
	json_object_foreach(object, key, value)
	{
		if (!json_is_string(value) || !json_string_length(value))
			continue;
		printf("  %s: ", key);
		output_sentence(stdout, "{}", json_string_value(value));
	}
}

/* Whatever the command answered, once: a code is not shown again. */
int handle_request_approve(struct call *call, struct client *client)
{
	json_t *answer = NULL, *value;
	int code = call_ask(call, client, &answer);
	const char *name;

	if (code != EXIT_DONE)
		return code;
	if (call->json) {
		output_json(stdout, answer);
	} else {
		output_sentence(stdout, "Request {} is approved and done.",
		    call_subject(call));
		json_object_foreach(
		    json_object_get(answer, "answer"), name, value)
		{
			if (strcmp(name, "items") == 0)
				output_table(stdout, value, CODE_COLUMNS);
			else if (strcmp(name, "notice") == 0)
				output_sentence(
				    stdout, "{}", json_string_value(value));
			else if (json_is_object(value))
				show_object(name, value);
			else if (!json_is_array(value) ||
				 json_array_size(value) > 0)
				show_argument(name, value);
		}
	}
	json_decref(answer);
	return EXIT_DONE;
}
