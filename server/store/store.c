/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making, opening and closing the store, its transaction with all that is
 * cached beside the database, and small named values. Must not know what
 * persons and tokens are but for the decoys made at the beginning.
 */
#include "server/store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/core/policy.h"
#include "server/keys/card_verify.h"
#include "server/keys/durable.h"
#include "server/keys/keyring.h"
#include "server/store/audit.h"
#include "server/store/backup.h"
#include "server/store/card.h"
#include "server/store/decoy.h"
#include "server/store/grace_store.h"
#include "server/store/hasher.h"
#include "server/store/last_login.h"
#include "server/store/once.h"
#include "server/store/once_index.h"
#include "server/store/policy_store.h"
#include "server/store/reserve.h"
#include "server/store/schema.h"
#include "shared/encode.h"

enum {
	STORE_KEY_BYTES = 32,
	STORE_PLACE_SIZE = 64,
	STORE_MARK_SIZE = 128,
};

/* --- named values -------------------------------------------------------- */

enum err store_get_number(struct store *store, const char *name, int64_t *out)
{
	struct db_query *q =
	    db_query(store->db, "SELECT number FROM meta WHERE name = ?1");
	bool found;
	int64_t value;
	enum err err;

	db_bind_text(q, 1, name);
	found = db_next(q);
	value = db_number(q, 0);
	err = db_done(q);
	if (err != ERR_NONE)
		return err;
	if (!found)
		return ERR_NOT_FOUND;
	*out = value;
	return ERR_NONE;
}

enum err store_set_number(struct store *store, const char *name, int64_t v)
{
	struct db_query *q = db_query(store->db,
	    "INSERT INTO meta (name, number) VALUES (?1, ?2)"
	    " ON CONFLICT (name) DO UPDATE SET number = excluded.number");
	enum err err;

	db_bind_text(q, 1, name);
	db_bind_number(q, 2, v);
	err = db_run(q);
	if (err != ERR_NONE)
		return err;
	if (strcmp(name, STORE_ALL_FROZEN) == 0) {
		store->all_frozen = v != 0;
		if (store->all_frozen) {
			store_note_stop(store);
			err = grace_end_all(store);
		}
	}
	if (strcmp(name, STORE_FLOOR) == 0)
		store->floor_s = v;
	if (strcmp(name, STORE_LOGIN_EPOCH) == 0) {
		store->login_epoch = v;
		err = grace_end_all(store);
	}
	return err;
}

/* By the time, so that two restores of one backup differ. */
enum err store_end_logins(struct store *store, int64_t now_s)
{
	int64_t next = store->login_epoch + 1;

	return store_set_number(
	    store, STORE_LOGIN_EPOCH, now_s > next ? now_s : next);
}

static enum err set_bytes(
    struct store *store, const char *name, const void *bytes, size_t length)
{
	struct db_query *q = db_query(store->db,
	    "INSERT INTO meta (name, bytes) VALUES (?1, ?2)"
	    " ON CONFLICT (name) DO UPDATE SET bytes = excluded.bytes");

	db_bind_text(q, 1, name);
	db_bind_blob(q, 2, bytes, length);
	return db_run(q);
}

static enum err get_bytes(struct store *store, const char *name, void *out,
    size_t size, size_t *out_length)
{
	struct db_query *q = db_query(store->db,
	    "SELECT bytes FROM meta WHERE name = ?1 AND bytes IS NOT NULL");
	bool found;
	enum err err;

	db_bind_text(q, 1, name);
	found = db_next(q);
	db_read_blob(q, 0, out, size, out_length);
	err = db_done(q);
	if (err != ERR_NONE)
		return err;
	return found ? ERR_NONE : ERR_NOT_FOUND;
}

enum err store_set_text(struct store *store, const char *name, const char *text)
{
	return set_bytes(store, name, text, strlen(text));
}

enum err store_get_text(struct store *store, const char *name, char **out)
{
	char text[STORE_TEXT_BYTES_MAX];
	size_t length = 0;
	enum err err = get_bytes(store, name, text, sizeof(text), &length);
	char *copy;

