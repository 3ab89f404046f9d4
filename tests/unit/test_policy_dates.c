/* SPDX-License-Identifier: Apache-2.0 */
/* core/policy_dates.c: days as numbers and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "server/core/policy_dates.h"

/* Every day of 230 years, against the C library. */
static void test_every_day(void **state)
{
	(void)state;
	for (int date = 0; date < policy_date(2200, 1, 1); date++) {
		time_t when = (time_t)date * 86400;
		char text[POLICY_DATE_SIZE], expected[POLICY_DATE_SIZE];
		struct tm parts;
		int again = -1;

		gmtime_r(&when, &parts);
		strftime(expected, sizeof(expected), "%Y-%m-%d", &parts);
		if (policy_date(parts.tm_year + 1900, parts.tm_mon + 1,
			parts.tm_mday) != date)
			fail_msg("%s", expected);
		policy_date_text(date, text);
		assert_string_equal(text, expected);
		assert_true(policy_date_read(text, strlen(text), &again));
		assert_int_equal(again, date);
	}
}

static void test_no_dates(void **state)
{
	static const char *const rows[] = {"", "2026-04-3", "2026-04-300",
	    "2026-4-30x", "2026-04-31", "2026-02-29", "2100-02-29",
	    "2026-13-01", "2026-00-10", "2026-01-00", "1969-12-31",
	    "2200-01-01", "20260430xx", "2026/04/30", "R8.4.30xxx", "R", "R8",
	    "R8.4", "R8.4.", "R0.4.30", "R8.4.31", "R1.4.30", "R8..30",
	    "R8.4.30.1", "R123.4.30", "R-8.4.30", "-026-04-30", "2026-+4-30"};
	char text[POLICY_DATE_SIZE];
	int date;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (policy_date_read(rows[i], strlen(rows[i]), &date))
			fail_msg("%s", rows[i]);
	assert_true(policy_date_read("2024-02-29", 10, &date));
	assert_true(policy_date_read("R8.4.30,x", 7, &date));
	assert_int_equal(date, policy_date(2026, 4, 30));
	assert_true(policy_date_read("r1.05.01", 8, &date));
	assert_int_equal(date, policy_date(2019, 5, 1));
	policy_date_text(-1, text);
	assert_string_equal(text, "");
	policy_date_text(policy_date(2200, 1, 1), text);
	assert_string_equal(text, "");
}

static void test_holidays(void **state)
{
	struct policy_holidays holidays = {0};

	(void)state;
	assert_true(policy_holidays_read("2026-05-04,2026-05-05", &holidays));
	assert_true(policy_holidays_read("2027-01-01", &holidays));
	assert_int_equal(holidays.count, 3);
	assert_true(policy_is_holiday(&holidays, policy_date(2026, 5, 5)));
	assert_true(policy_is_holiday(&holidays, policy_date(2027, 1, 1)));
	assert_false(policy_is_holiday(&holidays, policy_date(2026, 5, 6)));
	assert_false(policy_holidays_read("2026-05-04,tomorrow", &holidays));
	while (holidays.count < POLICY_HOLIDAYS_MAX)
		assert_true(policy_holidays_read("2026-05-04", &holidays));
	assert_false(policy_holidays_read("2026-05-04", &holidays));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_day),
	    cmocka_unit_test(test_no_dates),
	    cmocka_unit_test(test_holidays),
	};

	return cmocka_run_group_tests_name("policy_dates", tests, NULL, NULL);
}
