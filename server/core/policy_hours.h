/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a rule holds: days of the week, holidays, hours of the day. Which day
 * and minute it is, in the server's zone, is told by the caller; this file
 * knows no clock and no zone. Pure.
 */
#ifndef SEKIMORI_POLICY_HOURS_H
#define SEKIMORI_POLICY_HOURS_H

#include <stdbool.h>
#include <stddef.h>

#include "server/core/policy_dates.h"

enum {
	POLICY_SPANS_MAX = 8,
};

/* Of local time. */
struct policy_moment {
	int day;    /* of the week, 0 is Sunday */
	int minute; /* of the day, 0 to 1439 */
	int date;   /* the day itself, policy_date() */
};

/* All zero: always. */
struct policy_hours {
	unsigned days; /* bit 1 << day, and 7, 8: see policy_hours.c; 0: every
			  day */
	size_t count;  /* 0: all day */
	struct policy_span {
		int from, to; /* minutes of the day, to is exclusive; over
				 midnight when not above from */
	} spans[POLICY_SPANS_MAX];
};

/* From `mon,tue`, `workday` or `holiday`: false when that is no list of
 * days. */
bool policy_hours_read_days(const char *list, struct policy_hours *hours);
/* From `08:30-12:00,13:00-17:15`: false when that is no list of hours, or too
 * long a one. 24:00 is an end. */
bool policy_hours_read_spans(const char *list, struct policy_hours *hours);

/* Hours over midnight belong to the day on which they begin. */
bool policy_hours_hold(const struct policy_hours *hours,
    const struct policy_moment *now, const struct policy_holidays *holidays);

#endif
