/* SPDX-License-Identifier: Apache-2.0 */
/* core/policy.c: what is refused as a text, and which rule decides. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "server/core/policy.h"

static const struct {
	const char *text;
	const char *says; /* part of the problem */
} bad[] = {
    {"", "no rule"},
    {"# only a comment\n\n", "no rule"},
    {"allow everyone factors=any", "line 1: unknown action"},
    {"permit", "no name"},
    {"permit factors=any", "no name"},
    {"permit everyone", "without factors"},
    {"permit everyone factors=", "empty value"},
    {"permit everyone factors=otp,,emergency", "empty value"},
    {"permit everyone factors=phone", "unknown factor"},
    {"permit everyone factors=any factors=otp", "once"},
    {"refuse nobody factors=any", "for permit"},
    {"permit a factors=any\npermit a factors=otp", "line 2"},
    {"permit a factors=any colour=red", "unknown key"},
    {"permit a factors=any card_removed=shout", "lock, logout or nothing"},
    {"permit a factors=any card_removed=lock card_removed=lock", "once"},
    {"refuse a card_removed=lock", "for permit"},
    {"permit a factors=any service=sshd service=su", "twice"},
    {"permit a factors=any service", "KEY=VALUE"},
    {"permit a factors=any days=", "empty value"},
    {"permit a factors=any days=monday", "unknown day"},
    {"permit a factors=any days=mon days=tue", "twice"},
    {"permit a factors=any hours=8:30-17:15", "no hours"},
    {"permit a factors=any hours=09:00-10:00 hours=11:00-12:00", "twice"},
    {"permit a factors=any shadow=", "empty value"},
    {"permit a factors=any shadow=yes", "last day"},
    {"permit a factors=any shadow=2026-02-29", "last day"},
    {"permit a factors=any shadow=2026-04-30,2026-05-01", "last day"},
    {"permit a factors=any shadow=2026-04-30 shadow=2026-05-01", "once"},
    {"exempt a shadow=2026-04-30", "for permit and refuse"},
    {"holiday 2026-05-04", "no rule"},
    {"holiday", "no holidays"},
    {"permit a factors=any\nholiday 2026-5-4", "line 2: these are no"},
    {"holiday 2026-05-04,,2026-05-05\nrefuse a", "no holidays"},
    {"holiday 2026-05-04 2026-05-05\nrefuse a", "no holidays"},
    {"approve", "no name"},
    {"approve two", "actions= expected"},
    {"approve two actions=", "actions= expected"},
    {"approve two actions=admin-add,", "actions= expected"},
    {"approve two actions=admin-add user-thaw", "actions= expected"},
    {"approve two actions=admin-add", "no rule"},
    {"refuse two\napprove two actions=admin-add", "stands above"},
    {"approve two actions=admin-add\nrefuse two", "stands above"},
    {"permit a factors=any\r\n", "control"},
    {"permit a\001 factors=any\n", "control"},
};

static void test_bad_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char problem[POLICY_PROBLEM_SIZE];
		struct policy *policy = NULL;

		if (policy_parse(bad[i].text, strlen(bad[i].text), &policy,
			problem) == ERR_NONE ||
		    policy || !strstr(problem, bad[i].says))
			fail_msg("row %zu: %s", i, problem);
	}
}

static const char town[] =
    "# terminals of the residents' desk first\n"
    "exempt   timers      service=cron,atd\n"
    "refuse   vendors     kind=contractor service=sudo,sudo-i\n"
    "permit   residents   group=residents department=juumin,zeimu "
    "factors=otp\n"
    "refuse   residents2  group=residents\n"
    "\tpermit   everyone    factors=any\n";

