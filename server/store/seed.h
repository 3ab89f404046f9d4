/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seeds: sealed, each bound to the number of its row, recognised by a keyed
 * hash, and good from a counter on that outlives every token made of them.
 */
#ifndef SEKIMORI_SEED_H
#define SEKIMORI_SEED_H

#include "server/core/otp.h"
#include "server/store/store.h"

enum {
	SEED_PLACE_SIZE = 32,
	SEED_PRINT_BYTES = 32,
};

/* Whether this seed is known already: its number, or 0. print is what
 * seed_keep wants. */
enum err seed_find(struct store *store, const struct otp_token *otp,
    unsigned char print[SEED_PRINT_BYTES], int64_t *out_id);
/* Adds it when *id is 0, with otp->floor as its floor; else raises the floor to
 * that, never lowers it. */
enum err seed_keep(struct store *store, const struct otp_token *otp,
    const unsigned char print[SEED_PRINT_BYTES], int64_t *id);
enum err seed_read(struct store *store, int64_t seed_id, struct secret *out);

/* ERR_CRYPTO when damaged or taken from another row. */
enum err seed_open(struct store *store, int64_t seed_id,
    const unsigned char *sealed, size_t length, struct secret *out);

/* otp->floor as read from its row, or what a restore demands of time-based
 * tokens, whichever is higher: none of the codes that can have been accepted
 * until then. What was learned of its clock since the backup is not known, so
 * it may have been as far ahead as any. */
int64_t seed_effective_floor(
    const struct store *store, const struct otp_token *otp);

#endif
