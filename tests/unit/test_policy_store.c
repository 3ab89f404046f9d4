/* SPDX-License-Identifier: Apache-2.0 */
/* A policy is in force from its transaction on, and older ones stay. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/core/policy.h"
#include "server/store/policy_store.h"
#include "tests/unit/store_fixture.h"

static enum err plan(
    struct store *store, const char *text, int64_t now_s, int64_t effective)
{
	char problem[POLICY_PROBLEM_SIZE] = "";
	const struct policy_ground ground = {"admin", text, "部長", effective};
	enum err err = policy_store_set(
	    store, text, strlen(text), &ground, now_s, NULL, problem);

	assert_int_equal(problem[0] != '\0', err == ERR_INVALID);
	return err;
}

static enum err set(struct store *store, const char *text, int64_t now_s)
{
	return plan(store, text, now_s, 0);
}

static enum err take_due(struct store *store, int64_t now_s)
{
	return policy_store_take_due(store, now_s, now_s * 1000);
}

static enum policy_action ask(struct store *store)
{
	const struct policy_facts facts = {
	    "s1", "", "regular", "pc1", "", "x", {0, 0, 0}};

	return policy_ask(store->policy, &facts, true).action;
}

static void check_text(struct store *store, int64_t at_s, const char *wanted,
    int64_t wanted_version)
{
	struct policy_version found = {0};
	bool first = wanted_version == 1;

	assert_int_equal(policy_store_get(store, at_s, &found), ERR_NONE);
	assert_string_equal(found.text, wanted);
	assert_int_equal(found.version, wanted_version);
	assert_string_equal(found.author, first ? "init" : "admin");
	assert_string_equal(found.reason, first ? "" : wanted);
	assert_string_equal(found.approver, first ? "" : "部長");
	policy_version_free(&found);
}

static void test_versions(void **state)
{
	struct fixture *f = *state;
	struct policy_version found = {0};

	check_text(f->store, 0, POLICY_DEFAULT_TEXT, 1);
	COMMITTED(f->store, set(f->store, "refuse all\n", NOW_S + 100));
	COMMITTED(f->store, set(f->store, "exempt all\n", NOW_S + 200));
	assert_int_equal(f->store->policy_version, 3);
	fixture_reopen(f);
	assert_int_equal(f->store->policy_version, 3);
	assert_int_equal(ask(f->store), POLICY_EXEMPT);
	check_text(f->store, 0, "exempt all\n", 3);
	check_text(f->store, NOW_S, POLICY_DEFAULT_TEXT, 1);
	check_text(f->store, NOW_S + 199, "refuse all\n", 2);
	check_text(f->store, NOW_S + 200, "exempt all\n", 3);
	assert_int_equal(
	    policy_store_get(f->store, NOW_S - 1, &found), ERR_NOT_FOUND);
	assert_null(found.text);
}

static void test_refused_text(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(store_begin(f->store), ERR_NONE);
	assert_int_equal(
	    set(f->store, "allow everybody\n", NOW_S), ERR_INVALID);
	assert_int_equal(f->store->policy_version, 1);
	assert_int_equal(ask(f->store), POLICY_PERMIT);
	assert_int_equal(store_commit(f->store), ERR_NONE);
	check_text(f->store, 0, POLICY_DEFAULT_TEXT, 1);
}

static void test_in_force_in_its_transaction(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(store_begin(f->store), ERR_NONE);
	assert_int_equal(set(f->store, "refuse all\n", NOW_S), ERR_NONE);
	assert_int_equal(ask(f->store), POLICY_REFUSE);
	assert_int_equal(set(f->store, "exempt all\n", NOW_S), ERR_NONE);
	assert_int_equal(ask(f->store), POLICY_EXEMPT);
	store_rollback(f->store);
	assert_int_equal(ask(f->store), POLICY_PERMIT);
	assert_int_equal(f->store->policy_version, 1);
	check_text(f->store, 0, POLICY_DEFAULT_TEXT, 1);
}

/* An answer points into the policy it came from; it must hold until its
 * reply is written, which may be after the commit. */
static void test_answers_outlive_their_policy(void **state)
{
	const struct policy_facts facts = {
	    "s1", "", "regular", "pc1", "", "x", {0, 0, 0}};
	struct fixture *f = *state;
	struct policy_answer answer =
	    policy_ask(f->store->policy, &facts, true);

	COMMITTED(f->store, set(f->store, "refuse all\n", NOW_S));
	assert_string_equal(answer.rule, "everyone");
}

/* One to come does not hold before its second, and holds from it on, whatever
 * was set in between. */
