/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of a card's proof before it is decided about: values only.
 * Whoever looks at certificates and signatures (server/keys/card_verify.h)
 * fills this in; core/decide.c judges it.
 */
#ifndef SEKIMORI_CORE_CARD_H
#define SEKIMORI_CORE_CARD_H

#include <stdint.h>

enum {
	CARD_KEY_BYTES = 32, /* SHA-256 of the SubjectPublicKeyInfo */
	SUBJECT_CARDS_MAX = 4,
};

/*
 * How a proof stands. Zero proves nothing, and is charged like a wrong code.
 * All others: the key of this certificate did sign. Only GOOD lets in; the
 * rest is trouble with a certificate, not a guess, and is not charged.
 */
enum card_standing {
	CARD_FORGED = 0,  /* no such signature, or a key that is not allowed */
	CARD_UNTRUSTED,   /* no trusted CA has issued it */
	CARD_NOT_YET,     /* before its validity */
	CARD_EXPIRED,     /* after it */
	CARD_USAGE,       /* not for authentication (RFC 5280, 4.2.1.3, .12) */
	CARD_REVOKED,     /* on its CA's CRL */
	CARD_CRL_MISSING, /* its CA needs one and has none */
	CARD_CRL_STALE,   /* past its nextUpdate */
	CARD_GOOD,
};

const char *card_standing_text(enum card_standing standing); /* "crl_stale" */

struct card_evidence {
	enum card_standing standing;
	unsigned char key[CARD_KEY_BYTES]; /* of the certificate shown */
	int64_t valid_until; /* of that certificate, unix seconds */
};

/* A key that is bound to a person and not revoked here. */
struct subject_card {
	int64_t id;
	unsigned char key[CARD_KEY_BYTES];
};

#endif
