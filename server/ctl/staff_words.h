/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words of staff lists: headings, kinds of staff, "leaves", and how
 * spreadsheets write dates. Tables, and a file of a town's own headings.
 */
#ifndef SEKIMORI_CTL_STAFF_WORDS_H
#define SEKIMORI_CTL_STAFF_WORDS_H

#include <stdbool.h>

#include "shared/config.h"
#include "shared/text.h"

enum staff_column {
	STAFF_NONE = -1,
	STAFF_ID,
	STAFF_LOGIN,
	STAFF_NAME,
	STAFF_DEPARTMENT,
	STAFF_ALSO, /* further departments */
	STAFF_KIND,
	STAFF_FROM,
	STAFF_UNTIL,
	STAFF_ATTENDANT,
	STAFF_DECISION,
	STAFF_LEAVING,
	STAFF_COLUMN_COUNT,
};

enum {
	STAFF_DATE_SIZE = 260
};

/* A town's own words for the columns. */
struct staff_headings {
	struct config_list lists[STAFF_COLUMN_COUNT];
};

/* Reads `[columns]` with `id = 社員番号`, and so on. */
enum err staff_headings_read(const char *path, struct staff_headings *out,
    struct config_problem *problem);

/* The member of the server's row that a column is. */
const char *staff_column_member(enum staff_column column);
/* STAFF_NONE: a word for nothing known. extra may be NULL. */
enum staff_column staff_column_find(
    const char *heading, const struct staff_headings *extra);

/* "regular", "fiscal-year", "contractor"; NULL: no such kind. */
const char *staff_kind_find(const char *word);
/* False: neither a yes nor a no. */
bool staff_leaving_read(const char *word, bool *out);
/* Blanks at both ends go, the wide one (U+3000) too. */
void staff_trim(const char **text, size_t *length);
/* Several names in one cell, however separated, become "A,B". */
void staff_names_write(const char *cell, char out[NAME_BYTES_MAX + 1]);
/* 2026/4/1 becomes 2026-04-01; all else stays for the server to read. */
void staff_date_write(const char *word, char out[STAFF_DATE_SIZE]);

#endif
