/* SPDX-License-Identifier: Apache-2.0 */
/* Who is found by which name, and that a decoy never is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/store_fixture.h"

static void add(struct store *store, const char *user, const char *login)
{
	struct person person = fixture_person(user);

	snprintf(person.login, sizeof(person.login), "%s", login);
	COMMITTED(store, person_add(store, &person));
	assert_true(person.id > STORE_DECOYS);
}

static void test_saved_and_found(void **state)
{
	struct fixture *f = *state;
	struct person person = {
	    .user = "s1042",
	    .login = "tanaka",
	    .name = "田中",
	    .department = "税務課",
	    .kind = "fiscal-year",
	    .attendant = "s1",
	    .decision = "令和8年 第12号",
	    .valid_from = 1,
	    .valid_until = 2,
	    .enrolled_at = 3,
	    .created_at = 4,
	};
	struct person back;

	COMMITTED(f->store, person_add(f->store, &person));
	fixture_reopen(f);
	assert_int_equal(person_find(f->store, "s1042", &back), ERR_NONE);
	assert_memory_equal(&back, &person, sizeof(person));
	person.state = PERSON_SUSPENDED;
	person.frozen = true;
	strcpy(person.login, "other");
	COMMITTED(f->store, person_save(f->store, &person));
	assert_int_equal(person_find(f->store, "s1042", &back), ERR_NONE);
	assert_memory_equal(&back, &person, sizeof(person));
	person.id = 999999;
	assert_int_equal(person_save(f->store, &person), ERR_NOT_FOUND);
	assert_int_equal(person_find(f->store, "S1042", &back), ERR_NOT_FOUND);
}

static void test_taken_and_removed(void **state)
{
	struct fixture *f = *state;
	struct person person, again = fixture_person("s1");
	int64_t old;

	add(f->store, "s1", "s1");
	assert_int_equal(store_begin(f->store), ERR_NONE);
	assert_int_equal(person_add(f->store, &again), ERR_EXISTS);
	assert_int_equal(person_find(f->store, "s1", &person), ERR_NONE);
	old = person.id;
	person.state = PERSON_REMOVED;
	assert_int_equal(person_save(f->store, &person), ERR_NONE);
	assert_int_equal(person_find(f->store, "s1", &person), ERR_NOT_FOUND);
	assert_int_equal(
	    person_find_login(f->store, "s1", NULL, &person), ERR_NOT_FOUND);
	assert_int_equal(person_add(f->store, &again), ERR_NONE);
	assert_int_equal(store_commit(f->store), ERR_NONE);
	assert_int_equal(person_find(f->store, "s1", &person), ERR_NONE);
	assert_int_not_equal(person.id, old);
}

/* A stop is counted with its commit, whatever stopped, and with no other. */
static void test_stops_are_counted(void **state)
{
	struct fixture *f = *state;
	struct store *store = f->store;
	struct person person;

	add(store, "s1", "s1");
	assert_int_equal(person_find(store, "s1", &person), ERR_NONE);
	COMMITTED(store, person_save(store, &person));
	assert_int_equal(atomic_load(&store->stops), 0);
	person.frozen = true;
	assert_int_equal(store_begin(store), ERR_NONE);
	assert_int_equal(person_save(store, &person), ERR_NONE);
	assert_int_equal(atomic_load(&store->stops), 0);
	store_rollback(store);
	person.frozen = false;
	COMMITTED(store, person_save(store, &person));
	assert_int_equal(atomic_load(&store->stops), 0);
	person.state = PERSON_SUSPENDED;
	COMMITTED(store, person_save(store, &person));
	assert_int_equal(atomic_load(&store->stops), 1);
	COMMITTED(store, store_set_number(store, STORE_ALL_FROZEN, 1));
	assert_int_equal(atomic_load(&store->stops), 2);
	COMMITTED(store, store_set_number(store, STORE_ALL_FROZEN, 0));
	assert_int_equal(atomic_load(&store->stops), 2);
}

