/* SPDX-License-Identifier: Apache-2.0 */
/* What stock_csv.c gathers and stock_csv_row.c makes a token of. */
#ifndef SEKIMORI_CTL_STOCK_CSV_PRIVATE_H
#define SEKIMORI_CTL_STOCK_CSV_PRIVATE_H

#include <csv.h>

#include "server/ctl/stock_csv.h"

enum {
	STOCK_CELLS_MAX = 64,
	STOCK_CELL_BYTES_MAX = 256,
};

enum stock_form {
	STOCK_FORM_UNKNOWN,
	STOCK_FORM_HEX,
	STOCK_FORM_BASE32,
};

struct stock_cell {
	size_t column; /* from 1; 0: there is no such column */
	size_t length;
	char heading[STOCK_PLACE_SIZE];
	char text[STOCK_CELL_BYTES_MAX + 1];
};

struct stock_csv_reader {
	struct csv_parser parser;
	const struct stock_headings *extra;
	const struct stock_sink *sink;
	struct stock_report *report;
	enum stock_column meaning[STOCK_CELLS_MAX];
	struct stock_cell cells[STOCK_COLUMN_COUNT]; /* of this row */
	size_t heading_count, cell; /* cells of this row so far */
	uint64_t line, row;         /* row: the line on which it begins */
	bool fresh, has_text, headed, row_is_bad;
	size_t cell_bytes;    /* of a cell, quoted or not */
	enum stock_form form; /* of all secrets so far */
	size_t problems;
	enum err err;
};

/* About a cell of this row, or (0) about the row. */
void stock_csv_complain(struct stock_csv_reader *reader, size_t column,
    const char *heading, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void stock_csv_complain_cell(struct stock_csv_reader *reader,
    enum stock_column column, const char *text);

/* As much as fits. */
void stock_cell_copy(char *out, size_t size, const char *text, size_t length);

/* The cells of a row that is whole; a token or problems go to the sink. */
void stock_csv_end_token(struct stock_csv_reader *reader);

#endif
