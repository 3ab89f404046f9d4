/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store: one database, the keys that seal what is in it, the head of the
 * audit chain and the memory of recent attempts, which must all move together.
 * Used by one thread at a time (batch.h). SQL lives in this folder only, one
 * file per kind of thing; values are sealed above the database, so no backend
 * ever sees a seed.
 */
#ifndef SEKIMORI_STORE_H
#define SEKIMORI_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "server/core/clock.h"
#include "server/store/db.h"
#include "shared/err.h"
#include "shared/secret.h"

struct keyring;    /* server/keys/keyring.h */
struct policy;     /* server/core/policy.h */
struct once_index; /* server/store/once.c */

enum {
	STORE_SCHEMA_VERSION = 1,
	STORE_INSTANCE_SIZE = 33,
	STORE_DECOYS = 4096, /* throttles shared by all strangers */
	AUDIT_HASH_BYTES = 32,
};

struct audit_head {
	int64_t seq; /* 0: no record yet */
	int64_t time_ms;
	unsigned char hash[AUDIT_HASH_BYTES];
};

struct store {
	struct db *db;
	struct keyring *keyring;            /* borrowed */
	char instance[STORE_INSTANCE_SIZE]; /* random, names the chain */
	struct audit_head head;             /* as of this transaction */
	struct audit_head committed_head;   /* as of the last commit */
	struct once_index *once;
	struct policy *policy; /* in force; re-read when set */
	int64_t policy_version;
	bool all_frozen;         /* `server freeze` */
	int64_t floor_s;         /* nothing at or before this unix time is
				    accepted from a TOTP token (restore) */
	struct secret hash_key;  /* for attempts, user names, codes */
	struct secret login_key; /* for login tokens */
};

/*
 * Creates the database at path with schema, instance name, secrets, decoys,
 * default policy and the first audit record. ERR_EXISTS if there is one.
 */
enum err store_create(
    const char *path, struct keyring *keyring, int64_t now_ms);

/* Opens it, checks version and keys (a wrong key file is ERR_CRYPTO), loads
 * the head and the attempts of the last minute. */
enum err store_open(const char *path, struct keyring *keyring, int64_t now_s,
    struct store **out);
void store_close(struct store *store);

/* A transaction. After rollback every cached value above is as before. */
enum err store_begin(struct store *store);
enum err store_commit(struct store *store);
void store_rollback(struct store *store);

/* Small named values. ERR_NOT_FOUND. */
enum err store_get_number(struct store *store, const char *name, int64_t *out);
enum err store_set_number(struct store *store, const char *name, int64_t v);

/* The time mark of core/clock.h, kept across restarts. The head's time
 * counts as a mark as well. */
enum err store_get_mark(struct store *store, struct clock_reading *out);
enum err store_set_mark(struct store *store, const struct clock_reading *mark);

/* HMAC-SHA-256 under hash_key of a domain label and bytes. The label keeps
 * hashes of different things apart ("attempt", "user", "emergency"). */
enum err store_keyed_hash(const struct store *store, const char *label,
    const void *bytes, size_t length, unsigned char out[32]);

#endif