static const struct {
	const char *what;
	struct policy_facts facts;
	bool known;
	enum policy_action action;
	const char *rule;
	int line;
} asked[] = {
    {"timer", {"s1", "soumu", "regular", "t1", "", "cron", {0, 0, 0}}, true,
	POLICY_EXEMPT, "timers", 2},
    {"a stranger is never exempt", {"s1", "", "", "t1", "", "cron", {0, 0, 0}},
	false, POLICY_PERMIT, "everyone", 6},
    {"vendor and sudo", {"v1", "", "contractor", "t1", "", "sudo", {0, 0, 0}},
	true, POLICY_REFUSE, "vendors", 3},
    {"vendor and sshd", {"v1", "", "contractor", "t1", "", "sshd", {0, 0, 0}},
	true, POLICY_PERMIT, "everyone", 6},
    {"residents' desk",
	{"s1", "juumin", "regular", "t1", "residents", "gdm", {0, 0, 0}}, true,
	POLICY_PERMIT, "residents", 4},
    {"another department there",
	{"s1", "soumu", "regular", "t1", "residents", "gdm", {0, 0, 0}}, true,
	POLICY_REFUSE, "residents2", 5},
    {"a prefix is not the name",
	{"s1", "juu", "regular", "t1", "residents", "gdm", {0, 0, 0}}, true,
	POLICY_REFUSE, "residents2", 5},
    {"the second department counts too",
	{"s1", "soumu,juumin", "regular", "t1", "residents", "gdm", {0, 0, 0}},
	true, POLICY_PERMIT, "residents", 4},
    {"of no department",
	{"s1", "", "regular", "t1", "residents", "gdm", {0, 0, 0}}, true,
	POLICY_REFUSE, "residents2", 5},
    {"a terminal names one service only",
	{"s1", "soumu", "regular", "t1", "", "cron,sshd", {0, 0, 0}}, true,
	POLICY_PERMIT, "everyone", 6},
    {"a stranger there",
	{"x", "juumin", "", "t1", "residents", "gdm", {0, 0, 0}}, false,
	POLICY_PERMIT, "everyone", 6},
};

static void test_first_match_decides(void **state)
{
	char problem[POLICY_PROBLEM_SIZE];
	struct policy *policy = NULL;

	(void)state;
	assert_int_equal(
	    policy_parse(town, strlen(town), &policy, problem), ERR_NONE);
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		struct policy_answer answer =
		    policy_ask(policy, &asked[i].facts, asked[i].known);

		if (answer.action != asked[i].action ||
		    strcmp(answer.rule, asked[i].rule) != 0 ||
		    answer.line != asked[i].line)
			fail_msg("row %zu: %s", i, asked[i].what);
	}
	policy_free(policy);
}

static void test_no_match_is_refusal(void **state)
{
	static const char text[] = "permit it department=it factors=any";
	const struct policy_facts facts = {
	    "s1", "soumu", "", "t", "", "su", {0, 0, 0}};
	char problem[POLICY_PROBLEM_SIZE];
	struct policy *policy = NULL;

	(void)state;
	assert_int_equal(
	    policy_parse(text, strlen(text), &policy, problem), ERR_NONE);
	assert_int_equal(
	    policy_ask(policy, &facts, true).action, POLICY_REFUSE);
	/* A stranger must not learn that nobody is permitted. */
	assert_int_equal(
	    policy_ask(policy, &facts, false).action, POLICY_PERMIT);
	policy_free(policy);
}

static void test_default_permits_everybody(void **state)
{
	const struct policy_facts facts = {
	    "s1", "", "", "t", "", "su", {0, 0, 0}};
	char problem[POLICY_PROBLEM_SIZE];
	struct policy *policy = NULL;
	struct policy_answer answer;

	(void)state;
	assert_int_equal(policy_parse(POLICY_DEFAULT_TEXT,
			     strlen(POLICY_DEFAULT_TEXT), &policy, problem),
	    ERR_NONE);
	answer = policy_ask(policy, &facts, true);
	assert_int_equal(answer.action, POLICY_PERMIT);
	assert_int_equal(answer.factors,
	    1u << FACTOR_CARD | 1u << FACTOR_OTP | 1u << FACTOR_EMERGENCY);
	assert_int_equal(answer.card_removed, POLICY_CARD_LOCK);
	policy_free(policy);
}

