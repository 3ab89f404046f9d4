/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `audit list`: the newest records that match, as a table or for a
 * spreadsheet. The server tells them in parts, the newest part first.
 */
#include <stdio.h>

#include "server/ctl/client.h"
#include "server/ctl/columns.h"
#include "server/ctl/commands.h"
#include "server/ctl/csv.h"
#include "server/ctl/out_file.h"

enum {
	LIMIT = 50,
	LIMIT_CSV = 100000,
	LIMIT_MAX = 1000000,
	PART = 1000,
	CELLS = 24
};

/* Repeats that are still being counted have no number, and count for none. */
static json_int_t numbered(json_t *items)
{
	json_int_t count = 0;
	json_t *item;
	size_t i;

	json_array_foreach(items, i, item) count +=
	    json_is_integer(json_object_get(item, "seq"));
	return count;
}

/* Older ones before what is there. */
static enum err put_before(json_t *all, json_t *older)
{
	if (json_array_extend(older, json_object_get(all, "items")))
		return ERR_MEMORY;
	return json_object_set(all, "items", older) ? ERR_MEMORY : ERR_NONE;
}

static int ask_part(struct call *call, struct client *client, json_int_t limit,
    json_t *before, json_t **out)
{
	json_t *members = call->members;

	if (json_object_set_new(
		members, "limit", json_integer(limit < PART ? limit : PART)) ||
	    (before && json_object_set(members, "before", before)))
		return EXIT_REFUSED;
	return call_ask_at(call, client, call->command->path, members, out);
}

/* Until limit are there; *out has "before" while there may be older ones. */
static int gather(
    struct call *call, struct client *client, json_int_t limit, json_t **out)
{
	json_t *answer = NULL, *part = NULL;
	int code = ask_part(call, client, limit, NULL, &answer);

	if (code != EXIT_DONE)
		return code;
	limit -= numbered(json_object_get(answer, "items"));
	while (code == EXIT_DONE && limit > 0 &&
	       json_is_integer(json_object_get(answer, "before"))) {
		json_t *older;

		code = ask_part(call, client, limit,
		    json_object_get(answer, "before"), &part);
		older = json_object_get(part, "items");
		limit -= numbered(older);
		if (code == EXIT_DONE &&
		    (put_before(answer, older) ||
			json_object_set(
			    answer, "before", json_object_get(part, "before"))))
			code = EXIT_REFUSED;
		json_decref(part);
		part = NULL;
	}
	if (code == EXIT_DONE)
		*out = answer;
	else
		json_decref(answer);
	return code;
}

static void write_row(FILE *file, json_t *item)
{
	char text[CELLS][OUTPUT_CELL_SIZE];
	const char *cells[CELLS];
	size_t count = 0;

	for (; count < CELLS && AUDIT_CSV_COLUMNS[count].heading; count++) {
		output_cell(item, &AUDIT_CSV_COLUMNS[count], text[count]);
		cells[count] = text[count];
	}
	csv_row(file, cells, count);
}

static int write_csv(json_t *items, const char *path)
{
	FILE *file = out_file_open(path);
	const char *headings[CELLS];
	size_t count = 0, i;
	json_t *item;

	if (!file)
		return EXIT_REFUSED;
	for (; count < CELLS && AUDIT_CSV_COLUMNS[count].heading; count++)
		headings[count] = AUDIT_CSV_COLUMNS[count].heading;
	csv_begin(file);
	csv_row(file, headings, count);
	json_array_foreach(items, i, item) write_row(file, item);
	return out_file_close(file, path);
}

/* Whoever asked for a time must not take a part of it for all. */
static void tell_older(const struct call *call, json_t *answer)
{
	static const char *const periods[] = {"year", "from", "to"};
	bool asked = call_local(call, "csv") != NULL;

	for (size_t i = 0; i < sizeof(periods) / sizeof(periods[0]); i++)
		asked |= json_object_get(call->members, periods[i]) != NULL;
	if (asked && !call->json &&
	    json_is_integer(json_object_get(answer, "before")))
		fputs("sekimorictl: These are the newest of that time; there "
		      "may be more: --limit N shows N.\n",
		    stderr);
}

int handle_audit_list(struct call *call, struct client *client)
{
	json_t *asked = json_object_get(call->members, "limit");
	const char *path = call_local(call, "csv");
	json_int_t limit = path ? LIMIT_CSV : LIMIT;
	json_t *answer = NULL;
	int code;

	if (asked)
		limit = json_integer_value(asked);
	if (limit < 1 || limit > LIMIT_MAX) {
		fprintf(stderr, "sekimorictl: --limit is 1 to %d.\n",
		    (int)LIMIT_MAX);
		return EXIT_USAGE;
	}
	code = gather(call, client, limit, &answer);
	if (code != EXIT_DONE)
		return code;
	if (path)
		code = write_csv(json_object_get(answer, "items"), path);
	else
		call_show(call, answer);
	tell_older(call, answer);
	json_decref(answer);
	return code;
}
