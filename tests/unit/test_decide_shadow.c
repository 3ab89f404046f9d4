/* SPDX-License-Identifier: Apache-2.0 */
/* core/decide.c in shadow mode: every mixture of what may be said of somebody
 * is decided with it and without it; what may differ is listed here. */
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
	STEP = NOW_S / 30,
	/* Bits of a mixture. */
	CLOCK_DOUBTED = 1 << 0,
	FROZEN = 1 << 1,
	SUSPENDED = 1 << 2,
	EXPIRED = 1 << 3,
	NOT_YET = 1 << 4,
	STRANGER = 1 << 5,
	UNPROVEN = 1 << 6,
	NOT_ENROLLED = 1 << 7,
	WAITING = 1 << 8,
	SPENT = 1 << 9,
	REFUSED = 1 << 10,
	MIXTURES = 1 << 11,
	/* With one of these nobody is let past, whatever the rule says. */
	NEVER = CLOCK_DOUBTED | FROZEN | SUSPENDED | EXPIRED | NOT_YET |
		STRANGER | UNPROVEN,
};

static const struct decide_limits limits = {{5, 30, 3600, 50}, {1, 10}};

static struct subject subject_of(int mixture)
{
	struct subject subject = {.known = !(mixture & STRANGER),
	    .frozen = mixture & FROZEN,
	    .suspended = mixture & SUSPENDED,
	    .enrolled = !(mixture & NOT_ENROLLED),
	    .valid_from = mixture & NOT_YET ? NOW_S + 1 : 0,
	    .valid_until = mixture & EXPIRED ? NOW_S : 0};
	struct subject_token *token = &subject.tokens[0];

	if (mixture & WAITING)
		subject.throttle.proven = subject.throttle.here =
		    (struct throttle_count){5, NOW_S + 30};
	subject.token_count = 1;
	token->id = 7;
	token->otp = (struct otp_token){.type = OTP_TOTP,
	    .digits = 6,
	    .period_s = 30,
	    .floor = mixture & SPENT ? STEP + 1 : 0};
	assert_int_equal(
	    secret_set(&token->otp.seed, "12345678901234567890", 20), ERR_NONE);
	return subject;
}

static struct question question_of(int mixture, const char *code)
{
	struct question question = {.factor = code ? FACTOR_OTP : FACTOR_NONE,
	    .proven = !(mixture & UNPROVEN),
	    .first_factor = !(mixture & UNPROVEN),
	    .clock_trusted = !(mixture & CLOCK_DOUBTED),
	    .now_s = NOW_S};

	if (code)
		assert_int_equal(
		    secret_set(&question.code, code, strlen(code)), ERR_NONE);
	return question;
}

static void assert_same(const struct decision *a, const struct decision *b)
{
	assert_int_equal(a->result, b->result);
	assert_int_equal(a->reason, b->reason);
	assert_int_equal(a->shadowed, b->shadowed);
	assert_int_equal(a->retry_at, b->retry_at);
	assert_int_equal(a->evaluated, b->evaluated);
	assert_int_equal(a->by_grace, b->by_grace);
	assert_int_equal(a->card_unfit, b->card_unfit);
	assert_int_equal(a->throttle_changed, b->throttle_changed);
	/* This has no gaps. */
	assert_memory_equal(&a->throttle, &b->throttle, sizeof(a->throttle));
	assert_int_equal(a->token_index, b->token_index);
	assert_int_equal(a->floor, b->floor);
	assert_int_equal(a->drift, b->drift);
	assert_int_equal(a->astray_index, b->astray_index);
	assert_int_equal(a->emergency_index, b->emergency_index);
	assert_int_equal(a->card_index, b->card_index);
}

/* With and without: the same but for the verdict, and that only where it was
 * a refusal of somebody whom nothing else stops. */
static void compare(int mixture, const char *code)
{
	struct policy_answer rule = {
	    .action = mixture & REFUSED ? POLICY_REFUSE : POLICY_PERMIT,
	    .factors = mixture & REFUSED ? 0 : 1u << FACTOR_OTP,
	    .rule = "rule",
	    .line = 1};
	struct subject subject = subject_of(mixture);
	struct question question = question_of(mixture, code);
	struct decision strict = decide(&question, &subject, &rule, &limits);
	struct decision shadow;
	bool let_past;

	assert_false(strict.shadowed);
	rule.shadow = true;
	shadow = decide(&question, &subject, &rule, &limits);
	let_past = strict.result == RESULT_DENY && (mixture & NEVER) == 0;
	if (shadow.shadowed != let_past)
		fail_msg("mixture %x, code %s", (unsigned)mixture, code);
	if (let_past) {
		assert_int_equal(shadow.result, RESULT_EXEMPT);
		shadow.result = RESULT_DENY;
		shadow.shadowed = false;
	}
	assert_same(&shadow, &strict);
}

static void test_every_mixture(void **state)
{
	char right[OTP_DIGITS_MAX + 1];
	struct subject subject = subject_of(0);

	(void)state;
	assert_int_equal(
	    otp_generate(&subject.tokens[0].otp, STEP, right), ERR_NONE);
	for (int mixture = 0; mixture < MIXTURES; mixture++) {
		compare(mixture, right);
		compare(mixture, "000000");
		compare(mixture, "");
		compare(mixture, NULL);
	}
}

/* A guess costs what it costs, so that shadow mode is no place to guess. */
static void test_charged_as_ever(void **state)
{
	const struct policy_answer rule = {.action = POLICY_PERMIT,
	    .factors = 1u << FACTOR_OTP,
	    .rule = "rule",
	    .shadow = true};
	struct subject subject = subject_of(0);
	struct question question = question_of(0, "000000");
	struct decision decision = decide(&question, &subject, &rule, &limits);

	(void)state;
	assert_int_equal(decision.result, RESULT_EXEMPT);
	assert_int_equal(decision.reason, REASON_WRONG);
	assert_true(decision.evaluated && decision.throttle_changed);
	assert_int_equal(decision.throttle.proven.failures, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_mixture),
	    cmocka_unit_test(test_charged_as_ever),
	};

	if (otp_init() != ERR_NONE)
		return 1;
	return cmocka_run_group_tests_name("decide_shadow", tests, NULL, NULL);
}
