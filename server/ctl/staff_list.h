/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A staff list in CSV (RFC 4180), as UTF-8: a row of headings, then one row
 * a person. Headings are found by a table of Japanese and English words, to
 * which a file may add. Becomes the rows of the server's user/import; what is
 * wrong is told with row and column. libcsv is included in staff_list.c only.
 * Must not know who is registered.
 */
#ifndef SEKIMORI_CTL_STAFF_LIST_H
#define SEKIMORI_CTL_STAFF_LIST_H

#include "server/ctl/staff_words.h"
#include "shared/json.h"

enum {
	STAFF_LIST_ROWS_MAX = 5000, /* the server takes no more */
	STAFF_LIST_CELLS_MAX = 256, /* in one row */
};

struct staff_list {
	json_t *rows;     /* for the server */
	json_t *problems; /* [{"row","column","heading","text"}] */
	json_t *notes;    /* the same: what is unusual, but goes in */
	size_t columns[STAFF_COLUMN_COUNT]; /* from 1; 0: not there */
	char *headings[STAFF_COLUMN_COUNT];
};

/* ERR_INVALID if there are problems, ERR_MEMORY. extra may be NULL. The
 * caller frees with staff_list_free, also after failure. */
enum err staff_list_read(const char *utf8, size_t length,
    const struct staff_headings *extra, struct staff_list *out);
void staff_list_free(struct staff_list *list);

/* Adds column and heading to a problem that has "row" and "member", as the
 * server tells it. */
void staff_list_place(const struct staff_list *list, json_t *problem);

#endif
