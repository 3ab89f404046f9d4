/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Staff lists against a real store: whatever is sent, it is all of it or
 * nothing, twice is once, a check changes nothing, and taking it back brings
 * everybody back; and what leaving ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/store/subject.h"
#include "tests/support/admin_world.h"

enum {
	ROUNDS = 300,
	PEOPLE = 9,
	ROWS_MAX = 6,
	BODY_SIZE = 8192
};

/* --- lists of chance ------------------------------------------------------ */

static unsigned seed;

static unsigned chance(unsigned below)
{
	seed = seed * 1103515245u + 12345u;
	return (seed >> 16) % below;
}

static void add_text(
    json_t *row, const char *member, const char *const *texts, unsigned count)
{
	unsigned at = chance(count + 2); /* mostly nothing */

	if (at < count)
		json_object_set_new(row, member, json_string(texts[at]));
}

#define ADD(row, member, ...)                                                  \
	add_text((row), (member), (const char *const[]){__VA_ARGS__},          \
	    sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static json_t *make_row(int64_t number)
{
	json_t *row = json_pack("{s:I}", "row", (json_int_t)number);

	json_object_set_new(row, "id", json_sprintf("p%u", chance(PEOPLE)));
	ADD(row, "name", "髙橋", "佐藤", "表", "=1+1");
	ADD(row, "department", "税務課", "住民課", "総務課", "福祉課");
	ADD(row, "also", "-", "住民課", "出納室,税務課", "a,,b");
	ADD(row, "kind", "regular", "regular", "fiscal-year", "contractor");
	ADD(row, "until", "R9.3.31", "R10.3.31", "-", "R8.3.1");
	ADD(row, "from", "R8.1.1", "R8.4.1", "-");
	ADD(row, "attendant", "p0", "p1", "p2");
	ADD(row, "decision", "第1号", "第2号");
	ADD(row, "login", "madoguchi", "p3");
	if (chance(8) == 0)
		json_object_set_new(row, "leaving", json_true());
	return row;
}

static void make_list(char body[BODY_SIZE])
{
	json_t *rows = json_array(), *list;
	unsigned count = 1 + chance(ROWS_MAX);
	char *text;

	for (unsigned i = 0; i < count; i++)
		json_array_append_new(rows, make_row(i + 2));
	list =
	    json_pack("{s:o,s:b}", "rows", rows, "whole_staff", chance(8) == 0);
	text = json_dumps(list, JSON_COMPACT);
	assert_true(strlen(text) < BODY_SIZE);
	strcpy(body, text);
	free(text);
	json_decref(list);
}

/* --- what must hold ------------------------------------------------------- */

static json_t *everybody(struct fixture *f)
{
	json_t *answer = call(f, "user/list", "{}");

	assert_non_null(answer);
	return answer;
}

static void must_be_as(
    struct fixture *f, const json_t *before, const char *what, const char *body)
{
	json_t *now = everybody(f);

	if (!json_equal(now, before))
		fail_msg("%s: %s\n%s\n%s", what, body,
		    json_dumps(before, JSON_COMPACT),
		    json_dumps(now, JSON_COMPACT));
	json_decref(now);
}

/* A check and the import are of one mind. */
static size_t check(struct fixture *f, const json_t *before, const char *body)
{
	json_t *answer = call(f, "user/import-check", body);
	size_t problems;

	assert_non_null(answer);
	problems = json_array_size(json_object_get(answer, "problems"));
	json_decref(answer);
	must_be_as(f, before, "a check changed somebody", body);
	return problems;
}

static void take_back(
    struct fixture *f, const json_t *before, json_t *answer, const char *list)
{
	char body[64];

	snprintf(body, sizeof(body), "{\"import\":%lld}",
	    (long long)json_integer_value(json_object_get(answer, "import")));
	must(f, "user/import-undo", body);
	must_be_as(f, before, "not all was taken back", list);
}

static void import_once_more(struct fixture *f, const char *body)
{
	json_t *answer = call(f, "user/import", body);

	if (!answer || !json_is_null(json_object_get(answer, "import")))
		fail_msg("twice is not once: %s %s", body, f->detail);
	json_decref(answer);
}

static void test_lists_of_chance(void **state)
{
	struct fixture *f = *state;
	char body[BODY_SIZE];
	int done = 0, refused = 0;

	for (seed = 1; seed < 4; seed++)
		must(f, "user/add",
		    seed == 1   ? "{\"id\":\"p0\"}"
		    : seed == 2 ? "{\"id\":\"p1\"}"
				: "{\"id\":\"p2\"}");
	seed = 20260401;
	for (int round = 0; round < ROUNDS; round++) {
		json_t *before = everybody(f), *answer;
		size_t problems;

		make_list(body);
		problems = check(f, before, body);
		answer = call(f, "user/import", body);
		if ((answer == NULL) != (problems > 0))
			fail_msg("check and import differ: %s", body);
		if (!answer) {
			refused++;
			must_be_as(f, before, "half a list was taken", body);
		} else {
			done++;
			import_once_more(f, body);
			if (json_is_integer(
				json_object_get(answer, "import")) &&
			    chance(3) == 0)
				take_back(f, before, answer, body);
		}
		json_decref(answer);
		json_decref(before);
	}
	/* Chance has tried both. */
	assert_true(done > ROUNDS / 20 && refused > ROUNDS / 20);
}

/* --- leaving -------------------------------------------------------------- */

static void must_leave(struct fixture *f, const char *options)
{
	char body[256];

	snprintf(body, sizeof(body),
	    "{\"rows\":[{\"row\":2,\"id\":\"s1\",\"leaving\":true}]%s}",
	    options);
	must(f, "user/import", body);
}

/* Terminals that wait are told, and a code in the drawer is worth nothing even
 * if the list is taken back. */
static void test_leaving_ends_everything(void **state)
{
	struct fixture *f = *state;
	struct store *store = f->server->store;
	struct subject subject;
	struct person person;
	unsigned long long stops;

	must(f, "user/add", "{\"id\":\"s1\"}");
	must(f, "code/issue", "{\"id\":\"s1\"}");
	stops = atomic_load(&store->stops);
	must_leave(f, "");
	assert_true(atomic_load(&store->stops) > stops);
	assert_int_equal(person_find(store, "s1", &person), ERR_NONE);
	assert_int_equal(person.state, PERSON_SUSPENDED);
	assert_int_equal(
	    subject_load(store, &person, FACTOR_EMERGENCY, 0, NOW, &subject),
	    ERR_NONE);
	assert_true(subject.suspended);
	assert_int_equal(subject.emergency_count, 0);
	subject_wipe(&subject);
	must(f, "user/import-undo", "{\"import\":1}");
	assert_int_equal(person_find(store, "s1", &person), ERR_NONE);
	assert_int_equal(person.state, PERSON_ACTIVE);
	assert_int_equal(
	    subject_load(store, &person, FACTOR_EMERGENCY, 0, NOW, &subject),
	    ERR_NONE);
	assert_int_equal(subject.emergency_count, 0);
	subject_wipe(&subject);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_lists_of_chance),
	    TEST(test_leaving_ends_everything),
	};

	return cmocka_run_group_tests_name(
	    "api_admin_staff", tests, NULL, NULL);
}