static void test_who_is_stopped(void **state)
{
	struct fixture *f = *state;
	struct person person;
	bool stopped = true;

	add(f->store, "s1", "counter");
	add(f->store, "s2", "counter");
	assert_int_equal(
	    person_is_stopped(f->store, "nobody", NULL, &stopped), ERR_NONE);
	assert_false(stopped);
	assert_int_equal(person_find(f->store, "s1", &person), ERR_NONE);
	person.frozen = true;
	COMMITTED(f->store, person_save(f->store, &person));
	assert_int_equal(
	    person_is_stopped(f->store, "counter", "s1", &stopped), ERR_NONE);
	assert_true(stopped);
	assert_int_equal(
	    person_is_stopped(f->store, "counter", "s2", &stopped), ERR_NONE);
	assert_false(stopped);
	assert_int_equal(
	    person_is_stopped(f->store, "counter", NULL, &stopped), ERR_NONE);
	assert_false(stopped);
	assert_int_equal(person_find(f->store, "s2", &person), ERR_NONE);
	person.state = PERSON_REMOVED;
	COMMITTED(f->store, person_save(f->store, &person));
	assert_int_equal(
	    person_is_stopped(f->store, "counter", NULL, &stopped), ERR_NONE);
	assert_true(stopped);
}

static void test_shared_account(void **state)
{
	static const struct {
		const char *login, *user, *found;
	} rows[] = {
	    {"s1", NULL, "s1"},
	    {"s1", "s1", "s1"},
	    {"s1", "s2", NULL},
	    {"window", NULL, NULL},
	    {"window", "w1", "w1"},
	    {"window", "w2", "w2"},
	    {"window", "s1", NULL},
	    {"nobody", NULL, NULL},
	    {"", NULL, NULL},
	    {"\x01"
	     "decoy-0001",
		NULL, NULL},
	    {"\x01"
	     "decoy-0001",
		"\x01"
		"decoy-0001",
		NULL},
	};
	struct fixture *f = *state;

	add(f->store, "s1", "s1");
	add(f->store, "w1", "window");
	add(f->store, "w2", "window");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct person person;
		enum err err = person_find_login(
		    f->store, rows[i].login, rows[i].user, &person);

		if (err != (rows[i].found ? ERR_NONE : ERR_NOT_FOUND) ||
		    (rows[i].found && strcmp(person.user, rows[i].found) != 0))
			fail_msg("row %zu", i);
	}
}

/* Whom a login meets, and that each number has a decoy of its own. */
static void test_meeting(void **state)
{
	static const struct {
		const char *login, *user, *found;
		enum person_match match;
	} rows[] = {
	    {"s1", NULL, "s1", PERSON_KNOWN},
	    {"s1", "s1", "s1", PERSON_KNOWN},
	    {"s1", "w1", NULL, PERSON_NOBODY},
	    {"window", NULL, NULL, PERSON_SHARED},
	    {"window", "w2", "w2", PERSON_KNOWN},
	    {"window", "s1", NULL, PERSON_NOBODY},
	    {"window", "x", NULL, PERSON_NOBODY},
	    {"nobody", NULL, NULL, PERSON_NOBODY},
	    {"nobody", "x", NULL, PERSON_NOBODY},
	};
	enum {
		ROWS = sizeof(rows) / sizeof(rows[0])
	};
	unsigned char strangers[ROWS][PERSON_STRANGER_BYTES];
	struct fixture *f = *state;

	add(f->store, "s1", "s1");
	add(f->store, "w1", "window");
	add(f->store, "w2", "window");
	for (size_t i = 0; i < ROWS; i++) {
		struct person person;
		enum person_match match;

		assert_int_equal(
		    person_meet(f->store, rows[i].login, rows[i].user, &person,
			&match, strangers[i]),
		    ERR_NONE);
		assert_int_equal(match, rows[i].match);
		assert_int_equal(person.decoy, rows[i].found == NULL);
		if (rows[i].found)
			assert_string_equal(person.user, rows[i].found);
		for (size_t j = 0; j < i; j++)
			assert_memory_not_equal(
			    strangers[i], strangers[j], PERSON_STRANGER_BYTES);
	}
}

static enum err count_sharer(void *context, const struct person *person)
{
	int *count = context;

	assert_string_equal(person->login, "window");
	(*count)++;
	return ERR_NONE;
}

