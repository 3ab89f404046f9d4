/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The front of the database: keeps prepared queries by the address of their
 * text, lets errors stick to a query and to a transaction, and hands the rest
 * to the backend. Must not know which backend that is.
 */
#include "server/store/db.h"

#include <stdlib.h>
#include <string.h>

#include "server/store/db_backend.h"

enum {
	DB_QUERY_SLOTS = 512
}; /* a power of two, more than queries in store/ */

struct db_query {
	struct db *db;
	const char *sql;
	void *statement;
	enum err err;
	bool in_use, has_row, ended;
	bool temporary; /* made because the kept one was in use */
};

struct db_copy {
	const struct db_backend *backend;
	void *state;
};

struct db {
	const struct db_backend *backend;
	void *connection;
	bool in_transaction;
	enum err transaction_err; /* of the first statement that failed */
	struct db_query *slots[DB_QUERY_SLOTS];
	struct db_query broken; /* handed out when a query cannot be made */
};

enum err db_wrap(
    const struct db_backend *backend, void *connection, struct db **out)
{
	struct db *db = calloc(1, sizeof(*db));

	if (!db)
		return ERR_MEMORY;
	db->backend = backend;
	db->connection = connection;
	db->broken.db = db;
	*out = db;
	return ERR_NONE;
}

static void query_free(struct db_query *query)
{
	if (!query)
		return;
	query->db->backend->finalize(query->statement);
	free(query);
}

void db_close(struct db *db)
{
	if (!db)
		return;
	db_rollback(db);
	for (size_t i = 0; i < DB_QUERY_SLOTS; i++)
		query_free(db->slots[i]);
	db->backend->close(db->connection);
	free(db);
}

enum err db_begin(struct db *db)
{
	enum err err;

	if (db->in_transaction)
		return ERR_NOT_ALLOWED;
	err = db->backend->begin(db->connection);
	if (err != ERR_NONE)
		return err;
	db->in_transaction = true;
	db->transaction_err = ERR_NONE;
	return ERR_NONE;
}

enum err db_commit(struct db *db)
{
	enum err err = db->transaction_err;

	if (!db->in_transaction)
		return ERR_NOT_ALLOWED;
	/* A statement that failed may have undone others: all or nothing. */
	if (err == ERR_NONE)
		err = db->backend->commit(db->connection);
	if (err != ERR_NONE) {
		db_rollback(db);
		return err;
	}
	db->in_transaction = false;
	return ERR_NONE;
}

void db_rollback(struct db *db)
{
	if (!db->in_transaction)
		return;
	db->backend->rollback(db->connection);
	db->in_transaction = false;
	db->transaction_err = ERR_NONE;
}

bool db_in_transaction(const struct db *db)
{
	return db->in_transaction;
}

enum err db_transaction_error(const struct db *db)
{
	return db->transaction_err;
}

enum err db_script(struct db *db, const char *sql)
{
	enum err err = db->transaction_err;

	if (err == ERR_NONE)
		err = db->backend->script(db->connection, sql);
	if (err != ERR_NONE && db->in_transaction)
		db->transaction_err = err;
	return err;
}

static enum err query_new(struct db *db, const char *sql, struct db_query **out)
{
	struct db_query *query = calloc(1, sizeof(*query));
	enum err err = ERR_MEMORY;

	if (!query)
		return err;
	err = db->backend->prepare(db->connection, sql, &query->statement);
	if (err != ERR_NONE) {
		free(query);
		return err;
	}
	query->db = db;
	query->sql = sql;
	*out = query;
	return ERR_NONE;
}

static size_t slot_of(const char *sql)
{
	uint64_t hash = (uint64_t)(uintptr_t)sql * 0x9e3779b97f4a7c15u;

	return (size_t)(hash >> 32) % DB_QUERY_SLOTS;
}

/* The slot that holds sql, or an empty one, or NULL when all are taken. */
static struct db_query **find_slot(struct db *db, const char *sql)
{
	size_t start = slot_of(sql);

	for (size_t i = 0; i < DB_QUERY_SLOTS; i++) {
		struct db_query **slot =
		    &db->slots[(start + i) % DB_QUERY_SLOTS];

		if (!*slot || (*slot)->sql == sql)
			return slot;
	}
	return NULL;
}

struct db_query *db_query(struct db *db, const char *sql)
{
	struct db_query **slot = find_slot(db, sql);
	struct db_query *query = NULL;
	enum err err = db->transaction_err;

