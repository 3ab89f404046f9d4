/* SPDX-License-Identifier: Apache-2.0 */
/* core/policy_hours.c: what is read, and when it holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "server/core/policy_hours.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum {
	SUN,
	MON,
	TUE,
	WED,
	THU,
	FRI,
	SAT
};

static void test_days_read(void **state)
{
	static const struct {
		const char *list;
		unsigned days; /* 0: refused */
	} rows[] = {
	    {"mon", 1u << MON},
	    {"sun,sat", 1u << SUN | 1u << SAT},
	    {"mon,mon", 1u << MON},
	    {"", 0},
	    {"Mon", 0},
	    {"mo", 0},
	    {"mond", 0},
	    {"mon-fri", 0},
	    {"mon tue", 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct policy_hours hours = {0};

		if (policy_hours_read_days(rows[i].list, &hours) !=
			(rows[i].days != 0) ||
		    hours.days != rows[i].days)
			fail_msg("row %zu", i);
	}
}

static void test_spans_read(void **state)
{
	static const struct {
		const char *list;
		size_t count; /* 0: refused */
	} rows[] = {
	    {"08:30-17:15", 1},
	    {"08:30-12:00,13:00-17:15", 2},
	    {"22:00-05:00", 1},
	    {"00:00-24:00", 1},
	    {"22:00-00:00", 1},
	    {"", 0},
	    {"08:30", 0},
	    {"8:30-17:15", 0},
	    {"08:30-17:1", 0},
	    {"08:30-17:155", 0},
	    {"08:60-17:15", 0},
	    {"08:30-24:01", 0},
	    {"24:00-05:00", 0},
	    {"25:00-05:00", 0},
	    {"08:30-08:30", 0},
	    {"08.30-17.15", 0},
	    {"08:30~17:15", 0},
	    {"-8:30-17:15", 0},
	    {"01:00-02:00,01:00-02:00,01:00-02:00,01:00-02:00,01:00-02:00,"
	     "01:00-02:00,01:00-02:00,01:00-02:00",
		8},
	    {"01:00-02:00,01:00-02:00,01:00-02:00,01:00-02:00,01:00-02:00,"
	     "01:00-02:00,01:00-02:00,01:00-02:00,01:00-02:00",
		0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct policy_hours hours = {0};

		if (policy_hours_read_spans(rows[i].list, &hours) !=
			(rows[i].count != 0) ||
		    hours.count != rows[i].count)
			fail_msg("row %zu", i);
	}
}

static bool holds(const char *days, const char *spans, int day, int minute)
{
	const struct policy_moment now = {day, minute, 0};
	static const struct policy_holidays none;
	struct policy_hours hours = {0};

	if (days)
		assert_true(policy_hours_read_days(days, &hours));
	if (spans)
		assert_true(policy_hours_read_spans(spans, &hours));
	return policy_hours_hold(&hours, &now, &none);
}

static void test_holds(void **state)
{
	(void)state;
	for (int day = SUN; day <= SAT; day++) {
		assert_true(holds(NULL, NULL, day, 0));
		assert_true(holds(NULL, "00:00-24:00", day, 1439));
		assert_int_equal(
		    holds("mon,thu", NULL, day, 600), day == MON || day == THU);
	}
	assert_false(holds("mon", "08:30-12:00,13:00-17:15", MON, 12 * 60));
	assert_true(holds("mon", "08:30-12:00,13:00-17:15", MON, 13 * 60));
	assert_false(holds("mon", "08:30-12:00,13:00-17:15", TUE, 13 * 60));
}

/* They belong to the day on which they begin, over the week's end too. */
static void test_over_midnight(void **state)
{
	static const char night[] = "22:00-05:00";

	(void)state;
	assert_false(holds("sat", night, SAT, 22 * 60 - 1));
	assert_true(holds("sat", night, SAT, 22 * 60));
	assert_true(holds("sat", night, SUN, 0));
	assert_true(holds("sat", night, SUN, 5 * 60 - 1));
	assert_false(holds("sat", night, SUN, 5 * 60));
	assert_false(holds("sat", night, SUN, 22 * 60));
	assert_false(holds("sat", night, SAT, 60));
	assert_true(holds("sat", "22:00-00:00", SAT, 1439));
	assert_false(holds("sat", "22:00-00:00", SUN, 0));
	assert_true(holds(NULL, night, WED, 60));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_days_read),
	    cmocka_unit_test(test_spans_read),
	    cmocka_unit_test(test_holds),
	    cmocka_unit_test(test_over_midnight),
	};

	return cmocka_run_group_tests_name("policy_hours", tests, NULL, NULL);
}
