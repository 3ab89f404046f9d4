/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of the certificate authority: certificates and, sealed, the keys
 * that belong to them. What they are for is server/keys/authority.c's
 * business.
 */
#ifndef SEKIMORI_AUTHORITY_ROWS_H
#define SEKIMORI_AUTHORITY_ROWS_H

#include "server/store/store.h"

enum {
	AUTHORITY_ROWS_MAX = 16,
	AUTHORITY_PEM_SIZE = 8192,
	AUTHORITY_KEY_BYTES_MAX = 1024,
};

/* Stored as they are: never renumber. */
enum authority_kind {
	AUTHORITY_CA = 1,
	AUTHORITY_SERVER = 2,
	AUTHORITY_AUDIT = 3,
};

/* Part of the store's schema. */
#define AUTHORITY_SCHEMA                                                       \
	"CREATE TABLE authority (id INTEGER PRIMARY KEY,"                      \
	" kind INTEGER NOT NULL, certificate TEXT NOT NULL,"                   \
	" sealed_key BLOB NOT NULL, valid_from INTEGER NOT NULL,"              \
	" valid_until INTEGER NOT NULL) STRICT;"

/* Holds a key: wipe it. */
struct authority_row {
	int64_t id;
	enum authority_kind kind;
	char certificate[AUTHORITY_PEM_SIZE]; /* PEM; "" for AUTHORITY_AUDIT */
	unsigned char key[AUTHORITY_KEY_BYTES_MAX];
	size_t key_length;
	int64_t from, until; /* unix seconds */
};

/* In the order they were made. ERR_FULL beyond AUTHORITY_ROWS_MAX,
 * ERR_CRYPTO when a key does not open. */
enum err authority_rows_read(struct store *store,
    struct authority_row out[AUTHORITY_ROWS_MAX], size_t *out_count);
void authority_rows_wipe(struct authority_row *rows, size_t count);

/* One above the newest row's. */
enum err authority_rows_next_id(struct store *store, int64_t *out_id);
/* row->id is set by the caller. */
enum err authority_rows_add(
    struct store *store, const struct authority_row *row);
enum err authority_rows_remove(struct store *store, int64_t id);

/* Seals every key again under the keyring's newest generation. */
enum err authority_rows_reseal(struct store *store);

#endif
