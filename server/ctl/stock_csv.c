/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ctl/stock_csv.h"

#include <csv.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/encode.h"
#include "shared/text.h"

enum {
	CELLS_MAX = 64,
	CELL_BYTES_MAX = 256,
	NUMBER_DIGITS_MAX = 15,
};

enum form {
	FORM_UNKNOWN,
	FORM_HEX,
	FORM_BASE32,
};

struct cell {
	size_t column; /* from 1; 0: there is no such column */
	size_t length;
	char heading[STOCK_PLACE_SIZE];
	char text[CELL_BYTES_MAX + 1];
};

struct reader {
	struct csv_parser parser;
	const struct stock_headings *extra;
	const struct stock_sink *sink;
	struct stock_report *report;
	enum stock_column meaning[CELLS_MAX];
	struct cell cells[STOCK_COLUMN_COUNT]; /* of this row */
	size_t heading_count, cell;            /* cells of this row so far */
	uint64_t line, row; /* row: the line on which it begins */
	bool fresh, has_text, headed, row_is_bad;
	size_t cell_bytes; /* of a cell, quoted or not */
	enum form form;    /* of all secrets so far */
	size_t problems;
	enum err err;
};

/* --- problems ---------------------------------------------------------------
 */

static void complain(struct reader *reader, size_t column, const char *heading,
    const char *format, ...) __attribute__((format(printf, 4, 5)));

static void complain(struct reader *reader, size_t column, const char *heading,
    const char *format, ...)
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

static void complain_cell(
    struct reader *reader, enum stock_column column, const char *text)
{
	const struct cell *cell = &reader->cells[column];

	complain(reader, cell->column, cell->heading, "%s", text);
}

/* --- headings ---------------------------------------------------------------
 */

/* As much as fits. */
static void copy_text(char *out, size_t size, const char *text, size_t length)
{
	size_t kept = length < size ? length : size - 1;

	memcpy(out, text, kept);
	out[kept] = '\0';
}

static void take_heading(struct reader *reader, const char *text)
{
	enum stock_column column = stock_column_find(text, reader->extra);
	struct cell *cell;

	reader->meaning[reader->cell] = column;
	if (column == STOCK_COLUMN_NONE) {
		reader->report->columns += text[0] != '\0';
		return;
	}
	cell = &reader->cells[column];
	if (cell->column) {
		complain(reader, reader->cell + 1, "",
		    "Column %zu means the same. Take one away.", cell->column);
		return;
	}
	cell->column = reader->cell + 1;
	copy_text(cell->heading, sizeof(cell->heading), text, strlen(text));
}

static bool has(const struct reader *reader, enum stock_column column)
{
	return reader->cells[column].column != 0;
}

static void end_headings(struct reader *reader)
{
	int secrets = has(reader, STOCK_COLUMN_SECRET) +
		      has(reader, STOCK_COLUMN_HEX) +
		      has(reader, STOCK_COLUMN_BASE32);

	reader->headed = true;
	reader->heading_count = reader->cell;
	if (!has(reader, STOCK_COLUMN_SERIAL))
		complain(reader, 0, "",
		    "No column is the serial number (serial). The first row "
		    "must be the headings; --columns FILE names others.");
	if (secrets != 1)
		complain(reader, 0, "",
		    "One column must be the secret (secret, or secret_hex, or "
		    "secret_base32). The first row must be the headings; "
		    "--columns FILE names others.");
	if (reader->row_is_bad && reader->err == ERR_NONE)
		reader->err = ERR_INVALID;
}

/* --- one token --------------------------------------------------------------
 */

static const struct cell *cell_of(
    const struct reader *reader, enum stock_column column)
{
	const struct cell *cell = &reader->cells[column];

	return cell->column && cell->length > 0 ? cell : NULL;
}

static void take_number(
    struct reader *reader, enum stock_column column, int64_t most, int64_t *out)
{
	const struct cell *cell = cell_of(reader, column);
	int64_t number = 0;

	if (!cell)
		return;
	for (size_t i = 0; i < cell->length; i++) {
		char digit = cell->text[i];

		if (digit < '0' || digit > '9' || i == NUMBER_DIGITS_MAX) {
			complain_cell(reader, column, "This is no number.");
			return;
		}
		number = number * 10 + (digit - '0');
	}
	if (number > most)
		complain_cell(reader, column, "This number is too large.");
	else
		*out = number;
}

