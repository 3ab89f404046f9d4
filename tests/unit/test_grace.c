/* SPDX-License-Identifier: Apache-2.0 */
/* core/grace.c and its place in core/decide.c and core/policy.c: for whom, for
 * what, where and how long, and what it never does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "server/core/decide.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define CODES (1u << FACTOR_OTP | 1u << FACTOR_EMERGENCY)

enum {
	NOW_S = 1774915200,
	FIVE_MINUTES = 300,
};

static void test_lengths_read(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds; /* 0: refused */
	} rows[] = {
	    {"5m", 300},
	    {"15m", 900},
	    {"1s", 1},
	    {"900s", 900},
	    {"16m", 0},
	    {"901s", 0},
	    {"0m", 0},
	    {"", 0},
	    {"5", 0},
	    {"m", 0},
	    {"-5m", 0},
	    {"+5m", 0},
	    {"5 m", 0},
	    {"5M", 0},
	    {"5m5s", 0},
	    {"1h", 0},
	    {"0x5m", 0},
	    {"99999999999999999999m", 0},
	    {"18446744073709551617s", 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		int64_t seconds = 0;

		if (grace_read(rows[i].text, &seconds) !=
			(rows[i].seconds != 0) ||
		    seconds != rows[i].seconds)
			fail_msg("row %zu: %s", i, rows[i].text);
	}
}

static void test_never_for_lockers_and_greeters(void **state)
{
	static const char *const never[] = {"swaylock", "i3lock", "vlock",
	    "xlock", "physlock", "xsecurelock", "light-locker", "kscreenlocker",
	    "xscreensaver", "gnome-screensaver", "xfce4-screensaver", "gdm",
	    "gdm-password", "gdm-smartcard", "gdm-fingerprint", "kde",
	    "kde-smartcard", "sddm", "sddm-greeter", "lightdm",
	    "lightdm-greeter", "greetd", "xdm", "lxdm", "login", "remote",
	    "sshd", "kcheckpass", ""};
	static const char *const may[] = {
	    "sudo", "sudo-i", "su", "su-l", "polkit-1", "doas"};

	(void)state;
	for (size_t i = 0; i < COUNT(never); i++)
		if (grace_is_for(never[i]))
			fail_msg("%s", never[i]);
	for (size_t i = 0; i < COUNT(may); i++)
		if (!grace_is_for(may[i]))
			fail_msg("%s", may[i]);
}

static struct grace_question sudo_asks(void)
{
	return (struct grace_question){.longest_s = FIVE_MINUTES,
	    .factors = CODES,
	    .service = "sudo",
	    .tty = "pts/0",
	    .now_s = NOW_S};
}

static struct grace given(int64_t ago_s, const char *tty)
{
	struct grace grace = {
	    .given = true, .factor = FACTOR_OTP, .since = NOW_S - ago_s};

	memcpy(grace.tty, tty, strlen(tty) + 1);
	return grace;
}

