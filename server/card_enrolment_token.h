/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The `token` of a challenge for enrolling a card: its end and the challenge,
 * authenticated and bound to the terminal's certificate, so that the server
 * needs no memory of it. That it is used once is the invitation's business.
 */
#ifndef SEKIMORI_CARD_ENROLMENT_TOKEN_H
#define SEKIMORI_CARD_ENROLMENT_TOKEN_H

#include "server/store/store.h"
#include "shared/card_proof.h"
#include "shared/certificate.h"
#include "shared/encode.h"

enum {
	CARD_ENROLMENT_LIFETIME_S = 300, /* a PIN is typed meanwhile */
	CARD_ENROLMENT_TOKEN_BYTES = 8 + CARD_CHALLENGE_BYTES + 32,
	CARD_ENROLMENT_TOKEN_SIZE =
	    ENCODE_BASE64_SIZE(CARD_ENROLMENT_TOKEN_BYTES),
};

enum err card_enrolment_token_write(const struct store *store,
    const unsigned char fingerprint[CERTIFICATE_HASH_BYTES], int64_t until,
    const unsigned char challenge[CARD_CHALLENGE_BYTES],
    char out[CARD_ENROLMENT_TOKEN_SIZE]);

/* ERR_NOT_FOUND: none of ours for this certificate, or over. */
enum err card_enrolment_token_read(const struct store *store,
    const unsigned char fingerprint[CERTIFICATE_HASH_BYTES], int64_t now_s,
    const char *text, unsigned char out_challenge[CARD_CHALLENGE_BYTES]);

#endif
