/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The code that an officer hands to somebody who may enrol a card at his own
 * seat. Made, shown and typed in groups; what counts is upper case without
 * hyphens and blanks, which is also what the card signs
 * (shared/card_proof.h).
 */
#ifndef SEKIMORI_CARD_INVITATION_CODE_H
#define SEKIMORI_CARD_INVITATION_CODE_H

#include "server/store/card.h"

enum {
	CARD_INVITATION_CHARACTERS = 12, /* of base32: 60 bits */
	CARD_INVITATION_GROUP = 4,
	CARD_INVITATION_CODE_SIZE =
	    CARD_INVITATION_CHARACTERS * 5 / CARD_INVITATION_GROUP + 1,
};

/* A new one: "ABCD-EFGH-IJKL". A secret: the caller wipes. */
enum err card_invitation_code_new(char out[CARD_INVITATION_CODE_SIZE]);

/* As it counts. ERR_INVALID: none of ours looks like this. */
enum err card_invitation_code_read(
    const char *typed, char out[CARD_INVITATION_CHARACTERS + 1]);

/* What the store keeps of one, however it was typed. ERR_INVALID. */
enum err card_invitation_code_hash(const struct store *store, const char *typed,
    unsigned char out[CARD_INVITATION_HASH_BYTES]);

#endif
