/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two hashes of the store: SHA-256 that chains the audit records and
 * HMAC-SHA-256 under the store's own key. Algorithms are fetched once, because
 * each decision takes several hashes. One thread at a time.
 */
#ifndef SEKIMORI_HASHER_H
#define SEKIMORI_HASHER_H

#include <stddef.h>

#include "shared/err.h"
#include "shared/secret.h"

enum {
	HASHER_BYTES = 32
};

struct hasher;

enum err hasher_new(const struct secret *key, struct hasher **out);
void hasher_free(struct hasher *hasher);

/* SHA-256(previous || record). */
enum err hasher_chain(struct hasher *hasher,
    const unsigned char previous[HASHER_BYTES], const char *record,
    size_t length, unsigned char out[HASHER_BYTES]);
/* HMAC-SHA-256(key, label || 0 || bytes). */
enum err hasher_keyed(struct hasher *hasher, const char *label,
    const void *bytes, size_t length, unsigned char out[HASHER_BYTES]);

#endif
