/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One account's logins leave half of the places to all others.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "pam_module/agent/login_places.h"

static void one_account_takes_half(void **state)
{
	struct login_places places = {.lock = PTHREAD_MUTEX_INITIALIZER};

	(void)state;
	for (int i = 0; i < LOGIN_PLACES_USER_MAX; i++)
		assert_true(login_places_take(&places, "alice"));
	assert_false(login_places_take(&places, "alice"));
	for (int i = LOGIN_PLACES_USER_MAX; i < LOGIN_PLACES_MAX; i++)
		assert_true(login_places_take(&places, "bob"));
	assert_false(login_places_take(&places, "carol"));
	login_places_give_back(&places, "dave");
	login_places_give_back(&places, "alice");
	assert_true(login_places_take(&places, "carol"));
	assert_false(login_places_take(&places, "alice"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_account_takes_half),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
