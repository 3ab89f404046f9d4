/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a card signs, and how a challenge names the keys it would take. Agent
 * and server must agree on every byte, so both call this file. Knows no card
 * and no database.
 *
 * Source: the public contract, section 4 (signed bytes); docs/PROTOCOL.md
 * (enrolment, key tags).
 */
#ifndef SEKIMORI_CARD_PROOF_H
#define SEKIMORI_CARD_PROOF_H

#include <stddef.h>

#include "shared/err.h"
#include "shared/text.h"

enum {
	CARD_HASH_BYTES = 32, /* SHA-256 of a SubjectPublicKeyInfo in DER */
	CARD_CHALLENGE_BYTES = 32,
	CARD_TAG_BYTES = 16,
	CARD_TAGS = 4, /* in every challenge that names any, and as many keys
			  may a person have at once */
	CARD_TAGS_SHARED = 64, /* the same for an account of several */
	CARD_INVITATION_CHARACTERS = 12,   /* of base32: 60 bits */
	CARD_CERTIFICATE_BYTES_MAX = 8192, /* DER */
	CARD_SIGNATURE_BYTES_MAX = 512,    /* RSA-4096 */
	CARD_MESSAGE_BYTES_MAX = 18 + CARD_HASH_BYTES + CARD_CHALLENGE_BYTES +
				 3 * (2 + NAME_BYTES_MAX),
};

enum card_algorithm {
	CARD_ALGORITHM_NONE = 0,
	CARD_RSA_PKCS1_SHA256, /* RFC 8017, 8.2; 2048 to 4096 bits */
	CARD_ECDSA_SHA256,     /* signature in DER; P-256 or P-384 */
};

/* "rsa-pkcs1-sha256", "ecdsa-sha256"; NULL for NONE. */
const char *card_algorithm_text(enum card_algorithm algorithm);
enum card_algorithm card_algorithm_from_text(const char *text);

struct card_message {
	size_t length;
	unsigned char bytes[CARD_MESSAGE_BYTES_MAX];
};

/*
 * The bytes of a login: "sekimori-login-v1", a zero byte, ca (hash of the CA
 * that issued the terminal's certificate), challenge, then terminal, user and
 * service, each behind a two-byte big-endian length. ERR_TOO_LONG for a name
 * beyond NAME_BYTES_MAX.
 */
enum err card_login_message(const unsigned char ca[CARD_HASH_BYTES],
    const unsigned char challenge[CARD_CHALLENGE_BYTES], const char *terminal,
    const char *user, const char *service, struct card_message *out);

/* An invitation as it counts: upper case, without the hyphens and blanks that
 * people type. A secret: the caller wipes. ERR_INVALID: none looks like it. */
enum err card_invitation_read(
    const char *typed, size_t length, char out[CARD_INVITATION_CHARACTERS + 1]);

/* The bytes of an enrolment: the same with "sekimori-enrol-v1", terminal and
 * invitation (as it counts); so neither can ever pass for the other. */
enum err card_enrolment_message(const unsigned char ca[CARD_HASH_BYTES],
    const unsigned char challenge[CARD_CHALLENGE_BYTES], const char *terminal,
    const char *invitation, struct card_message *out);

/*
 * The name of a key in one challenge: the first CARD_TAG_BYTES of
 * SHA-256(challenge || key). Whoever sees the card finds it in the list;
 * nobody else can tell it from the random ones that fill the list up.
 */
enum err card_tag(const unsigned char challenge[CARD_CHALLENGE_BYTES],
    const unsigned char key[CARD_HASH_BYTES],
    unsigned char out[CARD_TAG_BYTES]);

#endif
