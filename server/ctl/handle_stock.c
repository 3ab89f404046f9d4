/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `token import --from pskc|csv`: a closed-off child reads the file
 * (stock_child.c), what it says goes to the server (stock_send.c), and only
 * when all of it was good is the import finished. Nothing grows with
 * the file. On anything else the server is told to forget what it got.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/ctl/client.h"
#include "server/ctl/commands.h"
#include "server/ctl/progress.h"
#include "server/ctl/prompt.h"
#include "server/ctl/stock_child.h"
#include "server/ctl/stock_send.h"
#include "shared/text.h"

enum {
	FILE_BYTES_MAX = 384 * 1024 * 1024, /* 250000 tokens, encrypted */
	PEEK_BYTES = 256,
};

struct import {
	struct call *call;
	const char *path;
	struct stock_send send;
	uint64_t file_bytes;
	uint16_t serial_column, secret_column;
	size_t problems;
	json_t *told; /* problems, for --json */
	struct progress progress;
	struct stock_report report;
};

/* --- problems ---------------------------------------------------------------
 */

/* FILE:LINE:COLUMN (place): text. */
static void tell_problem(
    struct import *import, const struct stock_problem *problem)
{
	char place[3 * STOCK_PLACE_SIZE], text[3 * STOCK_PROBLEM_SIZE];

	text_escape(
	    problem->place, strlen(problem->place), place, sizeof(place));
	text_escape(problem->text, strlen(problem->text), text, sizeof(text));
	progress_end(&import->progress);
	fprintf(stderr, "%s:%llu:%llu%s%s%s: %s\n", import->path,
	    (unsigned long long)problem->line,
	    (unsigned long long)problem->column, place[0] ? " (" : "", place,
	    place[0] ? ")" : "", text);
	json_array_append_new(import->told,
	    json_pack("{s:I,s:I,s:s,s:s}", "row", (json_int_t)problem->line,
		"column", (json_int_t)problem->column, "heading", place, "text",
		text));
	import->problems++;
}

