/* SPDX-License-Identifier: Apache-2.0 */
/* Approve lines: which can be set, what they can name, and that nobody is rid
 * of them alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/api_admin_hold.h"
#include "server/store/admin_request.h"
#include "server/store/db.h"
#include "tests/support/admin_people.h"

static void test_rules_wait_by_what_they_let_go_of(void **state)
{
	struct fixture *f = *state;
	int64_t number;

	begin(f);
	act_as_root(f);
	must_refuse(
	    f, "policy/set", "{\"text\":\"permit all factors=any\\n\"}", 403);
	must_refuse(f, "policy/set",
	    "{\"text\":\"approve two actions=admin-add,bulk\\npermit all "
	    "factors=any\\n\"}",
	    403);
	/* More than before is no less. */
	act_as(f, "o1");
	set_rules(f, "approve other actions=admin-add,thaw,bulk,admin-remove\\n"
		     "permit some factors=otp\\n");
	number = ask(
	    f, "o1", "policy/set", "{\"text\":\"permit all factors=any\\n\"}");
	assert_int_not_equal(number, 0);
	answer_as(f, "o1", "approve", number, 403);
	answer_as(f, "o2", "approve", number, 0);
	act_as_root(f);
	must(f, "user/thaw", "{\"id\":\"s9\"}");
	assert_false(is_frozen(f, "s9"));
}

/* Those to come as well: neither set aside nor cancelled by one alone. */
static void test_rules_to_come_wait_too(void **state)
{
	struct fixture *f = *state;
	char body[512];

	act_as_root(f);
	begin(f);
	act_as_root(f);
	snprintf(body, sizeof(body),
	    "{\"text\":\"%s\",\"effective\":\"2026-04-10\"}",
	    "approve two actions=admin-add,thaw,bulk,extend\\npermit all "
	    "factors=any\\n");
	must(f, "policy/set", body);
	must_refuse(f, "policy/cancel", "{\"version\":3}", 403);
	snprintf(body, sizeof(body), "{\"text\":\"%s\"}", RULES);
	must_refuse(f, "policy/set", body, 403);
	assert_int_not_equal(
	    ask(f, "o1", "policy/cancel", "{\"version\":3}"), 0);
}

/* Rules that one alone has planned before do not end them on their day. */
static void test_rules_planned_before_end_nothing(void **state)
{
	struct fixture *f = *state;
	char body[512];

	begin_people(f);
	act_as(f, "o1");
	must(f, "policy/set",
	    "{\"text\":\"permit all factors=any\\n\","
	    "\"effective\":\"2026-04-10\"}");
	act_as_root(f);
	snprintf(body, sizeof(body), "{\"text\":\"%s\"}", RULES);
	must_refuse(f, "policy/set", body, 400);
	assert_non_null(strstr(f->detail, "policy cancel 2"));
	must(f, "policy/cancel", "{\"version\":2}");
	must(f, "policy/set", body);
	/* What two have agreed to stays agreed. */
	answer_as(f, "o2", "approve",
	    ask(f, "o1", "policy/set",
		"{\"text\":\"permit all factors=any\\n\","
		"\"effective\":\"2026-04-10\"}"),
	    0);
	act_as(f, "o1");
	must(f, "policy/set", body);
}

static void test_rules_that_cannot_be_lived_with(void **state)
{
	static const struct {
		const char *actions, *says;
	} rows[] = {
	    {"admin-add,dance", "dance is no command"},
	    {"admin-add,freeze", "freeze is no command"},
	    {"admin-add,token-lost", "token-lost is no command"},
	    {"admin-add,user-list", "user-list is no command"},
	    {"admin-add,token-enroll", "token-enroll is no command"},
	    {"admin-add,server-backup", "server-backup is no command"},
	    {"admin-add,request-approve", "request-approve is no command"},
	    {"admin-add,card-trust", "card-trust is no command"},
	};
	struct fixture *f = *state;

	begin(f);
	act_as(f, "o1");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char body[256];

		snprintf(body, sizeof(body),
		    "{\"text\":\"approve x actions=%s,admin-add,thaw,bulk\\n"
		    "permit all factors=any\\n\"}",
		    rows[i].actions);
		must_refuse(f, "policy/set", body, 400);
		if (!strstr(f->detail, rows[i].says))
			fail_msg("row %zu: %s", i, f->detail);
	}
}

/* Before there is anybody to approve, nothing may need him. */
static void test_two_owners_are_needed(void **state)
{
	struct fixture *f = *state;

	must(f, "user/add", "{\"id\":\"o1\"}");
	give_role(f, "o1", ADMIN_ROLE_OWNER);
	must_refuse(f, "policy/set", "{\"text\":\"" RULES "\"}", 400);
	assert_non_null(strstr(f->detail, "two owners, and there are 1"));
	must(f, "user/add", "{\"id\":\"o2\",\"until\":\"2026-03-01\"}");
	give_role(f, "o2", ADMIN_ROLE_OWNER);
	must_refuse(f, "policy/set", "{\"text\":\"" RULES "\"}", 400);
	must_refuse(f, "policy/set",
	    "{\"text\":\"approve x actions=thaw\\npermit all "
	    "factors=any\\n\"}",
	    400);
	assert_non_null(strstr(f->detail, "without admin-add"));
}