static void test_who_has_an_account(void **state)
{
	struct fixture *f = *state;
	struct person gone;
	int count = 0;

	add(f->store, "s1", "s1");
	add(f->store, "w1", "window");
	add(f->store, "w2", "window");
	add(f->store, "w3", "window");
	assert_int_equal(person_find(f->store, "w3", &gone), ERR_NONE);
	gone.state = PERSON_REMOVED;
	assert_int_equal(person_save(f->store, &gone), ERR_NONE);
	assert_int_equal(
	    person_each_of_login(f->store, "window", 9, count_sharer, &count),
	    ERR_NONE);
	assert_int_equal(count, 2);
	assert_int_equal(
	    person_each_of_login(f->store, "window", 1, count_sharer, &count),
	    ERR_NONE);
	assert_int_equal(count, 3);
}

static void test_decoys(void **state)
{
	struct fixture *f = *state;
	struct person one, again, other;
	int different = 0;

	assert_int_equal(
	    person_find_decoy(f->store, "stranger", &one), ERR_NONE);
	assert_true(one.decoy);
	assert_int_not_equal(one.enrolled_at, 0);
	fixture_reopen(f);
	assert_int_equal(
	    person_find_decoy(f->store, "stranger", &again), ERR_NONE);
	assert_int_equal(again.id, one.id);
	for (int i = 0; i < 20; i++) {
		char name[16];

		snprintf(name, sizeof(name), "x%d", i);
		assert_int_equal(
		    person_find_decoy(f->store, name, &other), ERR_NONE);
		different += other.id != one.id;
	}
	assert_true(different > 15);
	assert_int_equal(
	    person_find(f->store, one.user, &other), ERR_NOT_FOUND);
}

static enum err count_one(void *context, const struct person *person)
{
	char *names = context;

	strcat(names, person->user);
	return strlen(names) >= 6 ? ERR_FULL : ERR_NONE;
}

static void test_each(void **state)
{
	struct fixture *f = *state;
	char names[32] = "";

	assert_int_equal(
	    person_each(f->store, "", 100, count_one, names), ERR_NONE);
	assert_string_equal(names, ""); /* no decoys */
	add(f->store, "s2", "a");
	add(f->store, "s1", "b");
	assert_int_equal(
	    person_each(f->store, "", 100, count_one, names), ERR_NONE);
	assert_string_equal(names, "s1s2");
	names[0] = '\0';
	assert_int_equal(
	    person_each(f->store, "s1", 1, count_one, names), ERR_NONE);
	assert_string_equal(names, "s2");
	names[0] = '\0';
	add(f->store, "s4", "c");
	add(f->store, "s3", "d");
	assert_int_equal(
	    person_each(f->store, "", 100, count_one, names), ERR_FULL);
	assert_string_equal(names, "s1s2s3");
}

static void test_departments(void **state)
{
	static const struct {
		const char *departments, *asked;
		bool in;
	} rows[] = {
	    {"税務課", "税務課", true},
	    {"税務課,住民課", "税務課", true},
	    {"税務課,住民課", "住民課", true},
	    {"税務課,住民課", "税務", false},
	    {"税務課,住民課", "税務課,住民課", false},
	    {"税務課", "", false},
	    {"", "", false},
	    {"", "税務課", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct person person = {0};

		strcpy(person.department, rows[i].departments);
		if (person_in_department(&person, rows[i].asked) != rows[i].in)
			fail_msg("row %zu", i);
	}
}

static void test_state_texts(void **state)
{
	(void)state;
	assert_string_equal(person_state_text(PERSON_ACTIVE), "active");
	assert_string_equal(person_state_text(PERSON_SUSPENDED), "suspended");
	assert_string_equal(person_state_text(PERSON_REMOVED), "removed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    STORE_TEST(test_saved_and_found),
	    STORE_TEST(test_taken_and_removed),
	    STORE_TEST(test_stops_are_counted),
	    STORE_TEST(test_who_is_stopped),
	    STORE_TEST(test_shared_account),
	    STORE_TEST(test_decoys),
	    STORE_TEST(test_meeting),
	    STORE_TEST(test_who_has_an_account),
	    STORE_TEST(test_each),
	    cmocka_unit_test(test_departments),
	    cmocka_unit_test(test_state_texts),
	};

	return STORE_RUN("person", tests);
}
