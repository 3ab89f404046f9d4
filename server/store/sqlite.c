/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLite as a backend of db.c; beside sqlite_wal.c the only file that knows
 * its header. One connection that nobody shares: WAL without a shared-memory
 * file, every commit synced, no extensions, no trust in the schema it reads.
 * The WAL is laid out in full when opened, because overwriting a file syncs in
 * half the time of growing one (and a full disk is then met at start, not at a
 * login).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "server/store/db_backend.h"
#include "server/store/sqlite_wal.h"
#include "server/store/store.h"

enum {
	SQLITE_APPLICATION_ID = 0x53656b69, /* "Seki" */
	SQLITE_WAL_PAGES = 10000,           /* then a checkpoint */
	SQLITE_FRAME_BYTES = 4096 + 24,
	SQLITE_WAL_BYTES = 32 + SQLITE_WAL_PAGES * SQLITE_FRAME_BYTES,
	SQLITE_PATH_BYTES_MAX = 4096,
};

struct connection {
	sqlite3 *handle;
	sqlite3_stmt *begin, *commit; /* parsed once: they come often */
	bool in_transaction;
};

struct copy {
	sqlite3 *target;
	sqlite3_backup *backup;
	bool finished;
};

static enum err err_of(sqlite3 *handle, int code)
{
	int reason = handle ? sqlite3_system_errno(handle) : 0;

	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return ERR_NONE;
	case SQLITE_NOMEM:
		return ERR_MEMORY;
	case SQLITE_FULL:
		return ERR_FULL;
	case SQLITE_IOERR:
		return reason == ENOSPC || reason == EDQUOT ? ERR_FULL : ERR_IO;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return ERR_BUSY;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return ERR_CORRUPT;
	case SQLITE_TOOBIG:
		return ERR_TOO_LONG;
	case SQLITE_CONSTRAINT:
		return code == SQLITE_CONSTRAINT_UNIQUE ||
			       code == SQLITE_CONSTRAINT_PRIMARYKEY
			   ? ERR_EXISTS
			   : ERR_INVALID;
	}
	return ERR_IO;
}

static enum err run_sql(sqlite3 *handle, const char *sql)
{
	return err_of(handle, sqlite3_exec(handle, sql, NULL, NULL, NULL));
}

static enum err read_pragma(sqlite3 *handle, const char *sql, int64_t *out)
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(handle, sql, -1, &statement, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		*out = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return err_of(handle, code);
}

/* --- connection ---------------------------------------------------------- */

static void connection_close(void *opaque)
{
	struct connection *connection = opaque;

	sqlite3_finalize(connection->begin);
	sqlite3_finalize(connection->commit);
	sqlite3_close(connection->handle);
	free(connection);
}

static enum err prepare_transactions(struct connection *connection)
{
	int code = sqlite3_prepare_v3(connection->handle, "BEGIN IMMEDIATE", -1,
	    SQLITE_PREPARE_PERSISTENT, &connection->begin, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_prepare_v3(connection->handle, "COMMIT", -1,
		    SQLITE_PREPARE_PERSISTENT, &connection->commit, NULL);
	return err_of(connection->handle, code);
}

static enum err run_again(sqlite3 *handle, sqlite3_stmt *statement)
{
	enum err err = err_of(handle, sqlite3_step(statement));

	(void)sqlite3_reset(statement); /* says the same again */
	return err;
}

static enum err connection_begin(void *opaque)
{
	struct connection *connection = opaque;
	enum err err = run_again(connection->handle, connection->begin);

	connection->in_transaction = err == ERR_NONE;
	return err;
}

static enum err connection_commit(void *opaque)
{
	struct connection *connection = opaque;
	enum err err = run_again(connection->handle, connection->commit);

	if (err == ERR_NONE)
		connection->in_transaction = false;
	return err;
}

static void connection_rollback(void *opaque)
{
	struct connection *connection = opaque;

	/* SQLite may have rolled back by itself; then this says so. */
	if (!sqlite3_get_autocommit(connection->handle))
		(void)run_sql(connection->handle, "ROLLBACK");
	connection->in_transaction = false;
}

/* After some failures SQLite ends the transaction by itself. Whatever came
 * next would then commit alone, so it must not run. */
static bool transaction_is_lost(const struct connection *connection)
{
	return connection->in_transaction &&
	       sqlite3_get_autocommit(connection->handle);
}

static enum err connection_script(void *opaque, const char *sql)
{
	struct connection *connection = opaque;

