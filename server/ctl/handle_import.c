/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `token import` of tokens that have holders: users.oath and
 * .google_authenticator, each with a report of what could not be carried
 * over. New tokens for the drawer are handle_stock.c's.
 */
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "server/ctl/client.h"
#include "server/ctl/commands.h"
#include "server/ctl/import_google.h"
#include "server/ctl/import_oath.h"
#include "server/ctl/progress.h"
#include "shared/encode.h"

enum {
	IMPORT_CHUNK_ROWS = 500
};

struct import {
	struct call *call;
	struct client *client;
	json_t *rows; /* the chunk being gathered */
	size_t first; /* line of its first row */
	size_t sent, total;
	struct progress progress;
	json_int_t created, unchanged, users, unbound;
	int code; /* why it stopped */
};

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
	import->unbound += member_number(answer, "unbound");
	json_decref(answer);
	import->sent += count;
	progress_show(&import->progress, import->sent, import->total,
	    import->sent, "rows");
	return ERR_NONE;
}

/* One row of the server's; a counter below 0 is not said. */
static json_t *row_json(const char *user, bool is_totp, int digits,
    int period_s, const struct secret *seed, int64_t counter)
{
	char hex[ENCODE_HEX_SIZE(IMPORT_OATH_SEED_BYTES_MAX)];
	json_t *object;

	encode_hex(seed->bytes, seed->length, hex);
	object = json_pack("{s:s,s:s,s:s,s:i,s:i,s:s}", "user", user, "type",
	    is_totp ? "totp" : "hotp", "algorithm", "sha1", "digits", digits,
	    "period", period_s, "secret", hex);
	secret_wipe_bytes(hex, sizeof(hex));
	if (object && counter >= 0 &&
	    json_object_set_new(object, "counter", json_integer(counter))) {
		json_decref(object);
		return NULL;
	}
	return object;
}

