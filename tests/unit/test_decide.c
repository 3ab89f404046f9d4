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
	assert_int_equal(decision->card_index, -1);
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
	/* An account of several is known, though who of them asks is not. */
	subject.shared = true;
	decision = decide(&question, &subject, &exempt, &limits);
	assert_int_equal(decision.result, RESULT_EXEMPT);
	question = right(&subject);
	decision = decide(&question, &subject, &permit, &limits);
	expect_deny(&decision, REASON_WRONG, "shared");
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

/* --- cards ---------------------------------------------------------------- */

/* Two cards are bound: the old one and its successor. */
static struct subject with_cards(void)
{
	struct subject subject = ordinary();

	subject.card_count = 2;
	subject.cards[0] = (struct subject_card){.id = 31, .key = {1, 2, 3}};
	subject.cards[1] = (struct subject_card){.id = 32, .key = {4, 5, 6}};
	return subject;
}

static struct question show(
    enum card_standing standing, const struct subject_card *card)
{
	struct question question = ask(FACTOR_CARD, "");

	question.card_shown = true;
	question.card.standing = standing;
	memcpy(question.card.key, card->key, CARD_KEY_BYTES);
	return question;
}

static void test_either_card_of_a_person_is_accepted(void **state)
{
	struct subject subject = with_cards();

	(void)state;
	subject.throttle.proven.failures = 4;
	for (int i = 0; i < 2; i++) {
		struct question question = show(CARD_GOOD, &subject.cards[i]);
		struct decision decision =
		    decide(&question, &subject, &permit, &limits);

		assert_int_equal(decision.result, RESULT_ACCEPT);
		assert_int_equal(decision.card_index, i);
		assert_int_equal(decision.token_index, -1);
		assert_int_equal(decision.emergency_index, -1);
		assert_true(decision.evaluated && !decision.card_unfit);
		assert_true(decision.throttle_changed);
		assert_int_equal(decision.throttle.proven.failures, 0);
	}
}

/* Whatever is no proof of a bound key is charged, however its certificate
 * stands; what is one is accepted when GOOD and not charged otherwise. */
static void test_every_standing_bound_and_not(void **state)
{
	static const struct subject_card other = {.id = 99, .key = {9}};

	(void)state;
	for (enum card_standing standing = CARD_FORGED; standing <= CARD_GOOD;
	     standing++) {
		struct subject subject = with_cards();
		struct question question = show(standing, &subject.cards[1]);
		struct decision decision =
		    decide(&question, &subject, &permit, &limits);
		const char *what = card_standing_text(standing);

		if (standing == CARD_GOOD) {
			assert_int_equal(decision.result, RESULT_ACCEPT);
		} else {
			expect_deny(&decision, REASON_WRONG, what);
			assert_int_equal(
			    decision.evaluated, standing == CARD_FORGED);
			assert_int_equal(
			    decision.throttle_changed, standing == CARD_FORGED);
			assert_int_equal(
			    decision.card_unfit, standing != CARD_FORGED);
		}
		question = show(standing, &other);
		decision = decide(&question, &subject, &permit, &limits);
		expect_deny(&decision, REASON_WRONG, what);
		assert_true(decision.evaluated && decision.throttle_changed);
		assert_false(decision.card_unfit);
		assert_int_equal(decision.throttle.proven.failures, 1);
	}
}

/* A key of zeros is what an unreadable certificate has. */
static void test_no_card_matches_nobodys_card(void **state)
{
	static const struct subject_card nothing = {0};
	struct subject subject = ordinary();
	struct question question = show(CARD_GOOD, &nothing);
	struct decision decision =
	    decide(&question, &subject, &permit, &limits);

	(void)state;
	expect_deny(&decision, REASON_WRONG, "no card bound");
	assert_true(decision.evaluated);
	subject = with_cards();
	subject.card_count = 1;
	question = show(CARD_GOOD, &subject.cards[1]);
	decision = decide(&question, &subject, &permit, &limits);
	expect_deny(&decision, REASON_WRONG, "beyond the count");
	assert_true(decision.evaluated);
}

static void test_no_signature_is_empty(void **state)
{
	struct subject subject = with_cards();
	struct question question = show(CARD_GOOD, &subject.cards[0]);
	struct decision decision;

	(void)state;
	question.card_shown = false;
	decision = decide(&question, &subject, &permit, &limits);
	expect_deny(&decision, REASON_WRONG, "empty");
	assert_false(decision.evaluated || decision.throttle_changed);
	assert_false(decision.card_unfit);
	/* A code does not stand in for it. */
	assert_int_equal(secret_set(&question.code, "123456", 6), ERR_NONE);
	decision = decide(&question, &subject, &permit, &limits);
	assert_false(decision.evaluated);
}

/* A card proves nothing to another factor. */
static void test_a_card_is_no_code(void **state)
{
	struct subject subject = with_cards();
	struct question question = show(CARD_GOOD, &subject.cards[0]);
	struct decision decision;

	(void)state;
	question.factor = FACTOR_OTP;
	decision = decide(&question, &subject, &permit, &limits);
	expect_deny(&decision, REASON_WRONG, "empty code");
	assert_false(decision.evaluated);
	question.factor = FACTOR_EMERGENCY;
	decision = decide(&question, &subject, &permit, &limits);
	expect_deny(&decision, REASON_WRONG, "empty emergency code");
}

