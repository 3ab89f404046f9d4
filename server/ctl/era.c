/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ctl/era.h"

#include <stdio.h>
#include <time.h>

/* 1 May 2019. */
static bool is_reiwa(const struct tm *day)
{
	int year = day->tm_year + 1900;

	return year > 2019 || (year == 2019 && day->tm_mon >= 4);
}

void era_day(int64_t unix_s, char out[ERA_DAY_SIZE])
{
	time_t when = (time_t)unix_s;
	struct tm day;
	int year;

	out[0] = '\0';
	if (unix_s == 0 || !localtime_r(&when, &day))
		return;
	year = day.tm_year + 1900;
	if (!is_reiwa(&day))
		snprintf(out, ERA_DAY_SIZE, "%d年%d月%d日", year,
		    day.tm_mon + 1, day.tm_mday);
	else if (year == 2019)
		snprintf(out, ERA_DAY_SIZE, "令和元年%d月%d日", day.tm_mon + 1,
		    day.tm_mday);
	else
		snprintf(out, ERA_DAY_SIZE, "令和%d年%d月%d日", year - 2018,
		    day.tm_mon + 1, day.tm_mday);
}

void era_last_day(int64_t until_s, char out[ERA_DAY_SIZE])
{
	era_day(until_s ? until_s - 1 : 0, out);
}
