/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is told of tokens: which are not back, not used or old, who had one, and
 * to whom all that is told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/token_remarks.h"
#include "tests/unit/custody_steps.h"

enum {
	DAY_S = 86400,
};

static size_t listed(struct fixture *f, const char *body)
{
	json_t *answer = call(f, "token/list", body);
	size_t count = json_array_size(json_object_get(answer, "items"));

	assert_non_null(answer);
	json_decref(answer);
	return count;
}

static void test_lists(void **state)
{
	struct fixture *f = *state;

	two_people(f);
	must_show(f, "assign", "H1", ",\"id\":\"s1\"");
	must_show(f, "checkout", "H2", ",\"id\":\"s2\"");
	assert_int_equal(listed(f, "{\"department\":\"税務課\"}"), 1);
	assert_int_equal(listed(f, "{\"department\":\"出納室\"}"), 1);
	assert_int_equal(listed(f, "{\"checked_out\":true}"), 1);
	assert_int_equal(listed(f, "{\"unreturned\":true}"), 0);
	f->now_s = NOW + (5 * 60 + 30) * MINUTE_S; /* half past five */
	assert_int_equal(listed(f, "{\"unreturned\":true}"), 1);
	assert_int_equal(listed(f, "{\"unused\":14}"), 0);
	f->now_s = NOW + 14 * 86400 + 3600;
	assert_int_equal(listed(f, "{\"unused\":14}"), 1);
	assert_int_equal(listed(f, "{\"unused\":15}"), 0);
	assert_int_equal(listed(f, "{\"older\":3}"), 0);
	f->now_s = NOW + 3 * (int64_t)31556952;
	assert_int_equal(listed(f, "{\"older\":3}"), 2);
	must(f, "user/remove", "{\"id\":\"s1\"}");
	assert_int_equal(listed(f, "{\"unreturned\":true}"), 2);
	assert_int_equal(
	    listed(f, "{\"unreturned\":true,\"state\":\"active\"}"), 1);
}