/* Right, wrong and unfit cards are refused alike before they are looked at,
 * whoever has proved what. */
static void test_throttled_and_disabled_before_looked_at(void **state)
{
	static const struct {
		bool proven;
		struct throttle throttle;
		enum reason reason;
	} rows[] = {
	    {true, {.proven = {5, NOW_S + 30}}, REASON_THROTTLED},
	    {true, {.proven = {50, 0}}, REASON_DISABLED},
	    {false, {.here = {5, NOW_S + 30}}, REASON_THROTTLED},
	    {false, {.unproven_total = 50}, REASON_DISABLED},
	    {false, {.proven = {50, 0}}, REASON_DISABLED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (enum card_standing s = CARD_FORGED; s <= CARD_GOOD; s++) {
			struct subject subject = with_cards();
			struct question question = show(s, &subject.cards[0]);
			struct decision decision;

			question.proven = rows[i].proven;
			subject.throttle = rows[i].throttle;
			decision =
			    decide(&question, &subject, &permit, &limits);
			expect_deny(&decision, rows[i].reason, "refused");
			assert_false(decision.evaluated);
			assert_false(decision.throttle_changed);
			assert_false(decision.card_unfit);
		}
	}
}

static void test_what_stands_before_a_card(void **state)
{
	struct subject frozen = with_cards(), suspended = with_cards();
	struct question question = show(CARD_GOOD, &frozen.cards[0]);
	struct decision decision;

	(void)state;
	frozen.frozen = true;
	decision = decide(&question, &frozen, &permit, &limits);
	expect_deny(&decision, REASON_FROZEN, "frozen");
	suspended.suspended = true;
	decision = decide(&question, &suspended, &permit, &limits);
	expect_deny(&decision, REASON_SUSPENDED, "suspended");
	question.clock_trusted = false;
	decision = decide(&question, &frozen, &permit, &limits);
	expect_deny(&decision, REASON_CLOCK, "clock");
}

/* What policy does not offer is wrong and charged, good or unfit: it tells
 * nothing about whose the card is. */
static void test_policy_without_card(void **state)
{
	const struct policy_answer otp_only = {.action = POLICY_PERMIT,
	    .factors = 1u << FACTOR_OTP,
	    .rule = "otp"};

	(void)state;
	for (enum card_standing s = CARD_FORGED; s <= CARD_GOOD; s++) {
		struct subject subject = with_cards();
		struct question question = show(s, &subject.cards[0]);
		struct decision decision =
		    decide(&question, &subject, &otp_only, &limits);

		expect_deny(&decision, REASON_WRONG, card_standing_text(s));
		assert_true(decision.evaluated && decision.throttle_changed);
		assert_false(decision.card_unfit);
	}
}

static void test_a_strangers_card_is_never_accepted(void **state)
{
	(void)state;
	for (enum card_standing s = CARD_FORGED; s <= CARD_GOOD; s++) {
		struct subject subject = with_cards();
		struct question question = show(s, &subject.cards[0]);
		struct decision decision;

		subject.known = false;
		decision = decide(&question, &subject, &permit, &limits);
		expect_deny(&decision, REASON_WRONG, card_standing_text(s));
		assert_true(decision.evaluated && decision.throttle_changed);
	}
}

/* Who may use nothing but a card is told at once that it must wait. */
static void test_challenge_for_a_card_alone(void **state)
{
	const struct policy_answer card_only = {.action = POLICY_PERMIT,
	    .factors = 1u << FACTOR_CARD,
	    .rule = "cards"};
	struct subject subject = with_cards();
	struct question question = ask(FACTOR_NONE, "");
	struct decision decision =
	    decide(&question, &subject, &card_only, &limits);

	(void)state;
	assert_int_equal(decide_only_factor(&card_only), FACTOR_CARD);
	assert_int_equal(decide_only_factor(&permit), FACTOR_NONE);
	assert_int_equal(decide_only_factor(&refuse), FACTOR_NONE);
	assert_int_equal(decision.result, RESULT_CONTINUE);
	subject.throttle.proven = (struct throttle_count){5, NOW_S + 30};
	decision = decide(&question, &subject, &card_only, &limits);
	expect_deny(&decision, REASON_THROTTLED, "card alone");
	decision = decide(&question, &subject, &permit, &limits);
	assert_int_equal(decision.result, RESULT_CONTINUE);
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
	    cmocka_unit_test(test_either_card_of_a_person_is_accepted),
	    cmocka_unit_test(test_every_standing_bound_and_not),
	    cmocka_unit_test(test_no_card_matches_nobodys_card),
	    cmocka_unit_test(test_no_signature_is_empty),
	    cmocka_unit_test(test_a_card_is_no_code),
	    cmocka_unit_test(test_throttled_and_disabled_before_looked_at),
	    cmocka_unit_test(test_what_stands_before_a_card),
	    cmocka_unit_test(test_policy_without_card),
	    cmocka_unit_test(test_a_strangers_card_is_never_accepted),
	    cmocka_unit_test(test_challenge_for_a_card_alone),
	};

	if (otp_init() != ERR_NONE)
		return 1;
	return cmocka_run_group_tests_name("decide", tests, NULL, NULL);
}
