/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Administrators as rows: departments as they are typed and compared, one role
 * a person, who shares an account with one; passwords and sessions that go
 * with the row.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/store/admin_session.h"
#include "tests/unit/store_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void test_departments_as_typed(void **state)
{
	static const struct {
		const char *text;
		bool sound;
	} rows[] = {
	    {"税務課", true},
	    {"税務課,市民課", true},
	    {"a b", true},
	    {"", false},
	    {",", false},
	    {"a,", false},
	    {",a", false},
	    {"a,,b", false},
	};
	char longest[ADMIN_DEPARTMENTS_SIZE + 1];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (admin_departments_are_sound(rows[i].text) != rows[i].sound)
			fail_msg("row %zu", i);
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_false(admin_departments_are_sound(longest));
	longest[NAME_BYTES_MAX] = '\0';
	assert_true(admin_departments_are_sound(longest));
	longest[NAME_BYTES_MAX] = 'a';
	longest[NAME_BYTES_MAX + 1] = '\0';
	assert_false(admin_departments_are_sound(longest));
}

static void test_whom_a_department_means(void **state)
{
	static const struct {
		const char *admin, *person;
		bool heeds;
	} rows[] = {
	    /* 0 */
	    {"", "", true},
	    {"", "税務課", true},
	    {"税務課", "", false},
	    {"税務課", "税務課", true},
	    {"税務課", "税", false},
	    /* 5 */
	    {"税", "税務課", false},
	    {"a,b", "b", true},
	    {"a,b", "a,b", true},
	    {"a", "b,a", true},
	    {"a,b", "c,d", false},
	    /* 10 */
	    {"a,b", "A", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct person person = fixture_person("s1");
		struct admin admin = {.role = ADMIN_ROLE_HELPDESK};

		strcpy(admin.departments, rows[i].admin);
		strcpy(person.department, rows[i].person);
		if (admin_heeds(&admin, &person) != rows[i].heeds)
			fail_msg("row %zu", i);
	}
}

static void test_rows(void **state)
{
	struct fixture *f = *state;
	struct store *store = f->store;
	struct person person = fixture_person("s1");
	struct admin admin = {.role = ADMIN_ROLE_ENROLLER, .added_at = 5};
	struct admin found;
	char hash[ADMIN_HASH_SIZE];
	bool has = true;

	COMMITTED(store, person_add(store, &person));
	admin.person_id = person.id;
	assert_int_equal(admin_get(store, person.id, &found), ERR_NOT_FOUND);
	COMMITTED(store, admin_put(store, &admin));
	assert_int_equal(admin_get(store, person.id, &found), ERR_NONE);
	assert_int_equal(found.role, ADMIN_ROLE_ENROLLER);
	assert_int_equal(found.added_at, 5);
	admin.role = ADMIN_ROLE_OWNER;
	assert_int_equal(store_begin(store), ERR_NONE);
	assert_int_equal(admin_put(store, &admin), ERR_EXISTS);
	store_rollback(store);
	assert_int_equal(admin_has_login(store, "s1", 0, &has), ERR_NONE);
	assert_true(has);
	assert_int_equal(
	    admin_has_login(store, "s1", person.id, &has), ERR_NONE);
	assert_false(has);
	COMMITTED(store, admin_password_set(store, person.id, "$y$x"));
	COMMITTED(store, admin_drop(store, person.id));
	assert_int_equal(admin_password_get(store, person.id, hash), ERR_NONE);
	assert_string_equal(hash, "");
	assert_int_equal(store_begin(store), ERR_NONE);
	assert_int_equal(
	    admin_password_set(store, person.id, "$y$x"), ERR_NOT_FOUND);
	store_rollback(store);
}

static int64_t whose(struct fixture *f, const unsigned char *token,
    const char *origin, int64_t now_s)
{
	int64_t person_id = 0;
	enum err err;

	assert_int_equal(store_begin(f->store), ERR_NONE);
	err = admin_session_use(f->store, token, origin, now_s, &person_id);
	assert_int_equal(store_commit(f->store), ERR_NONE);
	assert_true(err == ERR_NONE || err == ERR_NOT_FOUND);
	return err ? 0 : person_id;
}

/* Of two persons; the token itself is nowhere in the file. */
static void test_sessions(void **state)
{
	static const unsigned char one[ADMIN_TOKEN_BYTES] = "token one",
				   two[ADMIN_TOKEN_BYTES] = "token two";
	struct fixture *f = *state;
	struct person first = fixture_person("s1"),
		      second = fixture_person("s2");

	COMMITTED(f->store, person_add(f->store, &first));
	COMMITTED(f->store, person_add(f->store, &second));
	COMMITTED(f->store,
	    admin_session_begin(f->store, first.id, one, "here", NOW_S));
	COMMITTED(f->store,
	    admin_session_begin(f->store, second.id, two, "here", NOW_S));
	assert_int_equal(whose(f, one, "here", NOW_S + 1), first.id);
	assert_int_equal(whose(f, two, "here", NOW_S + 1), second.id);
	assert_int_equal(whose(f, one, "there", NOW_S + 1), 0);
	assert_int_equal(whose(f, one, "", NOW_S + 1), 0);
	assert_int_equal(whose(f, one, "here", NOW_S - 1), 0);
	fixture_reopen(f);
	assert_int_equal(whose(f, one, "here", NOW_S + 2), first.id);
	COMMITTED(f->store, admin_sessions_end(f->store, first.id));
	assert_int_equal(whose(f, one, "here", NOW_S + 3), 0);
	assert_int_equal(whose(f, two, "here", NOW_S + 3), second.id);
	COMMITTED(f->store, admin_sessions_end(f->store, 0));
	assert_int_equal(whose(f, two, "here", NOW_S + 4), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_departments_as_typed),
	    cmocka_unit_test(test_whom_a_department_means),
	    STORE_TEST(test_rows),
	    STORE_TEST(test_sessions),
	};

	return STORE_RUN("admin", tests);
}
