/* SPDX-License-Identifier: Apache-2.0 */
/* core/decide.c: every reason, their order, and what is charged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "server/core/decide.h"

enum {
	NOW_S = 1774915200,
	STEP = NOW_S / 30
};

static const struct decide_limits limits = {{5, 30, 3600, 50}, {1, 10}};
static const struct policy_answer permit = {.action = POLICY_PERMIT,
    .factors = 1u << FACTOR_CARD | 1u << FACTOR_OTP | 1u << FACTOR_EMERGENCY,
    .rule = "everyone",
    .line = 1};
static const struct policy_answer refuse = {
    .action = POLICY_REFUSE, .factors = 0, .rule = "", .line = 0};
static const struct policy_answer exempt = {
    .action = POLICY_EXEMPT, .factors = 0, .rule = "timers", .line = 1};

static struct subject ordinary(void)
{
	struct subject subject = {.known = true, .enrolled = true};
	struct subject_token *token = &subject.tokens[0];

	subject.token_count = 1;
	token->id = 7;
	token->otp = (struct otp_token){
	    .type = OTP_TOTP, .digits = 6, .period_s = 30, .floor = 0};
	assert_int_equal(
	    secret_set(&token->otp.seed, "12345678901234567890", 20), ERR_NONE);
	return subject;
}

static struct question ask(enum factor factor, const char *code)
{
	struct question question = {.factor = factor,
	    .proven = true,
	    .clock_trusted = true,
	    .now_s = NOW_S};

	assert_int_equal(
	    secret_set(&question.code, code, strlen(code)), ERR_NONE);
	return question;
}

static struct question right(const struct subject *subject)
{
	char code[OTP_DIGITS_MAX + 1];

	assert_int_equal(
	    otp_generate(&subject->tokens[0].otp, STEP, code), ERR_NONE);
	return ask(FACTOR_OTP, code);
}

static void expect_deny(
    const struct decision *decision, enum reason reason, const char *what)
{
	if (decision->result != RESULT_DENY || decision->reason != reason)
		fail_msg("%s: %s %s", what, result_text(decision->result),
		    reason_text(decision->reason));
	assert_int_equal(decision->token_index, -1);
	assert_int_equal(decision->emergency_index, -1);
}

static void test_right_code_is_accepted_once(void **state)
{
	struct subject subject = ordinary();
	struct question question = right(&subject);
	struct decision decision =
	    decide(&question, &subject, &permit, &limits);

	(void)state;
	assert_int_equal(decision.result, RESULT_ACCEPT);
	assert_int_equal(decision.token_index, 0);
	assert_int_equal(decision.floor, STEP + 1);
	assert_true(decision.evaluated);
	assert_false(decision.throttle_changed);

	subject.tokens[0].otp.floor = decision.floor;
	decision = decide(&question, &subject, &permit, &limits);
	expect_deny(&decision, REASON_USED, "again");
	assert_true(decision.evaluated);
	assert_false(decision.throttle_changed); /* not a failure */
}

static void test_wrong_code_is_charged(void **state)
{
	struct subject subject = ordinary();
	struct question question = ask(FACTOR_OTP, "000000");
	struct decision decision =
	    decide(&question, &subject, &permit, &limits);

	(void)state;
	expect_deny(&decision, REASON_WRONG, "wrong");
	assert_true(decision.evaluated && decision.throttle_changed);
	assert_int_equal(decision.throttle.proven.failures, 1);
}

