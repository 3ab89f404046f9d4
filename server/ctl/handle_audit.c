/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The audit commands: heads, verification by the server or of a file, and
 * the export, which is streamed page by page.
 */
#include <stdio.h>
#include <string.h>

#include "server/ctl/audit_file.h"
#include "server/ctl/client.h"
#include "server/ctl/commands.h"
#include "shared/encode.h"

static const struct output_column CHAIN_COLUMNS[] = {
    {"INSTANCE", "instance", OUTPUT_TEXT},
    {"RECORDS", "records", OUTPUT_NUMBER},
    {"HEAD", "head", OUTPUT_TEXT},
    {"FIRST BAD", "first_bad", OUTPUT_NUMBER},
    {0},
};

static int show_chains(const struct call *call, json_t *answer)
{
	if (call->json)
		output_json(stdout, answer);
	else
		output_table(
		    stdout, json_object_get(answer, "chains"), CHAIN_COLUMNS);
	return json_is_true(json_object_get(answer, "ok")) ? EXIT_DONE
							   : EXIT_REFUSED;
}

int handle_audit_head(struct call *call, struct client *client)
{
	json_t *answer = NULL;
	int code = call_ask(call, client, &answer);

	if (code == EXIT_DONE)
		code = show_chains(call, answer);
	json_decref(answer);
	return code;
}

static int tell_verified(const struct call *call, json_t *answer)
{
	int code = show_chains(call, answer);

	if (call->json)
		return code;
	if (code == EXIT_DONE)
		puts(json_object_get(answer, "head_found")
			 ? "The chain is whole and holds that head."
			 : "The chain is whole. Whether its end was cut off "
			   "shows only against a head kept elsewhere: --head.");
	else if (json_is_false(json_object_get(answer, "head_found")))
		puts("The head asked for is not in this chain: records were "
		     "cut, changed or taken back.");
	else
		puts("The chain is broken. Keep this database as it is, and "
		     "compare with the last export.");
	return code;
}

static json_t *file_answer(
    const struct audit_file_check *check, const unsigned char *head)
{
	char hex[ENCODE_HEX_SIZE(AUDIT_FILE_HASH_BYTES)];
	bool fine = check->first_bad == 0 && (!head || check->head_found);
	json_t *answer;

	encode_hex(check->hash, sizeof(check->hash), hex);
	answer = json_pack("{s:b,s:[{s:n,s:I,s:s,s:o}]}", "ok", fine, "chains",
	    "instance", "records", (json_int_t)check->records, "head", hex,
	    "first_bad",
	    check->first_bad ? json_integer(check->first_bad) : json_null());
	if (answer && head)
		json_object_set_new(
		    answer, "head_found", json_boolean(check->head_found));
	return answer;
}

static int verify_file(const struct call *call, const char *path)
{
	const char *text =
	    json_string_value(json_object_get(call->members, "head"));
	unsigned char head[AUDIT_FILE_HASH_BYTES];
	struct audit_file_check check = {0};
	size_t length = 0;
	json_t *answer;
	FILE *file;
	enum err err;
	int code;

	if (text &&
	    (decode_hex(text, strlen(text), head, sizeof(head), &length) ||
		length != sizeof(head))) {
		fputs(
		    "sekimorictl: a head is 64 hexadecimal digits.\n", stderr);
		return EXIT_USAGE;
	}
	file = fopen(path, "re");
	if (!file) {
		fprintf(stderr, "sekimorictl: %s: %m.\n", path);
		return EXIT_USAGE;
	}
	err = audit_file_verify(file, text ? head : NULL, &check);
	fclose(file);
	if (err) {
		fprintf(stderr, "sekimorictl: %s: %s.\n", path, err_text(err));
		return EXIT_REFUSED;
	}
	answer = file_answer(&check, text ? head : NULL);
	code = answer ? tell_verified(call, answer) : EXIT_REFUSED;
	json_decref(answer);
	return code;
}

int handle_audit_verify(struct call *call, struct client *client)
{
	const char *path = call_local(call, "export");
	json_t *answer = NULL;
	int code;

	if (path)
		return verify_file(call, path);
	code = call_ask(call, client, &answer);
	if (code == EXIT_DONE)
		code = tell_verified(call, answer);
	json_decref(answer);
	return code;
}

/* Writes one page; *after moves on. Whether there is more. */
static bool write_page(json_t *answer, json_int_t *after)
{
	json_t *item;
	size_t i;

	json_array_foreach(json_object_get(answer, "items"), i, item)
	{
		output_json(stdout, item);
		*after = json_integer_value(json_object_get(item, "seq"));
	}
	return i > 0 && json_is_true(json_object_get(answer, "more"));
}

int handle_audit_export(struct call *call, struct client *client)
{
	json_int_t after = 0;
	bool more = true;
	int code = EXIT_DONE;

	while (more && code == EXIT_DONE) {
		json_t *answer = NULL;

		if (json_object_set_new(
			call->members, "after", json_integer(after)))
			return EXIT_REFUSED;
		code = call_ask(call, client, &answer);
		if (code == EXIT_DONE)
			more = write_page(answer, &after);
		json_decref(answer);
		if (ferror(stdout)) {
			fputs("sekimorictl: the export could not be "
			      "written.\n",
			    stderr);
			return EXIT_REFUSED;
		}
	}
	return code;
}
