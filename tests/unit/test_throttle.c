/* SPDX-License-Identifier: Apache-2.0 */
/* core/throttle.c: promise 5. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "server/core/throttle.h"

static const struct throttle_limits limits = {5, 30, 3600, 50};

/* Fails n times, each at the first moment it is evaluated again. */
static struct throttle fail_often(
    struct throttle throttle, bool proven, int64_t n, int64_t *now_s)
{
	for (int64_t i = 0; i < n; i++) {
		int64_t retry_at = *now_s;

		throttle_check(&throttle, &limits, proven, *now_s, &retry_at);
		*now_s = retry_at;
		throttle = throttle_charge(&throttle, &limits, proven, *now_s);
	}
	return throttle;
}

static void test_waits_double_up_to_the_longest(void **state)
{
	static const int64_t waits[] = {
	    0, 0, 0, 0, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600};
	struct throttle throttle = {0};
	const int64_t now_s = 1000;

	(void)state;
	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		throttle = throttle_charge(&throttle, &limits, true, now_s);
		if (throttle.proven.wait_until !=
		    (waits[i] ? now_s + waits[i] : 0))
			fail_msg("after failure %zu", i + 1);
	}
}

static void test_exactly_one_attempt_after_a_wait(void **state)
{
	int64_t now_s = 1000, retry_at = 0;
	struct throttle throttle = {0};

	(void)state;
	throttle = fail_often(throttle, true, 5, &now_s);
	assert_int_equal(
	    throttle_check(&throttle, &limits, true, now_s + 29, &retry_at),
	    THROTTLE_WAITING);
	assert_int_equal(retry_at, now_s + 30);
	now_s += 30;
	assert_int_equal(
	    throttle_check(&throttle, &limits, true, now_s, &retry_at),
	    THROTTLE_OPEN);
	throttle = throttle_charge(&throttle, &limits, true, now_s);
	assert_int_equal(
	    throttle_check(&throttle, &limits, true, now_s, &retry_at),
	    THROTTLE_WAITING);
}

static void test_proven_failures_disable(void **state)
{
	int64_t now_s = 1000, retry_at = 0;
	struct throttle throttle = {0};

	(void)state;
	throttle = fail_often(throttle, true, 49, &now_s);
	assert_int_not_equal(
	    throttle_check(&throttle, &limits, true, now_s + 4000, &retry_at),
	    THROTTLE_DISABLED);
	throttle = fail_often(throttle, true, 1, &now_s);
	/* For everybody, and however long one waits. */
	assert_int_equal(
	    throttle_check(&throttle, &limits, true, now_s + 400000, &retry_at),
	    THROTTLE_DISABLED);
	assert_int_equal(throttle_check(&throttle, &limits, false,
			     now_s + 400000, &retry_at),
	    THROTTLE_DISABLED);
}

/* Nobody locks out a colleague from another desk. */
static void test_unproven_waits_are_the_terminals(void **state)
{
	int64_t now_s = 1000, retry_at = 0;
	struct throttle there = {0}, elsewhere;

	(void)state;
	there = fail_often(there, false, 5, &now_s);
	assert_int_equal(
	    throttle_check(&there, &limits, false, now_s, &retry_at),
	    THROTTLE_WAITING);
	assert_int_equal(
	    throttle_check(&there, &limits, true, now_s, &retry_at),
	    THROTTLE_OPEN);
	elsewhere = there;
	elsewhere.here = (struct throttle_count){0, 0};
	assert_int_equal(
	    throttle_check(&elsewhere, &limits, false, now_s, &retry_at),
	    THROTTLE_OPEN);
}

static void test_unproven_total_closes_unproven_only(void **state)
{
	int64_t retry_at = 0;
	struct throttle throttle = {.unproven_total = 50};

	(void)state;
	assert_int_equal(
	    throttle_check(&throttle, &limits, false, 1000, &retry_at),
	    THROTTLE_DISABLED);
	assert_int_equal(
	    throttle_check(&throttle, &limits, true, 1000, &retry_at),
	    THROTTLE_OPEN);
	throttle = throttle_clear(&throttle, true);
	assert_int_equal(
	    throttle_check(&throttle, &limits, false, 1000, &retry_at),
	    THROTTLE_OPEN);
}

static void test_unproven_success_takes_back_its_own_share(void **state)
{
	struct throttle throttle = {
	    .proven = {2, 0}, .here = {3, 0}, .unproven_total = 40};

	(void)state;
	throttle = throttle_clear(&throttle, false);
	assert_int_equal(throttle.here.failures, 0);
	assert_int_equal(throttle.unproven_total, 37);
	assert_int_equal(throttle.proven.failures, 2);
}

/* A proven wait holds at the next desk without a password, too. */
static void test_proven_wait_holds_for_unproven(void **state)
{
	int64_t now_s = 1000, retry_at = 0;
	struct throttle throttle = {0};

	(void)state;
	throttle = fail_often(throttle, true, 5, &now_s);
	assert_int_equal(
	    throttle_check(&throttle, &limits, false, now_s, &retry_at),
	    THROTTLE_WAITING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_waits_double_up_to_the_longest),
	    cmocka_unit_test(test_exactly_one_attempt_after_a_wait),
	    cmocka_unit_test(test_proven_failures_disable),
	    cmocka_unit_test(test_unproven_waits_are_the_terminals),
	    cmocka_unit_test(test_unproven_total_closes_unproven_only),
	    cmocka_unit_test(test_unproven_success_takes_back_its_own_share),
	    cmocka_unit_test(test_proven_wait_holds_for_unproven),
	};

	return cmocka_run_group_tests_name("throttle", tests, NULL, NULL);
}
