/* SPDX-License-Identifier: Apache-2.0 */
#include "server/core/card.h"

const char *card_standing_text(enum card_standing standing)
{
	switch (standing) {
	case CARD_FORGED:
		return "forged";
	case CARD_UNTRUSTED:
		return "untrusted";
	case CARD_NOT_YET:
		return "not_yet";
	case CARD_EXPIRED:
		return "expired";
	case CARD_USAGE:
		return "usage";
	case CARD_REVOKED:
		return "revoked";
	case CARD_CRL_MISSING:
		return "crl_missing";
	case CARD_CRL_STALE:
		return "crl_stale";
	case CARD_GOOD:
		return "good";
	}
	return "forged";
}