/* Each obstacle set together with all that come later: the first wins. */
static void test_order_of_reasons(void **state)
{
	static const enum reason order[] = {REASON_CLOCK, REASON_FROZEN,
	    REASON_SUSPENDED, REASON_EXPIRED, REASON_NOT_PERMITTED,
	    REASON_NOT_ENROLLED, REASON_DISABLED, REASON_THROTTLED,
	    REASON_WRONG};

	(void)state;
	for (size_t first = 0; first < sizeof(order) / sizeof(order[0]);
	     first++) {
		struct subject subject = ordinary();
		struct question question = ask(FACTOR_OTP, "");
		struct decision decision;

		question.clock_trusted = first > 0;
		subject.frozen = first <= 1;
		subject.suspended = first <= 2;
		subject.valid_until = first <= 3 ? NOW_S : 0;
		subject.enrolled = first > 5;
		subject.throttle.proven.failures = first <= 6 ? 50 : 5;
		subject.throttle.proven.wait_until = first <= 7 ? NOW_S + 1 : 0;
		decision = decide(&question, &subject,
		    first <= 4 ? &refuse : &permit, &limits);
		expect_deny(&decision, order[first], reason_text(order[first]));
		assert_false(decision.evaluated);
		assert_false(decision.throttle_changed);
	}
}

static void test_validity_to_the_second(void **state)
{
	struct subject subject = ordinary();
	struct question question = right(&subject);
	struct decision decision;

	(void)state;
	subject.valid_until = NOW_S + 1;
	decision = decide(&question, &subject, &permit, &limits);
	assert_int_equal(decision.result, RESULT_ACCEPT);
	subject.valid_until = NOW_S;
	decision = decide(&question, &subject, &permit, &limits);
	expect_deny(&decision, REASON_EXPIRED, "at the end");
	subject.valid_until = 0;
	subject.valid_from = NOW_S + 1;
	decision = decide(&question, &subject, &permit, &limits);
	expect_deny(&decision, REASON_NOT_PERMITTED, "before the beginning");
}

/* While a throttle holds, right and wrong codes get the same decision. */
static void test_no_oracle_while_throttled(void **state)
{
	struct subject subject = ordinary();
	struct question good = right(&subject);
	struct question bad = ask(FACTOR_OTP, "000000");
	struct decision a, b;

	(void)state;
	subject.throttle.proven = (struct throttle_count){5, NOW_S + 30};
	a = decide(&good, &subject, &permit, &limits);
	b = decide(&bad, &subject, &permit, &limits);
	assert_memory_equal(&a, &b, sizeof(a));
	expect_deny(&a, REASON_THROTTLED, "throttled");
	assert_int_equal(a.retry_at, NOW_S + 30);
}

static void test_exempt_is_not_for_strangers(void **state)
{
	struct subject subject = ordinary();
	struct question question = ask(FACTOR_NONE, "");
	struct decision decision =
	    decide(&question, &subject, &exempt, &limits);

	(void)state;
	assert_int_equal(decision.result, RESULT_EXEMPT);
	subject.known = false;
	decision = decide(&question, &subject, &exempt, &limits);
	assert_int_equal(decision.result, RESULT_CONTINUE);
}

/* A stranger who guesses his decoy's code is refused and charged like
 * anybody: his decision differs in nothing but being hopeless. */
static void test_stranger_is_never_accepted(void **state)
{
	struct subject subject = ordinary();
	struct question question = right(&subject);
	struct decision decision;

	(void)state;
	subject.known = false;
	decision = decide(&question, &subject, &permit, &limits);
	expect_deny(&decision, REASON_WRONG, "stranger");
	assert_true(decision.evaluated && decision.throttle_changed);
}

static void test_challenge(void **state)
{
	const struct policy_answer otp_only = {.action = POLICY_PERMIT,
	    .factors = 1u << FACTOR_OTP,
	    .rule = "otp",
	    .line = 1};
	struct subject subject = ordinary();
	struct question question = ask(FACTOR_NONE, "");
	struct decision decision =
	    decide(&question, &subject, &permit, &limits);

	(void)state;
	assert_int_equal(decision.result, RESULT_CONTINUE);
	subject.throttle.proven = (struct throttle_count){5, NOW_S + 30};
	decision = decide(&question, &subject, &permit, &limits);
	assert_int_equal(decision.result, RESULT_CONTINUE);
	decision = decide(&question, &subject, &otp_only, &limits);
	expect_deny(&decision, REASON_THROTTLED, "nothing else offered");
}

