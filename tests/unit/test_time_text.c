/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dates and times as people type them, at their boundaries: ends of days,
 * months, leap years, eras; and what is no date.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "server/time_text.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* 2026-03-31 12:00:00 in Tokyo. */
static const int64_t NOON = 1774926000;

static int set_zone(void **state)
{
	(void)state;
	setenv("TZ", "Asia/Tokyo", 1);
	tzset();
	return 0;
}

static void test_forms(void **state)
{
	static const struct {
		const char *text;
		enum time_text_edge edge;
		int64_t expected;
	} rows[] = {
	    /* 0 */
	    {"2026-03-31", TIME_TEXT_BEGINNING, 1774882800},
	    {"2026-03-31", TIME_TEXT_END, 1774882800 + 86400},
	    {"2025-12-31", TIME_TEXT_END, 1767193200},
	    {"2024-02-29", TIME_TEXT_END, 1709218800},
	    {"2026-03-31T17:15", TIME_TEXT_END, 1774944900},
	    /* 5 */
	    {"2026-03-31 17:15:30", TIME_TEXT_BEGINNING, 1774944930},
	    {"2026-03-31T08:15Z", TIME_TEXT_BEGINNING, 1774944900},
	    {"2026-03-31T17:15:00+09:00", TIME_TEXT_END, 1774944900},
	    {"2026-03-31T03:15-0500", TIME_TEXT_END, 1774944900},
	    {"17:15", TIME_TEXT_END, 1774944900},
	    /* 10 */
	    {"0:00", TIME_TEXT_BEGINNING, 1774882800},
	    {"23:59:59", TIME_TEXT_END, 1774882800 + 86399},
	    {"17時15分", TIME_TEXT_END, 1774944900},
	    {"R8.3.31", TIME_TEXT_BEGINNING, 1774882800},
	    {"r8.03.31", TIME_TEXT_END, 1774882800 + 86400},
	    /* 15 */
	    {"令和8年3月31日", TIME_TEXT_BEGINNING, 1774882800},
	    {"令和８年３月３１日", TIME_TEXT_BEGINNING, 1774882800},
	    {"令和8年3月31日 17時15分", TIME_TEXT_BEGINNING, 1774944900},
	    {"R8.3.31 17:15", TIME_TEXT_BEGINNING, 1774944900},
	    {"令和元年5月1日", TIME_TEXT_BEGINNING, 1556636400},
	    /* 20 */
	    {"R1.5.1", TIME_TEXT_BEGINNING, 1556636400},
	    {"1970-01-02", TIME_TEXT_BEGINNING, 54000},
	    {"2199-12-31", TIME_TEXT_END, 7258086000},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		int64_t got = -1;
		enum err err =
		    time_text_read(rows[i].text, rows[i].edge, NOON, &got);

		if (err || got != rows[i].expected)
			fail_msg("row %zu: %s is %lld", i, rows[i].text,
			    (long long)got);
	}
}

static void test_what_is_no_date(void **state)
{
	static const char *const rows[] = {
	    "",
	    "2026",
	    "2026-3-31",
	    "2026-02-29",
	    "2026-13-01",
	    "2026-00-10",
	    "2026-04-31",
	    "2026-04-00",
	    "1969-12-31",
	    "2200-01-01",
	    "2026-03-31x",
	    "2026-03-31T",
	    "2026-03-31T24:00",
	    "2026-03-31T17:60",
	    "2026-03-31T17:1",
	    "2026-03-31T17:15:60",
	    "2026-03-31T17:15+9",
	    "2026-03-31T17:15+15:00",
	    "2026-03-31T17:15Z ",
	    "2026-03-31Z",
	    "R1.4.30",
	    "R0.5.1",
	    "R8.2.29",
	    "R100.1.1",
	    "R8.3",
	    "R8-3-31",
	    "令和8年3月31",
	    "令和年3月31日",
	    "平成31年4月30日",
	    "tomorrow",
	    "17",
	    "25:00",
	    "17時",
	    " 2026-03-31",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		int64_t got = -7;

		if (time_text_read(rows[i], TIME_TEXT_END, NOON, &got) !=
			ERR_INVALID ||
		    got != -7)
			fail_msg("row %zu: %s was taken", i, rows[i]);
	}
}

