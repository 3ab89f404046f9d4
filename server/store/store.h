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

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "server/core/clock.h"
#include "server/store/db.h"
#include "shared/err.h"
#include "shared/secret.h"

struct keyring;          /* server/keys/keyring.h */
struct policy;           /* server/core/policy.h */
struct once_index;       /* server/store/once_index.h */
struct backup;           /* server/store/backup.h */
struct reserve;          /* server/store/reserve.h */
struct hasher;           /* server/store/hasher.h */
struct card_authorities; /* server/keys/card_verify.h */

enum {
	STORE_SCHEMA_VERSION = 7,
	STORE_INSTANCE_SIZE = 33,
	STORE_TEXT_BYTES_MAX = 16384,
	STORE_PATH_SIZE = 4096,
	STORE_DECOYS = 4096, /* throttles shared by all strangers */
	AUDIT_HASH_BYTES = 32,
};

struct audit_head {
	int64_t seq; /* 0: no record yet */
	int64_t time_ms;
	unsigned char hash[AUDIT_HASH_BYTES];
};

/* What moves with the transaction: a rollback brings back all of it. */
struct store_cached {
	struct audit_head head;
	int64_t open_records; /* rows of repeats being counted */
	struct policy *policy;
	int64_t policy_version, policy_since_s, policy_due_s;
	bool all_frozen;
	int64_t floor_s;
	struct card_authorities *card_authorities;
	int64_t cards_bound;
	int64_t login_epoch;
};

struct store {
	struct db *db;
	struct keyring *keyring;            /* borrowed */
	char instance[STORE_INSTANCE_SIZE]; /* random, names the chain */
	struct audit_head head;             /* as of this transaction */
	struct audit_head committed_head;   /* as of the last commit */
	int64_t open_records;
	struct once_index *once;
	struct last_logins *last_logins;
	int64_t once_now_s; /* the latest time once.c was told */
	/* In force; re-read when set. A replaced one lives until the next is
	 * set, because answers point into it. */
	struct policy *policy;
	int64_t policy_version;
	int64_t policy_since_s; /* when it took effect */
	int64_t policy_due_s;   /* when the next will; INT64_MAX: none */
	bool all_frozen;        /* `server freeze`: STORE_ALL_FROZEN */
	int64_t floor_s;        /* nothing at or before this unix time is
				   accepted from a TOTP token: STORE_FLOOR */
	/* The CAs that are trusted for cards, parsed. Replaced by
	 * store/card_authority.c; the old ones end with the commit. */
	struct card_authorities *card_authorities;
	int64_t cards_bound;     /* active cards of everybody */
	int64_t login_epoch;     /* logins begun under another are over:
				    STORE_LOGIN_EPOCH */
	struct secret hash_key;  /* for attempts, user names, codes */
	struct secret login_key; /* for login tokens */
	struct hasher *hasher;
	bool stops_somebody; /* this transaction does */
	/* Transactions that stopped somebody, as of the last commit. The only
	 * member that may be read from any thread. */
	atomic_ullong stops;
	struct policy *retired_policy;
	struct store_cached before; /* as of the last commit */
	struct backup *backup;      /* being copied between transactions */
	/* Given up when a transaction finds the disk full; the owner sets
	 * it, or leaves it NULL. */
	struct reserve *reserve;
};

/* Numbers that are cached above too; store_set_number() moves both. */
#define STORE_ALL_FROZEN "all_frozen"
#define STORE_FLOOR "floor_s"
#define STORE_LOGIN_EPOCH "login_epoch"
/* Texts. */
#define STORE_RECOVERY_KEY "recovery_key" /* its public half, PEM */

/*
 * Creates the database at path with schema, instance name, secrets, decoys,
 * default policy and the first audit record. ERR_EXISTS if there is one.
 */
enum err store_create(
    const char *path, struct keyring *keyring, int64_t now_ms);

/* Opens it, upgrades tables of an older version, checks keys (a wrong key file
 * is ERR_CRYPTO), loads the head and the attempts of the last minute. */
enum err store_open(const char *path, struct keyring *keyring, int64_t now_s,
    struct store **out);
void store_close(struct store *store);

/* A transaction. After rollback every cached value above is as before. */
enum err store_begin(struct store *store);
enum err store_commit(struct store *store);
void store_rollback(struct store *store);

/* Whoever writes that a person, a terminal or everything is stopped says so:
 * calls that wait for it are answered after the commit. */
void store_note_stop(struct store *store);

/* Small named values. ERR_NOT_FOUND. */
enum err store_get_number(struct store *store, const char *name, int64_t *out);
enum err store_set_number(struct store *store, const char *name, int64_t v);
/* Logins that were begun and not finished are over: their finishing may have
 * been forgotten, as by a restore or a clock that was set back. */
enum err store_end_logins(struct store *store, int64_t now_s);
/* The caller frees *out. ERR_NOT_FOUND. */
enum err store_get_text(struct store *store, const char *name, char **out);
enum err store_set_text(
    struct store *store, const char *name, const char *text);

/* The time mark of core/clock.h, kept across restarts. The head's time
 * counts as a mark as well. */
enum err store_get_mark(struct store *store, struct clock_reading *out);
enum err store_set_mark(struct store *store, const struct clock_reading *mark);

/* HMAC-SHA-256 under hash_key of a domain label and bytes. The label keeps
 * hashes of different things apart ("attempt", "user", "emergency"). */
enum err store_keyed_hash(const struct store *store, const char *label,
    const void *bytes, size_t length, unsigned char out[32]);

#endif
