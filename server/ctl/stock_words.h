/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words of vendors' CSV files: headings, and what stands in the cells of
 * type and algorithm. Tables, and a file with other headings.
 */
#ifndef SEKIMORI_CTL_STOCK_WORDS_H
#define SEKIMORI_CTL_STOCK_WORDS_H

#include "server/ctl/stock.h"
#include "shared/config.h"

enum stock_column {
	STOCK_COLUMN_NONE = -1,
	STOCK_COLUMN_SERIAL,
	STOCK_COLUMN_SECRET, /* hexadecimal or base32, the same in all rows */
	STOCK_COLUMN_HEX,
	STOCK_COLUMN_BASE32,
	STOCK_COLUMN_TYPE,
	STOCK_COLUMN_ALGORITHM,
	STOCK_COLUMN_DIGITS,
	STOCK_COLUMN_PERIOD,
	STOCK_COLUMN_COUNTER,
	STOCK_COLUMN_COUNT,
};

/* A vendor's own words for the columns. */
struct stock_headings {
	struct config_list lists[STOCK_COLUMN_COUNT];
};

/* Reads `[columns]` with `serial = Token-ID`, and so on. */
enum err stock_headings_read(const char *path, struct stock_headings *out,
    struct config_problem *problem);

/* STOCK_COLUMN_NONE: a word for nothing known. extra may be NULL. */
enum stock_column stock_column_find(
    const char *heading, const struct stock_headings *extra);

/* ERR_INVALID for words that are none of these. */
enum err stock_type_find(const char *word, enum stock_type *out);
enum err stock_algorithm_find(const char *word, enum stock_algorithm *out);

#endif
