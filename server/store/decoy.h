/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decoys: persons whom nobody can name, each with a token whose seed nobody
 * knows. One of them stands in for every unknown account, so that a stranger's
 * attempt reads and writes what a colleague's does.
 */
#ifndef SEKIMORI_DECOY_H
#define SEKIMORI_DECOY_H

#include "server/store/store.h"

/* Persons 1 to STORE_DECOYS, so the store must be empty. */
enum err decoy_make_all(struct store *store, int64_t now_s);

#endif
