/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way back from a backup. Everything is made beside its place, changed
 * there, and moved at the end, so that a server never starts on a restored
 * database that does not know it is one.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/keys/durable.h"
#include "server/keys/keyring.h"
#include "server/keys/recovery.h"
#include "server/store/admin_request.h"
#include "server/store/admin_session.h"
#include "server/store/audit.h"
#include "server/store/backup.h"
#include "server/store/backup_seal.h"
#include "server/store/card.h"
#include "server/store/subject.h"
#include "server/store/terminal.h"
#include "server/store/token_ledger.h"
#include "shared/encode.h"

enum {
	/* By which the clock of the machine that is gone may have been ahead
	 * of this one. What tokens may be ahead is seed_effective_floor's. */
	RESTORE_FLOOR_S = 60,
	MS_PER_S = 1000,
};

struct restore {
	const struct backup_restore *request;
	char fresh[STORE_PATH_SIZE]; /* the database until it is moved */
	bool made_fresh, made_key;
	int64_t backup_ms;
	struct secret keys;
	struct backup_seal seal;
};

/* A WAL without its database would be replayed into ours. */
static enum err check_nothing_there(const struct backup_restore *request)
{
	char wal[STORE_PATH_SIZE];

	if (snprintf(wal, sizeof(wal), "%s-wal", request->db_path) >=
	    (int)sizeof(wal))
		return ERR_TOO_LONG;
	if (access(request->db_path, F_OK) == 0 || access(wal, F_OK) == 0 ||
	    access(request->key_path, F_OK) == 0)
		return ERR_EXISTS;
	return ERR_NONE;
}

static enum err copy_bytes(int from, int to)
{
	struct stat status;
	off_t at = 0;

	if (fstat(from, &status) != 0 || !S_ISREG(status.st_mode))
		return ERR_INVALID;
	while (at < status.st_size) {
		ssize_t n =
		    sendfile(to, from, &at, (size_t)(status.st_size - at));

		if (n < 0 && errno == ENOSPC)
			return ERR_FULL;
		if (n <= 0)
			return ERR_IO;
	}
	return fsync(to) == 0 ? ERR_NONE : ERR_IO;
}

/* The backup itself is not touched. */
static enum err copy_backup(struct restore *restore)
{
	int from = -1, to = -1;
	enum err err = ERR_NOT_FOUND;

	from = open(restore->request->backup_path, O_RDONLY | O_CLOEXEC);
	if (from < 0)
		goto out;
	err = ERR_IO;
	(void)unlink(restore->fresh); /* of a restore that was cut off */
	to =
	    open(restore->fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (to < 0)
		goto out;
	restore->made_fresh = true;
	err = copy_bytes(from, to);
out:
	if (from >= 0)
		close(from);
	if (to >= 0)
		close(to);
	return err;
}

static enum err read_info(struct restore *restore, struct db *db)
{
	struct db_query *q =
	    db_query(db, "SELECT wrapped, time_ms, version FROM backup_info");
	unsigned char wrapped[RECOVERY_WRAPPED_BYTES_MAX];
	size_t length = 0;
	int64_t version = 0;
	enum err err;

	if (db_next(q)) {
		db_read_blob(q, 0, wrapped, sizeof(wrapped), &length);
		restore->backup_ms = db_number(q, 1);
		version = db_number(q, 2);
	}
	err = db_done(q);
	if (err != ERR_NONE || length == 0)
		return err == ERR_CORRUPT ? err : ERR_INVALID;
	if (version > STORE_SCHEMA_VERSION)
		return ERR_VERSION;
	return recovery_unwrap(restore->request->recovery_key_path, wrapped,
	    length, &restore->keys);
}

static enum err open_backup(struct restore *restore)
{
	struct db *db = NULL;
	enum err err = db_open_sqlite(restore->fresh, DB_OPEN_COPY, &db);

	if (err != ERR_NONE)
		return err;
	err = db_check(db);
	if (err == ERR_NONE)
		err = read_info(restore, db);
	if (err == ERR_NONE)
		err = db_script(db, "DROP TABLE backup_info");
	db_close(db);
	return err;
}

static enum err record(const struct restore *restore, struct store *store)
{
	struct audit_entry entry = {
	    .kind = "server", .time_ms = restore->request->now_ms};
	char hash[ENCODE_HEX_SIZE(AUDIT_HASH_BYTES)];

	encode_hex(store->head.hash, AUDIT_HASH_BYTES, hash);
	audit_add_text(&entry, "action", "restore");
	audit_add_text(&entry, "instance", store->instance);
	audit_add_number(&entry, "backup_seq", store->head.seq);
	audit_add_text(&entry, "backup_hash", hash);
	audit_add_number(&entry, "backup_time", restore->backup_ms / MS_PER_S);
	audit_add_text(&entry, "result", "done");
	return audit_append(store, &entry, NULL);
}

static enum err raise_floor(struct store *store, int64_t now_s)
{
	int64_t floor_s = now_s + RESTORE_FLOOR_S;