static const char *member_text(json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

/* What the server says of a row. */
static void tell_servers(void *context, json_t *item)
{
	struct import *import = context;
	const char *member = member_text(item, "member");
	struct stock_problem problem = {
	    .line = (uint64_t)json_integer_value(json_object_get(item, "line")),
	    .column = strcmp(member, "serial") == 0 ? import->serial_column
						    : import->secret_column,
	};

	if (import->problems >= STOCK_PROBLEMS_MAX)
		return;
	snprintf(problem.place, sizeof(problem.place), "%s", member);
	snprintf(problem.text, sizeof(problem.text), "%s",
	    member_text(item, "text"));
	tell_problem(import, &problem);
}

/* --- what the child says ----------------------------------------------------
 */

static bool take_row(struct import *import, const struct stock_row *row)
{
	import->serial_column = row->serial_column;
	import->secret_column = row->secret_column;
	/* Nothing will be imported: only the rest of what is wrong matters. */
	return import->problems > 0 || stock_send_row(&import->send, row);
}

static void tell_end(struct import *import, const struct stock_child *child)
{
	progress_end(&import->progress);
	import->send.code = EXIT_REFUSED;
	if (WIFSIGNALED(child->status))
		fprintf(stderr,
		    "%s: the process that read it was ended by signal %d: it "
		    "takes more memory or time than a file of tokens should, "
		    "or has met a mistake in the reader.\n",
		    import->path, WTERMSIG(child->status));
	else
		fprintf(stderr,
		    "%s: it could not be read to its end, or the process that "
		    "reads it could not be closed off.\n",
		    import->path);
}

/* Until the file's end, or until there is no point in going on. */
static bool take_all(struct import *import, struct stock_child *child)
{
	struct stock_frame frame;
	bool goes_on = true, ended = false;

	while (goes_on && !ended) {
		enum err err = stock_child_next(child, &frame);

		if (err != ERR_NONE) {
			stock_child_end(child);
			tell_end(import, child);
			goes_on = false;
		} else if (frame.kind == STOCK_FRAME_ROW) {
			goes_on = take_row(import, &frame.row);
		} else if (frame.kind == STOCK_FRAME_PROBLEM) {
			tell_problem(import, &frame.problem);
		} else {
			import->report = frame.report;
			ended = true;
		}
		if (goes_on && import->problems == 0)
			progress_show(&import->progress, frame.bytes_read,
			    import->file_bytes, (uint64_t)import->send.tokens,
			    "tokens");
		if (import->problems >= STOCK_PROBLEMS_MAX)
			goes_on = false;
		secret_wipe_bytes(&frame, sizeof(frame));
	}
	return ended && import->problems == 0 &&
	       stock_send_rest(&import->send) && import->problems == 0;
}

/* --- reports ----------------------------------------------------------------
 */

static void tell_left_out(const struct stock_report *report)
{
	static const struct {
		size_t offset;
		const char *text;
	} notes[] = {
	    {offsetof(struct stock_report, in_clear),
		"of the seeds stood unencrypted in the file: destroy it and "
		"every copy of it."},
	    {offsetof(struct stock_report, holders),
		"names of users were not taken over: `sekimorictl token "
		"assign` says who gets a token."},
	    {offsetof(struct stock_report, dates),
		"dates of validity were not taken over."},
	    {offsetof(struct stock_report, policies),
		"keys have a policy of their maker's (dates, PINs, numbers of "
		"uses), which was not taken over."},
	    {offsetof(struct stock_report, drifts),
		"tokens are said to be out of step, which was not taken over: "
		"a code refused as wrong may need `sekimorictl token "
		"resync`."},
	    {offsetof(struct stock_report, signatures),
		"signature was not checked."},
	    {offsetof(struct stock_report, columns), "columns were not used."},
	};

	for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++) {
		uint64_t count = 0;

		memcpy(&count, (const char *)report + notes[i].offset,
		    sizeof(count));
		if (count > 0)
			fprintf(stderr, "%llu %s\n", (unsigned long long)count,
			    notes[i].text);
	}
}

static int tell_result(struct import *import, bool done)
{
	const struct stock_report *report = &import->report;
	json_t *answer = json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:O}", "created",
	    done ? import->send.tokens : 0, "in_clear",
	    (json_int_t)report->in_clear, "users_left_out",
	    (json_int_t)report->holders, "dates_left_out",
	    (json_int_t)report->dates, "policies_left_out",
	    (json_int_t)report->policies, "drifts_left_out",
	    (json_int_t)report->drifts, "problems", import->told);

	progress_end(&import->progress);
	if (import->call->json && answer && (done || import->problems > 0))
		output_json(stdout, answer);
	else if (done)
		printf("%lld %s in stock. Next, with a code it shows: "
		       "`sekimorictl token assign SERIAL ID --code CODE`.\n",
		    (long long)import->send.tokens,
		    import->send.tokens == 1 ? "token is" : "tokens are");
	json_decref(answer);
	if (done)
		tell_left_out(report);
	else
		fputs("Nothing was imported.\n", stderr);
	return import->send.code;
}

/* --- files ------------------------------------------------------------------
 */

static int run_import(
    struct import *import, const struct stock_request *request)
{
	struct stock_child child;
	enum err err = stock_child_start(request, &child);
	bool done = false;
	int code;

	if (err != ERR_NONE) {
		fprintf(stderr, "sekimorictl: %s.\n", err_text(err));
		return EXIT_REFUSED;
	}
	import->told = json_array();
	import->progress = progress_begin(!import->call->json);
	if (import->told && stock_send_begin(&import->send))
		done = take_all(import, &child) &&
		       stock_send_finish(&import->send);
	stock_child_end(&child);
	if (!done)
		stock_send_give_up(&import->send);
	code = tell_result(import, done);
	stock_send_free(&import->send);
	json_decref(import->told);
	return code;
}