	if (err != ERR_NONE)
		return err;
	copy = strndup(text, length);
	if (!copy)
		return ERR_MEMORY;
	*out = copy;
	return ERR_NONE;
}

/* Secrets of the store itself, sealed and bound to their name. */
static enum err set_secret(
    struct store *store, const char *name, const struct secret *secret)
{
	unsigned char sealed[SECRET_BYTES_MAX + SEALED_OVERHEAD];
	char place[STORE_PLACE_SIZE];
	size_t length = 0;
	enum err err;

	snprintf(place, sizeof(place), "meta %s", name);
	err = keyring_seal(store->keyring, place, secret->bytes, secret->length,
	    sealed, sizeof(sealed), &length);
	return err == ERR_NONE ? set_bytes(store, name, sealed, length) : err;
}

static enum err get_secret(
    struct store *store, const char *name, struct secret *out)
{
	unsigned char sealed[SECRET_BYTES_MAX + SEALED_OVERHEAD];
	char place[STORE_PLACE_SIZE];
	size_t length = 0;
	enum err err = get_bytes(store, name, sealed, sizeof(sealed), &length);

	if (err == ERR_NOT_FOUND)
		return ERR_CORRUPT;
	if (err != ERR_NONE)
		return err;
	snprintf(place, sizeof(place), "meta %s", name);
	return keyring_open_sealed(store->keyring, place, sealed, length,
	    out->bytes, sizeof(out->bytes), &out->length);
}

enum err store_set_mark(struct store *store, const struct clock_reading *mark)
{
	char text[STORE_MARK_SIZE];

	snprintf(text, sizeof(text), "%" PRId64 " %" PRId64 " %.*s",
	    mark->wall_s, mark->boot_s, CLOCK_BOOT_ID_SIZE - 1, mark->boot_id);
	return store_set_text(store, "mark", text);
}

enum err store_get_mark(struct store *store, struct clock_reading *out)
{
	struct clock_reading mark = {0};
	int64_t head_s = store->head.time_ms / 1000;
	char *text = NULL;
	enum err err = store_get_text(store, "mark", &text);

	if (err != ERR_NONE && err != ERR_NOT_FOUND)
		return err;
	if (text && sscanf(text, "%" SCNd64 " %" SCNd64 " %39s", &mark.wall_s,
			&mark.boot_s, mark.boot_id) < 2) {
		free(text);
		return ERR_CORRUPT;
	}
	free(text);
	/* The mark is saved now and then, the head with every decision. */
	*out = head_s > mark.wall_s ? clock_mark_at(&mark, head_s) : mark;
	return ERR_NONE;
}

enum err store_keyed_hash(const struct store *store, const char *label,
    const void *bytes, size_t length, unsigned char out[32])
{
	return hasher_keyed(store->hasher, label, bytes, length, out);
}

/* --- the transaction ----------------------------------------------------- */

void store_note_stop(struct store *store)
{
	store->stops_somebody = true;
}

static struct store_cached cached_now(const struct store *store)
{
	return (struct store_cached){
	    .head = store->head,
	    .open_records = store->open_records,
	    .policy = store->policy,
	    .policy_version = store->policy_version,
	    .policy_since_s = store->policy_since_s,
	    .policy_due_s = store->policy_due_s,
	    .all_frozen = store->all_frozen,
	    .floor_s = store->floor_s,
	    .login_epoch = store->login_epoch,
	    .card_authorities = store->card_authorities,
	    .cards_bound = store->cards_bound,
	};
}

enum err store_begin(struct store *store)
{
	if (!db_in_transaction(store->db))
		backup_advance(store);
	return db_begin(store->db);
}