/* What waits is in one transaction and holds no secret. */
static void test_what_may_wait(void **state)
{
	(void)state;
	for (size_t i = 0; ADMIN_TABLES[i]; i++)
		for (const struct admin_verb *v = ADMIN_TABLES[i]; v->path;
		     v++) {
			if (!v->may_wait)
				continue;
			assert_non_null(v->action);
			assert_null(v->prepare);
			assert_null(v->clean_up);
			for (size_t m = 0; m < ADMIN_MEMBERS_MAX; m++) {
				const char *name = v->members[m].name;

				if (name && (!strcmp(name, "secret") ||
						!strcmp(name, "password") ||
						!strcmp(name, "code") ||
						!strcmp(name, "next")))
					fail_msg("%s: %s", v->path, name);
			}
		}
}

/* Otherwise nobody could ever approve anything, nor be rid of the rule. */
static void test_two_owners_stay(void **state)
{
	struct fixture *f = *state;

	begin(f);
	act_as_root(f);
	must_refuse(f, "admin/remove", "{\"id\":\"o2\"}", 409);
	assert_non_null(strstr(f->detail, "two owners"));
	must_refuse(f, "user/remove", "{\"id\":\"o2\"}", 409);
	must(f, "user/suspend", "{\"id\":\"o2\"}");
	must(f, "admin/remove", "{\"id\":\"e1\"}");
	must(f, "user/add", "{\"id\":\"o3\"}");
	give_role(f, "o3", ADMIN_ROLE_OWNER);
	must(f, "user/remove", "{\"id\":\"o2\"}");
}

/* One owner, or whoever has his session, must not shut a town for good: he can
 * freeze everything and the only other one, who alone could agree to a thaw. */
static void test_the_second_owner_comes_back(void **state)
{
	struct fixture *f = *state;
	int64_t number;

	begin_people(f);
	set_rules(f,
	    "approve two actions=admin-add,thaw,resume,user-extend\\npermit all "
	    "factors=any\\n");
	act_as(f, "o1");
	must(f, "server/freeze", "{}");
	must(f, "user/freeze", "{\"id\":\"o2\"}");
	must(f, "user/suspend", "{\"id\":\"o2\"}");
	act_as_root(f);
	must_refuse(f, "server/thaw", "{}", 403);
	assert_non_null(strstr(f->detail, "Fewer than two owners"));
	must_refuse(f, "user/thaw", "{\"id\":\"s9\"}", 403);
	must_refuse(f, "admin/add", "{\"id\":\"s9\",\"role\":\"owner\"}", 403);
	must(f, "user/thaw", "{\"id\":\"o2\"}");
	must(f, "user/resume", "{\"id\":\"o2\"}");
	number = ask(f, "o1", "server/thaw", "{}");
	answer_as(f, "o2", "approve", number, 0);
	/* As long as there are two, they agree to a third's. */
	must(f, "user/add", "{\"id\":\"o3\"}");
	give_role(f, "o3", ADMIN_ROLE_OWNER);
	act_as_root(f);
	must(f, "user/freeze", "{\"id\":\"o2\"}");
	must_refuse(f, "user/thaw", "{\"id\":\"o2\"}", 403);
	assert_null(strstr(f->detail, "Fewer than two owners"));
}

static void test_more_time_for_the_second_owner(void **state)
{
	struct fixture *f = *state;

	begin_people(f);
	must(f, "user/change", "{\"id\":\"o2\",\"until\":\"2026-04-10\"}");
	set_rules(f, "approve two actions=admin-add,user-extend\\npermit all "
		     "factors=any\\n");
	must_refuse(
	    f, "user/extend", "{\"id\":\"o2\",\"until\":\"2027-03-31\"}", 403);
	f->now_s += 20 * DAY_S;
	must(f, "user/extend", "{\"id\":\"o2\",\"until\":\"2027-03-31\"}");
}

/* --- the same by another name ----------------------------------------------
 */

static void begin_with(struct fixture *f, const char *actions)
{
	char text[256];

	begin_people(f);
	must(f, "user/add",
	    "{\"id\":\"s8\",\"department\":\"税務課\",\"until\":\"2026-06-30\"}");
	snprintf(text, sizeof(text),
	    "approve two actions=admin-add,thaw,bulk,%s\\npermit all "
	    "factors=any\\n",
	    actions);
	set_rules(f, text);
}

static void must_wait(struct fixture *f, const char *path, const char *body)
{
	if (ask(f, "o1", path, body) == 0)
		fail_msg("%s %s was done", path, body);
}

static void must_be_done(struct fixture *f, const char *path, const char *body)
{
	if (ask(f, "o1", path, body) != 0)
		fail_msg("%s %s waits", path, body);
}

static void test_no_administrator_is_removed_as_a_person(void **state)
{
	struct fixture *f = *state;

	begin_with(f, "admin-remove");
	must_wait(f, "user/remove", "{\"id\":\"h1\"}");
	must_be_done(f, "user/remove", "{\"id\":\"s8\"}");
}

