/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words of a decision: what may be asked with, what may be answered and
 * why. Zero always refuses. Texts are those of CONTRACT section 4.
 */
#ifndef SEKIMORI_VERDICT_H
#define SEKIMORI_VERDICT_H

enum factor {
	FACTOR_NONE = 0, /* no factor given: a challenge is asked for */
	FACTOR_OTP,
	FACTOR_EMERGENCY,
	FACTOR_CARD, /* numbers are stored: new ones come last */
};

enum result {
	RESULT_DENY = 0,
	RESULT_ACCEPT,
	RESULT_EXEMPT,
	RESULT_CONTINUE, /* no verdict yet: a factor is needed */
};

enum reason {
	REASON_WRONG = 0,
	REASON_USED,
	REASON_THROTTLED,
	REASON_DISABLED,
	REASON_SUSPENDED,
	REASON_FROZEN,
	REASON_NOT_ENROLLED,
	REASON_NOT_PERMITTED,
	REASON_EXPIRED,
	REASON_CLOCK,
};

const char *factor_text(enum factor factor); /* "otp" */
const char *result_text(enum result result); /* "accept" */
const char *reason_text(enum reason reason); /* "not_enrolled" */

#endif
