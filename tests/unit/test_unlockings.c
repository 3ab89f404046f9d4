/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accepts whose session has not opened: given out once, when their time has
 * come, unless one opens, and never more than a few.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "pam_module/agent/unlockings.h"

enum {
	NOW_MS = 1000
};

static void put(struct unlockings *unlockings, const char *login, int64_t at_ms)
{
	struct unlocking unlocking = {.user = "counter", .person = "s1"};

	snprintf(unlocking.login, sizeof(unlocking.login), "%s", login);
	unlockings_put(unlockings, &unlocking, at_ms);
}

static void each_is_given_out_once_when_it_is_due(void **state)
{
	struct unlockings unlockings = {.lock = PTHREAD_MUTEX_INITIALIZER};
	const int64_t due_ms = NOW_MS + UNLOCKING_WAIT_MS;
	struct unlocking out;

	(void)state;
	assert_true(unlockings_due_ms(&unlockings) == INT64_MAX);
	put(&unlockings, "first", NOW_MS);
	put(&unlockings, "second", NOW_MS + 1);
	assert_true(unlockings_due_ms(&unlockings) == due_ms);
	assert_false(unlockings_take(&unlockings, due_ms - 1, &out));
	assert_true(unlockings_take(&unlockings, due_ms, &out));
	assert_string_equal(out.login, "first");
	assert_string_equal(out.person, "s1");
	assert_false(unlockings_take(&unlockings, due_ms, &out));
	assert_true(unlockings_take(&unlockings, due_ms + 1, &out));
	assert_string_equal(out.login, "second");
	assert_true(unlockings_due_ms(&unlockings) == INT64_MAX);
}

static void a_login_is_none(void **state)
{
	struct unlockings unlockings = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct unlocking out;

	(void)state;
	put(&unlockings, "first", NOW_MS);
	put(&unlockings, "second", NOW_MS);
	unlockings_drop(&unlockings, "third");
	unlockings_drop(&unlockings, "first");
	assert_true(
	    unlockings_take(&unlockings, NOW_MS + UNLOCKING_WAIT_MS, &out));
	assert_string_equal(out.login, "second");
	assert_int_equal(unlockings.count, 0);
}

static void the_oldest_goes_when_there_is_no_room(void **state)
{
	struct unlockings unlockings = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct unlocking out;
	char login[16];

	(void)state;
	for (int i = 0; i <= UNLOCKINGS_MAX; i++) {
		snprintf(login, sizeof(login), "%d", i);
		put(&unlockings, login, NOW_MS);
	}
	assert_true(
	    unlockings_take(&unlockings, NOW_MS + UNLOCKING_WAIT_MS, &out));
	assert_string_equal(out.login, "1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_is_given_out_once_when_it_is_due),
	    cmocka_unit_test(a_login_is_none),
	    cmocka_unit_test(the_oldest_goes_when_there_is_no_room),
	};

	return cmocka_run_group_tests_name("unlockings", tests, NULL, NULL);
}
