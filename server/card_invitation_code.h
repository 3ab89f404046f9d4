/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The code that an officer hands to somebody who may enrol a card at his own
 * seat. Made and shown in groups; how it is read is shared/card_proof.h's,
 * because the card signs it too.
 */
#ifndef SEKIMORI_CARD_INVITATION_CODE_H
#define SEKIMORI_CARD_INVITATION_CODE_H

#include "server/store/card.h"
#include "shared/card_proof.h"

enum {
	CARD_INVITATION_GROUP = 4,
	CARD_INVITATION_CODE_SIZE =
	    CARD_INVITATION_CHARACTERS * 5 / CARD_INVITATION_GROUP + 1,
};

/* A new one: "ABCD-EFGH-IJKL". A secret: the caller wipes. */
enum err card_invitation_code_new(char out[CARD_INVITATION_CODE_SIZE]);

/* What the store keeps of one, however it was typed. ERR_INVALID. */
enum err card_invitation_code_hash(const struct store *store, const char *typed,
    unsigned char out[CARD_INVITATION_HASH_BYTES]);

#endif
