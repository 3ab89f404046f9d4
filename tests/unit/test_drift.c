/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/decide.c and core/otp.c together: a clock that runs away is followed,
 * one that is lost is found again by resync, and whatever happens no step is
 * accepted twice.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/core/decide.h"

enum {
	PERIOD_S = 30,
	NOW_S = 1774915200,
	ROUNDS = 300,
	MOVES = 60,
};

static const struct decide_limits limits = {{5, 30, 3600, 50}, {1, 10}};
static const struct policy_answer permit = {.action = POLICY_PERMIT,
    .factors = 1u << FACTOR_OTP,
    .rule = "everyone",
    .line = 1};

static struct subject holder(enum otp_type type)
{
	struct subject subject = {.known = true, .enrolled = true};
	struct otp_token *otp = &subject.tokens[0].otp;

	subject.token_count = 1;
	otp->type = type;
	otp->digits = 8;
	otp->period_s = type == OTP_TOTP ? PERIOD_S : 0;
	assert_int_equal(
	    secret_set(&otp->seed, "12345678901234567890", 20), ERR_NONE);
	return subject;
}

static struct secret code_of(const struct subject *subject, int64_t counter)
{
	char text[OTP_DIGITS_MAX + 1];
	struct secret code = {0};

	assert_int_equal(
	    otp_generate(&subject->tokens[0].otp, counter, text), ERR_NONE);
	assert_int_equal(secret_set(&code, text, strlen(text)), ERR_NONE);
	return code;
}

/* One code, or two when next is not negative; what the decision moves is
 * moved. */
static struct decision put(
    struct subject *subject, int64_t now_s, int64_t first, int64_t next)
{
	struct question question = {.factor = FACTOR_OTP,
	    .proven = true,
	    .clock_trusted = true,
	    .now_s = now_s};
	struct decision decision;

	question.code = code_of(subject, first);
	if (next >= 0) {
		question.paired = true;
		question.next = code_of(subject, next);
	}
	decision = decide(&question, subject, &permit, &limits);
	if (decision.token_index >= 0) {
		assert_true(decision.floor > subject->tokens[0].otp.floor);
		subject->tokens[0].otp.floor = decision.floor;
		subject->tokens[0].otp.drift = decision.drift;
	}
	return decision;
}

/* Half a minute a day would be much; a step every second login is more. */
static void test_a_clock_that_runs_away_is_followed_to_ten(void **state)
{
	(void)state;
	for (int sign = -1; sign <= 1; sign += 2) {
		struct subject subject = holder(OTP_TOTP);
		int64_t off = 0;

		for (int i = 0; i < 40; i++) {
			int64_t now_s = NOW_S + i * 3600;
			enum result result;

			off = sign * (i / 2);
			result =
			    put(&subject, now_s, now_s / PERIOD_S + off, -1)
				.result;
			assert_int_equal(result, i / 2 <= OTP_DRIFT_MAX + 1
						     ? RESULT_ACCEPT
						     : RESULT_DENY);
		}
		assert_int_equal(
		    subject.tokens[0].otp.drift, sign * OTP_DRIFT_MAX);
	}
}

static void test_a_lost_clock_is_found_by_resync(void **state)
{
	(void)state;
	for (int64_t off = -20; off <= 20; off++) {
		struct subject subject = holder(OTP_TOTP);
		int64_t step = NOW_S / PERIOD_S + off;
		struct decision decision = put(&subject, NOW_S, step - 1, step);

		if (off < -OTP_DRIFT_MAX || off > OTP_DRIFT_MAX) {
			assert_int_equal(decision.result, RESULT_DENY);
			assert_int_equal(decision.reason, REASON_WRONG);
			assert_int_equal(decision.throttle.proven.failures, 1);
			continue;
		}
		assert_int_equal(decision.result, RESULT_ACCEPT);
		assert_int_equal(decision.drift, off);
		assert_int_equal(
		    put(&subject, NOW_S, step, -1).reason, REASON_USED);
		assert_int_equal(
		    put(&subject, NOW_S, step - 1, -1).reason, REASON_USED);
		assert_int_equal(
		    put(&subject, NOW_S + PERIOD_S, step + 1, -1).result,
		    RESULT_ACCEPT);
		assert_int_equal(subject.tokens[0].otp.drift, off);
	}
}

static void test_a_counter_run_ahead_is_found_by_resync(void **state)
{
	struct subject subject = holder(OTP_HOTP);

	(void)state;
	assert_int_equal(put(&subject, NOW_S, 60, -1).reason, REASON_WRONG);
	assert_int_equal(put(&subject, NOW_S, 60, 61).result, RESULT_ACCEPT);
	assert_int_equal(subject.tokens[0].otp.floor, 62);
	assert_int_equal(subject.tokens[0].otp.drift, 0);
	assert_int_equal(put(&subject, NOW_S, 61, -1).reason, REASON_USED);
	assert_int_equal(put(&subject, NOW_S, 60, 61).reason, REASON_USED);
	assert_int_equal(put(&subject, NOW_S, 62, -1).result, RESULT_ACCEPT);
}

