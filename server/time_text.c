/* SPDX-License-Identifier: Apache-2.0 */
#include "server/time_text.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

enum {
	YEAR_MIN = 1970,
	YEAR_MAX = 2199,
	REIWA_ZERO = 2018
};

/* Reiwa began on 1 May 2019. */
static const int REIWA_BEGIN = 20190501;

/* One digit, half or full width (U+FF10 to U+FF19); -1: none here. */
static int take_digit(const char **at)
{
	const unsigned char *bytes = (const unsigned char *)*at;

	if (bytes[0] >= '0' && bytes[0] <= '9') {
		*at += 1;
		return bytes[0] - '0';
	}
	if (bytes[0] == 0xef && bytes[1] == 0xbc && bytes[2] >= 0x90 &&
	    bytes[2] <= 0x99) {
		*at += 3;
		return bytes[2] - 0x90;
	}
	return -1;
}

/* A number of minimum to maximum digits. */
static bool take_number(const char **at, int minimum, int maximum, int *out)
{
	int number = 0, count = 0;

	while (count < maximum) {
		int digit = take_digit(at);

		if (digit < 0)
			break;
		number = number * 10 + digit;
		count++;
	}
	*out = number;
	return count >= minimum;
}

static bool take(const char **at, const char *text)
{
	size_t length = strlen(text);

	if (strncmp(*at, text, length) != 0)
		return false;
	*at += length;
	return true;
}

