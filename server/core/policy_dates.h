/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Days of the calendar as numbers, and which of them are holidays. No clock
 * and no zone: which day it is, is told by the caller. Pure.
 */
#ifndef SEKIMORI_POLICY_DATES_H
#define SEKIMORI_POLICY_DATES_H

#include <stdbool.h>
#include <stddef.h>

enum {
	POLICY_HOLIDAYS_MAX = 400,
	POLICY_DATE_SIZE = sizeof("2026-04-30"),
};

/* Days since 1 January 1970. */
int policy_date(int year, int month, int day);
/* From 2026-04-30 or R8.4.30; false when that is no day of 1970 to 2199. */
bool policy_date_read(const char *text, size_t length, int *out);
/* Back to 2026-04-30; "" for a day that policy_date_read does not know. */
void policy_date_text(int date, char out[POLICY_DATE_SIZE]);

struct policy_holidays {
	size_t count;
	int dates[POLICY_HOLIDAYS_MAX];
};

/* Adds those of a list separated by commas; false when that is no such list,
 * or too many. */
bool policy_holidays_read(const char *list, struct policy_holidays *holidays);
bool policy_is_holiday(const struct policy_holidays *holidays, int date);

#endif