static void take_back_caches(struct store *store)
{
	const struct store_cached *before = &store->before;

	if (store->policy != before->policy)
		policy_free(store->policy);
	if (store->card_authorities != before->card_authorities)
		card_authorities_free(store->card_authorities);
	store->head = before->head;
	store->open_records = before->open_records;
	store->policy = before->policy;
	store->policy_version = before->policy_version;
	store->policy_since_s = before->policy_since_s;
	store->policy_due_s = before->policy_due_s;
	store->all_frozen = before->all_frozen;
	store->floor_s = before->floor_s;
	store->login_epoch = before->login_epoch;
	store->card_authorities = before->card_authorities;
	store->cards_bound = before->cards_bound;
	store->stops_somebody = false;
	once_index_undo(store->once);
	last_logins_undo(store->last_logins);
}

static void settle_caches(struct store *store)
{
	if (store->policy != store->before.policy) {
		policy_free(store->retired_policy);
		store->retired_policy = store->before.policy;
	}
	if (store->card_authorities != store->before.card_authorities)
		card_authorities_free(store->before.card_authorities);
	store->before = cached_now(store);
	store->committed_head = store->head;
	if (store->stops_somebody)
		atomic_fetch_add(&store->stops, 1);
	store->stops_somebody = false;
	once_index_settle(store->once);
	last_logins_settle(store->last_logins);
}

enum err store_commit(struct store *store)
{
	enum err err = db_commit(store->db);

	if (err == ERR_NONE)
		settle_caches(store);
	else
		take_back_caches(store);
	if (err == ERR_FULL)
		(void)reserve_release(store->reserve);
	return err;
}

void store_rollback(struct store *store)
{
	if (db_transaction_error(store->db) == ERR_FULL)
		(void)reserve_release(store->reserve);
	db_rollback(store->db);
	take_back_caches(store);
}

/* --- making and opening -------------------------------------------------- */

void store_close(struct store *store)
{
	if (!store)
		return;
	backup_cancel(store, &store->backup);
	if (store->policy != store->before.policy)
		policy_free(store->before.policy);
	if (store->card_authorities != store->before.card_authorities)
		card_authorities_free(store->before.card_authorities);
	card_authorities_free(store->card_authorities);
	policy_free(store->policy);
	policy_free(store->retired_policy);
	once_index_free(store->once);
	last_logins_free(store->last_logins);
	hasher_free(store->hasher);
	secret_wipe(&store->hash_key);
	secret_wipe(&store->login_key);
	db_close(store->db);
	free(store);
}

static enum err store_new(
    struct db *db, struct keyring *keyring, struct store **out)
{
	struct store *store = calloc(1, sizeof(*store));

	if (!store)
		return ERR_MEMORY;
	store->db = db;
	store->keyring = keyring;
	*out = store;
	return ERR_NONE;
}

static enum err make_secrets(struct store *store)
{
	struct secret name = {0};
	enum err err = secret_random(&name, (STORE_INSTANCE_SIZE - 1) / 2);

	if (err == ERR_NONE)
		err = secret_random(&store->hash_key, STORE_KEY_BYTES);
	if (err == ERR_NONE)
		err = secret_random(&store->login_key, STORE_KEY_BYTES);
	if (err != ERR_NONE)
		return err;
	encode_hex(name.bytes, name.length, store->instance);
	err = store_set_text(store, "instance", store->instance);
	if (err == ERR_NONE)
		err = set_secret(store, "hash_key", &store->hash_key);
	if (err == ERR_NONE)
		err = set_secret(store, "login_key", &store->login_key);
	return err == ERR_NONE ? hasher_new(&store->hash_key, &store->hasher)
			       : err;
}

static enum err record_creation(struct store *store, int64_t now_ms)
{
	struct audit_entry entry = {.kind = "server", .time_ms = now_ms};

	audit_add_text(&entry, "action", "init");
	audit_add_text(&entry, "instance", store->instance);
	audit_add_text(&entry, "version", SEKIMORI_VERSION);
	audit_add_text(&entry, "result", "done");
	return audit_append(store, &entry, NULL);
}

static enum err fill(struct store *store, int64_t now_ms)
{
	const struct policy_ground ground = {"init", "", "", 0};
	char problem[POLICY_PROBLEM_SIZE];
	enum err err = db_script(store->db, STORE_SCHEMA);

