/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a database must be able to do for server/store/db.c, which is the only
 * caller. A backend knows one connection and its prepared statements and
 * translates its errors; keeping statements, sticky errors and the state of
 * a transaction are the front's business.
 */
#ifndef SEKIMORI_DB_BACKEND_H
#define SEKIMORI_DB_BACKEND_H

#include "server/store/db.h"

struct db_backend {
	void (*close)(void *connection);
	enum err (*begin)(void *connection);
	enum err (*commit)(void *connection);
	void (*rollback)(void *connection);
	enum err (*script)(void *connection, const char *sql);

	enum err (*prepare)(
	    void *connection, const char *sql, void **out_statement);
	void (*finalize)(void *statement);
	enum err (*bind_number)(void *statement, int index, int64_t value);
	/* Borrowed until reset. */
	enum err (*bind_text)(void *statement, int index, const char *text);
	enum err (*bind_blob)(
	    void *statement, int index, const void *bytes, size_t length);
	enum err (*step)(void *connection, void *statement, bool *out_row);
	void (*reset)(void *statement); /* parameters are NULL again */

	int64_t (*number)(void *statement, int column);
	const char *(*text)(void *statement, int column);
	/* NULL with *out_length 0 for an empty or NULL column. */
	const void *(*blob)(void *statement, int column, size_t *out_length);
	bool (*is_null)(void *statement, int column);
	int64_t (*changes)(void *connection);
	enum err (*version)(void *connection, int64_t *out);
	enum err (*set_version)(void *connection, int64_t version);

	/* *state is NULL at first; an error or the end sets it to NULL. */
	enum err (*copy_step)(void *connection, const char *path, int pages,
	    void **state, bool *out_more);
	void (*copy_cancel)(void *state);
	enum err (*check)(void *connection);
};

/* Puts a front before an open connection, which db_close() closes. On
 * failure the connection stays the caller's. */
enum err db_wrap(
    const struct db_backend *backend, void *connection, struct db **out);

#endif