static void test_factor_not_offered_or_absent_is_wrong(void **state)
{
	const struct policy_answer emergency_only = {.action = POLICY_PERMIT,
	    .factors = 1u << FACTOR_EMERGENCY,
	    .rule = "sealed",
	    .line = 1};
	struct subject subject = ordinary();
	struct question question = right(&subject);
	struct decision decision =
	    decide(&question, &subject, &emergency_only, &limits);

	(void)state;
	expect_deny(&decision, REASON_WRONG, "not offered");
	assert_int_equal(decision.throttle.proven.failures, 1);
	subject.token_count = 0;
	decision = decide(&question, &subject, &permit, &limits);
	expect_deny(&decision, REASON_WRONG, "absent");
	assert_int_equal(decision.throttle.proven.failures, 1);
}

static void test_emergency_codes(void **state)
{
	struct subject subject = ordinary();
	struct question question = ask(FACTOR_EMERGENCY, "hash-of-the-code");
	struct decision decision;

	(void)state;
	subject.emergency_count = 1;
	subject.emergency[0].until = NOW_S + 1;
	assert_int_equal(
	    secret_set(&subject.emergency[0].hash, "hash-of-the-code", 16),
	    ERR_NONE);
	decision = decide(&question, &subject, &permit, &limits);
	assert_int_equal(decision.result, RESULT_ACCEPT);
	assert_int_equal(decision.emergency_index, 0);
	subject.emergency[0].spent = true;
	decision = decide(&question, &subject, &permit, &limits);
	expect_deny(&decision, REASON_USED, "spent");
	subject.emergency[0].until = NOW_S;
	decision = decide(&question, &subject, &permit, &limits);
	expect_deny(&decision, REASON_WRONG, "over");
}

static void test_success_clears_what_it_may(void **state)
{
	struct subject subject = ordinary();
	struct question question = right(&subject);
	struct decision decision;

	(void)state;
	subject.throttle = (struct throttle){{4, 0}, {2, 0}, 9};
	decision = decide(&question, &subject, &permit, &limits);
	assert_true(decision.throttle_changed);
	assert_int_equal(decision.throttle.proven.failures, 0);
	assert_int_equal(decision.throttle.unproven_total, 0);
	question.proven = false;
	decision = decide(&question, &subject, &permit, &limits);
	assert_int_equal(decision.throttle.proven.failures, 4);
	assert_int_equal(decision.throttle.unproven_total, 7);
}

/* Two tokens that show the same code at the same time: one is spent. */
static void test_second_token_serves_when_first_is_spent(void **state)
{
	struct subject subject = ordinary();
	struct question question = right(&subject);
	struct decision decision;

	(void)state;
	subject.token_count = 2;
	subject.tokens[1] = subject.tokens[0];
	subject.tokens[0].otp.floor = STEP + 1;
	decision = decide(&question, &subject, &permit, &limits);
	assert_int_equal(decision.result, RESULT_ACCEPT);
	assert_int_equal(decision.token_index, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_right_code_is_accepted_once),
	    cmocka_unit_test(test_wrong_code_is_charged),
	    cmocka_unit_test(test_order_of_reasons),
	    cmocka_unit_test(test_validity_to_the_second),
	    cmocka_unit_test(test_no_oracle_while_throttled),
	    cmocka_unit_test(test_exempt_is_not_for_strangers),
	    cmocka_unit_test(test_stranger_is_never_accepted),
	    cmocka_unit_test(test_challenge),
	    cmocka_unit_test(test_factor_not_offered_or_absent_is_wrong),
	    cmocka_unit_test(test_emergency_codes),
	    cmocka_unit_test(test_success_clears_what_it_may),
	    cmocka_unit_test(test_second_token_serves_when_first_is_spent),
	};

	if (otp_init() != ERR_NONE)
		return 1;
	return cmocka_run_group_tests_name("decide", tests, NULL, NULL);
}