	if (transaction_is_lost(connection))
		return ERR_IO;
	return run_sql(connection->handle, sql);
}

static int64_t connection_changes(void *opaque)
{
	struct connection *connection = opaque;

	return sqlite3_changes64(connection->handle);
}

static enum err connection_version(void *opaque, int64_t *out)
{
	struct connection *connection = opaque;

	return read_pragma(connection->handle, "PRAGMA user_version", out);
}

static enum err connection_set_version(void *opaque, int64_t version)
{
	struct connection *connection = opaque;
	char pragma[64];

	if (transaction_is_lost(connection))
		return ERR_IO;
	snprintf(
	    pragma, sizeof(pragma), "PRAGMA user_version=%d", (int)version);
	return run_sql(connection->handle, pragma);
}

static enum err connection_check(void *opaque)
{
	struct connection *connection = opaque;
	sqlite3_stmt *statement = NULL;
	enum err err = ERR_CORRUPT;
	int code;

	code = sqlite3_prepare_v2(connection->handle,
	    "PRAGMA integrity_check(1)", -1, &statement, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	if (code != SQLITE_ROW)
		err = err_of(connection->handle, code);
	else if (strcmp((const char *)sqlite3_column_text(statement, 0),
		     "ok") == 0)
		err = ERR_NONE;
	sqlite3_finalize(statement);
	return err;
}

/* --- statements ---------------------------------------------------------- */

static enum err statement_prepare(
    void *opaque, const char *sql, void **out_statement)
{
	struct connection *connection = opaque;
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v3(connection->handle, sql, -1,
	    SQLITE_PREPARE_PERSISTENT, &statement, NULL);

	if (code != SQLITE_OK)
		return err_of(connection->handle, code);
	*out_statement = statement;
	return ERR_NONE;
}

static void statement_finalize(void *statement)
{
	sqlite3_finalize(statement);
}

static enum err statement_bind_number(void *statement, int index, int64_t value)
{
	return err_of(NULL, sqlite3_bind_int64(statement, index, value));
}

static enum err statement_bind_text(
    void *statement, int index, const char *text)
{
	return err_of(
	    NULL, sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC));
}

static enum err statement_bind_blob(
    void *statement, int index, const void *bytes, size_t length)
{
	/* NULL would be SQL's NULL; an empty value is not. */
	return err_of(NULL, sqlite3_bind_blob64(statement, index,
				bytes ? bytes : "", length, SQLITE_STATIC));
}

static enum err statement_step(void *opaque, void *statement, bool *out_row)
{
	struct connection *connection = opaque;
	int code;

	if (transaction_is_lost(connection))
		return ERR_IO;
	code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		*out_row = true;
	if (code == SQLITE_ROW || code == SQLITE_DONE)
		return ERR_NONE;
	return err_of(
	    connection->handle, sqlite3_extended_errcode(connection->handle));
}

static void statement_reset(void *statement)
{
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
}

static int64_t statement_number(void *statement, int column)
{
	return sqlite3_column_int64(statement, column);
}

static const char *statement_text(void *statement, int column)
{
	return (const char *)sqlite3_column_text(statement, column);
}

static const void *statement_blob(
    void *statement, int column, size_t *out_length)
{
	const void *bytes = sqlite3_column_blob(statement, column);

	*out_length = (size_t)sqlite3_column_bytes(statement, column);
	return bytes;
}

static bool statement_is_null(void *statement, int column)
{
	return sqlite3_column_type(statement, column) == SQLITE_NULL;
}

/* --- copies -------------------------------------------------------------- */

/* Creates an empty file, so that nothing is ever written over and nobody else
 * may read it. */
static enum err create_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0) {
		if (errno == EEXIST)
			return ERR_EXISTS;
		if (errno == ENOENT)
			return ERR_NOT_FOUND;
		return errno == ENOSPC ? ERR_FULL : ERR_IO;
	}
	close(fd);
	return ERR_NONE;
}

static void copy_cancel(void *opaque)
{
	struct copy *copy = opaque;

	if (copy->backup)
		sqlite3_backup_finish(copy->backup);
	if (!copy->finished && copy->target)
		(void)unlink(sqlite3_db_filename(copy->target, "main"));
	sqlite3_close(copy->target);
	free(copy);
}

