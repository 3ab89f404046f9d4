/* SPDX-License-Identifier: Apache-2.0 */
/* core/otp.c: the published vectors, windows and floors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "server/core/otp.h"

static const struct otp_window window = {1, 10};

static struct secret secret_of(const char *text)
{
	struct secret secret = {0};

	assert_int_equal(secret_set(&secret, text, strlen(text)), ERR_NONE);
	return secret;
}

/* RFC 4226 appendix D: counters 0 to 9. */
static void test_rfc_4226(void **state)
{
	static const char *const codes[] = {"755224", "287082", "359152",
	    "969429", "338314", "254676", "287922", "162583", "399871",
	    "520489"};
	struct otp_token token = {OTP_HOTP, OTP_SHA1, 6, 0, {0}, 0, 0};
	char code[OTP_DIGITS_MAX + 1];

	(void)state;
	token.seed = secret_of("12345678901234567890");
	for (int64_t i = 0; i < 10; i++) {
		assert_int_equal(otp_generate(&token, i, code), ERR_NONE);
		assert_string_equal(code, codes[i]);
	}
}

/* With that seed two counters in a row have one code. Who has overheard it
 * must not log in with it again, though it is good arithmetic. */
static void test_a_spent_code_that_comes_back_stays_spent(void **state)
{
	enum {
		FIRST = 910737
	};
	struct secret code = secret_of("911617");
	struct otp_token hotp = {OTP_HOTP, OTP_SHA1, 6, 0, {0}, FIRST, 0};
	struct otp_token totp = {OTP_TOTP, OTP_SHA1, 6, 30, {0}, FIRST, 0};
	int64_t counter = 0, now_s = (FIRST + 1) * INT64_C(30);

	(void)state;
	hotp.seed = totp.seed = secret_of("12345678901234567890");
	assert_int_equal(
	    otp_verify(&hotp, &window, &code, 0, &counter), OTP_MATCH);
	assert_int_equal(counter, FIRST);
	assert_int_equal(
	    otp_verify(&totp, &window, &code, now_s, &counter), OTP_MATCH);
	assert_int_equal(counter, FIRST);
	hotp.floor = totp.floor = FIRST + 1;
	assert_int_equal(
	    otp_verify(&hotp, &window, &code, 0, &counter), OTP_SPENT);
	assert_int_equal(
	    otp_verify(&totp, &window, &code, now_s, &counter), OTP_SPENT);
}

/* RFC 6238 appendix B. */
static void test_rfc_6238(void **state)
{
	static const struct {
		int64_t time_s;
		const char *codes[3];
	} rows[] = {
	    {59, {"94287082", "46119246", "90693936"}},
	    {1111111109, {"07081804", "68084774", "25091201"}},
	    {1111111111, {"14050471", "67062674", "99943326"}},
	    {1234567890, {"89005924", "91819424", "93441116"}},
	    {2000000000, {"69279037", "90698825", "38618901"}},
	    {20000000000, {"65353130", "77737706", "47863826"}},
	};
	static const char *const seeds[] = {"12345678901234567890",
	    "12345678901234567890123456789012",
	    "12345678901234567890123456789012345678901234567890123456789012"
	    "34"};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (int a = OTP_SHA1; a <= OTP_SHA512; a++) {
			struct otp_token token = {
			    OTP_TOTP, (enum otp_algorithm)a, 8, 30, {0}, 0, 0};
			struct secret code = secret_of(rows[i].codes[a]);
			int64_t counter = -1;

			token.seed = secret_of(seeds[a]);
			if (otp_verify(&token, &window, &code, rows[i].time_s,
				&counter) != OTP_MATCH ||
			    counter != rows[i].time_s / 30)
				fail_msg("row %zu, algorithm %d", i, a);
		}
	}
}

static const struct {
	const char *what;
	enum otp_type type;
	int64_t floor, counter; /* of the code shown */
	enum otp_match match;
} rows[] = {
    {"this step", OTP_TOTP, 0, 1000, OTP_MATCH},
    {"one before", OTP_TOTP, 0, 999, OTP_MATCH},
    {"one after", OTP_TOTP, 0, 1001, OTP_MATCH},
    {"two before", OTP_TOTP, 0, 998, OTP_NO_MATCH},
    {"two after", OTP_TOTP, 0, 1002, OTP_NO_MATCH},
    {"spent", OTP_TOTP, 1001, 1000, OTP_SPENT},
    {"before the spent one", OTP_TOTP, 1001, 999, OTP_SPENT},
    {"after the spent one", OTP_TOTP, 1001, 1001, OTP_MATCH},
    {"next", OTP_HOTP, 7, 7, OTP_MATCH},
    {"skipped ten", OTP_HOTP, 7, 17, OTP_MATCH},
    {"skipped eleven", OTP_HOTP, 7, 18, OTP_NO_MATCH},
    {"the last one again", OTP_HOTP, 7, 6, OTP_SPENT},
    {"an old one", OTP_HOTP, 7, 3, OTP_NO_MATCH},
    {"first of all", OTP_HOTP, 0, 0, OTP_MATCH},
};