	if (floor_s < store->floor_s)
		floor_s = store->floor_s;
	return store_set_number(store, STORE_FLOOR, floor_s);
}

/* What may have been used since the backup was made. */
static enum err distrust(const struct restore *restore, struct store *store)
{
	const struct clock_reading mark = {
	    .wall_s = restore->request->now_ms / MS_PER_S};
	const struct token_deed deed = {
	    "restore", "its counter may be older than its use", mark.wall_s};
	const struct token_deed back = {
	    "restore", "it may have been checked in since", mark.wall_s};
	enum err err = raise_floor(store, mark.wall_s);

	/* HOTP: active and suspended to void. A lost one stays lost. */
	if (err == ERR_NONE)
		err = token_ledger_add_void(store, &deed);
	if (err == ERR_NONE)
		err =
		    db_script(store->db, "UPDATE token SET state = 5"
					 " WHERE type = 1 AND state IN (1, 2)");
	if (err == ERR_NONE)
		err = token_end_loans(store, &back);
	if (err == ERR_NONE)
		err = emergency_void(store, 0);
	if (err == ERR_NONE)
		err = terminal_void_join_codes(store);
	if (err == ERR_NONE)
		err = card_invitations_void(store);
	if (err == ERR_NONE)
		err = admin_requests_void(store);
	if (err == ERR_NONE)
		err = db_script(store->db, "DELETE FROM once");
	if (err == ERR_NONE)
		err = admin_sessions_end(store, 0);
	if (err == ERR_NONE)
		err = store_end_logins(store, mark.wall_s);
	if (err == ERR_NONE)
		err = store_set_mark(store, &mark);
	return err == ERR_NONE ? record(restore, store) : err;
}

static enum err mend(struct restore *restore)
{
	const struct backup_restore *request = restore->request;
	struct keyring *keyring = NULL;
	struct store *store = NULL;
	enum err err = keyring_import(&restore->keys, request->key_path);

	if (err != ERR_NONE)
		return err;
	restore->made_key = true;
	err = keyring_open(request->key_path, &keyring);
	if (err == ERR_NONE)
		err = backup_seal_check(keyring, &restore->seal);
	if (err == ERR_NONE)
		err = store_open(restore->fresh, keyring,
		    request->now_ms / MS_PER_S, &store);
	if (err == ERR_NONE)
		err = store_begin(store);
	if (err == ERR_NONE)
		err = distrust(restore, store);
	if (err == ERR_NONE)
		err = store_commit(store);
	store_close(store);
	keyring_free(keyring);
	return err;
}

/* Closing has put everything into the database itself; a WAL that stayed
 * would be lost by moving it alone. */
static enum err move_into_place(struct restore *restore)
{
	char wal[STORE_PATH_SIZE + 8];
	enum err err;

	snprintf(wal, sizeof(wal), "%s-wal", restore->fresh);
	if (access(wal, F_OK) == 0)
		return ERR_IO;
	err = durable_sync_file(restore->fresh);
	if (err != ERR_NONE)
		return err;
	/* Never over a database that has come meanwhile. */
	if (link(restore->fresh, restore->request->db_path) != 0)
		return errno == EEXIST ? ERR_EXISTS : ERR_IO;
	(void)unlink(restore->fresh);
	restore->made_fresh = false;
	return durable_sync_folder(restore->request->db_path);
}

static void clean_up(struct restore *restore)
{
	char wal[STORE_PATH_SIZE + 8];

	if (restore->made_fresh) {
		snprintf(wal, sizeof(wal), "%s-wal", restore->fresh);
		(void)unlink(wal);
		(void)unlink(restore->fresh);
	}
	if (restore->made_key)
		(void)unlink(restore->request->key_path);
}

enum err backup_restore(const struct backup_restore *request)
{
	struct restore restore = {.request = request};
	enum err err = check_nothing_there(request);

	if (err != ERR_NONE)
		return err;
	if (snprintf(restore.fresh, sizeof(restore.fresh), "%s.restoring",
		request->db_path) >= (int)sizeof(restore.fresh))
		return ERR_TOO_LONG;
	err = copy_backup(&restore);
	if (err == ERR_NONE)
		err = backup_seal_take(restore.fresh, &restore.seal);
	if (err == ERR_NONE)
		err = open_backup(&restore);
	if (err == ERR_NONE)
		err = mend(&restore);
	if (err == ERR_NONE)
		err = move_into_place(&restore);
	if (err != ERR_NONE)
		clean_up(&restore);
	secret_wipe(&restore.keys);
	return err;
}