/* Whoever is removed can be registered anew. */
static void test_nobody_is_thawed_by_removing_him(void **state)
{
	struct fixture *f = *state;

	begin_with(f, "terminal-thaw");
	must_wait(f, "user/remove", "{\"id\":\"s9\"}");
	must_be_done(f, "user/remove", "{\"id\":\"s8\"}");
}

static void test_no_terminal_is_thawed_by_revoking_it(void **state)
{
	struct fixture *f = *state;
	struct terminal terminal;

	begin_with(f, "terminal-thaw");
	must_be_done(f, "terminal/add", "{\"name\":\"pc1\"}");
	must_be_done(f, "terminal/freeze", "{\"name\":\"pc1\"}");
	must_be_done(f, "terminal/revoke", "{\"name\":\"pc1\"}");
	must_be_done(f, "terminal/add", "{\"name\":\"pc1\"}");
	assert_int_equal(
	    terminal_find(f->server->store, "pc1", &terminal), ERR_NONE);
	assert_true(terminal.frozen);
}

static void test_more_time_by_another_way(void **state)
{
	struct fixture *f = *state;
	struct person person;

	begin_with(f, "user-extend");
	must_be_done(
	    f, "user/change", "{\"id\":\"s8\",\"until\":\"2026-05-31\"}");
	must_be_done(f, "user/change", "{\"id\":\"s8\",\"name\":\"八\"}");
	must_wait(f, "user/import",
	    "{\"rows\":[{\"row\":2,\"id\":\"s8\",\"until\":\"2026-06-01\"}]}");
	must_be_done(f, "user/import",
	    "{\"rows\":[{\"row\":2,\"id\":\"s8\",\"until\":\"2026-05-01\"}]}");
	must_wait(f, "user/import-undo", "{\"import\":1}");
	must_wait(f, "user/change", "{\"id\":\"s8\",\"until\":\"2026-06-01\"}");
	assert_int_equal(
	    person_find(f->server->store, "s8", &person), ERR_NONE);
	assert_true(person.valid_until < f->now_s + 33 * DAY_S);
	answer_as(f, "o2", "approve", 3, 0);
	assert_int_equal(
	    person_find(f->server->store, "s8", &person), ERR_NONE);
	assert_true(person.valid_until > f->now_s + 60 * DAY_S);
}

static void test_brought_back_by_undoing_a_list(void **state)
{
	struct fixture *f = *state;

	begin_with(f, "user-resume");
	must_be_done(f, "user/import",
	    "{\"rows\":[{\"row\":2,\"id\":\"s8\",\"leaving\":true}]}");
	must_wait(f, "user/import-undo", "{\"import\":1}");
	answer_as(f, "o2", "approve", 1, 0);
}

static void test_one_of_several_is_as_one(void **state)
{
	struct fixture *f = *state;

	begin_people(f);
	set_rules(f,
	    "approve two actions=admin-add,thaw,bulk,policy-set,user-import"
	    "\\npermit all factors=any\\n");
	must_wait(f, "policy/cancel", "{\"version\":1}");
	must_wait(f, "user/import-undo", "{\"import\":1}");
}

/* Of one person as well. */
static void test_codes_by_the_department(void **state)
{
	struct fixture *f = *state;

	begin_people(f);
	set_rules(f, "approve two actions=admin-add,code-issue\\npermit all "
		     "factors=any\\n");
	must_wait(f, "code/bulk", "{\"department\":\"税務課\"}");
}

static void test_commands_that_give_factors_are_listed(void **state)
{
	(void)state;
	for (size_t i = 0; ADMIN_GIVES_FACTOR[i]; i++) {
		/* Comes with signing in. */
		if (strcmp(ADMIN_GIVES_FACTOR[i], "admin/password") == 0)
			continue;
		if (!api_admin_find(ADMIN_GIVES_FACTOR[i]))
			fail_msg("%s", ADMIN_GIVES_FACTOR[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_rules_wait_by_what_they_let_go_of),
	    TEST(test_rules_to_come_wait_too),
	    TEST(test_rules_planned_before_end_nothing),
	    TEST(test_rules_that_cannot_be_lived_with),
	    TEST(test_two_owners_are_needed),
	    TEST(test_two_owners_stay),
	    TEST(test_what_may_wait),
	    TEST(test_the_second_owner_comes_back),
	    TEST(test_more_time_for_the_second_owner),
	    TEST(test_no_administrator_is_removed_as_a_person),
	    TEST(test_nobody_is_thawed_by_removing_him),
	    TEST(test_no_terminal_is_thawed_by_revoking_it),
	    TEST(test_more_time_by_another_way),
	    TEST(test_brought_back_by_undoing_a_list),
	    TEST(test_one_of_several_is_as_one),
	    TEST(test_codes_by_the_department),
	    TEST(test_commands_that_give_factors_are_listed),
	};

	setenv("TZ", "Asia/Tokyo", 1);
	return cmocka_run_group_tests_name(
	    "admin_approvals", tests, NULL, NULL);
}
