/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands that wait for a second person: who may ask, who may approve, and
 * every way round it that somebody has thought of.
 */
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

static int64_t ask_thaw(struct fixture *f)
{
	int64_t number = ask(f, "o1", "user/thaw", "{\"id\":\"s9\"}");

	assert_int_not_equal(number, 0);
	return number;
}

static enum admin_request_state state_of(struct fixture *f, int64_t number)
{
	struct admin_request request = {0};
	enum admin_request_state state;

	assert_int_equal(
	    admin_request_find(f->server->store, number, f->now_s, &request),
	    ERR_NONE);
	state = request.state;
	admin_request_free(&request);
	return state;
}

static void run_sql(struct fixture *f, const char *sql)
{
	struct store *store = f->server->store;

	assert_int_equal(store_begin(store), ERR_NONE);
	assert_int_equal(db_run(db_query(store->db, sql)), ERR_NONE);
	assert_int_equal(store_commit(store), ERR_NONE);
}

/* --- as it should be ------------------------------------------------------ */

static void test_one_asks_another_approves(void **state)
{
	struct fixture *f = *state;
	int64_t number;

	begin(f);
	number = ask_thaw(f);
	must_have_recorded(f, "\"action\":\"user thaw\"");
	must_have_recorded(f, "\"result\":\"waits\"");
	must_have_recorded(f, "\"actor\":\"admin o1\"");
	assert_true(is_frozen(f, "s9"));
	answer_as(f, "o2", "approve", number, 0);
	assert_false(is_frozen(f, "s9"));
	assert_int_equal(state_of(f, number), ADMIN_REQUEST_APPROVED);
	must_have_recorded(f, "\"action\":\"request approve\"");
	must_have_recorded(f, "\"actor\":\"admin o2\"");
}

/* The command's own record names both. */
static void test_both_are_recorded(void **state)
{
	struct fixture *f = *state;
	json_t *answer, *items, *record;
	int64_t number;

	begin(f);
	number = ask_thaw(f);
	answer_as(f, "o2", "approve", number, 0);
	act_as_root(f);
	answer = call(f, "audit/list", "{\"limit\":2}");
	items = json_object_get(answer, "items");
	record = json_array_get(items, 0);
	assert_string_equal(
	    json_string_value(json_object_get(record, "action")), "user thaw");
	assert_string_equal(
	    json_string_value(json_object_get(record, "actor")), "admin o1");
	assert_string_equal(
	    json_string_value(json_object_get(record, "approved_by")),
	    "admin o2");
	assert_int_equal(
	    json_integer_value(json_object_get(record, "approval")), number);
	json_decref(answer);
}

/* An enroller approves what he may do himself, and no more. */
static void test_an_enroller_approves_what_he_may(void **state)
{
	struct fixture *f = *state;
	json_t *answer;
	int64_t bulk, thaw;

	begin(f);
	must(f, "user/add", "{\"id\":\"s8\",\"department\":\"税務課\"}");
	bulk = ask(f, "o1", "code/bulk", "{\"department\":\"税務課\"}");
	thaw = ask(f, "o1", "server/thaw", "{}");
	answer_as(f, "e1", "approve", thaw, 403);
	act_as(f, "e1");
	answer = call(f, "request/approve", "{\"request\":1}");
	assert_int_equal(bulk, 1);
	if (!answer)
		fail_msg("%s", f->detail);
	/* s9 is frozen and gets none. */
	assert_int_equal(json_array_size(json_object_get(
			     json_object_get(answer, "answer"), "items")),
	    1);
	json_decref(answer);
}

static void test_reject_and_withdraw(void **state)
{
	struct fixture *f = *state;
	int64_t number;

	begin(f);
	number = ask_thaw(f);
	answer_as(f, "o2", "reject", number, 0);
	answer_as(f, "o2", "approve", number, 409);
	number = ask_thaw(f);
	answer_as(f, "o1", "reject", number, 0); /* his own */
	answer_as(f, "o2", "approve", number, 409);
	answer_as(f, "o2", "reject", number, 409);
	answer_as(f, "o2", "approve", 99, 404);
	assert_true(is_frozen(f, "s9"));
}

/* What stops somebody never waits, and other commands do not either. */
static void test_the_rest_goes_on(void **state)
{
	struct fixture *f = *state;

	begin(f);
	act_as(f, "o1");
	must(f, "server/freeze", "{}");
	must(f, "user/suspend", "{\"id\":\"s9\"}");
	assert_int_equal(ask(f, "o1", "user/add", "{\"id\":\"s7\"}"), 0);
	act_as_root(f);
	must(f, "user/unlock", "{\"id\":\"o1\"}");
}

/* --- ways round it -------------------------------------------------------- */

