/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/pace.h"

enum {
	START_US = 5000000
};

static void test_sleeps_at_a_slow_pace(void **state)
{
	struct pace pace = {0};

	(void)state;
	for (int64_t i = 0; i < 100; i++)
		assert_false(
		    pace_stay_awake(&pace, true, START_US + i * PACE_BRISK_US));
}

static void test_sleeps_after_the_first(void **state)
{
	struct pace pace = {0};

	(void)state;
	/* Also right after the machine has started. */
	assert_false(pace_stay_awake(&pace, true, 10));
	assert_false(pace_stay_awake(&pace, false, 11));
}

static void test_is_awake_only_for_a_moment(void **state)
{
	struct pace pace = {0};
	int64_t now = START_US;

	(void)state;
	assert_false(pace_stay_awake(&pace, true, now));
	now += PACE_BRISK_US - 1;
	assert_true(pace_stay_awake(&pace, true, now));
	assert_true(pace_stay_awake(&pace, false, now + PACE_AWAKE_US - 1));
	assert_false(pace_stay_awake(&pace, false, now + PACE_AWAKE_US));
	/* Other events wake it, and it sleeps again. */
	assert_false(pace_stay_awake(&pace, false, now + 1));
	/* The pace itself is kept. */
	assert_true(pace_stay_awake(&pace, true, now + PACE_BRISK_US - 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_sleeps_at_a_slow_pace),
	    cmocka_unit_test(test_sleeps_after_the_first),
	    cmocka_unit_test(test_is_awake_only_for_a_moment),
	};

	return cmocka_run_group_tests_name("pace", tests, NULL, NULL);
}