static void test_remarks(void **state)
{
	static const int64_t now_s = NOW;
	static const struct {
		struct token token;
		const char *remark;
		bool unreturned, there;
	} rows[] = {
	    /* 0 */
	    {{.state = TOKEN_STOCK, .created_at = NOW}, NULL, false, true},
	    {{.state = TOKEN_RETIRED, .device = true}, NULL, false, false},
	    {{.state = TOKEN_REVOKED, .person_id = 1}, "revoked", false, false},
	    {{.state = TOKEN_REVOKED, .person_id = 1, .device = true},
		"revoked", true, true},
	    {{.state = TOKEN_LOST, .person_id = 1, .device = true}, "lost",
		false, true},
	    /* 5 */
	    {{.state = TOKEN_ACTIVE,
		 .person_id = 1,
		 .created_at = NOW,
		 .confirmed_at = NOW,
		 .loan_until = NOW + 1},
		NULL, false, true},
	    {{.state = TOKEN_ACTIVE, .person_id = 1, .loan_until = NOW},
		"overdue", true, true},
	    {{.state = TOKEN_ACTIVE,
		 .person_id = 1,
		 .device = true,
		 .holder_until = NOW},
		"holder left", true, true},
	    {{.state = TOKEN_ACTIVE,
		 .person_id = 1,
		 .device = true,
		 .confirmed_at = NOW,
		 .created_at = NOW,
		 .holder_until = NOW + 1},
		NULL, false, true},
	    {{.state = TOKEN_REVOKED, .person_id = 1, .holder_removed = true},
		"holder left", false, false},
	    {{.state = TOKEN_ACTIVE,
		 .person_id = 1,
		 .device = true,
		 .holder_suspended = true},
		"holder suspended", true, true},
	    /* 11 */
	    {{.state = TOKEN_ACTIVE,
		 .person_id = 1,
		 .created_at = NOW - 20 * DAY_S,
		 .confirmed_at = NOW - 20 * DAY_S,
		 .last_used_at = NOW - 14 * DAY_S},
		"unused", false, true},
	    {{.state = TOKEN_ACTIVE,
		 .person_id = 1,
		 .created_at = NOW - 1200 * (int64_t)DAY_S,
		 .confirmed_at = NOW - 20 * DAY_S,
		 .last_used_at = NOW - 14 * DAY_S + 1},
		"old", false, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *remark = token_remark(&rows[i].token, now_s);

		if ((remark == NULL) != (rows[i].remark == NULL) ||
		    (remark && strcmp(remark, rows[i].remark) != 0) ||
		    token_is_unreturned(&rows[i].token, now_s) !=
			rows[i].unreturned ||
		    token_is_to_be_there(&rows[i].token) != rows[i].there)
			fail_msg("row %zu: %s", i, remark ? remark : "none");
	}
}

static void limit_to(struct fixture *f, enum admin_role role, const char *where)
{
	f->admin = (struct admin){.person_id = 999999, .role = role};
	strcpy(f->admin.departments, where);
	strcpy(f->actor, "admin s9");
}

/* A department's delegate lends to his own people, and nobody else's. */
static void test_a_delegate_has_his_own_department(void **state)
{
	struct fixture *f = *state;

	two_people(f);
	limit_to(f, ADMIN_ROLE_HELPDESK, "住民課");
	must_refuse(f, "token/checkout",
	    "{\"serial\":\"H1\",\"id\":\"s1\",\"code\":\"1\"}", 403);
	must_show(f, "checkout", "H1", ",\"id\":\"s2\"");
	must_refuse(f, "token/assign",
	    "{\"serial\":\"H2\",\"id\":\"s2\",\"code\":\"1\"}", 403);
	must_refuse(f, "token/retire", "{\"serial\":\"H2\"}", 403);
	assert_int_equal(listed(f, "{\"checked_out\":true}"), 1);
	limit_to(f, ADMIN_ROLE_HELPDESK, "税務課");
	must_refuse(
	    f, "token/checkin", "{\"serial\":\"H1\",\"code\":\"1\"}", 403);
	must_refuse(
	    f, "token/found", "{\"serial\":\"H1\",\"code\":\"1\"}", 403);
	must_refuse(f, "token/ledger", "{\"serial\":\"H1\"}", 403);
	assert_int_equal(listed(f, "{\"checked_out\":true}"), 0);
	limit_to(f, ADMIN_ROLE_HELPDESK, "住民課");
	must_show(f, "checkin", "H1", "");
	act_as_root(f);
	must_be(f, "H1", TOKEN_STOCK, "");
}

/* Who had it before is another department's business. */
static void test_a_ledger_across_departments(void **state)
{
	struct fixture *f = *state;
	json_t *answer, *items;

	two_people(f);
	must_show(f, "checkout", "H1", ",\"id\":\"s1\"");
	must_show(f, "checkin", "H1", "");
	must_show(f, "checkout", "H1", ",\"id\":\"s2\"");
	limit_to(f, ADMIN_ROLE_HELPDESK, "住民課");
	answer = call(f, "token/ledger", "{\"serial\":\"H1\"}");
	items = json_object_get(answer, "items");
	assert_int_equal(json_array_size(items), 4);
	assert_true(
	    json_is_null(json_object_get(json_array_get(items, 1), "user")));
	assert_true(
	    json_is_null(json_object_get(json_array_get(items, 1), "name")));
	assert_true(json_is_null(
	    json_object_get(json_array_get(items, 2), "from_user")));
	assert_string_equal(json_string_value(json_object_get(
				json_array_get(items, 3), "user")),
	    "s2");
	json_decref(answer);
}

static void test_why(void **state)
{
	struct fixture *f = *state;
	json_t *answer, *items;

	two_people(f);
	must_show(f, "assign", "H1", ",\"id\":\"s1\",\"reason\":\"新規採用\"");
	must_have_recorded(f, "\"why\":\"新規採用\"");
	must(f, "token/lost", "{\"serial\":\"H1\",\"reason\":\"バスの中\"}");
	must_have_recorded(f, "\"why\":\"バスの中\"");
	must(f, "token/retire", "{\"serial\":\"H1\"}");
	answer = call(f, "token/ledger", "{\"serial\":\"H1\"}");
	items = json_object_get(answer, "items");
	for (size_t i = 0; i < 4; i++) {
		static const char *const whys[] = {"imported",
		    "assigned: 新規採用", "reported lost: バスの中", "retired"};

		assert_string_equal(json_string_value(json_object_get(
					json_array_get(items, i), "why")),
		    whys[i]);
	}
	json_decref(answer);
}

/* A change of surname does not change who it was. */
static void test_a_ledger_keeps_both_names(void **state)
{
	struct fixture *f = *state;
	json_t *answer, *items;

	two_people(f);
	must_show(f, "checkout", "H1", ",\"id\":\"s1\"");
	must(f, "user/change", "{\"id\":\"s1\",\"name\":\"田中\"}");
	must_show(f, "checkin", "H1", "");
	must_show(f, "assign", "H1", ",\"id\":\"s1\"");
	answer = call(f, "token/ledger", "{\"serial\":\"H1\"}");
	items = json_object_get(answer, "items");
	assert_string_equal(json_string_value(json_object_get(
				json_array_get(items, 1), "name")),
	    "山田");
	assert_string_equal(json_string_value(json_object_get(
				json_array_get(items, 3), "name")),
	    "田中");
	json_decref(answer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_lists),
	    cmocka_unit_test(test_remarks),
	    TEST(test_a_delegate_has_his_own_department),
	    TEST(test_a_ledger_across_departments),
	    TEST(test_why),
	    TEST(test_a_ledger_keeps_both_names),
	};

	return cmocka_run_group_tests_name("custody_lists", tests, NULL, NULL);
}
