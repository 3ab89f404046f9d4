/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets: bounds, comparison, and that wiping leaves nothing of them. That
 * core dumps are off is checked in a child, since it cannot be undone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/secret.h"

static void takes_up_to_its_size(void **state)
{
	static const unsigned char bytes[SECRET_BYTES_MAX + 1] = {1, 2, 3};
	struct secret secret, before;

	(void)state;
	assert_int_equal(
	    secret_set(&secret, bytes, SECRET_BYTES_MAX), ERR_NONE);
	assert_int_equal(secret.length, SECRET_BYTES_MAX);
	assert_memory_equal(secret.bytes, bytes, SECRET_BYTES_MAX);
	before = secret;
	assert_int_equal(
	    secret_set(&secret, bytes, SECRET_BYTES_MAX + 1), ERR_TOO_LONG);
	assert_int_equal(
	    secret_random(&secret, SECRET_BYTES_MAX + 1), ERR_TOO_LONG);
	assert_memory_equal(&secret, &before, sizeof(secret));
}

/* A shorter secret leaves nothing of a longer one behind it. */
static void forgets_the_longer_secret_before(void **state)
{
	static const unsigned char zero[SECRET_BYTES_MAX];
	struct secret secret;

	(void)state;
	assert_int_equal(secret_set(&secret, "long secret", 11), ERR_NONE);
	assert_int_equal(secret_set(&secret, "s", 1), ERR_NONE);
	assert_memory_equal(secret.bytes + 1, zero, SECRET_BYTES_MAX - 1);
	assert_int_equal(secret_set(&secret, "long secret", 11), ERR_NONE);
	assert_int_equal(secret_random(&secret, 4), ERR_NONE);
	assert_memory_equal(secret.bytes + 4, zero, SECRET_BYTES_MAX - 4);
}

static void compares(void **state)
{
	static const struct {
		const char *left;
		size_t left_length;
		const char *right;
		size_t right_length;
		bool equal;
	} rows[] = {
	    {"abc", 3, "abc", 3, true},
	    {"a\0c", 3, "a\0c", 3, true},
	    {"\0", 1, "\0", 1, true},
	    {"a\0c", 3, "a\0d", 3, false},
	    {"abc", 3, "abd", 3, false},
	    {"abc", 3, "bbc", 3, false},
	    {"abc", 3, "ab\xe3", 3, false},
	    {"abc", 3, "abc\0", 4, false},
	    {"abc", 3, "ab", 2, false},
	    {"abc", 3, "", 0, false},
	    {"", 0, "abc", 3, false},
	    {"", 0, "", 0, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct secret left, right;

		print_message("row %zu\n", i);
		assert_int_equal(
		    secret_set(&left, rows[i].left, rows[i].left_length),
		    ERR_NONE);
		assert_int_equal(
		    secret_set(&right, rows[i].right, rows[i].right_length),
		    ERR_NONE);
		assert_int_equal(secret_equal(&left, &right), rows[i].equal);
		assert_int_equal(secret_equal(&right, &left), rows[i].equal);
	}
}

static void wipes_everything(void **state)
{
	static const struct secret empty;
	struct secret secret;

	(void)state;
	assert_int_equal(secret_random(&secret, SECRET_BYTES_MAX), ERR_NONE);
	secret.length = 3;
	secret_wipe(&secret);
	assert_memory_equal(&secret, &empty, sizeof(secret));
	secret_wipe(NULL);
	secret_wipe_bytes(NULL, 0);
}

static void is_random(void **state)
{
	struct secret one, other;

	(void)state;
	assert_int_equal(secret_random(&one, 32), ERR_NONE);
	assert_int_equal(secret_random(&other, 32), ERR_NONE);
	assert_int_equal(one.length, 32);
	assert_false(secret_equal(&one, &other));
	assert_int_equal(secret_random(&one, 0), ERR_NONE);
	assert_int_equal(one.length, 0);
}

static int forbid_and_look(void)
{
	struct rlimit limit = {1, 1};

	if (secret_forbid_dumps() != ERR_NONE)
		return 1;
	if (getrlimit(RLIMIT_CORE, &limit) != 0 || limit.rlim_cur != 0 ||
	    limit.rlim_max != 0)
		return 2;
	return prctl(PR_GET_DUMPABLE) == 0 ? 0 : 3;
}

static void forbids_dumps(void **state)
{
	int status = -1;
	pid_t child = fork();

	(void)state;
	if (child == 0)
		_exit(forbid_and_look());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* Every error has a word of its own, and no value is without one. */
static void every_error_has_its_word(void **state)
{
	(void)state;
	for (int i = 0; i <= ERR_CLOCK; i++)
		for (int k = 0; k < i; k++)
			assert_string_not_equal(
			    err_text((enum err)i), err_text((enum err)k));
	assert_string_equal(err_text((enum err)9999), "unknown error");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(takes_up_to_its_size),
	    cmocka_unit_test(forgets_the_longer_secret_before),
	    cmocka_unit_test(compares),
	    cmocka_unit_test(wipes_everything),
	    cmocka_unit_test(is_random),
	    cmocka_unit_test(forbids_dumps),
	    cmocka_unit_test(every_error_has_its_word),
	};

	return cmocka_run_group_tests_name("secret", tests, NULL, NULL);
}
