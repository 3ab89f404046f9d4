/* SPDX-License-Identifier: Apache-2.0 */
#include "server/core/policy_hours.h"

#include <string.h>

enum {
	DAYS = 7,
	HOLIDAY = DAYS, /* bits beyond those of the week */
	WORKDAY,
	DAY_WORDS,
	HOUR = 60,
	DAY = 24 * HOUR,
	SPAN_LENGTH = sizeof("08:30-17:15") - 1,
	TIME_LENGTH = sizeof("08:30") - 1,
};

static const char *const day_words[DAY_WORDS] = {"sun", "mon", "tue", "wed",
    "thu", "fri", "sat", [HOLIDAY] = "holiday", [WORKDAY] = "workday"};

/* The next item of a list, without its comma; false at the end. */
static bool next_item(const char **list, const char **out, size_t *out_length)
{
	if (**list == '\0')
		return false;
	*out = *list;
	*out_length = strcspn(*list, ",");
	*list += *out_length;
	*list += **list == ',';
	return true;
}

static bool read_day(const char *word, size_t length, unsigned *days)
{
	for (int day = 0; day < DAY_WORDS; day++) {
		if (length != strlen(day_words[day]) ||
		    memcmp(word, day_words[day], length) != 0)
			continue;
		*days |= 1u << day;
		return true;
	}
	return false;
}

bool policy_hours_read_days(const char *list, struct policy_hours *hours)
{
	unsigned days = 0;
	const char *word;
	size_t length;

	while (next_item(&list, &word, &length))
		if (!read_day(word, length, &days))
			return false;
	hours->days = days;
	return days != 0;
}

static bool read_two(const char *text, int *out)
{
	if (text[0] < '0' || text[0] > '9' || text[1] < '0' || text[1] > '9')
		return false;
	*out = (text[0] - '0') * 10 + text[1] - '0';
	return true;
}

/* HH:MM up to 24:00; there are as many bytes. */
static bool read_time(const char *text, int *out)
{
	int hour, minute;

	if (!read_two(text, &hour) || text[2] != ':' ||
	    !read_two(text + 3, &minute) || minute >= HOUR)
		return false;
	*out = hour * HOUR + minute;
	return *out <= DAY;
}

static bool read_span(const char *text, size_t length, struct policy_span *out)
{
	return length == SPAN_LENGTH && read_time(text, &out->from) &&
	       text[TIME_LENGTH] == '-' &&
	       read_time(text + TIME_LENGTH + 1, &out->to) && out->from < DAY &&
	       out->from != out->to;
}

bool policy_hours_read_spans(const char *list, struct policy_hours *hours)
{
	const char *word;
	size_t length, count = 0;

	while (next_item(&list, &word, &length)) {
		if (count == POLICY_SPANS_MAX ||
		    !read_span(word, length, &hours->spans[count]))
			return false;
		count++;
	}
	hours->count = count;
	return count != 0;
}

/* A workday is Monday to Friday but for holidays. */
static bool has_day(const struct policy_hours *hours, int day, int date,
    const struct policy_holidays *holidays)
{
	bool holiday = policy_is_holiday(holidays, date);
	unsigned is = 1u << day;

	if (holiday)
		is |= 1u << HOLIDAY;
	else if (day >= 1 && day <= 5)
		is |= 1u << WORKDAY;
	return hours->days == 0 || (hours->days & is) != 0;
}

static bool is_within(const struct policy_hours *hours,
    const struct policy_span *span, const struct policy_moment *now,
    const struct policy_holidays *holidays)
{
	bool today = has_day(hours, now->day, now->date, holidays);
	bool yesterday = has_day(
	    hours, (now->day + DAYS - 1) % DAYS, now->date - 1, holidays);

	if (span->from < span->to)
		return today && now->minute >= span->from &&
		       now->minute < span->to;
	return (today && now->minute >= span->from) ||
	       (yesterday && now->minute < span->to);
}

bool policy_hours_hold(const struct policy_hours *hours,
    const struct policy_moment *now, const struct policy_holidays *holidays)
{
	if (hours->count == 0)
		return has_day(hours, now->day, now->date, holidays);
	for (size_t i = 0; i < hours->count; i++)
		if (is_within(hours, &hours->spans[i], now, holidays))
			return true;
	return false;
}