static void test_cards(void **state)
{
	static const char text[] = "permit a terminal=a factors=card "
				   "card_removed=logout\n"
				   "permit b terminal=b card_removed=nothing "
				   "factors=card,otp\n"
				   "permit c factors=otp\n";
	static const struct {
		const char *terminal;
		unsigned factors;
		enum policy_card_removed removed;
	} rows[] = {
	    {"a", 1u << FACTOR_CARD, POLICY_CARD_LOGOUT},
	    {"b", 1u << FACTOR_CARD | 1u << FACTOR_OTP, POLICY_CARD_NOTHING},
	    {"c", 1u << FACTOR_OTP, POLICY_CARD_LOCK},
	};
	char problem[POLICY_PROBLEM_SIZE];
	struct policy *policy = NULL;

	(void)state;
	assert_int_equal(
	    policy_parse(text, strlen(text), &policy, problem), ERR_NONE);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct policy_facts facts = {
		    "s1", "", "", rows[i].terminal, "", "su", {0, 0, 0}};
		struct policy_answer answer = policy_ask(policy, &facts, true);

		assert_int_equal(answer.factors, rows[i].factors);
		assert_int_equal(answer.card_removed, rows[i].removed);
	}
	policy_free(policy);
}

/* The counters' hours, a night shift, and what holds otherwise. */
static void test_hours_select(void **state)
{
	static const char text[] =
	    "permit day days=mon,tue,wed,thu,fri hours=08:30-17:15 "
	    "factors=otp\n"
	    "permit night days=fri hours=22:00-05:00 factors=card\n"
	    "refuse otherwise\n";
	static const struct {
		struct policy_moment now;
		const char *rule;
	} rows[] = {
	    {{1, 8 * 60 + 29, 0}, "otherwise"},
	    {{1, 8 * 60 + 30, 0}, "day"},
	    {{5, 17 * 60 + 14, 0}, "day"},
	    {{5, 17 * 60 + 15, 0}, "otherwise"},
	    {{6, 12 * 60, 0}, "otherwise"},
	    {{5, 22 * 60, 0}, "night"},
	    {{6, 4 * 60 + 59, 0}, "night"},
	    {{6, 5 * 60, 0}, "otherwise"},
	    {{5, 4 * 60, 0}, "otherwise"},
	};
	char problem[POLICY_PROBLEM_SIZE];
	struct policy *policy = NULL;

	(void)state;
	assert_int_equal(
	    policy_parse(text, strlen(text), &policy, problem), ERR_NONE);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct policy_facts facts = {
		    "s1", "", "", "t", "", "su", rows[i].now};

		if (strcmp(policy_ask(policy, &facts, true).rule,
			rows[i].rule) != 0)
			fail_msg("row %zu", i);
	}
	policy_free(policy);
}

/* A name stands in answers, which have a size. */
static void test_long_names(void **state)
{
	char text[400], problem[POLICY_PROBLEM_SIZE];
	struct policy *policy = NULL;

	(void)state;
	for (int length = 256; length <= 257; length++) {
		snprintf(text, sizeof(text), "refuse %0*d\n", length, 7);
		assert_int_equal(
		    policy_parse(text, strlen(text), &policy, problem),
		    length == 256 ? ERR_NONE : ERR_INVALID);
		policy_free(policy);
		policy = NULL;
	}
	assert_non_null(strstr(problem, "over 256 bytes"));
}

static struct policy *parse(const char *text)
{
	char problem[POLICY_PROBLEM_SIZE];
	struct policy *policy = NULL;

	if (policy_parse(text, strlen(text), &policy, problem) != ERR_NONE)
		fail_msg("%s", problem);
	return policy;
}

/* A Monday that is a holiday is one, and a Monday still. */
static void test_holidays_select(void **state)
{
	struct policy *policy =
	    parse("permit closed days=holiday factors=card\n"
		  "permit mondays days=mon factors=any\n"
		  "permit open days=workday factors=otp\n"
		  "refuse otherwise\n"
		  " holiday 2026-05-04,2026-05-06\n");
	const int monday = policy_date(2026, 5, 4);
	static const char *const rules[] = {"closed", "open", "closed", "open",
	    "open", "otherwise", "otherwise", "mondays"};

	(void)state;
	for (int i = 0; i < 8; i++) {
		const struct policy_facts facts = {"s1", "", "", "t", "", "su",
		    {(1 + i) % 7, 600, monday + i}};

		assert_string_equal(
		    policy_ask(policy, &facts, true).rule, rules[i]);
	}
	policy_free(policy);
}

/* The first day of all days is as good as any, and one that nobody filled in
 * is none. */
