/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a staff list would do or has done, for people: row by row as a table,
 * and what is wrong with its place in the file.
 */
#ifndef SEKIMORI_CTL_STAFF_REPORT_H
#define SEKIMORI_CTL_STAFF_REPORT_H

#include "shared/json.h"

/* On stderr, FILE:ROW:COLUMN (heading): what; the first fifty. places is an
 * array of {"row","column","heading","text"}. */
void staff_report_places(const char *path, json_t *places);

/* On stdout, of the server's answer: whoever is new, moved, renamed, changed
 * or leaving, and the rows in conflict, in the order of the file; those who
 * are not on it come last. */
void staff_report_rows(json_t *answer);
/* How many of each. */
void staff_report_counts(json_t *answer);

#endif