static void test_nobody_approves_his_own(void **state)
{
	struct fixture *f = *state;
	int64_t number;

	begin(f);
	number = ask_thaw(f);
	answer_as(f, "o1", "approve", number, 403);
	assert_non_null(strstr(f->detail, "your own request"));
	assert_true(is_frozen(f, "s9"));
	assert_int_equal(state_of(f, number), ADMIN_REQUEST_WAITING);
}

static void test_root_neither_asks_nor_approves(void **state)
{
	struct fixture *f = *state;
	int64_t number;

	begin(f);
	act_as_root(f);
	must_refuse(f, "user/thaw", "{\"id\":\"s9\"}", 403);
	must_refuse(f, "server/thaw", "{}", 403);
	must_refuse(f, "admin/add", "{\"id\":\"s9\",\"role\":\"owner\"}", 403);
	number = ask_thaw(f);
	answer_as(f, NULL, "approve", number, 403);
	answer_as(f, NULL, "reject", number, 403);
	assert_true(is_frozen(f, "s9"));
	assert_int_equal(state_of(f, number), ADMIN_REQUEST_WAITING);
}

static void test_others_do_not_approve(void **state)
{
	struct fixture *f = *state;
	int64_t number;

	begin(f);
	give_role(f, "s9", ADMIN_ROLE_AUDITOR);
	number = ask_thaw(f);
	answer_as(f, "h1", "approve", number, 403);
	answer_as(f, "s9", "approve", number, 403);
	answer_as(f, "e1", "approve", number, 403); /* thaw is an owner's */
	assert_int_equal(state_of(f, number), ADMIN_REQUEST_WAITING);
}

static void test_not_twice(void **state)
{
	struct fixture *f = *state;
	int64_t number;

	begin(f);
	number = ask_thaw(f);
	answer_as(f, "o2", "approve", number, 0);
	must(f, "user/freeze", "{\"id\":\"s9\"}");
	answer_as(f, "o2", "approve", number, 409);
	assert_true(is_frozen(f, "s9"));
}

static void test_not_after_its_time(void **state)
{
	struct fixture *f = *state;
	int64_t number;

	begin(f);
	number = ask_thaw(f);
	f->now_s += 7 * DAY_S;
	answer_as(f, "o2", "approve", number, 409);
	assert_non_null(strstr(f->detail, "expired"));
	answer_as(f, "o2", "reject", number, 409);
	f->now_s -= 1;
	answer_as(f, "o2", "approve", number, 0);
}

static void test_not_after_a_clock_set_back(void **state)
{
	struct fixture *f = *state;
	struct store *store = f->server->store;
	int64_t number;

	begin(f);
	number = ask_thaw(f);
	assert_int_equal(store_begin(store), ERR_NONE);
	assert_int_equal(admin_requests_void(store), ERR_NONE);
	assert_int_equal(store_commit(store), ERR_NONE);
	answer_as(f, "o2", "approve", number, 409);
	assert_true(is_frozen(f, "s9"));
}

/* Whoever lost his role, or may not come in, asks for nothing any more. */
static void test_not_for_whoever_has_lost_his_role(void **state)
{
	struct fixture *f = *state;
	int64_t number;

	begin(f);
	number = ask_thaw(f);
	give_role(f, "o1", ADMIN_ROLE_NONE);
	answer_as(f, "o2", "approve", number, 409);
	give_role(f, "o1", ADMIN_ROLE_ENROLLER); /* may not thaw */
	answer_as(f, "o2", "approve", number, 403);
	give_role(f, "o1", ADMIN_ROLE_OWNER);
	act_as_root(f);
	must(f, "user/suspend", "{\"id\":\"o1\"}");
	answer_as(f, "o2", "approve", number, 409);
	must(f, "user/resume", "{\"id\":\"o1\"}");
	must(f, "user/freeze", "{\"id\":\"o1\"}");
	answer_as(f, "o2", "approve", number, 409);
	assert_true(is_frozen(f, "s9"));
	assert_int_equal(state_of(f, number), ADMIN_REQUEST_WAITING);
}

static void test_not_what_was_changed_in_the_database(void **state)
{
	struct fixture *f = *state;
	static const char *const changes[] = {
	    "UPDATE admin_request SET arguments = '{\"id\":\"o1\"}'",
	    "UPDATE admin_request SET path = 'user/resume'",
	    "UPDATE admin_request SET requester_id = requester_id + 1",
	    "UPDATE admin_request SET valid_until = valid_until + 1",
	};

	begin(f);
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		int64_t number = ask_thaw(f);

		run_sql(f, changes[i]);
		answer_as(f, "o2", "approve", number, 409);
		assert_non_null(strstr(f->detail, "changed the database"));
		answer_as(f, "o2", "reject", number, 0);
		run_sql(f, "DELETE FROM admin_request");
	}
	assert_true(is_frozen(f, "s9"));
}