static void test_windows_and_floors(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct otp_token token = {rows[i].type, OTP_SHA1, 8,
		    rows[i].type == OTP_TOTP ? 30 : 0, {0}, rows[i].floor, 0};
		char text[OTP_DIGITS_MAX + 1];
		struct secret code;
		int64_t counter = -1;

		token.seed = secret_of("12345678901234567890");
		assert_int_equal(
		    otp_generate(&token, rows[i].counter, text), ERR_NONE);
		code = secret_of(text);
		if (otp_verify(&token, &window, &code, 1000 * 30 + 7,
			&counter) != rows[i].match)
			fail_msg("row %zu: %s", i, rows[i].what);
		if (rows[i].match == OTP_MATCH)
			assert_int_equal(counter, rows[i].counter);
		else
			assert_int_equal(counter, -1);
	}
}

static void test_odd_codes_match_nothing(void **state)
{
	static const char *const codes[] = {
	    "", "0", "00000000000000000000", "28708", "2870820", "28708２"};
	struct otp_token token = {OTP_TOTP, OTP_SHA1, 6, 30, {0}, 0, 0};
	int64_t counter = -1;

	(void)state;
	token.seed = secret_of("12345678901234567890");
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		struct secret code = secret_of(codes[i]);

		assert_int_equal(
		    otp_verify(&token, &window, &code, 59, &counter),
		    OTP_NO_MATCH);
	}
	/* A token that lost its seed matches nothing either. */
	token.seed.length = 0;
	struct secret empty = {0};
	assert_int_equal(
	    otp_verify(&token, &window, &empty, 59, &counter), OTP_NO_MATCH);
}

enum {
	NOW_STEP = 1000,
	NOW_S = NOW_STEP * 30 + 7
};

static struct otp_token totp(int64_t floor, int64_t drift)
{
	struct otp_token token = {OTP_TOTP, OTP_SHA1, 8, 30, {0}, floor, drift};

	token.seed = secret_of("12345678901234567890");
	return token;
}

static struct secret code_of(const struct otp_token *token, int64_t counter)
{
	char text[OTP_DIGITS_MAX + 1];

	assert_int_equal(otp_generate(token, counter, text), ERR_NONE);
	return secret_of(text);
}

static enum otp_match verify(const struct otp_token *token, int64_t step)
{
	struct secret code = code_of(token, step);
	int64_t counter = -1;
	enum otp_match match =
	    otp_verify(token, &window, &code, NOW_S, &counter);

	if (match == OTP_MATCH)
		assert_int_equal(counter, step);
	return match;
}

static void test_window_is_centred_on_the_drift(void **state)
{
	(void)state;
	for (int64_t drift = -OTP_DRIFT_MAX; drift <= OTP_DRIFT_MAX; drift++) {
		struct otp_token token = totp(0, drift);

		for (int64_t off = -14; off <= 14; off++) {
			bool inside = off >= drift - 1 && off <= drift + 1;

			assert_int_equal(verify(&token, NOW_STEP + off),
			    inside ? OTP_MATCH : OTP_NO_MATCH);
		}
	}
	/* A drift that no success can have taught is cut down. */
	struct otp_token far = totp(0, 500);

	assert_int_equal(verify(&far, NOW_STEP + 11), OTP_MATCH);
	assert_int_equal(verify(&far, NOW_STEP + 500), OTP_NO_MATCH);
}

static void test_learns_a_step_at_most(void **state)
{
	static const struct {
		int64_t drift, seen, learned;
	} lessons[] = {{0, 0, 0}, {0, 1, 1}, {0, -1, -1}, {0, 2, 1},
	    {0, -2, -1}, {3, 3, 3}, {3, 2, 2}, {10, 11, 10}, {-10, -11, -10},
	    {10, -10, 9}, {500, 500, 10}};

	(void)state;
	for (size_t i = 0; i < sizeof(lessons) / sizeof(lessons[0]); i++) {
		struct otp_token token = totp(0, lessons[i].drift);

		if (otp_learn(&token, NOW_STEP + lessons[i].seen, NOW_S) !=
		    lessons[i].learned)
			fail_msg("row %zu", i);
	}
	struct otp_token hotp = {OTP_HOTP, OTP_SHA1, 6, 0, {0}, 5, 0};

	assert_int_equal(otp_learn(&hotp, 7, NOW_S), 0);
	assert_int_equal(otp_offset(&hotp, 7, NOW_S), 0);
}

