/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logins between verdict and session: given out once, not for long, and never
 * more than a few.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "pam_module/agent/accepted_logins.h"

enum {
	NOW_MS = 1000
};

static void put(struct accepted_logins *logins, const char *name,
    unsigned char key, int64_t now_ms)
{
	struct accepted_login login = {
	    .by_card = key != 0, .removed = CARD_REMOVED_LOGOUT};

	snprintf(login.login, sizeof(login.login), "%s", name);
	memset(login.key, key, sizeof(login.key));
	accepted_logins_put(logins, &login, now_ms);
}

static void a_login_is_given_out_once(void **state)
{
	struct accepted_logins logins = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct accepted_login out = {0};

	(void)state;
	put(&logins, "first", 1, NOW_MS);
	put(&logins, "second", 2, NOW_MS);
	assert_false(accepted_logins_take(&logins, "third", NOW_MS, &out));
	assert_true(accepted_logins_take(&logins, "second", NOW_MS + 1, &out));
	assert_string_equal(out.login, "second");
	assert_int_equal(out.key[31], 2);
	assert_int_equal(out.removed, CARD_REMOVED_LOGOUT);
	assert_false(accepted_logins_take(&logins, "second", NOW_MS + 1, &out));
	assert_true(accepted_logins_take(&logins, "first", NOW_MS + 1, &out));
}

static void a_login_without_a_name_is_nobodys(void **state)
{
	struct accepted_logins logins = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct accepted_login out = {0};

	(void)state;
	assert_false(accepted_logins_take(&logins, "", NOW_MS, &out));
	put(&logins, "", 1, NOW_MS);
	assert_false(accepted_logins_take(&logins, "", NOW_MS, &out));
}

static void a_parent_takes_what_its_child_was_told(void **state)
{
	struct accepted_logins logins = {.lock = PTHREAD_MUTEX_INITIALIZER};
	static const struct process_id seven = {7, 70}, again = {7, 71},
				       eight = {8, 70}, none = {0};
	struct accepted_login login = {
	    .login = "of a child", .user = "alice", .asker.parent = seven};
	struct accepted_login out;

	(void)state;
	put(&logins, "of nobody known", 1, NOW_MS);
	accepted_logins_put(&logins, &login, NOW_MS);
	assert_false(accepted_logins_take_of_child(
	    &logins, &none, "alice", NOW_MS, &out));
	assert_false(accepted_logins_take_of_child(
	    &logins, &eight, "alice", NOW_MS, &out));
	/* The number of a process that ended may be another's by now. */
	assert_false(accepted_logins_take_of_child(
	    &logins, &again, "alice", NOW_MS, &out));
	assert_false(accepted_logins_take_of_child(
	    &logins, &seven, "bob", NOW_MS, &out));
	assert_true(accepted_logins_take_of_child(
	    &logins, &seven, "alice", NOW_MS, &out));
	assert_string_equal(out.login, "of a child");
	assert_false(accepted_logins_take_of_child(
	    &logins, &seven, "alice", NOW_MS, &out));
}

static void an_old_login_is_forgotten(void **state)
{
	struct accepted_logins logins = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct accepted_login out = {0};

	(void)state;
	put(&logins, "a", 1, NOW_MS);
	put(&logins, "b", 2, NOW_MS);
	assert_true(accepted_logins_take(
	    &logins, "a", NOW_MS + ACCEPTED_LOGINS_KEEP_MS - 1, &out));
	assert_false(accepted_logins_take(
	    &logins, "b", NOW_MS + ACCEPTED_LOGINS_KEEP_MS, &out));
}

static void the_oldest_goes_when_there_is_no_room(void **state)
{
	struct accepted_logins logins = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct accepted_login out = {0};
	char name[16];

	(void)state;
	for (int i = 0; i <= ACCEPTED_LOGINS_MAX; i++) {
		snprintf(name, sizeof(name), "login%d", i);
		put(&logins, name, (unsigned char)i, NOW_MS + i);
	}
	assert_false(accepted_logins_take(&logins, "login0", NOW_MS, &out));
	assert_true(accepted_logins_take(&logins, "login1", NOW_MS, &out));
	assert_true(accepted_logins_take(&logins, name, NOW_MS, &out));
	assert_int_equal(out.key[0], ACCEPTED_LOGINS_MAX);
}

/* Whoever asks for codes without end takes no card's place. */
static void those_by_card_go_last(void **state)
{
	struct accepted_logins logins = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct accepted_login out = {0};
	char name[16];

	(void)state;
	put(&logins, "by card", 1, NOW_MS);
	for (int i = 0; i < 2 * ACCEPTED_LOGINS_MAX; i++) {
		snprintf(name, sizeof(name), "login%d", i);
		put(&logins, name, 0, NOW_MS + 1 + i);
	}
	assert_true(accepted_logins_take(&logins, "by card", NOW_MS, &out));
	assert_true(accepted_logins_take(&logins, name, NOW_MS, &out));
	assert_false(accepted_logins_take(&logins, "login0", NOW_MS, &out));
}

/* A shell asks for one sudo after the other. */
static void of_several_children_the_latest(void **state)
{
	struct accepted_logins logins = {.lock = PTHREAD_MUTEX_INITIALIZER};
	static const struct process_id seven = {7, 70};
	struct accepted_login login = {
	    .user = "counter", .asker.parent = seven};
	struct accepted_login out = {0};

	(void)state;
	for (int i = 0; i < 3; i++) {
		snprintf(login.login, sizeof(login.login), "login%d", i);
		snprintf(login.person, sizeof(login.person), "s%d", i);
		accepted_logins_put(&logins, &login, NOW_MS + i);
	}
	assert_true(accepted_logins_take_of_child(
	    &logins, &seven, "counter", NOW_MS + 3, &out));
	assert_string_equal(out.person, "s2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_login_is_given_out_once),
	    cmocka_unit_test(a_login_without_a_name_is_nobodys),
	    cmocka_unit_test(a_parent_takes_what_its_child_was_told),
	    cmocka_unit_test(an_old_login_is_forgotten),
	    cmocka_unit_test(the_oldest_goes_when_there_is_no_room),
	    cmocka_unit_test(those_by_card_go_last),
	    cmocka_unit_test(of_several_children_the_latest),
	};

	return cmocka_run_group_tests_name(
	    "accepted_logins", tests, NULL, NULL);
}
