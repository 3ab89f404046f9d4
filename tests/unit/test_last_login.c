/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When somebody was let in last: noted in memory, written down in parts, and
 * there again after a restart.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "server/store/last_login.h"
#include "tests/unit/store_fixture.h"

enum {
	MANY = 2 * LAST_LOGIN_SAVED_MAX + 1
};

static void expect(const struct store *store, int64_t id, int64_t at,
    int64_t failures, const char *terminal)
{
	struct last_login last = last_login_of(store, id);

	assert_int_equal(last.at, at);
	assert_int_equal(last.failures, failures);
	assert_string_equal(last.terminal, terminal);
}

static int64_t add(struct store *store, const char *user)
{
	struct person person = fixture_person(user);

	COMMITTED(store, person_add(store, &person));
	return person.id;
}

static bool save(struct store *store)
{
	bool more = false;

	COMMITTED(store, last_logins_save(store, &more));
	return more;
}

static void test_noted_and_counted(void **state)
{
	struct fixture *f = *state;
	int64_t one = add(f->store, "s1"), two = add(f->store, "s2");

	expect(f->store, one, 0, 0, "");
	last_login_note_failure(f->store, one);
	expect(f->store, one, 0, 1, "");
	last_login_note(f->store, one, "desk", NOW_S, true);
	expect(f->store, one, NOW_S, 0, "desk");
	last_login_note_failure(f->store, one);
	last_login_note_failure(f->store, one);
	expect(f->store, one, NOW_S, 2, "desk");
	expect(f->store, two, 0, 0, "");
	last_login_note(f->store, one, "window", NOW_S + 1, true);
	expect(f->store, one, NOW_S + 1, 0, "window");
}

static void test_bound_is_told_once(void **state)
{
	struct fixture *f = *state;
	int64_t one = add(f->store, "s1");

	last_login_note_binding(f->store, one);
	assert_true(last_login_of(f->store, one).bound);
	/* The first login: what he got is what he has just used. */
	last_login_note(f->store, one, "desk", NOW_S, false);
	assert_false(last_login_of(f->store, one).bound);
	last_login_note_binding(f->store, one);
	assert_false(save(f->store));
	fixture_reopen(f);
	last_login_note(f->store, one, "desk", NOW_S + 1, false);
	assert_true(last_login_of(f->store, one).bound);
	last_login_note(f->store, one, "desk", NOW_S + 2, true);
	assert_false(last_login_of(f->store, one).bound);
}

static void test_outlives_a_restart(void **state)
{
	struct fixture *f = *state;
	int64_t one = add(f->store, "s1"), two = add(f->store, "s2");

	last_login_note(f->store, one, "desk", NOW_S, true);
	last_login_note_failure(f->store, one);
	assert_false(save(f->store));
	last_login_note_failure(f->store, two);
	fixture_reopen(f);
	expect(f->store, one, NOW_S, 1, "desk");
	expect(f->store, two, 0, 0, "");
}

static void test_what_did_not_last_is_saved_again(void **state)
{
	struct fixture *f = *state;
	int64_t one = add(f->store, "s1");
	bool more = false;

	assert_int_equal(store_begin(f->store), ERR_NONE);
	last_login_note(f->store, one, "desk", NOW_S, true);
	assert_int_equal(store_commit(f->store), ERR_NONE);
	assert_int_equal(store_begin(f->store), ERR_NONE);
	assert_int_equal(last_logins_save(f->store, &more), ERR_NONE);
	store_rollback(f->store);
	assert_false(save(f->store));
	fixture_reopen(f);
	expect(f->store, one, NOW_S, 0, "desk");
}

/* A batch whose commit fails is done again, one by one: nobody must be shown
 * the login that he is just making, nor miss what he was to be told. */
static void test_a_rollback_takes_it_back(void **state)
{
	struct fixture *f = *state;
	int64_t one = add(f->store, "s1"), two = add(f->store, "s2");

	assert_int_equal(store_begin(f->store), ERR_NONE);
	last_login_note(f->store, one, "desk", NOW_S, true);
	last_login_note_binding(f->store, one);
	assert_int_equal(store_commit(f->store), ERR_NONE);
	assert_int_equal(store_begin(f->store), ERR_NONE);
	last_login_note_failure(f->store, one);
	last_login_note(f->store, one, "window", NOW_S + 1, true);
	last_login_note(f->store, one, "desk", NOW_S + 2, true);
	last_login_note(f->store, one, "door", NOW_S + 3, true);
	last_login_note_binding(f->store, two);
	last_login_note_failure(f->store, two);
	expect(f->store, one, NOW_S + 3, 0, "door");
	store_rollback(f->store);
	expect(f->store, one, NOW_S, 0, "desk");
	assert_true(last_login_of(f->store, one).bound);
	expect(f->store, two, 0, 0, "");
	assert_false(last_login_of(f->store, two).bound);
	while (save(f->store))
		;
	fixture_reopen(f);
	expect(f->store, one, NOW_S, 0, "desk");
	assert_true(last_login_of(f->store, one).bound);
}

static void test_many(void **state)
{
	struct fixture *f = *state;
	int64_t ids[MANY];
	char name[16];

	assert_int_equal(store_begin(f->store), ERR_NONE);
	for (int i = 0; i < MANY; i++) {
		struct person person;

		snprintf(name, sizeof(name), "s%d", i);
		person = fixture_person(name);
		assert_int_equal(person_add(f->store, &person), ERR_NONE);
		ids[i] = person.id;
	}
	assert_int_equal(store_commit(f->store), ERR_NONE);
	for (int i = 0; i < MANY; i++)
		last_login_note(f->store, ids[i], "desk", NOW_S + i, true);
	assert_true(save(f->store));
	assert_true(save(f->store));
	assert_false(save(f->store));
	fixture_reopen(f);
	for (int i = 0; i < MANY; i++)
		expect(f->store, ids[i], NOW_S + i, 0, "desk");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    STORE_TEST(test_noted_and_counted),
	    STORE_TEST(test_bound_is_told_once),
	    STORE_TEST(test_outlives_a_restart),
	    STORE_TEST(test_what_did_not_last_is_saved_again),
	    STORE_TEST(test_a_rollback_takes_it_back),
	    STORE_TEST(test_many),
	};

	return STORE_RUN("last_login", tests);
}
