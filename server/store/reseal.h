/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key rotation: everything sealed is opened and sealed again under the
 * keyring's newest generation, a few rows a transaction, so that logins go
 * on. Rows that are under it already are left alone, so a rotation that
 * broke off is just begun again.
 */
#ifndef SEKIMORI_RESEAL_H
#define SEKIMORI_RESEAL_H

#include "server/store/store.h"

/* Reseals up to limit seeds above row *position and moves it on; with the
 * last of them also the store's and the authority's keys. *out_more: call
 * again. ERR_CRYPTO: a row does not open. */
enum err reseal_step(
    struct store *store, int64_t limit, int64_t *position, bool *out_more);

/* Whether nothing at all needs an older generation any more. */
enum err reseal_is_complete(struct store *store, bool *out);

#endif