static bool is_day(const struct tm *parts)
{
	static const int days[] = {
	    31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int year = parts->tm_year + 1900;
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	if (year < YEAR_MIN || year > YEAR_MAX || parts->tm_mon < 0 ||
	    parts->tm_mon > 11)
		return false;
	return parts->tm_mday >= 1 &&
	       parts->tm_mday <=
		   days[parts->tm_mon] + (leap && parts->tm_mon == 1 ? 1 : 0);
}

static bool set_day(struct tm *parts, int year, int month, int day)
{
	parts->tm_year = year - 1900;
	parts->tm_mon = month - 1;
	parts->tm_mday = day;
	return is_day(parts);
}

static bool take_iso_day(const char **at, struct tm *parts)
{
	int year, month, day;

	return take_number(at, 4, 4, &year) && take(at, "-") &&
	       take_number(at, 2, 2, &month) && take(at, "-") &&
	       take_number(at, 2, 2, &day) && set_day(parts, year, month, day);
}

static bool take_reiwa_day(const char **at, struct tm *parts)
{
	int year, month, day;

	if (take(at, "R") || take(at, "r")) {
		if (!take_number(at, 1, 2, &year) || !take(at, ".") ||
		    !take_number(at, 1, 2, &month) || !take(at, ".") ||
		    !take_number(at, 1, 2, &day))
			return false;
	} else {
		if (!take(at, "令和"))
			return false;
		if (take(at, "元"))
			year = 1;
		else if (!take_number(at, 1, 2, &year))
			return false;
		if (!take(at, "年") || !take_number(at, 1, 2, &month) ||
		    !take(at, "月") || !take_number(at, 1, 2, &day) ||
		    !take(at, "日"))
			return false;
	}
	year += REIWA_ZERO;
	return year * 10000 + month * 100 + day >= REIWA_BEGIN &&
	       set_day(parts, year, month, day);
}

/* 17:15, 17:15:30, 17時15分. */
static bool take_time(const char **at, struct tm *parts)
{
	bool japanese;

	if (!take_number(at, 1, 2, &parts->tm_hour))
		return false;
	japanese = take(at, "時");
	if (!japanese && !take(at, ":"))
		return false;
	if (!take_number(at, japanese ? 1 : 2, 2, &parts->tm_min))
		return false;
	if (japanese && !take(at, "分"))
		return false;
	if (!japanese && take(at, ":") &&
	    !take_number(at, 2, 2, &parts->tm_sec))
		return false;
	return parts->tm_hour < 24 && parts->tm_min < 60 && parts->tm_sec < 60;
}

/* Z or +09:00; *out_seconds east of Greenwich. */
static bool take_zone(const char **at, int *out_seconds)
{
	int sign, hours, minutes;

	*out_seconds = 0;
	if (take(at, "Z"))
		return true;
	if (take(at, "+"))
		sign = 1;
	else if (take(at, "-"))
		sign = -1;
	else
		return false;
	if (!take_number(at, 2, 2, &hours))
		return false;
	take(at, ":");
	if (!take_number(at, 2, 2, &minutes) || hours > 14 || minutes > 59)
		return false;
	*out_seconds = sign * (hours * 3600 + minutes * 60);
	return true;
}

/* The parts as a time of the process's zone; a nonexistent one (summer
 * time) is moved on by libc. */
static enum err to_local(struct tm *parts, int64_t *out)
{
	time_t when;

	parts->tm_isdst = -1;
	parts->tm_wday = -1;
	when = mktime(parts);
	if (when == (time_t)-1 && parts->tm_wday == -1)
		return ERR_INVALID;
	*out = when;
	return ERR_NONE;
}

/* A date alone: the beginning of it or of the day after. */
static enum err whole_day(
    struct tm *parts, enum time_text_edge edge, int64_t *out)
{
	if (edge == TIME_TEXT_END)
		parts->tm_mday++;
	return to_local(parts, out);
}

static bool set_today(int64_t now_s, struct tm *parts)
{
	time_t now = (time_t)now_s;
	struct tm today;

	if (!localtime_r(&now, &today))
		return false;
	parts->tm_year = today.tm_year;
	parts->tm_mon = today.tm_mon;
	parts->tm_mday = today.tm_mday;
	return true;
}

bool time_text_moment(int64_t now_s, struct policy_moment *out)
{
	time_t now = (time_t)now_s;
	struct tm today;

	if (!localtime_r(&now, &today))
		return false;
	out->day = today.tm_wday;
	out->minute = today.tm_hour * 60 + today.tm_min;
	out->date =
	    policy_date(today.tm_year + 1900, today.tm_mon + 1, today.tm_mday);
	return true;
}

static bool take_day(const char **at, struct tm *parts)
{
	const char *start = *at;

	if (take_iso_day(at, parts))
		return true;
	*at = start;
	return take_reiwa_day(at, parts);
}

enum err time_text_read(
    const char *text, enum time_text_edge edge, int64_t now_s, int64_t *out)
{
	const char *at = text;
	struct tm parts = {0};
	int east;

	if (take_day(&at, &parts)) {
		if (*at == '\0')
			return whole_day(&parts, edge, out);
		if (!take(&at, "T") && !take(&at, " "))
			return ERR_INVALID;
	} else {
		at = text;
		parts = (struct tm){0};
		if (!set_today(now_s, &parts))
			return ERR_INVALID;
	}
	if (!take_time(&at, &parts))
		return ERR_INVALID;
	if (*at == '\0')
		return to_local(&parts, out);
	if (!take_zone(&at, &east) || *at != '\0')
		return ERR_INVALID;
	*out = (int64_t)timegm(&parts) - east;
	return ERR_NONE;
}

enum err time_text_today(int64_t now_s, int hour, int minute, int64_t *out)
{
	struct tm parts = {.tm_hour = hour, .tm_min = minute};

	return set_today(now_s, &parts) ? to_local(&parts, out) : ERR_INVALID;
}

enum err time_text_fiscal_end(int64_t when_s, int64_t *out)
{
	enum {
		APRIL = 3
	};
	struct tm parts = {.tm_mon = APRIL, .tm_mday = 1}, day;
	time_t when = (time_t)when_s;

	if (!localtime_r(&when, &day))
		return ERR_INVALID;
	parts.tm_year = day.tm_year + (day.tm_mon >= APRIL);
	return to_local(&parts, out);
}

/* R7, 令和7, 令和元 or 2025, with 年 or 年度 behind it or not. */
static bool take_fiscal_year(const char *at, int *out_year)
{
	bool reiwa = take(&at, "R") || take(&at, "r") || take(&at, "令和");

	if (reiwa && take(&at, "元"))
		*out_year = 1;
	else if (!take_number(&at, reiwa ? 1 : 4, reiwa ? 2 : 4, out_year))
		return false;
	if (reiwa && *out_year == 0)
		return false;
	if (reiwa)
		*out_year += REIWA_ZERO;
	if (take(&at, "年"))
		take(&at, "度");
	return *at == '\0';
}

enum err time_text_fiscal_year(
    const char *text, int64_t *out_from, int64_t *out_to)
{
	struct tm from = {0}, to = {0};
	int year;

	if (!take_fiscal_year(text, &year) || !set_day(&from, year, 4, 1) ||
	    !set_day(&to, year + 1, 4, 1))
		return ERR_INVALID;
	return to_local(&from, out_from) || to_local(&to, out_to) ? ERR_INVALID
								  : ERR_NONE;
}
