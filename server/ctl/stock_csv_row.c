/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A row of cells, made into a token: words and numbers understood, the secret
 * decoded, whatever is wrong told with its column.
 */
#include "server/ctl/stock_csv_private.h"

#include <string.h>

#include "shared/encode.h"

enum {
	NUMBER_DIGITS_MAX = 15
};

static const struct stock_cell *cell_of(
    const struct stock_csv_reader *reader, enum stock_column column)
{
	const struct stock_cell *cell = &reader->cells[column];

	return cell->column && cell->length > 0 ? cell : NULL;
}

static void take_number(struct stock_csv_reader *reader,
    enum stock_column column, int64_t most, int64_t *out)
{
	const struct stock_cell *cell = cell_of(reader, column);
	int64_t number = 0;

	if (!cell)
		return;
	for (size_t i = 0; i < cell->length; i++) {
		char digit = cell->text[i];

		if (digit < '0' || digit > '9' || i == NUMBER_DIGITS_MAX) {
			stock_csv_complain_cell(
			    reader, column, "This is no number.");
			return;
		}
		number = number * 10 + (digit - '0');
	}
	if (number > most)
		stock_csv_complain_cell(
		    reader, column, "This number is too large.");
	else
		*out = number;
}

static bool decode_as(
    enum stock_form form, const struct stock_cell *cell, struct secret *out)
{
	if (form == STOCK_FORM_HEX)
		return decode_hex(cell->text, cell->length, out->bytes,
			   sizeof(out->bytes), &out->length) == ERR_NONE;
	return decode_base32(cell->text, cell->length, out->bytes,
		   sizeof(out->bytes), &out->length) == ERR_NONE;
}

/* A base32 text of hexadecimal digits alone is next to impossible in one row,
 * and all rows must be alike. */
static enum stock_form form_of(
    const struct stock_cell *cell, struct secret *out)
{
	if (decode_as(STOCK_FORM_HEX, cell, out))
		return STOCK_FORM_HEX;
	return decode_as(STOCK_FORM_BASE32, cell, out) ? STOCK_FORM_BASE32
						       : STOCK_FORM_UNKNOWN;
}

static void take_any_secret(struct stock_csv_reader *reader, struct secret *out)
{
	const struct stock_cell *cell = cell_of(reader, STOCK_COLUMN_SECRET);
	enum stock_form form = form_of(cell, out);

	if (form == STOCK_FORM_UNKNOWN)
		stock_csv_complain_cell(reader, STOCK_COLUMN_SECRET,
		    "This is neither hexadecimal nor base32.");
	else if (reader->form != STOCK_FORM_UNKNOWN && reader->form != form)
		stock_csv_complain_cell(reader, STOCK_COLUMN_SECRET,
		    form == STOCK_FORM_HEX
			? "This is hexadecimal, but rows before are base32. "
			  "Name the column secret_hex or secret_base32."
			: "This is base32, but rows before are hexadecimal. "
			  "Name the column secret_hex or secret_base32.");
	else
		reader->form = form;
}

static void take_secret(struct stock_csv_reader *reader, struct secret *out)
{
	const struct stock_cell *hex = cell_of(reader, STOCK_COLUMN_HEX);
	const struct stock_cell *base32 = cell_of(reader, STOCK_COLUMN_BASE32);

	if (cell_of(reader, STOCK_COLUMN_SECRET))
		take_any_secret(reader, out);
	else if (hex && !decode_as(STOCK_FORM_HEX, hex, out))
		stock_csv_complain_cell(
		    reader, STOCK_COLUMN_HEX, "This is not hexadecimal.");
	else if (base32 && !decode_as(STOCK_FORM_BASE32, base32, out))
		stock_csv_complain_cell(
		    reader, STOCK_COLUMN_BASE32, "This is not base32.");
}

static void take_words(struct stock_csv_reader *reader, struct stock_row *row)
{
	const struct stock_cell *type = cell_of(reader, STOCK_COLUMN_TYPE);
	const struct stock_cell *hash = cell_of(reader, STOCK_COLUMN_ALGORITHM);

	if (type && stock_type_find(type->text, &row->type) != ERR_NONE)
		stock_csv_complain_cell(reader, STOCK_COLUMN_TYPE,
		    "This type cannot be imported: only totp and hotp.");
	if (hash &&
	    stock_algorithm_find(hash->text, &row->algorithm) != ERR_NONE)
		stock_csv_complain_cell(reader, STOCK_COLUMN_ALGORITHM,
		    "This algorithm cannot be imported: only sha1, sha256 and "
		    "sha512.");
}

/* Under which of its three headings the secrets are. */
static enum stock_column secret_column(const struct stock_csv_reader *reader)
{
	if (reader->cells[STOCK_COLUMN_HEX].column != 0)
		return STOCK_COLUMN_HEX;
	return reader->cells[STOCK_COLUMN_BASE32].column != 0
		   ? STOCK_COLUMN_BASE32
		   : STOCK_COLUMN_SECRET;
}

static void take_row(struct stock_csv_reader *reader, struct stock_row *row)
{
	const struct stock_cell *serial = cell_of(reader, STOCK_COLUMN_SERIAL);
	int64_t digits = 6, period_s = 30;

	row->line = reader->row;
	row->serial_column =
	    (uint16_t)reader->cells[STOCK_COLUMN_SERIAL].column;
	row->secret_column =
	    (uint16_t)reader->cells[secret_column(reader)].column;
	if (serial)
		stock_cell_copy(row->serial, sizeof(row->serial), serial->text,
		    serial->length);
	if (serial && serial->length >= sizeof(row->serial))
		stock_csv_complain_cell(reader, STOCK_COLUMN_SERIAL,
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
    struct stock_csv_reader *reader, const char *place, const char *text)
{
	enum stock_column column = stock_column_find(place, NULL);

	if (column == STOCK_COLUMN_SECRET)
		column = secret_column(reader);
	stock_csv_complain_cell(reader, column, text);
}

void stock_csv_end_token(struct stock_csv_reader *reader)
{
	struct stock_row row = {0};
	const char *fault, *place = NULL;

	if (reader->cell != reader->heading_count) {
		stock_csv_complain(reader, 0, "",
		    "There are %zu cells here, but %zu headings.", reader->cell,
		    reader->heading_count);
		return;
	}
	take_row(reader, &row);
	fault = reader->row_is_bad ? NULL : stock_row_fault(&row, &place);
	if (fault)
		complain_place(reader, place, fault);
	if (!reader->row_is_bad && ++reader->report->rows > STOCK_ROWS_MAX) {
		stock_csv_complain(reader, 0, "",
		    "There are more than 250000 tokens. Split the file.");
		reader->err = ERR_INVALID;
	}
	if (!reader->row_is_bad) {
		reader->report->in_clear++;
		reader->err = reader->sink->row(reader->sink->context, &row);
	}
	secret_wipe(&row.seed);
}
