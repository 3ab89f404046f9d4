/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/card/pin.h"

static enum card_signing outcome_of(CK_RV rv)
{
	switch (rv) {
	case CKR_OK:
		return CARD_SIGNED;
	case CKR_PIN_INCORRECT:
	case CKR_PIN_INVALID:
	case CKR_PIN_LEN_RANGE:
		return CARD_SIGNING_PIN_WRONG;
	case CKR_PIN_LOCKED:
		return CARD_SIGNING_PIN_LOCKED;
	case CKR_FUNCTION_CANCELED:
	case CKR_FUNCTION_REJECTED:
		return CARD_SIGNING_CANCELLED;
	default: /* CKR_USER_ALREADY_LOGGED_IN as well */
		return CARD_SIGNING_TROUBLE;
	}
}

static enum card_signing give(const struct token *token, CK_USER_TYPE user,
    const struct secret *pin, struct card_seen *seen)
{
	/* Modules take it as writable; a copy keeps ours ours. */
	struct secret copy = {0};
	enum card_signing outcome;

	if (pin)
		copy = *pin;
	outcome = outcome_of(token->functions->C_Login(token->session, user,
	    pin ? copy.bytes : NULL, pin ? copy.length : 0));
	secret_wipe(&copy);
	if (outcome == CARD_SIGNED)
		return outcome;
	if (!token_read_pin(token, seen))
		return outcome == CARD_SIGNING_PIN_LOCKED ||
			       outcome == CARD_SIGNING_CANCELLED
			   ? outcome
			   : CARD_SIGNING_TROUBLE;
	if (seen->pin == CARD_PIN_LOCKED)
		return CARD_SIGNING_PIN_LOCKED;
	return outcome;
}

enum card_signing pin_login(
    const struct token *token, const struct secret *pin, struct card_seen *seen)
{
	struct card_seen now = *seen;

	if (!token_read_pin(token, &now))
		return CARD_SIGNING_TROUBLE;
	if (now.pin == CARD_PIN_LOCKED) {
		*seen = now;
		return CARD_SIGNING_PIN_LOCKED;
	}
	if (now.has_pin_pad != (pin == NULL) ||
	    (now.pin == CARD_PIN_FINAL && seen->pin != CARD_PIN_FINAL) ||
	    (pin && (pin->length < now.pin_min || pin->length > now.pin_max)))
		return CARD_SIGNING_TROUBLE;
	*seen = now;
	return give(token, CKU_USER, pin, seen);
}

enum card_signing pin_confirm(
    const struct token *token, const struct secret *pin, struct card_seen *seen)
{
	return give(token, CKU_CONTEXT_SPECIFIC, pin, seen);
}
