/* SPDX-License-Identifier: Apache-2.0 */
#include "server/core/verdict.h"

const char *factor_text(enum factor factor)
{
	switch (factor) {
	case FACTOR_NONE:
		return "none";
	case FACTOR_OTP:
		return "otp";
	case FACTOR_EMERGENCY:
		return "emergency";
	case FACTOR_CARD:
		return "card";
	}
	return "none";
}

const char *result_text(enum result result)
{
	switch (result) {
	case RESULT_DENY:
		return "deny";
	case RESULT_ACCEPT:
		return "accept";
	case RESULT_EXEMPT:
		return "exempt";
	case RESULT_CONTINUE:
		return "continue";
	}
	return "deny";
}

const char *reason_text(enum reason reason)
{
	switch (reason) {
	case REASON_WRONG:
		return "wrong";
	case REASON_USED:
		return "used";
	case REASON_THROTTLED:
		return "throttled";
	case REASON_DISABLED:
		return "disabled";
	case REASON_SUSPENDED:
		return "suspended";
	case REASON_FROZEN:
		return "frozen";
	case REASON_NOT_ENROLLED:
		return "not_enrolled";
	case REASON_NOT_PERMITTED:
		return "not_permitted";
	case REASON_EXPIRED:
		return "expired";
	case REASON_CLOCK:
		return "clock";
	}
	return "wrong";
}