/* first and next: counters of the two codes. */
static const struct {
	const char *what;
	enum otp_type type;
	int64_t floor, first, next;
	enum otp_match match;
} pairs[] = {
    {"now", OTP_TOTP, 0, 999, 1000, OTP_MATCH},
    {"twenty before", OTP_TOTP, 0, 979, 980, OTP_MATCH},
    {"twenty-one before", OTP_TOTP, 0, 978, 979, OTP_NO_MATCH},
    {"twenty after", OTP_TOTP, 0, 1019, 1020, OTP_MATCH},
    {"twenty-one after", OTP_TOTP, 0, 1020, 1021, OTP_NO_MATCH},
    {"a gap", OTP_TOTP, 0, 998, 1000, OTP_NO_MATCH},
    {"backwards", OTP_TOTP, 0, 1000, 999, OTP_NO_MATCH},
    {"twice the same", OTP_TOTP, 0, 1000, 1000, OTP_NO_MATCH},
    {"both spent", OTP_TOTP, 1001, 999, 1000, OTP_SPENT},
    {"the first spent", OTP_TOTP, 1000, 999, 1000, OTP_SPENT},
    {"just unspent", OTP_TOTP, 999, 999, 1000, OTP_MATCH},
    {"a hundred ahead", OTP_HOTP, 7, 107, 108, OTP_MATCH},
    {"a hundred and one ahead", OTP_HOTP, 7, 108, 109, OTP_NO_MATCH},
    {"the last one again", OTP_HOTP, 7, 6, 7, OTP_SPENT},
    {"the next", OTP_HOTP, 7, 7, 8, OTP_MATCH},
    {"the first of all", OTP_HOTP, 0, 0, 1, OTP_MATCH},
};

static void test_pairs(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct otp_token token = totp(pairs[i].floor, 0);
		struct secret code, next;
		int64_t counter = -1;

		token.type = pairs[i].type;
		token.period_s = token.type == OTP_TOTP ? 30 : 0;
		code = code_of(&token, pairs[i].first);
		next = code_of(&token, pairs[i].next);
		if (otp_verify_pair(&token, &code, &next, NOW_S, &counter) !=
		    pairs[i].match)
			fail_msg("row %zu: %s", i, pairs[i].what);
		assert_int_equal(
		    counter, pairs[i].match == OTP_MATCH ? pairs[i].next : -1);
	}
}

static bool is_astray(const struct otp_token *token, int64_t counter)
{
	struct secret code = code_of(token, counter);

	return otp_is_astray(token, &window, &code, NOW_S);
}

static void test_astray(void **state)
{
	struct otp_token time = totp(NOW_STEP - 5, 0), count = totp(7, 0);
	struct secret nonsense = secret_of("0");

	(void)state;
	count.type = OTP_HOTP;
	assert_true(is_astray(&time, NOW_STEP + 20));
	assert_false(is_astray(&time, NOW_STEP + 21));
	assert_true(is_astray(&time, NOW_STEP - 5));
	assert_false(is_astray(&time, NOW_STEP - 6)); /* was spent */
	assert_false(is_astray(&count, 7 + 10));
	assert_true(is_astray(&count, 7 + 11));
	assert_true(is_astray(&count, 7 + 51));
	assert_false(is_astray(&count, 7 + 52));
	assert_false(otp_is_astray(&time, &window, &nonsense, NOW_S));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rfc_4226),
	    cmocka_unit_test(test_a_spent_code_that_comes_back_stays_spent),
	    cmocka_unit_test(test_rfc_6238),
	    cmocka_unit_test(test_windows_and_floors),
	    cmocka_unit_test(test_odd_codes_match_nothing),
	    cmocka_unit_test(test_window_is_centred_on_the_drift),
	    cmocka_unit_test(test_learns_a_step_at_most),
	    cmocka_unit_test(test_pairs),
	    cmocka_unit_test(test_astray),
	};

	if (otp_init() != ERR_NONE)
		return 1;
	return cmocka_run_group_tests_name("otp", tests, NULL, NULL);
}