	if (slot && *slot && !(*slot)->in_use)
		query = *slot;
	else if (err == ERR_NONE)
		err = query_new(db, sql, &query);
	if (!query) {
		db->broken.err = err;
		return &db->broken;
	}
	if (slot && !*slot)
		*slot = query;
	query->temporary = !slot || *slot != query;
	query->in_use = true;
	query->err = err;
	query->has_row = query->ended = false;
	return query;
}

void db_bind_number(struct db_query *query, int index, int64_t value)
{
	if (query->err == ERR_NONE)
		query->err = query->db->backend->bind_number(
		    query->statement, index, value);
}

void db_bind_text(struct db_query *query, int index, const char *text)
{
	if (query->err == ERR_NONE)
		query->err = query->db->backend->bind_text(
		    query->statement, index, text);
}

void db_bind_blob(
    struct db_query *query, int index, const void *bytes, size_t length)
{
	if (query->err == ERR_NONE)
		query->err = query->db->backend->bind_blob(
		    query->statement, index, bytes, length);
}

bool db_next(struct db_query *query)
{
	struct db *db = query->db;

	query->has_row = false;
	if (query->err != ERR_NONE || query->ended)
		return false;
	query->err = db->backend->step(
	    db->connection, query->statement, &query->has_row);
	if (query->err != ERR_NONE) {
		query->has_row = false;
		if (db->in_transaction)
			db->transaction_err = query->err;
	}
	query->ended = !query->has_row;
	return query->has_row;
}

int64_t db_number(struct db_query *query, int column)
{
	if (!query->has_row)
		return 0;
	return query->db->backend->number(query->statement, column);
}

const char *db_text(struct db_query *query, int column)
{
	if (!query->has_row)
		return NULL;
	return query->db->backend->text(query->statement, column);
}

bool db_is_null(struct db_query *query, int column)
{
	return !query->has_row ||
	       query->db->backend->is_null(query->statement, column);
}

void db_read_text(struct db_query *query, int column, char *out, size_t size)
{
	const char *text = db_text(query, column);
	size_t length = text ? strlen(text) : 0;

	if (!query->has_row || query->err != ERR_NONE)
		return;
	if (!text || length >= size)
		query->err = ERR_CORRUPT;
	else
		memcpy(out, text, length + 1);
}

void db_read_bytes(struct db_query *query, int column, void *out, size_t length)
{
	const void *bytes;
	size_t have = 0;

	if (!query->has_row || query->err != ERR_NONE)
		return;
	bytes = query->db->backend->blob(query->statement, column, &have);
	if (have != length)
		query->err = ERR_CORRUPT;
	else if (length > 0)
		memcpy(out, bytes, length);
}

void db_read_blob(struct db_query *query, int column, void *out, size_t size,
    size_t *out_length)
{
	const void *bytes;
	size_t have = 0;

	if (!query->has_row || query->err != ERR_NONE)
		return;
	bytes = query->db->backend->blob(query->statement, column, &have);
	if (have > size) {
		query->err = ERR_CORRUPT;
		return;
	}
	if (have > 0)
		memcpy(out, bytes, have);
	*out_length = have;
}

enum err db_error(const struct db_query *query)
{
	return query->err;
}

enum err db_done(struct db_query *query)
{
	enum err err = query->err;

	if (query == &query->db->broken)
		return err;
	query->db->backend->reset(query->statement);
	query->in_use = query->has_row = false;
	if (query->temporary)
		query_free(query);
	return err;
}

enum err db_run(struct db_query *query)
{
	while (db_next(query))
		continue;
	return db_done(query);
}

int64_t db_changes(struct db *db)
{
	return db->backend->changes(db->connection);
}

enum err db_version(struct db *db, int64_t *out)
{
	return db->backend->version(db->connection, out);
}

enum err db_set_version(struct db *db, int64_t version)
{
	return db->backend->set_version(db->connection, version);
}

enum err db_copy_step(struct db *db, const char *path, int pages,
    struct db_copy **state, bool *out_more)
{
	struct db_copy *copy = *state;
	bool more = false;
	enum err err;

	if (!copy) {
		copy = calloc(1, sizeof(*copy));
		if (!copy)
			return ERR_MEMORY;
		copy->backend = db->backend;
	}
	err = db->backend->copy_step(
	    db->connection, path, pages, &copy->state, &more);
	*state = copy;
	if (err != ERR_NONE || !more)
		db_copy_cancel(state);
	if (err == ERR_NONE)
		*out_more = more;
	return err;
}

void db_copy_cancel(struct db_copy **state)
{
	if (!*state)
		return;
	if ((*state)->state)
		(*state)->backend->copy_cancel((*state)->state);
	free(*state);
	*state = NULL;
}

enum err db_check(struct db *db)
{
	return db->backend->check(db->connection);
}
