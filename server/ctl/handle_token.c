/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands that hand something out once (a seed as a QR code, an emergency
 * code, a join code) and the import of users.oath. A seed stays on no screen
 * and in no scroll-back.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/ctl/client.h"
#include "server/ctl/commands.h"
#include "server/ctl/import_oath.h"
#include "server/ctl/prompt.h"
#include "server/ctl/qr.h"
#include "shared/encode.h"

enum {
	IMPORT_CHUNK_ROWS = 500
};

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

int handle_code_issue(struct call *call, struct client *client)
{
	static const struct output_column until = {
	    "until", "until", OUTPUT_TIME};
	json_t *answer = NULL;
	int code = call_ask(call, client, &answer);
	char when[OUTPUT_CELL_SIZE];
	const char *digits;

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

/* --- import ------------------------------------------------------------- */

struct import {
	struct call *call;
	struct client *client;
	json_t *rows; /* the chunk being gathered */
	size_t first; /* line of its first row */
	size_t sent, total;
	bool bar; /* stderr is a terminal */
	json_int_t created, unchanged, users;
	int code; /* why it stopped */
};

static void draw_bar(const struct import *import)
{
	enum {
		WIDTH = 40
	};
	static const char full[] = "########################################";
	int done =
	    import->total ? (int)(import->sent * WIDTH / import->total) : WIDTH;

	if (import->bar)
		fprintf(stderr, "\r[%-*.*s] %zu of %zu", WIDTH, done, full,
		    import->sent, import->total);
}

static json_int_t member_number(json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

static enum err send_chunk(struct import *import)
{
	json_t *answer = NULL;
	size_t count = json_array_size(import->rows);

	if (count == 0)
		return ERR_NONE;
	if (json_object_set(import->call->members, "rows", import->rows))
		return ERR_MEMORY;
	import->code = call_ask(import->call, import->client, &answer);
	json_object_del(import->call->members, "rows");
	json_array_clear(import->rows);
	if (import->code != EXIT_DONE)
		return ERR_NOT_ALLOWED;
	import->created += member_number(answer, "created");
	import->unchanged += member_number(answer, "unchanged");
	import->users += member_number(answer, "users_created");
	json_decref(answer);
	import->sent += count;
	draw_bar(import);
	return ERR_NONE;
}

static enum err add_row(
    void *context, size_t number, const struct import_oath_row *row)
{
	struct import *import = context;
	char hex[ENCODE_HEX_SIZE(IMPORT_OATH_SEED_BYTES_MAX)];
	json_t *object;

	if (json_array_size(import->rows) == 0)
		import->first = number;
	encode_hex(row->seed.bytes, row->seed.length, hex);
	object = json_pack("{s:s,s:s,s:s,s:i,s:i,s:s}", "user", row->user,
	    "type", row->is_totp ? "totp" : "hotp", "algorithm", "sha1",
	    "digits", row->digits, "period", row->period_s, "secret", hex);
	secret_wipe_bytes(hex, sizeof(hex));
	if (object && row->has_counter &&
	    json_object_set_new(
		object, "counter", json_integer(row->counter))) {
		json_decref(object);
		return ERR_MEMORY;
	}
	if (!object || json_array_append_new(import->rows, object))
		return ERR_MEMORY;
	return json_array_size(import->rows) == IMPORT_CHUNK_ROWS
		   ? send_chunk(import)
		   : ERR_NONE;
}

static void tell_problems(
    const char *path, const struct import_oath_report *report)
{
	size_t told = report->problem_count;

	if (told > IMPORT_OATH_PROBLEMS_MAX)
		told = IMPORT_OATH_PROBLEMS_MAX;
	for (size_t i = 0; i < told; i++) {
		const struct import_oath_problem *p = &report->problems[i];

		fprintf(stderr, "%s:%zu:%zu: %s\n", path, p->row, p->column,
		    p->text);
	}
	if (report->problem_count > told)
		fprintf(stderr, "%s: and %zu more.\n", path,
		    report->problem_count - told);
	fputs("Nothing was imported.\n", stderr);
}

/* Says what the file held that has no place here. */
static void tell_left_out(const struct import_oath_report *report)
{
	if (report->pins > 0)
		fprintf(stderr,
		    "%zu rows had a PIN, which is not carried over: the first "
		    "factor is checked by PAM before.\n",
		    report->pins);
	if (report->totp_counters > 0)
		fprintf(stderr,
		    "%zu TOTP rows had a moving factor, which is not carried "
		    "over: a code used in the last minute elsewhere would be "
		    "accepted once here.\n",
		    report->totp_counters);
	if (report->guessed_digits > 0)
		fprintf(stderr,
		    "%zu rows name no number of digits; six were taken.\n",
		    report->guessed_digits);
}

static int finish_import(
    struct import *import, const struct import_oath_report *report)
{
	json_t *answer = json_pack("{s:I,s:I,s:I,s:I}", "created",
	    import->created, "unchanged", import->unchanged, "users_created",
	    import->users, "pins_left_out", (json_int_t)report->pins);

	if (import->call->json && answer)
		output_json(stdout, answer);
	else
		printf("%lld tokens imported, %lld were there already, %lld "
		       "people registered.\n",
		    (long long)import->created, (long long)import->unchanged,
		    (long long)import->users);
	json_decref(answer);
	tell_left_out(report);
	return EXIT_DONE;
}

static int send_file(
    struct import *import, FILE *file, const struct import_oath_report *report)
{
	struct import_oath_problem problem = {0};
	enum err err;

	import->total = report->rows;
	rewind(file);
	err = import_oath_each(file, add_row, import, &problem);
	if (!err)
		err = send_chunk(import);
	if (import->bar)
		fputc('\n', stderr);
	if (!err)
		return finish_import(import, report);
	if (import->code == EXIT_DONE) {
		fprintf(stderr, "sekimorictl: line %zu: %s.\n", problem.row,
		    err_text(err));
		import->code = EXIT_REFUSED;
	}
	if (import->sent == 0)
		fputs("Nothing was imported.\n", stderr);
	else
		fprintf(stderr,
		    "Everything before line %zu is imported. Mend the cause "
		    "and import the same file again: what is there stays as "
		    "it is.\n",
		    import->first);
	return import->code;
}

/* A regular file, because it is read twice. */
static FILE *open_regular(const char *path)
{
	struct stat status;
	FILE *file;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0) {
		fprintf(stderr, "sekimorictl: %s: %m.\n", path);
		return NULL;
	}
	if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
		fprintf(stderr,
		    "sekimorictl: %s is not a regular file; it is read "
		    "twice.\n",
		    path);
		close(fd);
		return NULL;
	}
	file = fdopen(fd, "r");
	if (!file)
		close(fd);
	return file;
}

int handle_token_import(struct call *call, struct client *client)
{
	const char *path = call_local(call, "file");
	struct import_oath_report report = {0};
	struct import import = {.call = call,
	    .client = client,
	    .first = 1,
	    .bar = isatty(STDERR_FILENO) && !call->json};
	FILE *file = open_regular(path);
	int code = EXIT_REFUSED;
	enum err err;

	if (!file)
		return EXIT_USAGE;
	import.rows = json_array();
	err = import_oath_check(file, &report);
	if (err == ERR_INVALID)
		tell_problems(path, &report);
	else if (err == ERR_TOO_LONG)
		fprintf(stderr,
		    "sekimorictl: %s has more than %d rows; split it.\n", path,
		    IMPORT_OATH_ROWS_MAX);
	else if (err || !import.rows)
		fprintf(stderr, "sekimorictl: %s: %s.\n", path, err_text(err));
	else
		code = send_file(&import, file, &report);
	json_decref(import.rows);
	fclose(file);
	return code;
}
