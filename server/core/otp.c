/* SPDX-License-Identifier: Apache-2.0 */
#include "server/core/otp.h"

#include <liboath/oath.h>
#include <string.h>

enum err otp_init(void)
{
	return oath_init() == OATH_OK ? ERR_NONE : ERR_CRYPTO;
}

static int algorithm_flag(enum otp_algorithm algorithm)
{
	switch (algorithm) {
	case OTP_SHA1:
		return 0;
	case OTP_SHA256:
		return OATH_TOTP_HMAC_SHA256;
	case OTP_SHA512:
		return OATH_TOTP_HMAC_SHA512;
	}
	return -1;
}

enum err otp_generate(const struct otp_token *token, int64_t counter, char *out)
{
	int flag = algorithm_flag(token->algorithm);

	if (counter < 0 || flag < 0 || token->seed.length == 0)
		return ERR_INVALID;
	/*
	 * With a step of one second TOTP is HOTP: the time is the counter.
	 * That way one call serves every algorithm.
	 */
	if (oath_totp_generate2((const char *)token->seed.bytes,
		token->seed.length, counter, 1, 0, (unsigned)token->digits,
		flag, out) != OATH_OK)
		return ERR_CRYPTO;
	return ERR_NONE;
}

int64_t otp_step(const struct otp_token *token, int64_t now_s)
{
	return token->period_s > 0 ? now_s / token->period_s : 0;
}

static int64_t clamp(int64_t value, int64_t limit)
{
	if (value > limit)
		return limit;
	return value < -limit ? -limit : value;
}

int64_t otp_offset(
    const struct otp_token *token, int64_t counter, int64_t now_s)
{
	return token->type == OTP_TOTP ? counter - otp_step(token, now_s) : 0;
}

int64_t otp_learn(const struct otp_token *token, int64_t counter, int64_t now_s)
{
	int64_t drift = clamp(token->drift, OTP_DRIFT_MAX);
	int64_t seen = otp_offset(token, counter, now_s);

	if (token->type != OTP_TOTP)
		return 0;
	return clamp(drift + clamp(seen - drift, 1), OTP_DRIFT_MAX);
}

/* First and last counter worth computing, spent ones included so that they
 * can be told from wrong ones. */
struct range {
	int64_t first, last;
};

static struct range either_side(int64_t middle, int64_t steps)
{
	return (struct range){middle - steps, middle + steps};
}

static struct range candidates(const struct otp_token *token,
    const struct otp_window *window, int64_t now_s)
{
	if (token->type == OTP_TOTP)
		return either_side(
		    otp_step(token, now_s) + clamp(token->drift, OTP_DRIFT_MAX),
		    window->steps);
	return (struct range){token->floor - OTP_HOTP_LOOK_BEHIND,
	    token->floor + window->look_ahead};
}

/* Of the first code of a pair. */
static struct range candidates_wide(
    const struct otp_token *token, int64_t now_s)
{
	if (token->type == OTP_TOTP)
		return either_side(otp_step(token, now_s) - 1, OTP_WIDE_STEPS);
	return (struct range){token->floor - OTP_HOTP_LOOK_BEHIND,
	    token->floor + OTP_WIDE_LOOK_AHEAD};
}

/* Behind the ordinary ones, and as many for either type. */
static struct range candidates_astray(const struct otp_token *token,
    const struct otp_window *window, int64_t now_s)
{
	if (token->type == OTP_TOTP)
		return either_side(otp_step(token, now_s), OTP_WIDE_STEPS);
	return either_side(
	    token->floor + window->look_ahead + 1 + OTP_WIDE_STEPS,
	    OTP_WIDE_STEPS);
}

/* Whoever gives the room to compute in wipes it. */
static bool is_code_of(const struct otp_token *token, int64_t counter,
    const struct secret *code, struct secret *room)
{
	char *text = (char *)room->bytes;

	if (otp_generate(token, counter, text) != ERR_NONE)
		return false;
	room->length = strlen(text);
	return secret_equal(room, code);
}

/*
 * Which counter of a range has this code, and, unless next is NULL, is
 * followed by one that has that? No early exit: the time taken must not tell
 * which counter matched. Two counters may share a code; the lowest counts, so
 * that no unspent code is skipped and a spent one stays spent although its
 * digits come back.
 */
static enum otp_match look(const struct otp_token *token, struct range range,
    const struct secret *code, const struct secret *next, int64_t *out_counter)
{
	enum otp_match match = OTP_NO_MATCH;
	struct secret room = {0};

	if (range.first < 0)
		range.first = 0;
	for (int64_t counter = range.first; counter <= range.last; counter++) {
		bool is = is_code_of(token, counter, code, &room);

		if (next)
			is &= is_code_of(token, counter + 1, next, &room);
		if (!is || match != OTP_NO_MATCH)
			continue;
		match = counter >= token->floor ? OTP_MATCH : OTP_SPENT;
		if (match == OTP_MATCH)
			*out_counter = next ? counter + 1 : counter;
	}
	secret_wipe(&room);
	return match;
}

enum otp_match otp_verify(const struct otp_token *token,
    const struct otp_window *window, const struct secret *code, int64_t now_s,
    int64_t *out_counter)
{
	return look(
	    token, candidates(token, window, now_s), code, NULL, out_counter);
}

enum otp_match otp_verify_pair(const struct otp_token *token,
    const struct secret *code, const struct secret *next, int64_t now_s,
    int64_t *out_counter)
{
	return look(
	    token, candidates_wide(token, now_s), code, next, out_counter);
}

bool otp_is_astray(const struct otp_token *token,
    const struct otp_window *window, const struct secret *code, int64_t now_s)
{
	int64_t counter = 0;

	return look(token, candidates_astray(token, window, now_s), code, NULL,
		   &counter) == OTP_MATCH;
}