static void test_planned(void **state)
{
	struct fixture *f = *state;
	struct store *s = f->store;

	COMMITTED(s, plan(s, "refuse all\n", NOW_S, NOW_S + 100));
	COMMITTED(s, set(s, "exempt all\n", NOW_S + 50));
	assert_int_equal(s->policy_version, 3);
	assert_int_equal(s->policy_due_s, NOW_S + 100);
	COMMITTED(s, take_due(s, NOW_S + 99));
	assert_int_equal(ask(s), POLICY_EXEMPT);
	check_text(s, NOW_S + 99, "exempt all\n", 3);
	check_text(s, NOW_S + 100, "refuse all\n", 2);
	check_text(s, 0, "exempt all\n", 3);
	fixture_reopen(f);
	s = f->store;
	assert_int_equal(s->policy_due_s, NOW_S + 100);
	COMMITTED(s, take_due(s, NOW_S + 100));
	assert_int_equal(ask(s), POLICY_REFUSE);
	assert_int_equal(s->policy_version, 2);
	assert_int_equal(s->policy_since_s, NOW_S + 100);
	assert_int_equal(s->policy_due_s, INT64_MAX);
	check_text(s, 0, "refuse all\n", 2);
	check_text(s, NOW_S + 60, "exempt all\n", 3);
	COMMITTED(s, set(s, "exempt all\n", NOW_S + 101));
	assert_int_equal(s->policy_version, 4);
}

/* Several at once, as after a day without power: in the order of their days,
 * a record each. */
static void test_several_due(void **state)
{
	struct fixture *f = *state;
	struct store *s = f->store;
	int64_t records;

	COMMITTED(s, plan(s, "exempt all\n", NOW_S, NOW_S + 200));
	COMMITTED(s, plan(s, "refuse all\n", NOW_S, NOW_S + 100));
	records = s->head.seq;
	COMMITTED(s, take_due(s, NOW_S + 1000));
	assert_int_equal(s->head.seq, records + 2);
	assert_int_equal(s->policy_version, 2);
	check_text(s, 0, "exempt all\n", 2);
}

/* A clock that is set back brings no older rules back. */
static void test_clock_set_back(void **state)
{
	struct fixture *f = *state;

	COMMITTED(f->store, set(f->store, "refuse all\n", NOW_S + 5000));
	COMMITTED(f->store, set(f->store, "exempt all\n", NOW_S));
	check_text(f->store, 0, "exempt all\n", 3);
	fixture_reopen(f);
	assert_int_equal(ask(f->store), POLICY_EXEMPT);
}

static void test_taken_back_with_its_transaction(void **state)
{
	struct fixture *f = *state;
	struct store *s = f->store;

	COMMITTED(s, plan(s, "refuse all\n", NOW_S, NOW_S + 100));
	assert_int_equal(store_begin(s), ERR_NONE);
	assert_int_equal(take_due(s, NOW_S + 100), ERR_NONE);
	assert_int_equal(ask(s), POLICY_REFUSE);
	store_rollback(s);
	assert_int_equal(ask(s), POLICY_PERMIT);
	assert_int_equal(s->policy_due_s, NOW_S + 100);
}

static void test_cancelled(void **state)
{
	struct fixture *f = *state;
	struct store *s = f->store;

	COMMITTED(s, plan(s, "refuse all\n", NOW_S, NOW_S + 100));
	assert_int_equal(store_begin(s), ERR_NONE);
	assert_int_equal(policy_store_cancel(s, 9, "me"), ERR_NOT_FOUND);
	assert_int_equal(policy_store_cancel(s, 1, "me"), ERR_EXISTS);
	assert_int_equal(policy_store_cancel(s, 2, "me"), ERR_NONE);
	assert_int_equal(policy_store_cancel(s, 2, "me"), ERR_EXISTS);
	assert_int_equal(store_commit(s), ERR_NONE);
	assert_int_equal(s->policy_due_s, INT64_MAX);
	COMMITTED(s, take_due(s, NOW_S + 100));
	assert_int_equal(ask(s), POLICY_PERMIT);
	check_text(s, NOW_S + 100, POLICY_DEFAULT_TEXT, 1);
}

/* Rules that a newer program does not read any more stop nobody. */
static void test_unreadable_when_due(void **state)
{
	struct fixture *f = *state;
	struct store *s = f->store;
	int64_t records;

	COMMITTED(s, plan(s, "refuse all\n", NOW_S, NOW_S + 100));
	COMMITTED(s, db_run(db_query(s->db, "UPDATE policy SET text = 'allow'"
					    " WHERE version = 2")));
	records = s->head.seq;
	COMMITTED(s, take_due(s, NOW_S + 100));
	assert_int_equal(ask(s), POLICY_PERMIT);
	assert_int_equal(s->policy_due_s, INT64_MAX);
	assert_int_equal(s->head.seq, records + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    STORE_TEST(test_versions),
	    STORE_TEST(test_refused_text),
	    STORE_TEST(test_in_force_in_its_transaction),
	    STORE_TEST(test_planned),
	    STORE_TEST(test_several_due),
	    STORE_TEST(test_clock_set_back),
	    STORE_TEST(test_taken_back_with_its_transaction),
	    STORE_TEST(test_cancelled),
	    STORE_TEST(test_unreadable_when_due),
	    STORE_TEST(test_answers_outlive_their_policy),
	};

	return STORE_RUN("policy_store", tests);
}
