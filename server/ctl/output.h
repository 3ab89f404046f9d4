/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people see: tables (libsmartcols, included in output.c only), times in
 * the server's zone, and every text escaped, because names come from others
 * and a terminal obeys control characters. Must not know what a command is.
 */
#ifndef SEKIMORI_CTL_OUTPUT_H
#define SEKIMORI_CTL_OUTPUT_H

#include <stdio.h>

#include "shared/json.h"

enum output_kind {
	OUTPUT_TEXT,
	OUTPUT_NUMBER,
	OUTPUT_TIME, /* unix seconds (0 is never) or RFC 3339 */
	OUTPUT_END,  /* the same, exclusive: midnight is the day before */
	OUTPUT_YES,  /* true: "yes", false: nothing */
};

struct output_column {
	const char *heading; /* NULL ends a list of columns */
	const char *member;
	enum output_kind kind;
};

enum {
	OUTPUT_CELL_SIZE = 512,
	OUTPUT_COLUMNS_MAX = 20
};

/* Before anything else: a locale in which Japanese names can be shown. */
void output_open(void);

/* Takes the zone of times from an answer's member "zone", if it has one. */
void output_set_zone(json_t *answer);

/* One member as text for a person. */
void output_cell(json_t *object, const struct output_column *column,
    char out[OUTPUT_CELL_SIZE]);

/* items as a table with headings, without columns that nobody has anything
 * in; an empty list says so. */
void output_table(FILE *to, json_t *items, const struct output_column *columns);
/* One object as two columns: headings and values. */
void output_object(
    FILE *to, json_t *object, const struct output_column *columns);

/* The object as it is, for programs. */
void output_json(FILE *to, json_t *object);

/* A sentence with {} replaced by escaped text, and a line feed. */
void output_sentence(FILE *to, const char *sentence, const char *text);

#endif
