/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose rights a staff list has that was sent before: on the day for which it
 * was planned, and when it is taken back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/staff_plans.h"
#include "tests/support/admin_people.h"

/* An account is not given back that is an administrator's by now. */
static void test_no_shared_account_by_undoing_a_list(void **state)
{
	struct fixture *f = *state;
	struct person person;

	act_as_root(f);
	must(f, "user/add", "{\"id\":\"s1\",\"login\":\"kato\"}");
	become(f, NULL, ADMIN_ROLE_ENROLLER, "");
	f->admin.person_id = 999999;
	must(f, "user/import",
	    "{\"rows\":[{\"row\":2,\"id\":\"s1\",\"login\":\"s1\"}]}");
	act_as_root(f);
	must(f, "user/add", "{\"id\":\"s2\",\"login\":\"kato\"}");
	make_admin(f, "s2", ADMIN_ROLE_OWNER, "");
	become(f, NULL, ADMIN_ROLE_ENROLLER, "");
	f->admin.person_id = 999999;
	must_refuse(f, "user/import-undo", "{\"import\":1}", 403);
	assert_non_null(strstr(f->detail, "account of an administrator"));
	assert_int_equal(
	    person_find(f->server->store, "s1", &person), ERR_NONE);
	assert_string_equal(person.login, "s1");
	act_as_root(f);
	must(f, "user/import-undo", "{\"import\":1}");
}

/* --- a staff list that waits for its day -----------------------------------
 */

static void plan_list(struct fixture *f, const char *row)
{
	char body[256];

	f->now_s = NOW;
	snprintf(body, sizeof(body),
	    "{\"rows\":[{\"row\":2,%s}],\"effective\":\"2026-04-01\"}", row);
	must(f, "user/import", body);
}

static void run_plans(struct fixture *f)
{
	struct store *store = f->server->store;

	f->now_s = NOW + 86400;
	assert_int_equal(store_begin(store), ERR_NONE);
	assert_int_equal(
	    staff_plans_run(f->server, store, f->now_s, f->now_s * 1000LL),
	    ERR_NONE);
	assert_int_equal(store_commit(store), ERR_NONE);
}

static void must_be_called(
    struct fixture *f, const char *user, const char *name)
{
	struct person person;

	assert_int_equal(
	    person_find(f->server->store, user, &person), ERR_NONE);
	assert_string_equal(person.name, name);
}

/* On its day it may do what whoever sent it may do then, and no more. */
static void test_no_rights_outlive_in_a_list(void **state)
{
	struct fixture *f = *state;

	add_person(f, "s1", "税務課");
	add_person(f, "s2", "税務課");
	add_person(f, "s3", "税務課");
	make_admin(f, "s1", ADMIN_ROLE_ENROLLER, "");
	become(f, "s1", ADMIN_ROLE_ENROLLER, "");
	plan_list(f, "\"id\":\"s3\",\"name\":\"一\"");
	run_plans(f);
	must_be_called(f, "s3", "一");

	plan_list(f, "\"id\":\"s2\",\"name\":\"二\"");
	make_admin(f, "s2", ADMIN_ROLE_OWNER, "");
	run_plans(f);
	must_be_called(f, "s2", "");

	plan_list(f, "\"id\":\"s3\",\"name\":\"三\"");
	act_as_root(f);
	must(f, "user/suspend", "{\"id\":\"s1\"}");
	run_plans(f);
	must_be_called(f, "s3", "一");
	must_have_recorded(f, "\"reason\":\"not_permitted\"");

	must(f, "user/resume", "{\"id\":\"s1\"}");
	become(f, "s1", ADMIN_ROLE_ENROLLER, "");
	plan_list(f, "\"id\":\"s3\",\"name\":\"四\"");
	act_as_root(f);
	must(f, "admin/remove", "{\"id\":\"s1\"}");
	run_plans(f);
	must_be_called(f, "s3", "一");
}

/* An owner who is no root at his desk is none in a list either: a row that says
 * of himself what is so anyway would bring it back when it is no more. */
static void test_no_owner_is_root_in_a_list(void **state)
{
	struct fixture *f = *state;
	struct person person;

	add_person(f, "s1", "税務課");
	must(f, "user/change", "{\"id\":\"s1\",\"until\":\"2027-03-31\"}");
	make_admin(f, "s1", ADMIN_ROLE_OWNER, "");
	become(f, "s1", ADMIN_ROLE_OWNER, "");
	plan_list(f, "\"id\":\"s1\",\"until\":\"2027-03-31\"");
	act_as_root(f);
	must(f, "user/change", "{\"id\":\"s1\",\"until\":\"2026-04-10\"}");
	run_plans(f);
	assert_int_equal(
	    person_find(f->server->store, "s1", &person), ERR_NONE);
	assert_true(person.valid_until < f->now_s + 20 * 86400);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_no_shared_account_by_undoing_a_list),
	    TEST(test_no_rights_outlive_in_a_list),
	    TEST(test_no_owner_is_root_in_a_list),
	};

	setenv("TZ", "Asia/Tokyo", 1);
	return cmocka_run_group_tests_name("admin_lists", tests, NULL, NULL);
}
