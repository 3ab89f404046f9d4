/* SPDX-License-Identifier: Apache-2.0 */
/* What a row of a staff list makes of a person, and what it leaves alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "server/staff_row.h"

enum {
	NOW = 1774926000,      /* 2026-03-31 12:00 in Tokyo */
	MARCH_END = 1774969200 /* and its midnight */
};

static int set_zone(void **state)
{
	(void)state;
	setenv("TZ", "Asia/Tokyo", 1);
	tzset();
	return 0;
}

static struct person yamada(void)
{
	return (struct person){.user = "s1",
	    .login = "s1",
	    .name = "山田",
	    .department = "税務課",
	    .kind = "regular",
	    .valid_from = 100};
}

static void test_changes(void **state)
{
	static const struct {
		const char *row;
		unsigned changes;
		int64_t until;
	} rows[] = {
	    /* 0 */
	    {"{\"row\":2,\"id\":\"s1\"}", 0, 0},
	    {"{\"row\":2,\"id\":\"s1\",\"name\":\"山田\"}", 0, 0},
	    {"{\"row\":2,\"id\":\"s1\",\"name\":\"川田\"}", STAFF_RENAMED, 0},
	    {"{\"row\":2,\"id\":\"s1\",\"department\":\"住民課\"}", STAFF_MOVED,
		0},
	    {"{\"row\":2,\"id\":\"s1\",\"login\":\"x\"}", STAFF_CHANGED, 0},
	    /* 5 */
	    {"{\"row\":2,\"id\":\"s1\",\"kind\":\"regular\"}", 0, 0},
	    {"{\"row\":2,\"id\":\"s1\",\"kind\":\"fiscal-year\"}",
		STAFF_CHANGED, MARCH_END},
	    {"{\"row\":2,\"id\":\"s1\",\"until\":\"R8.3.31\"}", STAFF_CHANGED,
		MARCH_END},
	    {"{\"row\":2,\"id\":\"s1\",\"from\":\"-\"}", STAFF_CHANGED, 0},
	    {"{\"row\":2,\"id\":\"s1\",\"leaving\":true,\"name\":\"x\"}",
		STAFF_LEAVING, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct person person = yamada();
		struct staff_problem problem = {0};
		struct staff_row row = {0};
		unsigned changes = 99;
		json_t *item = json_loads(rows[i].row, 0, NULL);

		if (staff_row_read(item, &row, &problem) ||
		    staff_row_apply(
			&row, true, NOW, &person, &changes, &problem) ||
		    changes != rows[i].changes ||
		    person.valid_until != rows[i].until)
			fail_msg("row %zu: %u %s", i, changes, problem.text);
		assert_int_equal(person.state, changes == STAFF_LEAVING
						   ? PERSON_SUSPENDED
						   : PERSON_ACTIVE);
		json_decref(item);
	}
}

static void test_departments(void **state)
{
	static const struct {
		const char *before, *row, *after; /* after NULL: refused */
	} rows[] = {
	    /* 0 */
	    {"A", "\"also\":\"B,C\"", "A,B,C"},
	    {"A,B", "\"name\":\"x\"", "A,B"},
	    {"A,B", "\"department\":\"C\"", "C,B"},
	    {"A,B", "\"department\":\"B\"", "B"},
	    {"A,B", "\"also\":\"-\"", "A"},
	    /* 5 */
	    {"A,B", "\"department\":\"C\",\"also\":\"-\"", "C"},
	    {"A", "\"also\":\"B,B,A\"", "A,B"},
	    {"", "\"also\":\"B\"", "B"},
	    {"A", "\"department\":\"B,C\"", NULL},
	    {"A", "\"also\":\"B,,C\"", NULL},
	    /* 10 */
	    {"A", "\"also\":\"B,=C\"", NULL},
	    {"A", "\"also\":\"1,2,3,4,5,6,7\"", "A,1,2,3,4,5,6,7"},
	    {"A", "\"also\":\"1,2,3,4,5,6,7,8\"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct person person = yamada();
		struct staff_problem problem = {0};
		struct staff_row row = {0};
		unsigned changes = 0;
		char text[256];
		json_t *item;
		enum err err;

		strcpy(person.department, rows[i].before);
		snprintf(text, sizeof(text), "{\"row\":2,\"id\":\"s1\",%s}",
		    rows[i].row);
		item = json_loads(text, 0, NULL);
		err = staff_row_read(item, &row, &problem);
		if (!err)
			err = staff_row_apply(
			    &row, true, NOW, &person, &changes, &problem);
		json_decref(item);
		if (err != (rows[i].after ? ERR_NONE : ERR_INVALID) ||
		    (rows[i].after &&
			strcmp(person.department, rows[i].after) != 0))
			fail_msg("row %zu: %s %s", i, person.department,
			    problem.text);
	}
}

/* Window, attendant, decision. */
static void test_contractors(void **state)
{
	static const struct {
		const char *kind; /* before; until and attendant below */
		const char *row, *refused; /* member, or NULL */
		int64_t until;
		const char *attendant, *decision;
	} rows[] = {
	    /* 0 */
	    {"regular", "\"kind\":\"contractor\"", NULL, MARCH_END, "", ""},
	    {"regular",
		"\"kind\":\"contractor\",\"until\":\"R8.4.1\","
		"\"attendant\":\"s1\"",
		"attendant", 0, NULL, NULL},
	    {"regular",
		"\"kind\":\"contractor\",\"until\":\"-\","
		"\"attendant\":\"s2\"",
		"until", 0, NULL, NULL},
	    {"regular",
		"\"kind\":\"contractor\",\"until\":\"R8.3.31\","
		"\"attendant\":\"s2\"",
		NULL, MARCH_END, "s2", ""},
	    {"regular", "\"attendant\":\"s2\"", "attendant", 0, NULL, NULL},
	    /* 5: longer, and ways round that */
	    {"contractor", "\"until\":\"R8.4.1\"", "until", 0, NULL, NULL},
	    {"contractor", "\"until\":\"-\",\"decision\":\"12\"", "until", 0,
		NULL, NULL},
	    {"contractor", "\"kind\":\"regular\"", "until", 0, NULL, NULL},
	    {"contractor", "\"kind\":\"fiscal-year\",\"until\":\"R9.3.31\"",
		"until", 0, NULL, NULL},
	    {"contractor", "\"until\":\"R8.4.1\",\"decision\":\"=1\"",
		"decision", 0, NULL, NULL},
	    /* 10 */
	    {"contractor", "\"until\":\"R8.4.1\",\"decision\":\"第12号\"", NULL,
		MARCH_END + 86400, "s2", "第12号"},
	    {"contractor", "\"until\":\"2026-03-31T13:00\"", NULL, NOW + 3600,
		"s2", ""},
	    {"contractor", "\"attendant\":\"s3\"", NULL, MARCH_END, "s3", ""},
	    {"contractor", "\"attendant\":\"a b\"", "attendant", 0, NULL, NULL},
	    {"contractor", "\"kind\":\"regular\",\"decision\":\"採用\"", NULL,
		0, "", "採用"},
	    /* 15 */
	    {"contractor", "\"name\":\"x\"", NULL, MARCH_END, "s2", ""},
	    {"unattended", "\"until\":\"R8.4.1\",\"decision\":\"12\"",
		"attendant", 0, NULL, NULL},
	    {"unattended", "\"until\":\"2026-03-31T13:00\"", NULL, NOW + 3600,
		"", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct person person = yamada();
		struct staff_problem problem = {"", ""};
		struct staff_row row = {0};
		unsigned changes = 0;
		char text[256];
		json_t *item;
		enum err err;

		strcpy(person.kind, rows[i].kind);
		if (strcmp(rows[i].kind, "regular") != 0) {
			strcpy(person.kind, "contractor");
			person.valid_until = MARCH_END;
		}
		if (strcmp(rows[i].kind, "contractor") == 0)
			strcpy(person.attendant, "s2");
		snprintf(text, sizeof(text), "{\"row\":2,\"id\":\"s1\",%s}",
		    rows[i].row);
		item = json_loads(text, 0, NULL);
		err = staff_row_read(item, &row, &problem);
		if (!err)
			err = staff_row_apply(
			    &row, true, NOW, &person, &changes, &problem);
		json_decref(item);
		if (rows[i].refused) {
			if (err != ERR_INVALID ||
			    strcmp(problem.member, rows[i].refused) != 0)
				fail_msg("row %zu: %s %s", i, problem.member,
				    problem.text);
		} else if (err || person.valid_until != rows[i].until ||
			   strcmp(person.attendant, rows[i].attendant) != 0 ||
			   strcmp(person.decision, rows[i].decision) != 0) {
			fail_msg("row %zu: %s", i, problem.text);
		}
	}
}

static void test_what_cannot_be(void **state)
{
	static const struct {
		const char *row, *member;
	} rows[] = {
	    /* 0 */
	    {"{\"row\":2}", "row"},
	    {"{\"row\":2,\"id\":\"a\",\"shoe\":1}", "row"},
	    {"{\"row\":2,\"id\":\"a/b\"}", "id"},
	    {"{\"row\":2,\"id\":\"a\",\"login\":\"../x\"}", "login"},
	    {"{\"row\":2,\"id\":\"a\",\"name\":\"=A1\"}", "name"},
	    /* 5 */
	    {"{\"row\":2,\"id\":\"a\",\"department\":\"+A1\"}", "department"},
	    {"{\"row\":2,\"id\":\"a\",\"name\":\"a\\nb\"}", "row"},
	    {"{\"row\":2,\"id\":\"a\",\"kind\":\"contractor\",\"until\":\"-\"}",
		"until"},
	    {"{\"row\":2,\"id\":\"a\",\"from\":\"soon\"}", "from"},
	    {"{\"row\":2,\"id\":\"a\",\"from\":\"R8.4.1\",\"until\":\"R8.3.1\"}",
		"until"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct person person = yamada(), same = person;
		struct staff_problem problem = {0};
		struct staff_row row = {0};
		unsigned changes = 99;
		json_t *item = json_loads(rows[i].row, 0, NULL);
		enum err err = staff_row_read(item, &row, &problem);

		if (!err)
			err = staff_row_apply(
			    &row, true, NOW, &person, &changes, &problem);
		if (err != ERR_INVALID ||
		    strcmp(problem.member, rows[i].member) != 0 ||
		    !problem.text[0])
			fail_msg("row %zu: %d %s", i, err, problem.text);
		assert_memory_equal(&person, &same, sizeof(same));
		assert_int_equal(changes, 99);
		json_decref(item);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_changes),
	    cmocka_unit_test(test_departments),
	    cmocka_unit_test(test_contractors),
	    cmocka_unit_test(test_what_cannot_be),
	};

	return cmocka_run_group_tests_name("staff_row", tests, set_zone, NULL);
}
