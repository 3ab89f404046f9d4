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

/* First and last counter worth computing, spent ones included so that they
 * can be told from wrong ones. */
static void candidates(const struct otp_token *token,
    const struct otp_window *window, int64_t now_s, int64_t *out_first,
    int64_t *out_last)
{
	if (token->type == OTP_TOTP) {
		*out_first = otp_step(token, now_s) - window->steps;
		*out_last = otp_step(token, now_s) + window->steps;
	} else {
		*out_first = token->floor - OTP_HOTP_LOOK_BEHIND;
		*out_last = token->floor + window->look_ahead;
	}
	if (*out_first < 0)
		*out_first = 0;
}

enum otp_match otp_verify(const struct otp_token *token,
    const struct otp_window *window, const struct secret *code, int64_t now_s,
    int64_t *out_counter)
{
	enum otp_match match = OTP_NO_MATCH;
	char text[OTP_DIGITS_MAX + 1] = "";
	struct secret expected = {0};
	int64_t first, last;

	candidates(token, window, now_s, &first, &last);
	for (int64_t counter = first; counter <= last; counter++) {
		if (otp_generate(token, counter, text) != ERR_NONE ||
		    secret_set(&expected, text, strlen(text)) != ERR_NONE)
			break;
		/*
		 * No early exit: the time taken must not tell which counter
		 * matched. Two counters may share a code; the lowest that is
		 * unspent counts, so that no unspent code is skipped.
		 */
		if (!secret_equal(&expected, code) || match == OTP_MATCH)
			continue;
		match = counter >= token->floor ? OTP_MATCH : OTP_SPENT;
		if (match == OTP_MATCH)
			*out_counter = counter;
	}
	secret_wipe_bytes(text, sizeof(text));
	secret_wipe(&expected);
	return match;
}
