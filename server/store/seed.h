/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What token.c and subject.c share about seeds: how one is unsealed, bound to
 * the number of its row, and from which counter on it is good.
 */
#ifndef SEKIMORI_SEED_H
#define SEKIMORI_SEED_H

#include "server/core/otp.h"
#include "server/store/store.h"

enum {
	SEED_PLACE_SIZE = 32
};

/* ERR_CRYPTO when damaged or taken from another row. */
enum err seed_open(struct store *store, int64_t seed_id,
    const unsigned char *sealed, size_t length, struct secret *out);

/* otp->floor as read from its row, or what a restore demands of time-based
 * tokens, whichever is higher: none of the codes that this token's clock can
 * have shown until then. Needs otp->drift. */
int64_t seed_effective_floor(
    const struct store *store, const struct otp_token *otp);

#endif