static bool decode_as(
    enum form form, const struct cell *cell, struct secret *out)
{
	if (form == FORM_HEX)
		return decode_hex(cell->text, cell->length, out->bytes,
			   sizeof(out->bytes), &out->length) == ERR_NONE;
	return decode_base32(cell->text, cell->length, out->bytes,
		   sizeof(out->bytes), &out->length) == ERR_NONE;
}

/* A base32 text of hexadecimal digits alone is next to impossible in one row,
 * and all rows must be alike. */
static enum form form_of(const struct cell *cell, struct secret *out)
{
	if (decode_as(FORM_HEX, cell, out))
		return FORM_HEX;
	return decode_as(FORM_BASE32, cell, out) ? FORM_BASE32 : FORM_UNKNOWN;
}

static void take_any_secret(struct reader *reader, struct secret *out)
{
	const struct cell *cell = cell_of(reader, STOCK_COLUMN_SECRET);
	enum form form = form_of(cell, out);

	if (form == FORM_UNKNOWN)
		complain_cell(reader, STOCK_COLUMN_SECRET,
		    "This is neither hexadecimal nor base32.");
	else if (reader->form != FORM_UNKNOWN && reader->form != form)
		complain_cell(reader, STOCK_COLUMN_SECRET,
		    form == FORM_HEX
			? "This is hexadecimal, but rows before are base32. "
			  "Name the column secret_hex or secret_base32."
			: "This is base32, but rows before are hexadecimal. "
			  "Name the column secret_hex or secret_base32.");
	else
		reader->form = form;
}

static void take_secret(struct reader *reader, struct secret *out)
{
	const struct cell *hex = cell_of(reader, STOCK_COLUMN_HEX);
	const struct cell *base32 = cell_of(reader, STOCK_COLUMN_BASE32);

	if (cell_of(reader, STOCK_COLUMN_SECRET))
		take_any_secret(reader, out);
	else if (hex && !decode_as(FORM_HEX, hex, out))
		complain_cell(
		    reader, STOCK_COLUMN_HEX, "This is not hexadecimal.");
	else if (base32 && !decode_as(FORM_BASE32, base32, out))
		complain_cell(
		    reader, STOCK_COLUMN_BASE32, "This is not base32.");
}

static void take_words(struct reader *reader, struct stock_row *row)
{
	const struct cell *type = cell_of(reader, STOCK_COLUMN_TYPE);
	const struct cell *hash = cell_of(reader, STOCK_COLUMN_ALGORITHM);

	if (type && stock_type_find(type->text, &row->type) != ERR_NONE)
		complain_cell(reader, STOCK_COLUMN_TYPE,
		    "This type cannot be imported: only totp and hotp.");
	if (hash &&
	    stock_algorithm_find(hash->text, &row->algorithm) != ERR_NONE)
		complain_cell(reader, STOCK_COLUMN_ALGORITHM,
		    "This algorithm cannot be imported: only sha1, sha256 and "
		    "sha512.");
}

/* Under which of its three headings the secrets are. */
static enum stock_column secret_column(const struct reader *reader)
{
	if (has(reader, STOCK_COLUMN_HEX))
		return STOCK_COLUMN_HEX;
	return has(reader, STOCK_COLUMN_BASE32) ? STOCK_COLUMN_BASE32
						: STOCK_COLUMN_SECRET;
}

static void take_row(struct reader *reader, struct stock_row *row)
{
	const struct cell *serial = cell_of(reader, STOCK_COLUMN_SERIAL);
	int64_t digits = 6, period_s = 30;

	row->line = reader->row;
	row->serial_column =
	    (uint16_t)reader->cells[STOCK_COLUMN_SERIAL].column;
	row->secret_column =
	    (uint16_t)reader->cells[secret_column(reader)].column;
	if (serial)
		copy_text(row->serial, sizeof(row->serial), serial->text,
		    serial->length);
	if (serial && serial->length >= sizeof(row->serial))
		complain_cell(reader, STOCK_COLUMN_SERIAL,
		    "The serial number is longer than 64 bytes.");
	take_words(reader, row);
	take_number(reader, STOCK_COLUMN_DIGITS, 99, &digits);
	take_number(reader, STOCK_COLUMN_PERIOD, 86400, &period_s);
	take_number(
	    reader, STOCK_COLUMN_COUNTER, STOCK_COUNTER_MAX, &row->counter);
	row->digits = (int)digits;
	row->period_s = row->type == STOCK_HOTP ? 0 : (int)period_s;
	if (row->type == STOCK_TOTP)
		row->counter = 0;
	take_secret(reader, &row->seed);
}

