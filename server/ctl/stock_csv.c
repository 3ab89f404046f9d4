/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ctl/stock_csv_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/text.h"

/* --- problems ---------------------------------------------------------------
 */

void stock_csv_complain(struct stock_csv_reader *reader, size_t column,
    const char *heading, const char *format, ...)
{
	struct stock_problem problem = {.line = reader->row, .column = column};
	va_list arguments;
	enum err err;

	reader->row_is_bad = true;
	if (reader->err != ERR_NONE)
		return;
	snprintf(problem.place, sizeof(problem.place), "%s", heading);
	va_start(arguments, format);
	vsnprintf(problem.text, sizeof(problem.text), format, arguments);
	va_end(arguments);
	err = reader->sink->problem(reader->sink->context, &problem);
	if (err == ERR_NONE && ++reader->problems == STOCK_PROBLEMS_MAX)
		err = ERR_INVALID;
	reader->err = err;
}

void stock_csv_complain_cell(
    struct stock_csv_reader *reader, enum stock_column column, const char *text)
{
	const struct stock_cell *cell = &reader->cells[column];

	stock_csv_complain(reader, cell->column, cell->heading, "%s", text);
}

/* --- headings ---------------------------------------------------------------
 */

void stock_cell_copy(char *out, size_t size, const char *text, size_t length)
{
	size_t kept = length < size ? length : size - 1;

	memcpy(out, text, kept);
	out[kept] = '\0';
}

static void take_heading(
    struct stock_csv_reader *reader, size_t at, const char *text)
{
	enum stock_column column = stock_column_find(text, reader->extra);
	struct stock_cell *cell;

	reader->meaning[at] = column;
	if (column == STOCK_COLUMN_NONE) {
		reader->report->columns += text[0] != '\0';
		return;
	}
	cell = &reader->cells[column];
	if (cell->column) {
		stock_csv_complain(reader, at + 1, "",
		    "Column %zu means the same. Take one away.", cell->column);
		return;
	}
	cell->column = at + 1;
	stock_cell_copy(
	    cell->heading, sizeof(cell->heading), text, strlen(text));
}

static bool has(const struct stock_csv_reader *reader, enum stock_column column)
{
	return reader->cells[column].column != 0;
}

static void end_headings(struct stock_csv_reader *reader)
{
	int secrets = has(reader, STOCK_COLUMN_SECRET) +
		      has(reader, STOCK_COLUMN_HEX) +
		      has(reader, STOCK_COLUMN_BASE32);

	reader->headed = true;
	reader->heading_count = reader->cell;
	if (!has(reader, STOCK_COLUMN_SERIAL))
		stock_csv_complain(reader, 0, "",
		    "No column is the serial number (serial). The first row "
		    "must be the headings; --columns FILE names others.");
	if (secrets != 1)
		stock_csv_complain(reader, 0, "",
		    "One column must be the secret (secret, or secret_hex, or "
		    "secret_base32). The first row must be the headings; "
		    "--columns FILE names others.");
	if (reader->row_is_bad && reader->err == ERR_NONE)
		reader->err = ERR_INVALID;
}

/* --- what libcsv calls ------------------------------------------------------
 */

static void trim(const char **text, size_t *length)
{
	while (*length > 0 && (**text == ' ' || **text == '\t')) {
		*text += 1;
		*length -= 1;
	}
	while (*length > 0 &&
	       ((*text)[*length - 1] == ' ' || (*text)[*length - 1] == '\t'))
		*length -= 1;
}

static void keep_cell(struct stock_csv_reader *reader, enum stock_column column,
    const char *text, size_t length)
{
	struct stock_cell *cell = &reader->cells[column];

	memcpy(cell->text, text, length);
	cell->text[length] = '\0';
	cell->length = length;
}

static void on_cell(void *bytes, size_t length, void *context)
{
	struct stock_csv_reader *reader = context;
	const char *text = bytes ? bytes : "";
	enum stock_column column = STOCK_COLUMN_NONE;
	char heading[STOCK_CELL_BYTES_MAX + 1];
	size_t at = reader->cell++;

	reader->cell_bytes = 0;
	if (reader->err != ERR_NONE || at >= STOCK_CELLS_MAX)
		return;
	trim(&text, &length);
	reader->has_text = reader->has_text || length > 0;
	if (reader->headed && at < reader->heading_count)
		column = reader->meaning[at];
	if (reader->headed && column == STOCK_COLUMN_NONE)
		return;
	if (length > 0 && !text_is_name(text, length)) {
		stock_csv_complain(reader, at + 1,
		    reader->headed ? reader->cells[column].heading : "",
		    "This is longer than 256 bytes, or there is a line break "
		    "or another control character in it.");
		return;
	}
	if (reader->headed) {
		keep_cell(reader, column, text, length);
		return;
	}
	memcpy(heading, text, length);
	heading[length] = '\0';
	take_heading(reader, at, heading);
}

