/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A database connection as every store file sees it: SQL in, values out. One
 * small vtable (struct db_backend) stands between this and SQLite or
 * PostgreSQL; the SQL in server/store/ keeps to what both understand, with
 * ?1, ?2 ... as parameters.
 *
 * Errors stick to the query: bind, step and read on without looking, then ask
 * db_done() once. One thread at a time.
 *
 *	struct db_query *q = db_query(db, "SELECT name FROM t WHERE id = ?1");
 *	db_bind_number(q, 1, id);
 *	while (db_next(q))
 *		use(db_text(q, 0));
 *	return db_done(q);
 */
#ifndef SEKIMORI_DB_H
#define SEKIMORI_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/err.h"

struct db;
struct db_query;

enum db_mode {
	DB_OPEN_EXISTING,
	DB_CREATE,
	DB_OPEN_COPY, /* made by db_copy_step: one file, no WAL beside it */
};

/*
 * SQLite: WAL, synchronous FULL, this connection alone (exclusive), checked
 * for its application id. ERR_EXISTS when creating over something (a WAL
 * left behind included), ERR_NOT_FOUND, ERR_BUSY when another process has it,
 * ERR_CORRUPT, ERR_VERSION, ERR_NOT_ALLOWED on a network file system, where
 * locks and syncs are only promises.
 */
enum err db_open_sqlite(const char *path, enum db_mode mode, struct db **out);
void db_close(struct db *db);

enum err db_begin(struct db *db);
enum err db_commit(struct db *db);
/* Never fails from the caller's point of view: the transaction is gone. */
void db_rollback(struct db *db);

bool db_in_transaction(const struct db *db);
/* Of the first statement of this transaction that failed. */
enum err db_transaction_error(const struct db *db);

/* Several statements separated by semicolons, without parameters. */
enum err db_script(struct db *db, const char *sql);

/*
 * sql must be a string literal or otherwise live as long as db: prepared
 * queries are kept by its address. Never NULL; may not be used again before
 * db_done(). Parameters start as NULL.
 */
struct db_query *db_query(struct db *db, const char *sql);
void db_bind_number(struct db_query *query, int index, int64_t value);
void db_bind_text(struct db_query *query, int index, const char *text);
/* Bytes are borrowed until db_done(), texts too. */
void db_bind_blob(
    struct db_query *query, int index, const void *bytes, size_t length);

/* True when there is a row to read. */
bool db_next(struct db_query *query);
int64_t db_number(struct db_query *query, int column);   /* NULL reads as 0 */
const char *db_text(struct db_query *query, int column); /* or NULL */
/* As a string; one that does not fit fails the query with ERR_CORRUPT. */
void db_read_text(struct db_query *query, int column, char *out, size_t size);
/* Exactly length bytes, else the query fails with ERR_CORRUPT. */
void db_read_bytes(
    struct db_query *query, int column, void *out, size_t length);
/* At most size bytes; *out_length says how many. */
void db_read_blob(struct db_query *query, int column, void *out, size_t size,
    size_t *out_length);
bool db_is_null(struct db_query *query, int column);
/* What went wrong so far; for loops that hand rows on. */
enum err db_error(const struct db_query *query);
/* Ends the query, makes it ready for reuse, and says how it went. */
enum err db_done(struct db_query *query);
/* db_next until there is no row, then db_done. */
enum err db_run(struct db_query *query);
/* Rows changed by the last db_run or db_done. */
int64_t db_changes(struct db *db);

/* Of the tables, as kept in the file itself; moves with the transaction. */
enum err db_version(struct db *db, int64_t *out);
enum err db_set_version(struct db *db, int64_t version);

/* A consistent copy into a new file while this connection goes on; steps of
 * `pages` each, *out_more says whether to call again. Start with *state
 * NULL; it is freed and NULL again at the end or on error. */
struct db_copy;
enum err db_copy_step(struct db *db, const char *path, int pages,
    struct db_copy **state, bool *out_more);
/* Gives up a copy that was begun. */
void db_copy_cancel(struct db_copy **state);

/* Reads every page and index: ERR_CORRUPT if anything is damaged. */
enum err db_check(struct db *db);

#endif
