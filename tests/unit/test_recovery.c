/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrapped to the recovery key opens with its private half only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/keys/recovery.h"

static void test_recovery(void **state)
{
	char folder[] = "/tmp/sekimori-recovery-XXXXXX";
	char mine[96], other[96];
	char *pem = NULL, *other_pem = NULL;
	unsigned char wrapped[RECOVERY_WRAPPED_BYTES_MAX];
	struct secret secret = {0}, back = {0};
	struct stat status;
	size_t length = 0;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(mine, sizeof(mine), "%s/mine", folder);
	snprintf(other, sizeof(other), "%s/other", folder);
	assert_int_equal(recovery_key_new(mine, &pem), ERR_NONE);
	assert_int_equal(recovery_key_new(other, &other_pem), ERR_NONE);
	assert_int_equal(stat(mine, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_non_null(strstr(pem, "BEGIN PUBLIC KEY"));
	free(other_pem);
	other_pem = NULL;
	assert_int_equal(recovery_key_new(mine, &other_pem), ERR_EXISTS);
	assert_null(other_pem);

	assert_int_equal(secret_random(&secret, 108), ERR_NONE);
	assert_int_equal(
	    recovery_wrap(pem, &secret, wrapped, sizeof(wrapped), &length),
	    ERR_NONE);
	assert_int_equal(length, 384);
	assert_int_equal(
	    recovery_unwrap(mine, wrapped, length, &back), ERR_NONE);
	assert_true(secret_equal(&secret, &back));
	secret_wipe(&back);
	assert_int_equal(
	    recovery_unwrap(other, wrapped, length, &back), ERR_CRYPTO);
	wrapped[100] ^= 1;
	assert_int_equal(
	    recovery_unwrap(mine, wrapped, length, &back), ERR_CRYPTO);
	assert_int_equal(back.length, 0);
	assert_int_equal(
	    recovery_unwrap("/nonexistent", wrapped, length, &back),
	    ERR_NOT_FOUND);
	assert_int_equal(
	    recovery_unwrap("/dev/null", wrapped, length, &back), ERR_INVALID);
	assert_int_equal(recovery_wrap("rubbish", &secret, wrapped,
			     sizeof(wrapped), &length),
	    ERR_CRYPTO);
	assert_int_equal(
	    recovery_wrap(pem, &secret, wrapped, 100, &length), ERR_TOO_LONG);
	free(pem);
	unlink(mine);
	unlink(other);
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_recovery),
	};

	return cmocka_run_group_tests_name("recovery", tests, NULL, NULL);
}