static enum err add_row(
    void *context, size_t number, const struct import_oath_row *row)
{
	struct import *import = context;

	if (json_array_size(import->rows) == 0)
		import->first = number;
	if (json_array_append_new(import->rows,
		row_json(row->user, row->is_totp, row->digits, row->period_s,
		    &row->seed, row->has_counter ? row->counter : -1)))
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

static void tell_unbound(json_int_t unbound)
{
	if (unbound > 0)
		fprintf(stderr,
		    "%lld counter tokens open nothing yet: this server came "
		    "from a backup, and their codes may have been used since. "
		    "Each with a code: `sekimorictl token confirm`.\n",
		    (long long)unbound);
}

static int finish_import(
    struct import *import, const struct import_oath_report *report)
{
	json_t *answer = json_pack("{s:I,s:I,s:I,s:I,s:I}", "created",
	    import->created, "unchanged", import->unchanged, "users_created",
	    import->users, "unbound", import->unbound, "pins_left_out",
	    (json_int_t)report->pins);

	if (import->call->json && answer)
		output_json(stdout, answer);
	else
		printf("%lld tokens imported, %lld were there already, %lld "
		       "people registered.\n",
		    (long long)import->created, (long long)import->unchanged,
		    (long long)import->users);
	json_decref(answer);
	tell_unbound(import->unbound);
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
	progress_end(&import->progress);
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

static int import_oath(struct call *call, struct client *client, FILE *file)
{
	const char *path = call_local(call, "file");
	struct import_oath_report report = {0};
	struct import import = {.call = call,
	    .client = client,
	    .first = 1,
	    .progress = progress_begin(!call->json)};
	int code = EXIT_REFUSED;
	enum err err;

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
	return code;
}

/* --- .google_authenticator --------------------------------------------------
 */

static void tell_googles(const struct import_google *google, const char *user)
{
	if (google->scratch_codes > 0)
		fprintf(stderr,
		    "%zu scratch codes were not carried over: `sekimorictl "
		    "code issue %s` gives a code when one is needed.\n",
		    google->scratch_codes, user);
	if (google->has_rate_limit)
		fputs("RATE_LIMIT was not carried over: the server has its own "
		      "waits after wrong codes.\n",
		    stderr);
	if (google->has_window)
		fputs("WINDOW_SIZE was not carried over: the server takes one "
		      "step before and after, and learns how far off a token "
		      "is.\n",
		    stderr);
	if (google->has_skew)
		fputs("TIME_SKEW was not carried over: if codes are refused, "
		      "`sekimorictl token resync` finds it again.\n",
		    stderr);
	if (google->allows_reuse && google->is_totp)
		fputs("The file names no used codes: one used in the last "
		      "minute elsewhere would be accepted once here.\n",
		    stderr);
}

static int send_google(struct call *call, struct client *client,
    const char *user, const struct import_google *google)
{
	json_t *rows = json_array(), *answer = NULL;
	int code = EXIT_REFUSED;

	if (rows &&
	    !json_array_append_new(
		rows, row_json(user, google->is_totp, 6, google->period_s,
			  &google->seed, google->counter)) &&
	    !json_object_set(call->members, "rows", rows))
		code = call_ask(call, client, &answer);
	json_object_del(call->members, "rows");
	json_decref(rows);
	if (code != EXIT_DONE)
		return code;
	json_object_set_new(answer, "scratch_codes_left_out",
	    json_integer((json_int_t)google->scratch_codes));
	if (call->json)
		output_json(stdout, answer);
	else
		output_sentence(stdout,
		    member_number(answer, "created")
			? "{} has this token now."
			: "{} had this token already.",
		    user);
	tell_unbound(member_number(answer, "unbound"));
	json_decref(answer);
	tell_googles(google, user);
	return EXIT_DONE;
}

/* Whose name is on the folder must be whose file it is: an officer's copy of
 * somebody's file is his own only by mistake. */
static bool find_holder(
    const char *path, FILE *file, char out[NAME_BYTES_MAX + 1])
{
	const struct passwd *owner;
	struct stat status;

	if (!import_google_holder(path, out) || fstat(fileno(file), &status))
		return false;
	if (status.st_uid == 0)
		return true;
	owner = getpwuid(status.st_uid);
	return owner && strcmp(owner->pw_name, out) == 0;
}

static int import_google(struct call *call, struct client *client, FILE *file)
{
	const char *path = call_local(call, "file");
	const char *user = call_local(call, "user");
	char holder[NAME_BYTES_MAX + 1];
	struct import_oath_problem problem = {0};
	struct import_google google = {0};
	int code = EXIT_REFUSED;
	enum err err;

	if (!user && find_holder(path, file, holder))
		user = holder;
	if (!user) {
		fputs("sekimorictl: say whose file it is: --user ID. It is "
		      "neither in its own user's folder nor called "
		      "ID.google_authenticator.\n",
		    stderr);
		return EXIT_USAGE;
	}
	err = import_google_read(file, (int64_t)time(NULL), &google, &problem);
	if (err == ERR_INVALID)
		fprintf(stderr, "%s:%zu:%zu: %s\nNothing was imported.\n", path,
		    problem.row, problem.column, problem.text);
	else if (err != ERR_NONE)
		fprintf(stderr, "sekimorictl: %s: %s.\n", path, err_text(err));
	else
		code = send_google(call, client, user, &google);
	secret_wipe(&google.seed);
	return code;
}

/* --- by the file's kind -----------------------------------------------------
 */

/* Which options go with which files; those that do not are a mistake. */
static bool options_fit(struct call *call, bool has_holders)
{
	static const struct {
		const char *member, *option;
		bool of_holders;
	} options[] = {
	    {"user", "--user", true},
	    {"create_users", "--create-users", true},
	    {"key_file", "--key-file", false},
	    {"encoding", "--encoding", false},
	    {"columns", "--columns", false},
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (options[i].of_holders != has_holders &&
		    (call_local(call, options[i].member) ||
			json_object_get(call->members, options[i].member))) {
			fprintf(stderr,
			    "sekimorictl: %s does not go with this kind of "
			    "file.\n",
			    options[i].option);
			return false;
		}
	return true;
}

int handle_token_import(struct call *call, struct client *client)
{
	const char *from = call_local(call, "from");
	bool is_oath = from && strcmp(from, "users.oath") == 0;
	bool is_google = from && strcmp(from, "google-authenticator") == 0;
	FILE *file;
	int code;

	if (!options_fit(call, is_oath || is_google))
		return EXIT_USAGE;
	if (!is_oath && !is_google)
		return handle_stock_import(call, client);
	file = open_regular(call_local(call, "file"));
	if (!file)
		return EXIT_USAGE;
	code = is_oath ? import_oath(call, client, file)
		       : import_google(call, client, file);
	fclose(file);
	return code;
}
