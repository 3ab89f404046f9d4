/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dates and times as town halls type them: ISO 8601 (2026-03-31,
 * 2026-03-31T17:15, with seconds, Z or +09:00 if wanted), the Reiwa era
 * (R8.3.31, 令和8年3月31日, 令和元年) and a bare time of today (17:15).
 * Without a zone they are in the process's (TZ, set once at start). `now` is
 * an argument.
 */
#ifndef SEKIMORI_TIME_TEXT_H
#define SEKIMORI_TIME_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "server/core/policy_hours.h"
#include "shared/err.h"

/* Which end of a day a date without a time means. */
enum time_text_edge {
	TIME_TEXT_BEGINNING, /* --from: the day's first second */
	TIME_TEXT_END,       /* --until: the next day's, being exclusive */
};

/* What may be typed, for a sentence that refuses something else. */
#define TIME_TEXT_FORMS                                                        \
	"2026-03-31, 2026-03-31T17:15, 17:15, R8.3.31 or 令和8年3月31日"

/* ERR_INVALID: not such a text, or no such day, or outside 1970 to 2199. */
enum err time_text_read(
    const char *text, enum time_text_edge edge, int64_t now_s, int64_t *out);

/* Today at a time of day, in the process's zone. */
enum err time_text_today(int64_t now_s, int hour, int minute, int64_t *out);

/* The end of the Japanese fiscal year that a time is in, exclusive: the first
 * second of the next 1 April in the process's zone. */
enum err time_text_fiscal_end(int64_t when_s, int64_t *out);

/* A fiscal year, R7, 令和7年度 or 2025: its first second, and the first one
 * after it. ERR_INVALID. */
enum err time_text_fiscal_year(
    const char *text, int64_t *out_from, int64_t *out_to);

/* Day of the week, minute and day of the calendar, in the process's zone.
 * False when it has no such day. */
bool time_text_moment(int64_t now_s, struct policy_moment *out);

#endif