static void on_row(int end, void *context)
{
	struct stock_csv_reader *reader = context;

	(void)end;
	if (reader->err != ERR_NONE)
		return;
	if (reader->cell > STOCK_CELLS_MAX) {
		stock_csv_complain(reader, 0, "",
		    "There are more than %d cells.", STOCK_CELLS_MAX);
	} else if (reader->has_text) {
		if (reader->headed)
			stock_csv_end_token(reader);
		else
			end_headings(reader);
	}
	for (int i = 0; i < STOCK_COLUMN_COUNT; i++) {
		secret_wipe_bytes(
		    reader->cells[i].text, reader->cells[i].length);
		reader->cells[i].length = 0;
	}
	reader->cell = 0;
	reader->has_text = reader->row_is_bad = false;
	reader->fresh = true;
}

/* --- the whole file ---------------------------------------------------------
 */

static void complain_quotes(struct stock_csv_reader *reader)
{
	stock_csv_complain(reader, reader->cell + 1, "",
	    "The quotation marks are not as in CSV: one is never closed, or "
	    "stands inside an unquoted cell.");
	if (reader->err == ERR_NONE)
		reader->err = ERR_INVALID;
}

/* libcsv keeps a cell whole: one without end would fill the memory. */
static void complain_length(struct stock_csv_reader *reader)
{
	stock_csv_complain(reader, reader->cell + 1, "",
	    "This cell has no end: is a quotation mark missing?");
	if (reader->err == ERR_NONE)
		reader->err = ERR_INVALID;
}

static void take_byte(
    struct stock_csv_reader *reader, char byte, bool ends_line)
{
	enum {
		ANY_CELL_BYTES_MAX = 8192
	};

	if (reader->fresh && byte != '\r' && byte != '\n') {
		reader->row = reader->line;
		reader->fresh = false;
	}
	if (++reader->cell_bytes > ANY_CELL_BYTES_MAX) {
		complain_length(reader);
		return;
	}
	if (csv_parse(&reader->parser, &byte, 1, on_cell, on_row, reader) !=
	    1) {
		if (csv_error(&reader->parser) == CSV_EPARSE)
			complain_quotes(reader);
		else if (reader->err == ERR_NONE)
			reader->err = ERR_MEMORY;
	}
	reader->line += ends_line;
}

/* Byte by byte, to know on which line each row begins. */
static enum err on_piece(void *context, const char *utf8, size_t length)
{
	struct stock_csv_reader *reader = context;

	for (size_t i = 0; i < length && reader->err == ERR_NONE; i++)
		take_byte(reader, utf8[i], utf8[i] == '\n');
	return reader->err;
}

static enum err finish(
    struct stock_csv_reader *reader, enum err err, const char *fault)
{
	if (fault) {
		if (reader->line > 1 || reader->cell > 0)
			reader->row = reader->line;
		stock_csv_complain(reader, 0, "", "%s", fault);
		return reader->err != ERR_NONE ? reader->err : ERR_INVALID;
	}
	if (err != ERR_NONE)
		return err;
	if (csv_fini(&reader->parser, on_cell, on_row, reader) != 0)
		complain_quotes(reader);
	if (reader->err != ERR_NONE)
		return reader->err;
	if (reader->problems == 0 && reader->report->rows == 0) {
		reader->row = reader->line;
		stock_csv_complain(
		    reader, 0, "", "There is no token in this file.");
	}
	return reader->problems > 0 ? ERR_INVALID : ERR_NONE;
}

enum err stock_csv_read(const struct stock_source *source,
    struct stock_text *text, const struct stock_headings *extra,
    const struct stock_sink *sink, struct stock_report *report)
{
	struct stock_csv_reader *reader = calloc(1, sizeof(*reader));
	const char *fault = NULL;
	enum err err = ERR_MEMORY;

	*report = (struct stock_report){0};
	if (!reader)
		return ERR_MEMORY;
	if (csv_init(&reader->parser, CSV_STRICT | CSV_STRICT_FINI) != 0)
		goto out;
	reader->extra = extra;
	reader->sink = sink;
	reader->report = report;
	reader->line = 1;
	reader->fresh = true;
	err = stock_text_each(text, source, on_piece, reader, &fault);
	err = finish(reader, err, fault);
	csv_free(&reader->parser);
out:
	secret_wipe_bytes(reader, sizeof(*reader));
	free(reader);
	return err;
}
