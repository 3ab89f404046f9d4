/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `user import`: a staff list is read here, judged by the server row by row,
 * and taken as a whole or not at all. What it would do is always asked for
 * first; --dry-run stops there.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "server/ctl/client.h"
#include "server/ctl/commands.h"
#include "server/ctl/out_file.h"
#include "server/ctl/progress.h"
#include "server/ctl/prompt.h"
#include "server/ctl/staff_list.h"
#include "server/ctl/staff_report.h"
#include "server/ctl/staff_slips.h"
#include "server/ctl/staff_text.h"
#include "shared/text.h"

static const char CHECK[] = "user/import-check";

struct job {
	struct call *call;
	struct client *client;
	const char *path;
	struct staff_list list;
	bool dry_run;
	bool seen;              /* who is concerned has been shown */
	const char *slips_path; /* NULL: none wanted */
	FILE *slips;
	struct progress bar;
};

/* A list is one transaction: it moves on from one to the next. */
enum step {
	STEP_READ = 1, /* the file is understood */
	STEP_JUDGED,   /* the server has looked at every row */
	STEP_DONE
};

static void reach(struct job *job, enum step step, const char *what)
{
	progress_show(&job->bar, step, job->dry_run ? STEP_JUDGED : STEP_DONE,
	    json_array_size(job->list.rows), what);
}

/* --- the file ---------------------------------------------------------------
 */

/* One byte more than may be is read, so that it shows. */
static enum err read_bytes(int fd, char **out, size_t *out_length)
{
	size_t room = STAFF_TEXT_BYTES_MAX + 1, length = 0;
	char *bytes = malloc(room);
	ssize_t got = 1;

	if (!bytes)
		return ERR_MEMORY;
	while (length < room && got != 0) {
		got = read(fd, bytes + length, room - length);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			free(bytes);
			return ERR_IO;
		}
		length += (size_t)got;
	}
	*out = bytes;
	*out_length = length;
	return ERR_NONE;
}

static enum err read_file(const char *path, char **out, size_t *out_length)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	enum err err = ERR_IO;

	if (fd >= 0)
		err = read_bytes(fd, out, out_length);
	if (err)
		fprintf(stderr, "sekimorictl: %s: %m.\n", path);
	if (fd >= 0)
		close(fd);
	return err;
}

static int text_is_wrong(
    const struct job *job, const struct staff_text_problem *problem)
{
	json_t *answer = json_pack("{s:[],s:[{s:I,s:I,s:s,s:s}]}", "items",
	    "problems", "row", (json_int_t)problem->row, "column",
	    (json_int_t)problem->column, "heading", "", "text", problem->text);

	if (job->call->json && answer)
		output_json(stdout, answer);
	if (problem->row)
		fprintf(stderr, "%s:%zu:%zu: %s\n", job->path, problem->row,
		    problem->column, problem->text);
	else
		fprintf(stderr, "%s: %s\n", job->path, problem->text);
	fputs("Nothing was imported.\n", stderr);
	json_decref(answer);
	return EXIT_REFUSED;
}

/* --- telling ----------------------------------------------------------------
 */

static int list_is_wrong(const struct job *job, json_t *answer)
{
	if (job->call->json) {
		output_json(stdout, answer);
	} else if (job->dry_run && json_object_get(answer, "new")) {
		staff_report_rows(answer);
		staff_report_counts(answer);
	}
	staff_report_places(job->path, json_object_get(answer, "problems"));
	fputs("Nothing was imported.\n", stderr);
	return EXIT_REFUSED;
}

static long long count_of(json_t *answer, const char *what)
{
	return (long long)json_integer_value(json_object_get(answer, what));
}

static void tell_effective(json_t *answer)
{
	static const struct output_column column = {
	    "EFFECTIVE", "effective", OUTPUT_TIME};
	char when[OUTPUT_CELL_SIZE];

	output_cell(answer, &column, when);
	printf("Nothing is changed yet: this will be done at %s, if the list "
	       "is still right by then. To cancel it: `sekimorictl user import "
	       "undo %lld`.\n",
	    when, count_of(answer, "import"));
}

static void show(const struct job *job, json_t *answer)
{
	if (job->call->json) {
		json_object_set(answer, "notes", job->list.notes);
		output_json(stdout, answer);
		return;
	}
	if (!job->seen)
		staff_report_rows(answer);
	staff_report_counts(answer);
	if (job->dry_run)
		puts("Nothing was changed: this was a dry run.");
	else if (count_of(answer, "effective") > 0)
		tell_effective(answer);
	else if (count_of(answer, "import") > 0)
		printf("All of it is done. To take it back: `sekimorictl user "
		       "import undo %lld`.\n",
		    count_of(answer, "import"));
}

/* People know by them what is new for them, and what to do. */
static int write_slips(const struct job *job, json_t *answer)
{
	int64_t effective_s = count_of(answer, "effective");
	size_t count = 0;
	enum err err;

	if (!job->slips)
		return EXIT_DONE;
	err = staff_slips_write(job->slips, answer,
	    effective_s ? effective_s : (int64_t)time(NULL), &count);
	if (err)
		fprintf(stderr, "sekimorictl: %s: %s.\n", job->slips_path,
		    err_text(err));
	else
		fprintf(stderr,
		    "%s: %zu slips, a sheet or more for each department. Open "
		    "it in a browser to print it.\n",
		    job->slips_path, count);
	return err ? EXIT_REFUSED : EXIT_DONE;
}

