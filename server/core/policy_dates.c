/* SPDX-License-Identifier: Apache-2.0 */
#include "server/core/policy_dates.h"

#include <stdio.h>
#include <string.h>

enum {
	YEAR_FIRST = 1970,
	YEAR_LAST = 2199,
	DAYS_PER_ERA = 146097, /* 400 years */
};

/* Howard Hinnant's days_from_civil: years begin in March, so that a leap day
 * is a year's last. */
int policy_date(int year, int month, int day)
{
	int y = month <= 2 ? year - 1 : year;
	int of_era = y % 400;
	int of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return y / 400 * DAYS_PER_ERA + of_era * 365 + of_era / 4 -
	       of_era / 100 + of_year - 719468;
}

static int month_length(int year, int month)
{
	return policy_date(month == 12 ? year + 1 : year,
		   month == 12 ? 1 : month + 1, 1) -
	       policy_date(year, month, 1);
}

static bool read_number(const char *text, size_t length, int *out)
{
	*out = 0;
	for (size_t i = 0; i < length; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		*out = *out * 10 + text[i] - '0';
	}
	return true;
}

bool policy_date_read(const char *text, size_t length, int *out)
{
	int year, month, day;

	if (length != POLICY_DATE_SIZE - 1 || text[4] != '-' ||
	    text[7] != '-' || !read_number(text, 4, &year) ||
	    !read_number(text + 5, 2, &month) ||
	    !read_number(text + 8, 2, &day) || year < YEAR_FIRST ||
	    year > YEAR_LAST || month < 1 || month > 12 || day < 1 ||
	    day > month_length(year, month))
		return false;
	*out = policy_date(year, month, day);
	return true;
}

void policy_date_text(int date, char out[POLICY_DATE_SIZE])
{
	int year = YEAR_FIRST, month = 1, day;

	out[0] = '\0';
	if (date < 0 || date >= policy_date(YEAR_LAST + 1, 1, 1))
		return;
	while (policy_date(year + 1, 1, 1) <= date)
		year++;
	while (month < 12 && policy_date(year, month + 1, 1) <= date)
		month++;
	day = date - policy_date(year, month, 1) + 1;
	snprintf(out, POLICY_DATE_SIZE, "%04u-%02u-%02u",
	    (unsigned)year % 10000, (unsigned)month % 100, (unsigned)day % 100);
}

bool policy_holidays_read(const char *list, struct policy_holidays *holidays)
{
	while (*list) {
		size_t length = strcspn(list, ",");

		if (holidays->count == POLICY_HOLIDAYS_MAX ||
		    !policy_date_read(
			list, length, &holidays->dates[holidays->count]))
			return false;
		holidays->count++;
		list += length;
		list += *list == ',';
	}
	return true;
}

bool policy_is_holiday(const struct policy_holidays *holidays, int date)
{
	for (size_t i = 0; i < holidays->count; i++)
		if (holidays->dates[i] == date)
			return true;
	return false;
}
