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

static bool make_date(int year, int month, int day, int *out)
{
	if (year < YEAR_FIRST || year > YEAR_LAST || month < 1 || month > 12 ||
	    day < 1 || day > month_length(year, month))
		return false;
	*out = policy_date(year, month, day);
	return true;
}

/* One or two digits up to an end, which is passed. */
static bool take_number(const char **at, size_t *left, char end, int *out)
{
	const char *stop = memchr(*at, end, *left);
	size_t length = stop ? (size_t)(stop - *at) : *left;

	if ((end && !stop) || length < 1 || length > 2 ||
	    !read_number(*at, length, out))
		return false;
	length += stop != NULL;
	*at += length;
	*left -= length;
	return true;
}

/* Reiwa 1 is 2019, from 1 May on. */
static bool read_reiwa(const char *text, size_t length, int *out)
{
	int year, month, day, date;

	if (!take_number(&text, &length, '.', &year) || year < 1 ||
	    !take_number(&text, &length, '.', &month) ||
	    !take_number(&text, &length, '\0', &day) || length > 0 ||
	    !make_date(2018 + year, month, day, &date) ||
	    date < policy_date(2019, 5, 1))
		return false;
	*out = date;
	return true;
}

bool policy_date_read(const char *text, size_t length, int *out)
{
	int year, month, day;

	if (length > 0 && (text[0] == 'R' || text[0] == 'r'))
		return read_reiwa(text + 1, length - 1, out);
	return length == POLICY_DATE_SIZE - 1 && text[4] == '-' &&
	       text[7] == '-' && read_number(text, 4, &year) &&
	       read_number(text + 5, 2, &month) &&
	       read_number(text + 8, 2, &day) &&
	       make_date(year, month, day, out);
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
