/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/nonce.h"

enum {
	NONCES = 2000, /* many fillings of the store */
	NONCE_BYTES = 16,
	THREADS = 2,
};

static void *take_many(void *context)
{
	unsigned char(*out)[NONCE_BYTES] = context;

	for (int i = 0; i < NONCES; i++)
		if (nonce_take(out[i], NONCE_BYTES) != ERR_NONE)
			return NULL;
	return context;
}

static void test_none_comes_twice(void **state)
{
	static unsigned char all[THREADS * NONCES][NONCE_BYTES];
	pthread_t threads[THREADS];
	void *done = NULL;

	(void)state;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, take_many,
				     all[i * NONCES]),
		    0);
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], &done), 0);
		assert_non_null(done);
	}
	for (int i = 0; i < THREADS * NONCES; i++)
		for (int k = 0; k < i; k++)
			assert_memory_not_equal(all[i], all[k], NONCE_BYTES);
}

static void test_lengths(void **state)
{
	unsigned char out[NONCE_BYTES_MAX + 1] = {0};
	const unsigned char zeros[NONCE_BYTES_MAX] = {0};

	(void)state;
	assert_int_equal(nonce_take(out, NONCE_BYTES_MAX), ERR_NONE);
	assert_memory_not_equal(out, zeros, NONCE_BYTES_MAX);
	assert_int_equal(out[NONCE_BYTES_MAX], 0);
	assert_int_equal(nonce_take(out, 0), ERR_NONE);
	assert_int_equal(nonce_take(out, NONCE_BYTES_MAX + 1), ERR_TOO_LONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_none_comes_twice),
	    cmocka_unit_test(test_lengths),
	};

	return cmocka_run_group_tests_name("nonce", tests, NULL, NULL);
}