static enum err copy_begin(
    struct connection *source, const char *path, struct copy **out)
{
	struct copy *copy = NULL;
	enum err err = create_file(path);
	int code;

	if (err != ERR_NONE)
		return err;
	copy = calloc(1, sizeof(*copy));
	if (!copy)
		return ERR_MEMORY;
	code = sqlite3_open_v2(path, &copy->target,
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	err = err_of(copy->target, code);
	/* An unfinished copy is thrown away, so it needs no journal. */
	if (err == ERR_NONE)
		err = run_sql(copy->target,
		    "PRAGMA journal_mode=OFF; PRAGMA synchronous=FULL");
	if (err == ERR_NONE) {
		copy->backup = sqlite3_backup_init(
		    copy->target, "main", source->handle, "main");
		if (!copy->backup)
			err = err_of(copy->target,
			    sqlite3_extended_errcode(copy->target));
	}
	if (err != ERR_NONE) {
		copy_cancel(copy);
		return err;
	}
	*out = copy;
	return ERR_NONE;
}

static enum err copy_end(struct copy *copy)
{
	int code = sqlite3_backup_finish(copy->backup);
	enum err err;

	copy->backup = NULL;
	if (code != SQLITE_OK)
		return err_of(copy->target, code);
	/* The copied header says WAL; a copy is to be a single file. */
	err = run_sql(copy->target,
	    "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=DELETE");
	copy->finished = err == ERR_NONE;
	return err;
}

static enum err copy_step(
    void *opaque, const char *path, int pages, void **state, bool *out_more)
{
	struct copy *copy = *state;
	enum err err = ERR_NONE;
	int code;

	if (!copy)
		err = copy_begin(opaque, path, &copy);
	if (err != ERR_NONE)
		return err;
	*state = copy;
	code = sqlite3_backup_step(copy->backup, pages);
	if (code == SQLITE_OK) {
		*out_more = true;
		return ERR_NONE;
	}
	err = err_of(copy->target, code);
	if (code == SQLITE_DONE)
		err = copy_end(copy);
	copy_cancel(copy);
	*state = NULL;
	if (err == ERR_NONE)
		*out_more = false;
	return err;
}

static const struct db_backend SQLITE_BACKEND = {
    .close = connection_close,
    .begin = connection_begin,
    .commit = connection_commit,
    .rollback = connection_rollback,
    .script = connection_script,
    .prepare = statement_prepare,
    .finalize = statement_finalize,
    .bind_number = statement_bind_number,
    .bind_text = statement_bind_text,
    .bind_blob = statement_bind_blob,
    .step = statement_step,
    .reset = statement_reset,
    .number = statement_number,
    .text = statement_text,
    .blob = statement_blob,
    .is_null = statement_is_null,
    .changes = connection_changes,
    .version = connection_version,
    .set_version = connection_set_version,
    .copy_step = copy_step,
    .copy_cancel = copy_cancel,
    .check = connection_check,
};

/* --- opening ------------------------------------------------------------- */

static enum err check_file(const char *path)
{
	struct stat file;
	struct statfs status;

	if (lstat(path, &file) != 0 || statfs(path, &status) != 0)
		return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
	if (!S_ISREG(file.st_mode))
		return ERR_NOT_ALLOWED;
	switch ((unsigned long)status.f_type) {
	case NFS_SUPER_MAGIC:
	case SMB_SUPER_MAGIC:
	case SMB2_SUPER_MAGIC:
	case CIFS_SUPER_MAGIC:
	case CODA_SUPER_MAGIC:
	case AFS_SUPER_MAGIC:
		return ERR_NOT_ALLOWED;
	}
	return ERR_NONE;
}

static enum err prepare_file(const char *path, enum db_mode mode)
{
	char wal[SQLITE_PATH_BYTES_MAX];
	enum err err;