static void test_no_day_is_shadow_of_itself(void **state)
{
	struct policy *policy =
	    parse("refuse never user=nobody shadow=2026-04-30\n"
		  "permit everyone factors=any\n");
	struct policy_facts facts = {"s1", "", "", "t1", "", "su", {0}};

	(void)state;
	for (int date = -1; date <= policy_date(1970, 1, 2); date++) {
		facts.now.date = date;
		assert_false(policy_ask(policy, &facts, true).shadow);
	}
	facts.user = "nobody";
	facts.now.date = 0;
	assert_false(policy_ask(policy, &facts, true).shadow);
	policy_free(policy);
}

/* On its last day still, on the next no more; and what a terminal is told. */
static void test_shadow(void **state)
{
	struct policy *policy =
	    parse("permit somu department=somu factors=any\n"
		  "permit desk terminal=t1,t2 factors=otp shadow=2026-04-30\n"
		  "refuse rest group=g shadow=2026-05-10\n");
	const int last = policy_date(2026, 4, 30);
	struct policy_facts facts = {
	    "s1", "", "", "t1", "", "su", {0, 0, last}};
	struct policy_shadow shadow;
	struct policy_answer answer;
	size_t index = 0;

	(void)state;
	answer = policy_ask(policy, &facts, true);
	assert_true(answer.shadow);
	assert_int_equal(answer.shadow_until, last);
	facts.now.date++;
	answer = policy_ask(policy, &facts, true);
	assert_false(answer.shadow);
	assert_int_equal(answer.action, POLICY_PERMIT);
	facts.now.date = last;
	facts.department = "somu";
	assert_false(policy_ask(policy, &facts, true).shadow);
	facts.department = facts.terminal = "";
	assert_false(policy_ask(policy, &facts, true).shadow);
	assert_true(policy_next_shadow(policy, NULL, NULL, &index, &shadow));
	assert_string_equal(shadow.rule, "desk");
	assert_int_equal(shadow.until, last);
	assert_true(policy_next_shadow(policy, NULL, NULL, &index, &shadow));
	assert_string_equal(shadow.rule, "rest");
	assert_false(policy_next_shadow(policy, NULL, NULL, &index, &shadow));
	index = 0;
	assert_true(policy_next_shadow(policy, "t9", "g", &index, &shadow));
	assert_string_equal(shadow.rule, "rest");
	index = 0;
	assert_false(policy_next_shadow(policy, "t9", "", &index, &shadow));
	policy_free(policy);
}

static void test_approvals(void **state)
{
	struct policy *policy =
	    parse("approve two actions=admin-add,thaw\n"
		  "refuse all\n"
		  "approve more actions=user-import-undo\n");
	struct policy_approval approval;
	size_t index = 0;

	(void)state;
	assert_string_equal(policy_approval_of(policy, "admin-add"), "two");
	assert_string_equal(policy_approval_of(policy, "user-thaw"), "two");
	assert_string_equal(policy_approval_of(policy, "server-thaw"), "two");
	assert_string_equal(
	    policy_approval_of(policy, "user-import-undo"), "more");
	assert_null(policy_approval_of(policy, "user-add"));
	assert_null(policy_approval_of(policy, "user-import"));
	assert_null(policy_approval_of(policy, "admin-ad"));
	assert_null(policy_approval_of(policy, "admin-added"));
	assert_true(policy_next_approval(policy, &index, &approval));
	assert_string_equal(approval.actions, "admin-add,thaw");
	assert_true(policy_next_approval(policy, &index, &approval));
	assert_int_equal(approval.line, 3);
	assert_false(policy_next_approval(policy, &index, &approval));
	policy_free(policy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_bad_texts),
	    cmocka_unit_test(test_first_match_decides),
	    cmocka_unit_test(test_no_match_is_refusal),
	    cmocka_unit_test(test_default_permits_everybody),
	    cmocka_unit_test(test_cards),
	    cmocka_unit_test(test_hours_select),
	    cmocka_unit_test(test_holidays_select),
	    cmocka_unit_test(test_shadow),
	    cmocka_unit_test(test_long_names),
	    cmocka_unit_test(test_no_day_is_shadow_of_itself),
	    cmocka_unit_test(test_approvals),
	};

	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