/* It is judged when it is done, and stays when it cannot be. */
static void test_not_what_no_longer_holds(void **state)
{
	struct fixture *f = *state;
	int64_t number;

	begin(f);
	number = ask_thaw(f);
	run_sql(f, "UPDATE person SET state = 2 WHERE user_name = 's9'");
	answer_as(f, "o2", "approve", number, 404);
	assert_int_equal(state_of(f, number), ADMIN_REQUEST_WAITING);
	act_as_root(f);
	must(f, "user/add", "{\"id\":\"s9\"}");
	answer_as(f, "o2", "approve", number, 0);
}

/* Who could not approve it, an enroller who is to go for instance, does not
 * keep the two who can from doing it either. */
static void test_only_who_could_approve_rejects(void **state)
{
	struct fixture *f = *state;
	int64_t number;

	begin(f);
	number = ask_thaw(f);
	answer_as(f, "e1", "reject", number, 403);
	run_sql(f, "UPDATE admin_request SET path = 'user/resume'");
	answer_as(f, "e1", "reject", number, 403);
	assert_int_equal(
	    ask(f, "o1", "code/bulk", "{\"department\":\"税務課\"}"), 2);
	answer_as(f, "e1", "reject", 2, 0);
	assert_int_equal(
	    ask(f, "e1", "code/bulk", "{\"department\":\"税務課\"}"), 3);
	answer_as(f, "e1", "reject", 3, 0); /* his own */
}

/* Whom it concerns is no second person either. */
static void test_not_for_oneself(void **state)
{
	struct fixture *f = *state;
	int64_t number;

	begin(f);
	act_as_root(f);
	must(f, "user/freeze", "{\"id\":\"o2\"}");
	number = ask(f, "o1", "user/thaw", "{\"id\":\"o2\"}");
	answer_as(f, "o2", "approve", number, 403);
	assert_non_null(strstr(f->detail, "yourself"));
	assert_true(is_frozen(f, "o2"));
}

/* An owner who makes a second person of somebody needs the first one for it. */
static void test_nobody_becomes_his_second_person(void **state)
{
	struct fixture *f = *state;

	begin(f);
	act_as(f, "o1");
	must_refuse(f, "code/issue", "{\"id\":\"o2\"}", 403);
	assert_non_null(strstr(f->detail, "only root"));
	must_refuse(f, "token/enroll", "{\"id\":\"o2\"}", 403);
	must_refuse(f, "token/enroll", "{\"id\":\"e1\"}", 403);
	must_refuse(f, "card/invite", "{\"id\":\"e1\"}", 403);
	must(f, "token/enroll", "{\"id\":\"h1\"}");
	assert_int_not_equal(
	    ask(f, "o1", "admin/add", "{\"id\":\"s9\",\"role\":\"owner\"}"), 0);
	act_as_root(f);
	must(f, "token/enroll", "{\"id\":\"o2\"}");
	/* Without rules that ask for two it is as it was. */
	run_sql(f, "DELETE FROM admin_request");
}

static void test_nobody_fills_the_disk_with_requests(void **state)
{
	struct fixture *f = *state;

	begin(f);
	for (int i = 0; i < ADMIN_REQUEST_WAITING_MAX; i++)
		(void)ask_thaw(f);
	must_refuse(f, "user/thaw", "{\"id\":\"s9\"}", 409);
	assert_int_not_equal(ask(f, "o2", "user/thaw", "{\"id\":\"s9\"}"), 0);
	f->now_s += 7 * DAY_S;
	(void)ask_thaw(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_one_asks_another_approves),
	    TEST(test_both_are_recorded),
	    TEST(test_an_enroller_approves_what_he_may),
	    TEST(test_reject_and_withdraw),
	    TEST(test_the_rest_goes_on),
	    TEST(test_nobody_approves_his_own),
	    TEST(test_root_neither_asks_nor_approves),
	    TEST(test_others_do_not_approve),
	    TEST(test_not_twice),
	    TEST(test_not_after_its_time),
	    TEST(test_not_after_a_clock_set_back),
	    TEST(test_not_for_whoever_has_lost_his_role),
	    TEST(test_not_what_was_changed_in_the_database),
	    TEST(test_not_what_no_longer_holds),
	    TEST(test_only_who_could_approve_rejects),
	    TEST(test_not_for_oneself),
	    TEST(test_nobody_becomes_his_second_person),
	    TEST(test_nobody_fills_the_disk_with_requests),
	};

	setenv("TZ", "Asia/Tokyo", 1);
	return cmocka_run_group_tests_name("admin_requests", tests, NULL, NULL);
}