/* place: a member's name. */
static void complain_place(
    struct reader *reader, const char *place, const char *text)
{
	enum stock_column column = stock_column_find(place, NULL);

	if (column == STOCK_COLUMN_SECRET)
		column = secret_column(reader);
	complain_cell(reader, column, text);
}

static void end_token(struct reader *reader)
{
	struct stock_row row = {0};
	const char *fault, *place = NULL;

	if (reader->cell != reader->heading_count) {
		complain(reader, 0, "",
		    "There are %zu cells here, but %zu headings.", reader->cell,
		    reader->heading_count);
		return;
	}
	take_row(reader, &row);
	fault = reader->row_is_bad ? NULL : stock_row_fault(&row, &place);
	if (fault)
		complain_place(reader, place, fault);
	if (!reader->row_is_bad && ++reader->report->rows > STOCK_ROWS_MAX) {
		complain(reader, 0, "",
		    "There are more than 250000 tokens. Split the file.");
		reader->err = ERR_INVALID;
	}
	if (!reader->row_is_bad) {
		reader->report->in_clear++;
		reader->err = reader->sink->row(reader->sink->context, &row);
	}
	secret_wipe(&row.seed);
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

static void keep_cell(struct reader *reader, enum stock_column column,
    const char *text, size_t length)
{
	struct cell *cell = &reader->cells[column];

	memcpy(cell->text, text, length);
	cell->text[length] = '\0';
	cell->length = length;
}

static void on_cell(void *bytes, size_t length, void *context)
{
	struct reader *reader = context;
	const char *text = bytes ? bytes : "";
	enum stock_column column = STOCK_COLUMN_NONE;
	char heading[CELL_BYTES_MAX + 1];
	size_t at = reader->cell++;

	reader->cell_bytes = 0;
	if (reader->err != ERR_NONE || at >= CELLS_MAX)
		return;
	trim(&text, &length);
	reader->has_text = reader->has_text || length > 0;
	if (reader->headed && at < reader->heading_count)
		column = reader->meaning[at];
	if (reader->headed && column == STOCK_COLUMN_NONE)
		return;
	if (length > 0 && !text_is_name(text, length)) {
		complain(reader, at + 1,
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
	reader->cell--;
	take_heading(reader, heading);
	reader->cell++;
}

static void on_row(int end, void *context)
{
	struct reader *reader = context;

	(void)end;
	if (reader->err != ERR_NONE)
		return;
	if (reader->cell > CELLS_MAX) {
		complain(
		    reader, 0, "", "There are more than %d cells.", CELLS_MAX);
	} else if (reader->has_text) {
		if (reader->headed)
			end_token(reader);
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

static void complain_quotes(struct reader *reader)
{
	complain(reader, reader->cell + 1, "",
	    "The quotation marks are not as in CSV: one is never closed, or "
	    "stands inside an unquoted cell.");
	if (reader->err == ERR_NONE)
		reader->err = ERR_INVALID;
}

/* libcsv keeps a cell whole: one without end would fill the memory. */
static void complain_length(struct reader *reader)
{
	complain(reader, reader->cell + 1, "",
	    "This cell has no end: is a quotation mark missing?");
	if (reader->err == ERR_NONE)
		reader->err = ERR_INVALID;
}

static void take_byte(struct reader *reader, char byte, bool ends_line)
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
	struct reader *reader = context;

	for (size_t i = 0; i < length && reader->err == ERR_NONE; i++)
		take_byte(reader, utf8[i], utf8[i] == '\n');
	return reader->err;
}

static enum err finish(struct reader *reader, enum err err, const char *fault)
{
	if (fault) {
		if (reader->line > 1 || reader->cell > 0)
			reader->row = reader->line;
		complain(reader, 0, "", "%s", fault);
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
		complain(reader, 0, "", "There is no token in this file.");
	}
	return reader->problems > 0 ? ERR_INVALID : ERR_NONE;
}

enum err stock_csv_read(const struct stock_source *source,
    struct stock_text *text, const struct stock_headings *extra,
    const struct stock_sink *sink, struct stock_report *report)
{
	struct reader *reader = calloc(1, sizeof(*reader));
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
