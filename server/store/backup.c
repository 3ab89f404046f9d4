/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making a backup. The copy advances between other people's transactions;
 * the keys are wrapped at the moment it is complete, so that they are the
 * ones its rows are sealed under.
 */
#include "server/store/backup.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/keys/keyring.h"
#include "server/keys/recovery.h"
#include "server/store/backup_seal.h"

enum {
	BACKUP_PAGES = 64
}; /* between two transactions: a quarter MiB */

struct backup {
	struct db_copy *copy;
	char *path;
	char *recovery_pem;
	int64_t now_ms;
	bool created; /* a file at path is ours */
	bool done;
	enum err err;
};

static const char INFO_TABLE[] =
    "CREATE TABLE backup_info (version INTEGER NOT NULL,"
    " instance TEXT NOT NULL, time_ms INTEGER NOT NULL,"
    " wrapped BLOB NOT NULL) STRICT;";

static enum err wrap_keys(const struct store *store, const char *pem,
    unsigned char out[RECOVERY_WRAPPED_BYTES_MAX], size_t *out_length)
{
	struct secret keys = {0};
	enum err err = keyring_export(store->keyring, &keys);

	if (err == ERR_NONE)
		err = recovery_wrap(
		    pem, &keys, out, RECOVERY_WRAPPED_BYTES_MAX, out_length);
	secret_wipe(&keys);
	return err;
}

static enum err write_info(
    struct store *store, const struct backup *backup, struct db *db)
{
	unsigned char wrapped[RECOVERY_WRAPPED_BYTES_MAX];
	size_t length = 0;
	struct db_query *q;
	enum err err = wrap_keys(store, backup->recovery_pem, wrapped, &length);

	if (err == ERR_NONE)
		err = db_begin(db);
	if (err == ERR_NONE)
		err = db_script(db, INFO_TABLE);
	if (err != ERR_NONE)
		return err;
	q = db_query(db,
	    "INSERT INTO backup_info (version, instance, time_ms, wrapped)"
	    " VALUES (?1, ?2, ?3, ?4)");
	db_bind_number(q, 1, STORE_SCHEMA_VERSION);
	db_bind_text(q, 2, store->instance);
	db_bind_number(q, 3, backup->now_ms);
	db_bind_blob(q, 4, wrapped, length);
	err = db_run(q);
	return err == ERR_NONE ? db_commit(db) : err;
}

static enum err complete(struct store *store, const struct backup *backup)
{
	struct db *db = NULL;
	enum err err = db_open_sqlite(backup->path, DB_OPEN_COPY, &db);

	if (err == ERR_NONE)
		err = write_info(store, backup, db);
	db_close(db);
	if (err == ERR_NONE)
		err = backup_seal_append(store->keyring, backup->path);
	return err;
}

static void advance(struct store *store, struct backup *backup)
{
	bool more = false;

	if (backup->done)
		return;
	backup->err = db_copy_step(
	    store->db, backup->path, BACKUP_PAGES, &backup->copy, &more);
	if (backup->err == ERR_NONE)
		backup->created = true;
	if (backup->err == ERR_NONE && !more)
		backup->err = complete(store, backup);
	backup->done = backup->err != ERR_NONE || !more;
}

void backup_advance(struct store *store)
{
	if (store->backup)
		advance(store, store->backup);
}

static void backup_free(struct store *store, struct backup *backup)
{
	db_copy_cancel(&backup->copy);
	if (backup->created && (!backup->done || backup->err != ERR_NONE))
		(void)unlink(backup->path);
	if (store->backup == backup)
		store->backup = NULL;
	free(backup->path);
	free(backup->recovery_pem);
	free(backup);
}

void backup_cancel(struct store *store, struct backup **state)
{
	if (*state)
		backup_free(store, *state);
	*state = NULL;
}

static enum err begin(
    struct store *store, const char *path, int64_t now_ms, struct backup **out)
{
	struct backup *backup = NULL;
	enum err err = ERR_BUSY;

	if (store->backup)
		return err;
	backup = calloc(1, sizeof(*backup));
	if (!backup)
		return ERR_MEMORY;
	backup->now_ms = now_ms;
	err = store_get_text(store, STORE_RECOVERY_KEY, &backup->recovery_pem);
	if (err == ERR_NOT_FOUND)
		err = ERR_NOT_ALLOWED;
	backup->path = strdup(path);
	if (err == ERR_NONE && !backup->path)
		err = ERR_MEMORY;
	if (err == ERR_NONE && access(path, F_OK) == 0)
		err = ERR_EXISTS;
	if (err != ERR_NONE) {
		backup_free(store, backup);
		return err;
	}
	store->backup = backup;
	*out = backup;
	return ERR_NONE;
}

enum err backup_step(struct store *store, const char *path, int64_t now_ms,
    struct backup **state, bool *out_more)
{
	enum err err = ERR_NONE;

	if (!*state)
		err = begin(store, path, now_ms, state);
	if (err != ERR_NONE)
		return err;
	if (!db_in_transaction(store->db))
		advance(store, *state);
	if (!(*state)->done) {
		*out_more = true;
		return ERR_NONE;
	}
	err = (*state)->err;
	backup_cancel(store, state);
	if (err == ERR_NONE)
		*out_more = false;
	return err;
}
