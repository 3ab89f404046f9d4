/* SPDX-License-Identifier: Apache-2.0 */
/* server/rate.c: bursts, refill, the minute of failures, a full table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "server/rate.h"

static const unsigned char here[CERTIFICATE_HASH_BYTES] = {1};
static const unsigned char there[CERTIFICATE_HASH_BYTES] = {2};

static int take_all(struct rate_table *table, int64_t now_ms)
{
	int taken = 0;

	while (taken < 10000 && rate_take(table, here, 50, now_ms))
		taken++;
	return taken;
}

static void test_burst_then_refill(void **state)
{
	struct rate_table *table = rate_new();

	(void)state;
	assert_int_equal(take_all(table, 1000), 500);
	assert_int_equal(take_all(table, 1000), 0);
	assert_int_equal(take_all(table, 2000), 50);
	assert_int_equal(take_all(table, 2010), 0);
	assert_int_equal(take_all(table, 2020), 1);
	assert_int_equal(take_all(table, 900000000), 500);
	assert_true(rate_take(table, there, 50, 900000000));
	/* A clock that steps back gives nothing and takes nothing. */
	assert_int_equal(take_all(table, 1), 0);
	rate_free(table);
}

static void test_zero_is_off(void **state)
{
	struct rate_table *table = rate_new();

	(void)state;
	for (int i = 0; i < 5000; i++) {
		assert_true(rate_take(table, here, 0, 1));
		rate_count_failure(table, here, 1);
	}
	assert_true(rate_failures_allow(table, here, 0, 1));
	rate_free(table);
}

static void test_failures_of_a_minute(void **state)
{
	struct rate_table *table = rate_new();

	(void)state;
	for (int i = 0; i < 30; i++) {
		assert_true(rate_failures_allow(table, here, 30, 5000));
		rate_count_failure(table, here, 5000);
	}
	assert_false(rate_failures_allow(table, here, 30, 5000));
	assert_false(rate_failures_allow(table, here, 30, 64999));
	assert_true(rate_failures_allow(table, there, 30, 5000));
	assert_true(rate_failures_allow(table, here, 30, 65000));
	rate_free(table);
}

static void test_full_table_forgets_the_idle(void **state)
{
	struct rate_table *table = rate_new();
	unsigned char key[CERTIFICATE_HASH_BYTES] = {1};

	(void)state;
	assert_int_equal(take_all(table, 1000000), 500);
	/* More others than there is room for, long ago. */
	for (int i = 1; i < 5 * RATE_TERMINALS_MAX; i++) {
		key[2] = (unsigned char)i;
		key[3] = (unsigned char)(i >> 8);
		rate_take(table, key, 50, 1000);
	}
	assert_false(rate_take(table, here, 50, 1000000));
	rate_free(table);
}

/* As those of addresses are: whoever has several of them must not get rid of
 * what one of them has used up. */
static void test_keys_that_are_alike(void **state)
{
	struct rate_table *table = rate_new();
	unsigned char key[CERTIFICATE_HASH_BYTES] = {RATE_SIGNINS, 0, 192, 0};

	(void)state;
	for (int i = 0; i < 60; i++) {
		key[5] = (unsigned char)i;
		for (int j = 0; j < 10; j++)
			rate_count_failure(table, key, 1000 + i);
	}
	for (int i = 0; i < 60; i++) {
		key[5] = (unsigned char)i;
		assert_false(rate_failures_allow(table, key, 10, 2000));
	}
	rate_free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_burst_then_refill),
	    cmocka_unit_test(test_zero_is_off),
	    cmocka_unit_test(test_failures_of_a_minute),
	    cmocka_unit_test(test_full_table_forgets_the_idle),
	    cmocka_unit_test(test_keys_that_are_alike),
	};

	return cmocka_run_group_tests_name("rate", tests, NULL, NULL);
}
