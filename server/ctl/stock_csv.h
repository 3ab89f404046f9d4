/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A vendor's CSV file of tokens: RFC 4180, the first row are headings. Serial
 * number and secret must be there; type, algorithm, digits, period and counter
 * may be (TOTP, SHA-1, 6 digits, 30 seconds, 0). Keeps one row at a time.
 * Runs in the closed-off child only (stock_child.c).
 */
#ifndef SEKIMORI_CTL_STOCK_CSV_H
#define SEKIMORI_CTL_STOCK_CSV_H

#include "server/ctl/stock.h"
#include "server/ctl/stock_source.h"
#include "server/ctl/stock_text.h"
#include "server/ctl/stock_words.h"

/* extra may be NULL. Returns as stock_pskc_read(). */
enum err stock_csv_read(const struct stock_source *source,
    struct stock_text *text, const struct stock_headings *extra,
    const struct stock_sink *sink, struct stock_report *report);

#endif