static void test_zone_of_the_process(void **state)
{
	int64_t begin = 0, end = 0;

	(void)state;
	setenv("TZ", "Europe/Berlin", 1);
	tzset();
	/* The day summer time begins has 23 hours. */
	assert_int_equal(
	    time_text_read("2026-03-29", TIME_TEXT_BEGINNING, NOON, &begin),
	    ERR_NONE);
	assert_int_equal(
	    time_text_read("2026-03-29", TIME_TEXT_END, NOON, &end), ERR_NONE);
	set_zone(NULL);
	assert_int_equal(end - begin, 23 * 3600);
}

static void test_today(void **state)
{
	int64_t got = 0;

	(void)state;
	assert_int_equal(time_text_today(NOON, 17, 15, &got), ERR_NONE);
	assert_int_equal(got, 1774944900);
	/* 23:30 in Tokyo is another day in Greenwich. */
	assert_int_equal(
	    time_text_today(1774882800 + 84600, 17, 15, &got), ERR_NONE);
	assert_int_equal(got, 1774944900);
}

static void test_fiscal_end(void **state)
{
	static const struct {
		const char *when, *end;
	} rows[] = {
	    {"2026-03-31T23:59:59", "2026-04-01"},
	    {"2026-04-01T00:00:00", "2027-04-01"},
	    {"2026-12-31T12:00", "2027-04-01"},
	    {"2027-01-01T00:00", "2027-04-01"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t when = 0, end = 0, got = 1;

		assert_int_equal(time_text_read(rows[i].when,
				     TIME_TEXT_BEGINNING, NOON, &when),
		    ERR_NONE);
		assert_int_equal(time_text_read(rows[i].end,
				     TIME_TEXT_BEGINNING, NOON, &end),
		    ERR_NONE);
		assert_int_equal(time_text_fiscal_end(when, &got), ERR_NONE);
		if (got != end)
			fail_msg("row %zu", i);
	}
}

static void test_fiscal_year(void **state)
{
	static const char *const same[] = {
	    "R7", "r7", "令和7", "令和７年度", "令和7年", "2025", "2025年度"};
	static const char *const wrong[] = {"", "R", "R0", "7", "令和", "H30",
	    "R7.4.1", "2025年度分", "20255", "R7度", "1969"};
	int64_t from, to, begin, end;

	(void)state;
	assert_int_equal(
	    time_text_read("2025-04-01", TIME_TEXT_BEGINNING, NOON, &begin),
	    ERR_NONE);
	assert_int_equal(
	    time_text_read("2026-03-31", TIME_TEXT_END, NOON, &end), ERR_NONE);
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		assert_int_equal(
		    time_text_fiscal_year(same[i], &from, &to), ERR_NONE);
		if (from != begin || to != end)
			fail_msg("%s", same[i]);
	}
	assert_int_equal(
	    time_text_fiscal_year("令和元年度", &from, &to), ERR_NONE);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (time_text_fiscal_year(wrong[i], &from, &to) != ERR_INVALID)
			fail_msg("%s", wrong[i]);
}

static void test_of_week(void **state)
{
	struct policy_moment at = {-1, -1, -1};

	(void)state;
	/* Thursday 1 January 1970, 9 o'clock in Japan. */
	assert_true(time_text_moment(0, &at));
	assert_int_equal(at.day, 4);
	assert_int_equal(at.minute, 9 * 60);
	assert_int_equal(at.date, 0);
	assert_true(time_text_moment(15 * 3600 - 1, &at));
	assert_int_equal(at.day, 4);
	assert_int_equal(at.minute, 1439);
	assert_int_equal(at.date, 0);
	assert_true(time_text_moment(15 * 3600, &at));
	assert_int_equal(at.day, 5);
	assert_int_equal(at.minute, 0);
	assert_int_equal(at.date, 1);
	assert_false(time_text_moment(INT64_MAX, &at));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_forms),
	    cmocka_unit_test(test_what_is_no_date),
	    cmocka_unit_test(test_zone_of_the_process),
	    cmocka_unit_test(test_today),
	    cmocka_unit_test(test_fiscal_end),
	    cmocka_unit_test(test_of_week),
	    cmocka_unit_test(test_fiscal_year),
	};

	return cmocka_run_group_tests_name("time_text", tests, set_zone, NULL);
}