	if (err == ERR_NONE)
		err = make_secrets(store);
	if (err == ERR_NONE)
		err = once_load(store);
	if (err == ERR_NONE)
		err = decoy_make_all(store, now_ms / 1000);
	if (err == ERR_NONE)
		err = policy_store_set(store, POLICY_DEFAULT_TEXT,
		    strlen(POLICY_DEFAULT_TEXT), &ground, now_ms / 1000, NULL,
		    problem);
	return err == ERR_NONE ? record_creation(store, now_ms) : err;
}

static void remove_database(const char *path)
{
	char wal[STORE_PATH_SIZE];

	(void)unlink(path);
	if (snprintf(wal, sizeof(wal), "%s-wal", path) < (int)sizeof(wal))
		(void)unlink(wal);
}

enum err store_create(const char *path, struct keyring *keyring, int64_t now_ms)
{
	struct store *store = NULL;
	struct db *db = NULL;
	enum err err = db_open_sqlite(path, DB_CREATE, &db);

	if (err != ERR_NONE)
		return err;
	err = store_new(db, keyring, &store);
	if (err != ERR_NONE) {
		db_close(db);
		goto out;
	}
	err = store_begin(store);
	if (err == ERR_NONE)
		err = fill(store, now_ms);
	if (err == ERR_NONE)
		err = db_commit(store->db);
	store_close(store);
	if (err == ERR_NONE)
		err = durable_sync_folder(path);
out:
	if (err != ERR_NONE)
		remove_database(path);
	return err;
}

static enum err load_number(struct store *store, const char *name, int64_t *out)
{
	enum err err = store_get_number(store, name, out);

	return err == ERR_NOT_FOUND ? ERR_NONE : err;
}

static enum err load_names_and_keys(struct store *store)
{
	size_t length = 0;
	enum err err = get_bytes(store, "instance", store->instance,
	    sizeof(store->instance) - 1, &length);

	if (err == ERR_NONE)
		err = get_secret(store, "hash_key", &store->hash_key);
	if (err == ERR_NONE)
		err = get_secret(store, "login_key", &store->login_key);
	if (err == ERR_NONE)
		err = hasher_new(&store->hash_key, &store->hasher);
	return err == ERR_NOT_FOUND ? ERR_CORRUPT : err;
}

static enum err load(struct store *store)
{
	int64_t frozen = 0;
	enum err err = load_names_and_keys(store);

	if (err == ERR_NONE)
		err = load_number(store, STORE_ALL_FROZEN, &frozen);
	if (err == ERR_NONE)
		err = load_number(store, STORE_FLOOR, &store->floor_s);
	if (err == ERR_NONE)
		err =
		    load_number(store, STORE_LOGIN_EPOCH, &store->login_epoch);
	if (err == ERR_NONE)
		err = audit_load(store);
	if (err == ERR_NONE)
		err = policy_store_load(store);
	if (err == ERR_NONE)
		err = card_load(store);
	if (err == ERR_NONE)
		err = once_load(store);
	if (err == ERR_NONE)
		err = last_logins_load(store);
	store->all_frozen = frozen != 0;
	return err;
}

enum err store_open(const char *path, struct keyring *keyring, int64_t now_s,
    struct store **out)
{
	struct store *store = NULL;
	struct db *db = NULL;
	enum err err = db_open_sqlite(path, DB_OPEN_EXISTING, &db);

	if (err != ERR_NONE)
		return err;
	err = schema_upgrade(db);
	if (err == ERR_NONE)
		err = store_new(db, keyring, &store);
	if (err != ERR_NONE) {
		db_close(db);
		return err;
	}
	store->once_now_s = now_s;
	err = load(store);
	store->before = cached_now(store);
	store->committed_head = store->head;
	if (err != ERR_NONE) {
		store_close(store);
		return err;
	}
	*out = store;
	return ERR_NONE;
}