static void test_holds_to_the_second(void **state)
{
	static const struct {
		int64_t ago_s, longest_s;
		bool holds;
	} rows[] = {
	    {0, FIVE_MINUTES, true},
	    {299, FIVE_MINUTES, true},
	    {300, FIVE_MINUTES, false},
	    {-1, FIVE_MINUTES, false}, /* of a time to come */
	    {0, 0, false},             /* policy grants none */
	    {0, 1, true},
	    {1, 1, false},
	    {899, GRACE_LONGEST_S, true},
	    {900, INT64_MAX, false},
	    {0, -1, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct grace_question asked = sudo_asks();
		struct grace grace = given(rows[i].ago_s, "");

		asked.longest_s = rows[i].longest_s;
		if (grace_holds(&grace, &asked) != rows[i].holds)
			fail_msg("row %zu", i);
	}
}

static void test_holds_for_the_tty_of_its_first_use(void **state)
{
	static const struct {
		const char *first, *now;
		bool holds;
	} rows[] = {
	    {"", "pts/0", true},
	    {"pts/0", "pts/0", true},
	    {"pts/0", "pts/1", false},
	    {"pts/0", "pts/00", false},
	    {"", "", false}, /* on none at all */
	    {"pts/0", "", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct grace_question asked = sudo_asks();
		struct grace grace = given(10, rows[i].first);

		asked.tty = rows[i].now;
		if (grace_holds(&grace, &asked) != rows[i].holds)
			fail_msg("row %zu", i);
	}
}

static void test_holds_where_its_factor_would_do(void **state)
{
	struct grace_question asked = sudo_asks();
	struct grace grace = given(10, "");
	const struct grace none = {0};

	(void)state;
	assert_false(grace_holds(&none, &asked));
	asked.factors = 1u << FACTOR_CARD;
	assert_false(grace_holds(&grace, &asked));
	grace.factor = FACTOR_CARD;
	assert_true(grace_holds(&grace, &asked));
	grace.factor = FACTOR_NONE;
	assert_false(grace_holds(&grace, &asked));
	asked.factors = CODES;
	grace.factor = FACTOR_OTP;
	asked.service = "swaylock";
	assert_false(grace_holds(&grace, &asked));
}

/* --- in the decision ----------------------------------------------------- */

static const struct decide_limits limits = {{5, 30, 3600, 50}, {1, 10}};
static const struct policy_answer permit = {.action = POLICY_PERMIT,
    .factors = CODES,
    .grace_s = FIVE_MINUTES,
    .rule = "admins",
    .line = 1};

static struct subject with_grace(void)
{
	return (struct subject){
	    .known = true, .enrolled = true, .grace = given(10, "")};
}

static struct question begun(void)
{
	return (struct question){.factor = FACTOR_NONE,
	    .proven = true,
	    .clock_trusted = true,
	    .now_s = NOW_S,
	    .service = "sudo",
	    .tty = "pts/0"};
}

static void test_accepted_without_a_factor(void **state)
{
	struct subject subject = with_grace();
	struct question question = begun();
	struct decision decision =
	    decide(&question, &subject, &permit, &limits);

	(void)state;
	assert_int_equal(decision.result, RESULT_ACCEPT);
	assert_true(decision.by_grace);
	/* Nothing was looked at, spent, charged or cleared. */
	assert_false(decision.evaluated || decision.throttle_changed);
	assert_int_equal(decision.token_index, -1);
	assert_int_equal(decision.emergency_index, -1);
	assert_int_equal(decision.card_index, -1);

	question.proven = false;
	decision = decide(&question, &subject, &permit, &limits);
	assert_true(decision.by_grace);
}

static void break_it(int way, struct question *question,
    struct subject *subject, struct policy_answer *answer)
{
	switch (way) {
	case 0:
		question->clock_trusted = false;
		return;
	case 1:
		subject->frozen = true;
		return;
	case 2:
		subject->suspended = true;
		return;
	case 3:
		subject->valid_until = NOW_S;
		return;
	case 4:
		answer->action = POLICY_REFUSE;
		return;
	case 5:
		subject->valid_from = NOW_S + 1;
		return;
	}
}

static void test_what_goes_before_it(void **state)
{
	static const enum reason reasons[] = {REASON_CLOCK, REASON_FROZEN,
	    REASON_SUSPENDED, REASON_EXPIRED, REASON_NOT_PERMITTED,
	    REASON_NOT_PERMITTED};

	(void)state;
	for (size_t i = 0; i < COUNT(reasons); i++) {
		struct subject subject = with_grace();
		struct question question = begun();
		struct policy_answer answer = permit;
		struct decision decision;

		break_it((int)i, &question, &subject, &answer);
		decision = decide(&question, &subject, &answer, &limits);
		if (decision.result != RESULT_DENY || decision.by_grace ||
		    decision.reason != reasons[i])
			fail_msg("row %zu", i);
	}
}

static void test_what_comes_after_it(void **state)
{
	struct policy_answer only = permit;
	struct subject subject = with_grace();
	struct question question = begun();

	(void)state;
	subject.enrolled = false;
	assert_true(decide(&question, &subject, &permit, &limits).by_grace);
	subject.enrolled = true;
	only.factors = 1u << FACTOR_OTP; /* whose waits a challenge heeds */
	subject.throttle.proven.failures = 50;
	assert_true(decide(&question, &subject, &only, &limits).by_grace);
	subject.throttle.proven.failures = 5;
	subject.throttle.proven.wait_until = NOW_S + 30;
	assert_true(decide(&question, &subject, &only, &limits).by_grace);
}

static void test_what_is_typed_is_looked_at(void **state)
{
	static const enum factor factors[] = {
	    FACTOR_OTP, FACTOR_EMERGENCY, FACTOR_CARD};

	(void)state;
	for (size_t i = 0; i < COUNT(factors); i++) {
		struct subject subject = with_grace();
		struct question question = begun();
		struct decision decision;

		question.factor = factors[i];
		decision = decide(&question, &subject, &permit, &limits);
		assert_int_equal(decision.result, RESULT_DENY);
		assert_int_equal(decision.reason, REASON_WRONG);
	}
}

static void test_a_stranger_has_none(void **state)
{
	struct subject subject = with_grace();
	struct question question = begun();

	(void)state;
	subject.known = false;
	assert_int_equal(decide(&question, &subject, &permit, &limits).result,
	    RESULT_CONTINUE);
}

static void test_not_asked_for_without_service_and_tty(void **state)
{
	struct subject subject = with_grace();
	struct question question = begun();
	struct policy_answer answer = permit;

	(void)state;
	question.tty = NULL;
	assert_int_equal(decide(&question, &subject, &permit, &limits).result,
	    RESULT_CONTINUE);
	question = begun();
	question.service = NULL;
	assert_int_equal(decide(&question, &subject, &permit, &limits).result,
	    RESULT_CONTINUE);
	question = begun();
	answer.grace_s = 0;
	assert_int_equal(decide(&question, &subject, &answer, &limits).result,
	    RESULT_CONTINUE);
}

/* --- in a policy --------------------------------------------------------- */

static void test_rules_refused(void **state)
{
	static const struct {
		const char *text;
		const char *says;
	} rows[] = {
	    {"permit a service=sudo factors=any grace=16m", "15m"},
	    {"permit a service=sudo factors=any grace=soon", "grace=5m"},
	    {"permit a service=sudo factors=any grace=1m grace=2m", "once"},
	    {"permit a factors=any grace=5m", "every service"},
	    {"permit a factors=any group=it grace=5m", "every service"},
	    {"exempt a service=sudo grace=5m", "for permit"},
	    {"refuse a service=sudo grace=5m", "for permit"},
	    {"permit a grace=5m factors=any service=sudo,swaylock", "locks"},
	    {"permit a grace=5m factors=any service=gdm-password", "opens"},
	    {"permit a grace=5m factors=any service=sshd,sudo", "opens"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char problem[POLICY_PROBLEM_SIZE];
		struct policy *policy = NULL;

		if (policy_parse(rows[i].text, strlen(rows[i].text), &policy,
			problem) != ERR_INVALID ||
		    !strstr(problem, rows[i].says))
			fail_msg("row %zu: %s", i, problem);
	}
}

static struct policy_answer ask_for(const char *text, const char *service)
{
	const struct policy_facts facts = {
	    "s1", "", "", "t", "", service, {0, 0, 0}};
	char problem[POLICY_PROBLEM_SIZE];
	struct policy *policy = NULL;
	struct policy_answer answer;

	assert_int_equal(
	    policy_parse(text, strlen(text), &policy, problem), ERR_NONE);
	answer = policy_ask(policy, &facts, true);
	assert_true(
	    policy_has_grace(policy) == (strstr(text, "grace=") != NULL));
	policy_free(policy);
	return answer;
}

static void test_rule_tells_how_long(void **state)
{
	static const char text[] = "permit a service=sudo,su grace=90s "
				   "factors=any\n"
				   "permit b factors=any\n";

	(void)state;
	assert_int_equal(ask_for(text, "sudo").grace_s, 90);
	assert_int_equal(ask_for(text, "su").grace_s, 90);
	assert_int_equal(ask_for(text, "swaylock").grace_s, 0);
	assert_int_equal(ask_for(POLICY_DEFAULT_TEXT, "sudo").grace_s, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lengths_read),
	    cmocka_unit_test(test_never_for_lockers_and_greeters),
	    cmocka_unit_test(test_holds_to_the_second),
	    cmocka_unit_test(test_holds_for_the_tty_of_its_first_use),
	    cmocka_unit_test(test_holds_where_its_factor_would_do),
	    cmocka_unit_test(test_accepted_without_a_factor),
	    cmocka_unit_test(test_what_goes_before_it),
	    cmocka_unit_test(test_what_comes_after_it),
	    cmocka_unit_test(test_what_is_typed_is_looked_at),
	    cmocka_unit_test(test_a_stranger_has_none),
	    cmocka_unit_test(test_not_asked_for_without_service_and_tty),
	    cmocka_unit_test(test_rules_refused),
	    cmocka_unit_test(test_rule_tells_how_long),
	};

	return cmocka_run_group_tests_name("grace", tests, NULL, NULL);
}