/* --- asking -----------------------------------------------------------------
 */

/* People who leave lose every login at once: who they are is seen before. */
static bool may_go_on(struct job *job, json_t *answer)
{
	char count[32];

	snprintf(count, sizeof(count), "%lld", count_of(answer, "leaving"));
	if (count_of(answer, "leaving") == 0 || job->call->yes ||
	    job->call->json || !prompt_can_ask())
		return true;
	staff_report_rows(answer);
	job->seen = true;
	if (prompt_confirm("{} people leave and are suspended. Go on?", count))
		return true;
	fputs("Nothing was imported.\n", stderr);
	return false;
}

static int take_over(struct job *job, json_t **out)
{
	int code;

	reach(job, STEP_JUDGED, "rows, being taken over");
	code = call_ask(job->call, job->client, out);
	if (code == EXIT_DONE)
		reach(job, STEP_DONE, "rows taken over       ");
	progress_end(&job->bar);
	return code;
}

static int ask(struct job *job)
{
	json_t *answer = NULL, *problem, *problems;
	size_t i;
	int code;

	if (json_object_set(job->call->members, "rows", job->list.rows))
		return EXIT_REFUSED;
	reach(job, STEP_READ, "rows read, being judged");
	code = call_ask_at(
	    job->call, job->client, CHECK, job->call->members, &answer);
	if (code == EXIT_DONE)
		reach(job, STEP_JUDGED, "rows judged           ");
	progress_end(&job->bar);
	if (code != EXIT_DONE)
		return code;
	problems = json_object_get(answer, "problems");
	json_array_foreach(problems, i, problem)
	    staff_list_place(&job->list, problem);
	if (json_array_size(problems) > 0)
		code = list_is_wrong(job, answer);
	else if (!job->dry_run && !may_go_on(job, answer))
		code = EXIT_REFUSED;
	if (code == EXIT_DONE && !job->dry_run) {
		json_decref(answer);
		answer = NULL;
		code = take_over(job, &answer);
	}
	if (code == EXIT_DONE)
		show(job, answer);
	if (code == EXIT_DONE)
		code = write_slips(job, answer);
	json_decref(answer);
	return code;
}

static int import_text(struct job *job, const struct staff_text *text,
    const struct staff_headings *headings)
{
	enum err err =
	    staff_list_read(text->bytes, text->length, headings, &job->list);
	int code = EXIT_REFUSED;

	if (err == ERR_INVALID) {
		json_t *answer = json_pack(
		    "{s:[],s:O}", "items", "problems", job->list.problems);

		code = list_is_wrong(job, answer);
		json_decref(answer);
	} else if (err) {
		fprintf(
		    stderr, "sekimorictl: %s: %s.\n", job->path, err_text(err));
	} else {
		fprintf(stderr, "%s: read as %s.\n", job->path,
		    staff_encoding_text(text->encoding));
		staff_report_places(job->path, job->list.notes);
		code = ask(job);
	}
	staff_list_free(&job->list);
	return code;
}

static int import_file(struct job *job, const struct staff_headings *headings)
{
	struct staff_text_problem problem = {0};
	enum staff_encoding encoding = STAFF_AUTO;
	struct staff_text text = {0};
	char *bytes = NULL;
	size_t length = 0;
	int code = EXIT_REFUSED;
	enum err err;

	staff_encoding_read(call_local(job->call, "encoding"), &encoding);
	if (read_file(job->path, &bytes, &length))
		return EXIT_USAGE;
	err = staff_text_decode(bytes, length, encoding, &text, &problem);
	free(bytes);
	if (err == ERR_INVALID)
		code = text_is_wrong(job, &problem);
	else if (err)
		fprintf(
		    stderr, "sekimorictl: %s: %s.\n", job->path, err_text(err));
	else
		code = import_text(job, &text, headings);
	free(text.bytes);
	return code;
}

/* Where slips cannot be written, nothing is imported; where nothing is
 * imported, there are none. */
static int import_with_slips(
    struct job *job, const struct staff_headings *headings)
{
	int code;

	job->slips_path = call_local(job->call, "slips");
	if (!job->slips_path)
		return import_file(job, headings);
	job->slips = out_file_open(job->slips_path);
	if (!job->slips)
		return EXIT_USAGE;
	code = import_file(job, headings);
	if (out_file_close(job->slips, job->slips_path) != EXIT_DONE &&
	    code == EXIT_DONE)
		code = EXIT_REFUSED;
	if (code != EXIT_DONE && job->slips != stdout)
		unlink(job->slips_path);
	return code;
}

int handle_user_import(struct call *call, struct client *client)
{
	struct job job = {
	    .call = call, .client = client, .path = call_local(call, "file")};
	const char *columns = call_local(call, "columns");
	struct staff_headings *headings = calloc(1, sizeof(*headings));
	struct config_problem problem = {""};
	int code = EXIT_USAGE;

	if (!headings)
		return EXIT_REFUSED;
	job.bar = progress_begin(!call->json);
	job.dry_run = json_is_true(json_object_get(call->members, "dry_run"));
	json_object_del(call->members, "dry_run");
	if (columns && staff_headings_read(columns, headings, &problem))
		fprintf(stderr, "sekimorictl: %s\n", problem.text);
	else
		code = import_with_slips(&job, headings);
	free(headings);
	return code;
}
