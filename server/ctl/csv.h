/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CSV for spreadsheets (RFC 4180, UTF-8 with a byte order mark, CRLF). What a
 * spreadsheet would take for a formula gets an apostrophe in front, because
 * names come from others.
 */
#ifndef SEKIMORI_CTL_CSV_H
#define SEKIMORI_CTL_CSV_H

#include <stddef.h>
#include <stdio.h>

void csv_begin(FILE *to);
void csv_row(FILE *to, const char *const *cells, size_t count);

#endif
