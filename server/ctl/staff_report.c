/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ctl/staff_report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/ctl/output.h"
#include "shared/text.h"

enum {
	TOLD_MAX = 50 /* problems in words; --json has all */
};

static const struct output_column CHANGES[] = {
    {"ROW", "row", OUTPUT_NUMBER},
    {"WHAT", "what", OUTPUT_TEXT},
    {"ID", "id", OUTPUT_TEXT},
    {"LOGIN", "login", OUTPUT_TEXT},
    {"NAME", "name", OUTPUT_TEXT},
    {"BEFORE", "name_before", OUTPUT_TEXT},
    {"DEPARTMENT", "department", OUTPUT_TEXT},
    {"BEFORE", "department_before", OUTPUT_TEXT},
    {"KIND", "kind", OUTPUT_TEXT},
    {"FROM", "from", OUTPUT_TIME},
    {"UNTIL", "until", OUTPUT_END},
    {"ATTENDANT", "attendant", OUTPUT_TEXT},
    {"NOTE", "note", OUTPUT_TEXT},
    {0},
};

static void escape(json_t *item, const char *member, char out[OUTPUT_CELL_SIZE])
{
	json_t *text = json_object_get(item, member);

	out[0] = '\0';
	if (json_is_string(text))
		text_escape(json_string_value(text), json_string_length(text),
		    out, OUTPUT_CELL_SIZE);
}

static long long count_of(json_t *answer, const char *what)
{
	return (long long)json_integer_value(json_object_get(answer, what));
}

void staff_report_places(const char *path, json_t *places)
{
	char heading[OUTPUT_CELL_SIZE], text[OUTPUT_CELL_SIZE];
	size_t i, count = json_array_size(places);
	json_t *item;

	json_array_foreach(places, i, item)
	{
		if (i == TOLD_MAX)
			break;
		escape(item, "heading", heading);
		escape(item, "text", text);
		fprintf(stderr, "%s:%lld:%lld%s%s%s: %s\n", path,
		    count_of(item, "row"), count_of(item, "column"),
		    heading[0] ? " (" : "", heading, heading[0] ? ")" : "",
		    text);
	}
	if (count > TOLD_MAX)
		fprintf(stderr, "%s: and %zu more.\n", path, count - TOLD_MAX);
}

/* --- rows ------------------------------------------------------------------
 */

/* "what" as words, the person's members beside it. */
static json_t *flatten(json_t *item)
{
	json_t *flat = json_copy(json_object_get(item, "person")), *word;
	json_t *words = json_object_get(item, "what");
	char text[80] = "";
	size_t i, used = 0;

	json_array_foreach(words, i, word)
	{
		if (used < sizeof(text))
			used +=
			    (size_t)snprintf(text + used, sizeof(text) - used,
				"%s%s", i ? " " : "", json_string_value(word));
	}
	if (!flat || json_object_update(flat, item) ||
	    json_object_set_new(flat, "what", json_string(text))) {
		json_decref(flat);
		return NULL;
	}
	if (count_of(item, "row") == 0)
		json_object_del(flat, "row");
	return flat;
}

static json_t *conflict(json_t *problem)
{
	return json_pack("{s:O?,s:s,s:O?,s:O?}", "row",
	    json_object_get(problem, "row"), "what", "conflicting", "id",
	    json_object_get(problem, "id"), "note",
	    json_object_get(problem, "text"));
}

/* No row: whoever is not on the list. */
static int compare_rows(const void *left, const void *right)
{
	long long a = count_of(*(json_t *const *)left, "row");
	long long b = count_of(*(json_t *const *)right, "row");

	if (a == 0 || b == 0)
		return (a == 0) - (b == 0);
	return (a > b) - (a < b);
}

void staff_report_rows(json_t *answer)
{
	json_t *items = json_object_get(answer, "items"), *item;
	json_t *problems = json_object_get(answer, "problems");
	json_t *shown = json_array();
	json_t **rows =
	    calloc(json_array_size(items) + json_array_size(problems) + 1,
		sizeof(*rows));
	size_t count = 0, i;

	if (shown && rows) {
		json_array_foreach(items, i, item) rows[count++] =
		    flatten(item);
		json_array_foreach(problems, i, item) rows[count++] =
		    conflict(item);
		qsort(rows, count, sizeof(*rows), compare_rows);
		for (i = 0; i < count; i++)
			json_array_append_new(shown, rows[i]);
		output_table(stdout, shown, CHANGES);
	}
	free(rows);
	json_decref(shown);
}

void staff_report_counts(json_t *answer)
{
	size_t conflicts = json_array_size(json_object_get(answer, "problems"));

	printf("%lld new, %lld moved, %lld renamed, %lld changed, %lld "
	       "leaving, %lld as before",
	    count_of(answer, "new"), count_of(answer, "moved"),
	    count_of(answer, "renamed"), count_of(answer, "changed"),
	    count_of(answer, "leaving"), count_of(answer, "unchanged"));
	if (conflicts)
		printf(", %zu conflicting", conflicts);
	puts(".");
}
