/* SPDX-License-Identifier: Apache-2.0 */
/* core/clock.c: promise 7, at each of its boundaries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "server/core/clock.h"

enum {
	MARK_S = 1774915200,
	BOOT_S = 5000
};
#define DAY INT64_C(86400)

static const struct {
	const char *what;
	int64_t mark_s, wall_delta_s, boot_delta_s;
	bool same_boot, trusted;
	int64_t now_delta_s;
} rows[] = {
    {"no mark yet", 0, 0, 0, true, true, 0},
    {"same second", MARK_S, 0, 0, true, true, 0},
    {"a minute on", MARK_S, 60, 60, true, true, 60},
    {"five seconds back is the mark", MARK_S, -5, 1, true, true, 0},
    {"six seconds back", MARK_S, -6, 1, true, false, 0},
    {"ten minutes beyond the boot clock", MARK_S, 610, 10, true, true, 610},
    {"one second more", MARK_S, 611, 10, true, false, 0},
    {"a day asleep with the boot clock", MARK_S, DAY, DAY, true, true, DAY},
    {"thirty days across boots", MARK_S, 30 * DAY, -4000, false, true,
	30 * DAY},
    {"one second more across boots", MARK_S, 30 * DAY + 1, -4000, false, false,
	0},
    {"dead battery", MARK_S, 946684800 - MARK_S, -4000, false, false, 0},
    {"boot clock that ran back counts as another boot", MARK_S, DAY, -1, true,
	true, DAY},
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const int64_t base = rows[i].mark_s ? rows[i].mark_s : MARK_S;
		struct clock_reading mark = {rows[i].mark_s, BOOT_S, "boot-a"};
		struct clock_reading reading = {base + rows[i].wall_delta_s,
		    BOOT_S + rows[i].boot_delta_s, "boot-a"};
		struct clock_reading after = mark;
		struct clock_judgement judgement;

		if (!rows[i].same_boot)
			strcpy(reading.boot_id, "boot-b");
		judgement = clock_judge(&mark, &reading, &after);
		if (judgement.trusted != rows[i].trusted)
			fail_msg("row %zu: %s", i, rows[i].what);
		if (!judgement.trusted) {
			assert_memory_equal(&after, &mark, sizeof(mark));
			continue;
		}
		if (judgement.now_s != base + rows[i].now_delta_s ||
		    after.wall_s != judgement.now_s)
			fail_msg("row %zu: %s: now", i, rows[i].what);
	}
}

/* Small steps back must not add up to a large one forward. */
static void test_steps_back_do_not_widen(void **state)
{
	struct clock_reading mark = {MARK_S, BOOT_S, "boot-a"};

	(void)state;
	for (int64_t i = 1; i <= 100; i++) {
		struct clock_reading reading = {
		    MARK_S - 5, BOOT_S + i, "boot-a"};

		assert_true(clock_judge(&mark, &reading, &mark).trusted);
	}
	struct clock_reading far = {MARK_S + 701, BOOT_S + 100, "boot-a"};
	assert_false(clock_judge(&mark, &far, &mark).trusted);
	struct clock_reading near = {MARK_S + 700, BOOT_S + 100, "boot-a"};
	assert_true(clock_judge(&mark, &near, &mark).trusted);
}

static void test_nonsense_is_not_time(void **state)
{
	struct clock_reading mark = {0};
	struct clock_reading reading = {-1, 5, "boot-a"};

	(void)state;
	assert_false(clock_judge(&mark, &reading, &mark).trusted);
	assert_int_equal(mark.wall_s, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_steps_back_do_not_widen),
	    cmocka_unit_test(test_nonsense_is_not_time),
	};

	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
