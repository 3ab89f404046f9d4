/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which key on which token is meant. Certificates decide, before any PIN: so
 * no PIN is ever tried on a token that does not hold the wanted key. Tells
 * nothing, signs nothing.
 */
#ifndef SEKIMORI_CARD_FIND_H
#define SEKIMORI_CARD_FIND_H

#include "pam_module/card/modules.h"
#include "pam_module/card/token.h"

/* A token with its session, and the certificate of the key on it. */
struct card_key {
	struct token token;
	struct token_certificate certificate;
};

/*
 * With tags, the first certificate in its time whose key has one of them
 * ends the search; one out of time is taken if there is no better, for the
 * server to refuse by its reason. Without, every certificate of every token
 * is looked at, and two keys that would do are CARD_SEVERAL. out is filled if
 * CARD_PRESENT: the caller frees.
 */
struct card_seen find_key(const struct modules *modules,
    const struct card_wanted *wanted, int64_t now_s, struct card_key *out);

void card_key_free(struct card_key *key);

#endif