/* Small and read whole; one byte more than may be shows that it is not. */
static bool read_key(const char *path, struct secret *out)
{
	char bytes[SECRET_BYTES_MAX + 2];
	ssize_t got;
	int fd;

	if (strcmp(path, "-") == 0) {
		if (prompt_secret("Key", out) == ERR_NONE)
			return true;
		fputs("sekimorictl: no key was typed, or it is too long.\n",
		    stderr);
		return false;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	got = fd >= 0 ? read(fd, bytes, sizeof(bytes)) : -1;
	if (got < 0)
		fprintf(stderr, "sekimorictl: %s: %m.\n", path);
	if (fd >= 0)
		close(fd);
	while (got > 0 && (bytes[got - 1] == '\n' || bytes[got - 1] == '\r'))
		got--;
	if (got >= 0 && secret_set(out, bytes, (size_t)got) != ERR_NONE)
		got = 0;
	secret_wipe_bytes(bytes, sizeof(bytes));
	if (got == 0)
		fprintf(stderr,
		    "sekimorictl: %s is empty or longer than 128 bytes, which "
		    "no key is.\n",
		    path);
	return got > 0;
}

/* A regular file, for its size. */
static int open_file(const char *path, uint64_t *out_bytes)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0) {
		fprintf(stderr, "sekimorictl: %s: %m.\n", path);
		return -1;
	}
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
	    status.st_size <= FILE_BYTES_MAX) {
		*out_bytes = (uint64_t)status.st_size;
		return fd;
	}
	fprintf(stderr,
	    "sekimorictl: %s is not a regular file, or larger than 384 MB; "
	    "nothing was imported.\n",
	    path);
	close(fd);
	return -1;
}

/* By --from, or else by its first character. */
static enum stock_format format_of(const struct call *call, int fd)
{
	const char *from = call_local(call, "from");
	char bytes[PEEK_BYTES];
	ssize_t got;

	if (from)
		return strcmp(from, "pskc") == 0 ? STOCK_PSKC : STOCK_CSV;
	got = pread(fd, bytes, sizeof(bytes), 0);
	for (ssize_t i = 0; i < got; i++)
		if (!strchr("\xef\xbb\xbf \t\r\n", bytes[i]))
			return bytes[i] == '<' ? STOCK_PSKC : STOCK_CSV;
	return STOCK_CSV;
}

static int import_file(struct import *import, const struct secret *key,
    const struct stock_headings *headings)
{
	struct stock_request request = {.key = key, .headings = headings};
	int code;

	staff_encoding_read(
	    call_local(import->call, "encoding"), &request.encoding);
	request.fd = open_file(import->path, &import->file_bytes);
	if (request.fd < 0)
		return EXIT_USAGE;
	request.format = format_of(import->call, request.fd);
	code = run_import(import, &request);
	close(request.fd);
	return code;
}

int handle_stock_import(struct call *call, struct client *client)
{
	struct import import = {.call = call,
	    .path = call_local(call, "file"),
	    .send = {.call = call,
		.client = client,
		.on_problem = tell_servers,
		.context = &import}};
	const char *key_file = call_local(call, "key_file");
	const char *columns = call_local(call, "columns");
	struct stock_headings *headings = calloc(1, sizeof(*headings));
	struct config_problem problem = {""};
	struct secret key = {0};
	int code = EXIT_USAGE;

	if (!headings)
		return EXIT_REFUSED;
	if (columns &&
	    stock_headings_read(columns, headings, &problem) != ERR_NONE)
		fprintf(stderr, "sekimorictl: %s\n", problem.text);
	else if (!key_file || read_key(key_file, &key))
		code = import_file(&import, &key, headings);
	secret_wipe(&key);
	free(headings);
	return code;
}
