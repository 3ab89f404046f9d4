/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ctl/staff_list.h"

#include <csv.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/text.h"

enum {
	PROBLEM_SIZE = 320
};

struct reader {
	struct csv_parser parser;
	struct staff_list *list;
	const struct staff_headings *extra;
	enum staff_column meaning[STAFF_LIST_CELLS_MAX];
	char *cells[STAFF_COLUMN_COUNT]; /* of this row */
	size_t heading_count, cell;      /* cells of this row so far */
	size_t line, row;                /* row: the line on which it begins */
	bool fresh, has_text, headed;
	enum err err;
};

static void say(struct reader *reader, json_t *where, size_t column,
    const char *heading, const char *text)
{
	json_t *item = json_pack("{s:I,s:I,s:s,s:s}", "row",
	    (json_int_t)reader->row, "column", (json_int_t)column, "heading",
	    heading ? heading : "", "text", text);

	if (json_array_append_new(where, item))
		reader->err = ERR_MEMORY;
}

static void complain(struct reader *reader, enum staff_column column,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

/* About a cell, or about the row if column is STAFF_NONE. */
static void complain(
    struct reader *reader, enum staff_column column, const char *format, ...)
{
	const struct staff_list *list = reader->list;
	char text[PROBLEM_SIZE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	for (size_t end = strlen(text); end > 0 && !text_is_utf8(text, end);
	     end--)
		text[end - 1] = '\0';
	if (column == STAFF_NONE)
		say(reader, list->problems, 0, NULL, text);
	else
		say(reader, list->problems, list->columns[column],
		    list->headings[column], text);
}

/* U+E000 to U+F8FF: a town's own characters, which another machine may show
 * as something else or as nothing. 0: none. */
static unsigned private_use(const char *utf8)
{
	const unsigned char *at = (const unsigned char *)utf8;

	for (; *at; at++) {
		unsigned code;

		if ((at[0] & 0xf0) != 0xe0)
			continue;
		code = (at[0] & 0x0fu) << 12 | (at[1] & 0x3fu) << 6 |
		       (at[2] & 0x3fu);
		if (code >= 0xe000 && code <= 0xf8ff)
			return code;
	}
	return 0;
}

/* --- headings --------------------------------------------------------------
 */

static void take_heading(struct reader *reader, const char *text)
{
	struct staff_list *list = reader->list;
	enum staff_column column = staff_column_find(text, reader->extra);

	reader->meaning[reader->cell] = column;
	if (column == STAFF_NONE) {
		if (text[0])
			say(reader, list->notes, reader->cell + 1, text,
			    "This column is not used. --columns FILE says "
			    "what a heading means.");
		return;
	}
	if (list->columns[column]) {
		complain(reader, column,
		    "Column %zu (%s) means the same. Take one away.",
		    reader->cell + 1, text);
		return;
	}
	list->columns[column] = reader->cell + 1;
	list->headings[column] = strdup(text);
	if (!list->headings[column])
		reader->err = ERR_MEMORY;
}

static void end_headings(struct reader *reader)
{
	reader->headed = true;
	reader->heading_count = reader->cell;
	if (!reader->list->columns[STAFF_ID])
		complain(reader, STAFF_NONE,
		    "No column is the staff number (職員番号 or id). The "
		    "first row must be the headings.");
}

/* --- one person ------------------------------------------------------------
 */

static void take_cell(
    struct reader *reader, enum staff_column column, const char *text)
{
	unsigned code = private_use(text);
	char note[PROBLEM_SIZE];

	free(reader->cells[column]);
	reader->cells[column] = strdup(text);
	if (!reader->cells[column])
		reader->err = ERR_MEMORY;
	if (!code)
		return;
	snprintf(note, sizeof(note),
	    "A private character (外字, U+%04X) is kept as it is; other "
	    "machines may show it otherwise.",
	    code);
	say(reader, reader->list->notes, reader->list->columns[column],
	    reader->list->headings[column], note);
}

static void put(json_t *object, enum staff_column column, const char *text)
{
	json_object_set_new(
	    object, staff_column_member(column), json_string(text));
}

static void put_kind(struct reader *reader, json_t *object, const char *word)
{
	const char *kind = staff_kind_find(word);

	if (kind)
		put(object, STAFF_KIND, kind);
	else
		complain(reader, STAFF_KIND,
		    "%.100s is no kind of staff. Write 正職員, 会計年度任用職員 "
		    "or 委託 (regular, fiscal-year, contractor).",
		    word);
}

static void put_leaving(struct reader *reader, json_t *object, const char *word)
{
	bool leaving = false;

	if (!staff_leaving_read(word, &leaving))
		complain(reader, STAFF_LEAVING,
		    "%.100s is neither yes nor no. Write ○ or 退職 for "
		    "somebody who leaves, else nothing.",
		    word);
	else if (leaving)
		json_object_set_new(
		    object, staff_column_member(STAFF_LEAVING), json_true());
}

static void put_cell(
    struct reader *reader, json_t *object, enum staff_column column)
{
	const char *text = reader->cells[column];
	char date[STAFF_DATE_SIZE], names[NAME_BYTES_MAX + 1];

	switch (column) {
	case STAFF_KIND:
		put_kind(reader, object, text);
		return;
	case STAFF_LEAVING:
		put_leaving(reader, object, text);
		return;
	case STAFF_FROM:
	case STAFF_UNTIL:
		staff_date_write(text, date);
		put(object, column, date);
		return;
	case STAFF_ALSO:
		staff_names_write(text, names);
		put(object, column, names[0] ? names : "-");
		return;
	case STAFF_ID:
	case STAFF_LOGIN:
	case STAFF_NAME:
	case STAFF_DEPARTMENT:
	case STAFF_ATTENDANT:
	case STAFF_DECISION:
		put(object, column, text);
		return;
	case STAFF_NONE:
	case STAFF_COLUMN_COUNT:
		return;
	}
}

static void end_person(struct reader *reader)
{
	json_t *rows = reader->list->rows, *object;

	if (!reader->has_text)
		return;
	if (reader->cell != reader->heading_count) {
		complain(reader, STAFF_NONE,
		    "There are %zu cells here, but %zu headings. Is a comma "
		    "missing, or a name with one not quoted?",
		    reader->cell, reader->heading_count);
		return;
	}
	if (reader->list->columns[STAFF_ID] && !reader->cells[STAFF_ID]) {
		complain(reader, STAFF_ID,
		    "The staff number is missing. Write it, or take the row "
		    "away.");
		return;
	}
	if (json_array_size(rows) == STAFF_LIST_ROWS_MAX) {
		complain(reader, STAFF_NONE,
		    "There are more than %d people. Split the list.",
		    STAFF_LIST_ROWS_MAX);
		reader->err = ERR_TOO_LONG;
		return;
	}
	object = json_pack("{s:I}", "row", (json_int_t)reader->row);
	for (int i = 0; i < STAFF_COLUMN_COUNT; i++)
		if (reader->cells[i])
			put_cell(reader, object, (enum staff_column)i);
	/* Where that column is, it is the whole truth: whoever's second post
	 * has ended must not keep what it opened. */
	if (reader->list->columns[STAFF_ALSO] && !reader->cells[STAFF_ALSO])
		put(object, STAFF_ALSO, "-");
	if (json_array_append_new(rows, object))
		reader->err = ERR_MEMORY;
}

/* --- what libcsv calls ------------------------------------------------------
 */

static void on_cell(void *bytes, size_t length, void *context)
{
	struct reader *reader = context;
	const char *text = bytes ? bytes : "";
	enum staff_column column = STAFF_NONE;
	char copy[NAME_BYTES_MAX + 1];
	size_t at = reader->cell;

	staff_trim(&text, &length);
	if (length > 0)
		reader->has_text = true;
	if (reader->headed && at < reader->heading_count)
		column = reader->meaning[at];
	if (at >= STAFF_LIST_CELLS_MAX) {
		reader->cell++;
		return;
	}
	if ((!reader->headed || column != STAFF_NONE) && length > 0 &&
	    !text_is_name(text, length)) {
		say(reader, reader->list->problems, at + 1,
		    column == STAFF_NONE ? NULL
					 : reader->list->headings[column],
		    length > NAME_BYTES_MAX
			? "This is longer than 256 bytes."
			: "There is a line break or another control character "
			  "in this cell.");
		length = 0;
	}
	if (length > NAME_BYTES_MAX)
		length = 0;
	memcpy(copy, text, length);
	copy[length] = '\0';
	if (!reader->headed)
		take_heading(reader, copy);
	else if (column != STAFF_NONE && length > 0)
		take_cell(reader, column, copy);
	reader->cell++;
}

static void on_row(int end, void *context)
{
	struct reader *reader = context;

	(void)end;
	if (reader->cell > STAFF_LIST_CELLS_MAX)
		complain(reader, STAFF_NONE,
		    "There are more than %d cells. Save only the columns "
		    "that are used.",
		    STAFF_LIST_CELLS_MAX);
	else if (reader->headed)
		end_person(reader);
	else if (reader->has_text)
		end_headings(reader);
	for (int i = 0; i < STAFF_COLUMN_COUNT; i++) {
		free(reader->cells[i]);
		reader->cells[i] = NULL;
	}
	reader->cell = 0;
	reader->has_text = false;
	reader->fresh = true;
}

/* --- the whole list ---------------------------------------------------------
 */

static void complain_quotes(struct reader *reader)
{
	size_t column = reader->cell + 1;

	say(reader, reader->list->problems, column, NULL,
	    "The quotation marks are not as in CSV: one is never closed, or "
	    "stands inside an unquoted cell.");
}

/* Byte by byte, to know on which line each row begins. */
static void feed(struct reader *reader, const char *utf8, size_t length)
{
	for (size_t i = 0; i < length && !reader->err; i++) {
		bool ends = utf8[i] == '\n' ||
			    (utf8[i] == '\r' &&
				(i + 1 == length || utf8[i + 1] != '\n'));

		if (reader->fresh && utf8[i] != '\r' && utf8[i] != '\n') {
			reader->row = reader->line;
			reader->fresh = false;
		}
		if (csv_parse(&reader->parser, utf8 + i, 1, on_cell, on_row,
			reader) != 1) {
			if (csv_error(&reader->parser) == CSV_EPARSE)
				complain_quotes(reader);
			else
				reader->err = ERR_MEMORY;
			return;
		}
		reader->line += ends;
	}
	if (!reader->err &&
	    csv_fini(&reader->parser, on_cell, on_row, reader) != 0)
		complain_quotes(reader);
}

static enum err finish(struct reader *reader)
{
	struct staff_list *list = reader->list;

	for (int i = 0; i < STAFF_COLUMN_COUNT; i++)
		free(reader->cells[i]);
	if (reader->err && reader->err != ERR_TOO_LONG)
		return reader->err;
	if (json_array_size(list->problems) == 0 &&
	    json_array_size(list->rows) == 0) {
		reader->row = 1;
		complain(reader, STAFF_NONE,
		    "There is nobody on this list. Is it "
		    "the right file?");
	}
	return json_array_size(list->problems) ? ERR_INVALID : ERR_NONE;
}

enum err staff_list_read(const char *utf8, size_t length,
    const struct staff_headings *extra, struct staff_list *out)
{
	struct reader *reader = calloc(1, sizeof(*reader));
	enum err err = ERR_MEMORY;

	*out = (struct staff_list){
	    json_array(), json_array(), json_array(), {0}, {0}};
	if (!reader || !out->rows || !out->problems || !out->notes)
		goto out;
	if (csv_init(&reader->parser, CSV_STRICT | CSV_STRICT_FINI))
		goto out;
	reader->list = out;
	reader->extra = extra;
	reader->line = 1;
	reader->fresh = true;
	feed(reader, utf8, length);
	err = finish(reader);
	csv_free(&reader->parser);
out:
	free(reader);
	return err;
}

void staff_list_free(struct staff_list *list)
{
	json_decref(list->rows);
	json_decref(list->problems);
	json_decref(list->notes);
	for (int i = 0; i < STAFF_COLUMN_COUNT; i++)
		free(list->headings[i]);
	*list = (struct staff_list){0};
}

void staff_list_place(const struct staff_list *list, json_t *problem)
{
	const char *member =
	    json_string_value(json_object_get(problem, "member"));

	for (int i = 0; member && i < STAFF_COLUMN_COUNT; i++) {
		if (strcmp(member, staff_column_member((enum staff_column)i)))
			continue;
		json_object_set_new(problem, "column",
		    json_integer((json_int_t)list->columns[i]));
		json_object_set_new(problem, "heading",
		    json_string(list->headings[i] ? list->headings[i] : ""));
	}
}