static void test_a_pair_needs_both(void **state)
{
	struct subject subject = holder(OTP_TOTP);
	struct question question = {.factor = FACTOR_OTP,
	    .proven = true,
	    .clock_trusted = true,
	    .now_s = NOW_S,
	    .paired = true};
	struct decision decision;

	(void)state;
	question.code = code_of(&subject, NOW_S / PERIOD_S);
	decision = decide(&question, &subject, &permit, &limits);
	assert_int_equal(decision.result, RESULT_DENY);
	assert_false(decision.evaluated);
	question.next = question.code;
	decision = decide(&question, &subject, &permit, &limits);
	assert_int_equal(decision.result, RESULT_DENY);
	assert_true(decision.evaluated);
	assert_int_equal(decision.throttle.proven.failures, 1);
}

static void test_waits_hold_for_pairs(void **state)
{
	struct subject subject = holder(OTP_TOTP);
	int64_t step = NOW_S / PERIOD_S;

	(void)state;
	subject.throttle.proven.failures = 5;
	subject.throttle.proven.wait_until = NOW_S + 30;
	assert_int_equal(
	    put(&subject, NOW_S, step - 1, step).reason, REASON_THROTTLED);
	assert_int_equal(
	    put(&subject, NOW_S, step + 3, step).reason, REASON_THROTTLED);
	assert_int_equal(subject.tokens[0].otp.floor, 0);
}

/* Which token is looked at goes round; what matches is told of by number and
 * changes nothing else. */
static void test_probably_out_of_step(void **state)
{
	struct subject subject = holder(OTP_TOTP);
	int64_t step = NOW_S / PERIOD_S;
	struct decision decision;

	(void)state;
	decision = put(&subject, NOW_S, step + 7, -1);
	assert_int_equal(decision.reason, REASON_WRONG);
	assert_int_equal(decision.astray_index, 0);
	assert_int_equal(decision.throttle.proven.failures, 1);
	assert_int_equal(put(&subject, NOW_S, step + 21, -1).astray_index, -1);
	assert_int_equal(put(&subject, NOW_S, step, -1).astray_index, -1);
	assert_int_equal(put(&subject, NOW_S, step, -1).astray_index, -1);

	subject = holder(OTP_TOTP);
	subject.tokens[1] = subject.tokens[0];
	subject.tokens[1].otp.seed.bytes[0] ^= 1;
	subject.token_count = 2;
	assert_int_equal(put(&subject, NOW_S, step + 7, -1).astray_index, 0);
	subject.throttle.proven.failures = 1;
	assert_int_equal(put(&subject, NOW_S, step + 7, -1).astray_index, -1);

	subject.token_count = 0;
	assert_int_equal(put(&subject, NOW_S, step + 7, -1).astray_index, -1);
}

/* Property: logins and resyncs in any order, with a clock that wanders and
 * codes from anywhere, never accept a counter at or below one accepted. */
static void wander(enum otp_type type)
{
	struct subject subject = holder(type);
	int64_t highest = -1, now_s = NOW_S;

	for (int i = 0; i < MOVES; i++) {
		int64_t middle = type == OTP_TOTP ? now_s / PERIOD_S
						  : subject.tokens[0].otp.floor;
		int64_t first = middle + random() % 60 - 30;
		bool paired = random() % 2;
		struct decision decision;

		if (first < 0)
			first = 0;
		subject.throttle = (struct throttle){0};
		decision = put(&subject, now_s, first, paired ? first + 1 : -1);
		if (decision.result == RESULT_ACCEPT) {
			assert_true(first > highest);
			highest = paired ? first + 1 : first;
			assert_int_equal(
			    subject.tokens[0].otp.floor, highest + 1);
		}
		assert_true(
		    llabs(subject.tokens[0].otp.drift) <= OTP_DRIFT_MAX);
		now_s += random() % 120 - 10;
	}
}

static void test_nothing_is_accepted_twice(void **state)
{
	(void)state;
	srandom(20261123);
	for (int i = 0; i < ROUNDS; i++)
		wander(i % 2 ? OTP_TOTP : OTP_HOTP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_clock_that_runs_away_is_followed_to_ten),
	    cmocka_unit_test(test_a_lost_clock_is_found_by_resync),
	    cmocka_unit_test(test_a_counter_run_ahead_is_found_by_resync),
	    cmocka_unit_test(test_a_pair_needs_both),
	    cmocka_unit_test(test_waits_hold_for_pairs),
	    cmocka_unit_test(test_probably_out_of_step),
	    cmocka_unit_test(test_nothing_is_accepted_twice),
	};

	assert_int_equal(otp_init(), ERR_NONE);
	return cmocka_run_group_tests_name("drift", tests, NULL, NULL);
}