	if (snprintf(wal, sizeof(wal), "%s-wal", path) >= (int)sizeof(wal))
		return ERR_TOO_LONG;
	if (mode == DB_CREATE) {
		/* Another database's WAL would be replayed into this one. */
		if (access(wal, F_OK) == 0)
			return ERR_EXISTS;
		err = create_file(path);
		if (err != ERR_NONE)
			return err;
	}
	return check_file(path);
}

/* Order matters: exclusive before WAL, or a shared-memory file is made. */
static const char SETTINGS[] = "PRAGMA locking_mode=EXCLUSIVE;"
			       "PRAGMA trusted_schema=OFF;"
			       "PRAGMA cell_size_check=ON;"
			       "PRAGMA foreign_keys=ON;"
			       "PRAGMA secure_delete=ON;"
			       "PRAGMA temp_store=MEMORY;"
			       "PRAGMA cache_size=-8192;"
			       "PRAGMA synchronous=FULL;";

static enum err configure(sqlite3 *handle, enum db_mode mode)
{
	char pragma[64];
	enum err err;

	sqlite3_extended_result_codes(handle, 1);
	sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	err = run_sql(handle, SETTINGS);
	if (err == ERR_NONE)
		err = run_sql(handle, mode == DB_OPEN_COPY
					  ? "PRAGMA journal_mode=DELETE"
					  : "PRAGMA journal_mode=WAL");
	snprintf(pragma, sizeof(pragma), "PRAGMA wal_autocheckpoint=%d",
	    SQLITE_WAL_PAGES);
	if (err == ERR_NONE)
		err = run_sql(handle, pragma);
	if (err == ERR_NONE) /* takes the lock, or learns who has it */
		err = run_sql(handle, "BEGIN EXCLUSIVE; COMMIT");
	return err;
}

static enum err write_identity(sqlite3 *handle)
{
	char pragma[96];

	snprintf(pragma, sizeof(pragma),
	    "PRAGMA application_id=%d; PRAGMA user_version=%d",
	    SQLITE_APPLICATION_ID, STORE_SCHEMA_VERSION);
	return run_sql(handle, pragma);
}

static enum err check_identity(sqlite3 *handle)
{
	int64_t id = 0, version = 0;
	enum err err = read_pragma(handle, "PRAGMA application_id", &id);

	if (err == ERR_NONE)
		err = read_pragma(handle, "PRAGMA user_version", &version);
	if (err != ERR_NONE)
		return err;
	if (id != SQLITE_APPLICATION_ID)
		return ERR_CORRUPT;
	return version > STORE_SCHEMA_VERSION ? ERR_VERSION : ERR_NONE;
}

/* Best effort: a WAL that could not be laid out grows as it goes, and does
 * not keep the last bytes of a full disk. */
static void lay_out_wal(sqlite3 *handle)
{
	static const char zeros[65536];
	sqlite3_file *wal = NULL;
	sqlite3_int64 size = 0, end;

	if (sqlite3_file_control(handle, "main", SQLITE_FCNTL_JOURNAL_POINTER,
		&wal) != SQLITE_OK ||
	    !wal || !wal->pMethods ||
	    wal->pMethods->xFileSize(wal, &size) != SQLITE_OK)
		return;
	for (end = size; end < SQLITE_WAL_BYTES; end += sizeof(zeros)) {
		if (wal->pMethods->xWrite(wal, zeros, sizeof(zeros), end) !=
		    SQLITE_OK) {
			(void)wal->pMethods->xTruncate(wal, size);
			return;
		}
	}
	if (end > size)
		(void)wal->pMethods->xSync(wal, SQLITE_SYNC_NORMAL);
}

enum err db_open_sqlite(const char *path, enum db_mode mode, struct db **out)
{
	struct connection *connection = NULL;
	enum err err = prepare_file(path, mode);
	int code;

	if (err != ERR_NONE)
		return err;
	/* Refused once SQLite runs; without it every allocation locks. */
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	connection = calloc(1, sizeof(*connection));
	if (!connection)
		return ERR_MEMORY;
	code = sqlite3_open_v2(path, &connection->handle,
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, sqlite_wal_layer());
	err = err_of(connection->handle, code);
	if (err == ERR_NONE)
		err = configure(connection->handle, mode);
	if (err == ERR_NONE && mode == DB_CREATE)
		err = write_identity(connection->handle);
	if (err == ERR_NONE)
		err = check_identity(connection->handle);
	if (err == ERR_NONE)
		err = prepare_transactions(connection);
	if (err == ERR_NONE)
		err = db_wrap(&SQLITE_BACKEND, connection, out);
	if (err != ERR_NONE) {
		connection_close(connection);
		return err;
	}
	if (mode == DB_OPEN_EXISTING)
		lay_out_wal(connection->handle);
	return ERR_NONE;
}
