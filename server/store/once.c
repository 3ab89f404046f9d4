/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of what happened once, found through once_index. Old rows go as new
 * ones come, two for one, so that the table stays as long as its minute.
 */
#include "server/store/once.h"

#include <string.h>

#include "server/store/once_index.h"

enum {
	ONCE_DROP_EVERY = 64, /* additions */
	ONCE_DROP_ROWS = 128,
	ONCE_DROP_ROWS_MAX = 1000,
};

enum err once_load(struct store *store)
{
	unsigned char key[ONCE_KEY_BYTES] = {0};
	enum err err = once_index_new(&store->once);
	struct db_query *q;

	if (err != ERR_NONE)
		return err;
	q = db_query(store->db, "SELECT id, key FROM once ORDER BY id");
	while (err == ERR_NONE && db_next(q)) {
		db_read_bytes(q, 1, key, sizeof(key));
		err = once_index_add(store->once, key, db_number(q, 0));
	}
	if (err == ERR_NONE)
		err = db_done(q);
	else
		(void)db_done(q);
	once_index_settle(store->once);
	return err;
}

static enum err read_row(struct store *store, int64_t id, struct once *out)
{
	struct db_query *q = db_query(store->db,
	    "SELECT key, body, person_id, token_id, terminal_id, valid_until,"
	    " result, verdict FROM once WHERE id = ?1");
	enum err err = ERR_NOT_FOUND, done;
	struct once row = {0};

	db_bind_number(q, 1, id);
	if (db_next(q)) {
		db_read_bytes(q, 0, row.key, sizeof(row.key));
		db_read_bytes(q, 1, row.body, sizeof(row.body));
		row.person_id = db_number(q, 2);
		row.token_id = db_number(q, 3);
		row.terminal_id = db_number(q, 4);
		row.until = db_number(q, 5);
		row.result = (enum result)db_number(q, 6);
		db_read_blob(q, 7, row.verdict, sizeof(row.verdict),
		    &row.verdict_length);
		err = ERR_NONE;
	}
	done = db_done(q);
	if (done != ERR_NONE)
		return done;
	if (err == ERR_NONE)
		*out = row;
	return err;
}

enum err once_find(struct store *store, const unsigned char key[ONCE_KEY_BYTES],
    int64_t now_s, struct once *out)
{
	struct once row;
	uint64_t cursor = 0;
	int64_t id;

	store->once_now_s = now_s;
	while ((id = once_index_next(store->once, key, &cursor)) != 0) {
		enum err err = read_row(store, id, &row);

		if (err != ERR_NONE)
			return err == ERR_NOT_FOUND ? ERR_CORRUPT : err;
		if (memcmp(row.key, key, ONCE_KEY_BYTES) != 0 ||
		    now_s >= row.until)
			continue;
		*out = row;
		return ERR_NONE;
	}
	return ERR_NOT_FOUND;
}

static enum err drop_old(struct store *store, int64_t now_s, int64_t rows)
{
	struct db_query *q = db_query(store->db,
	    "SELECT id, key, valid_until FROM once ORDER BY id LIMIT ?1");
	unsigned char key[ONCE_KEY_BYTES] = {0};
	enum err err = ERR_NONE, done;
	int64_t last = 0;

	db_bind_number(q, 1, rows);
	while (err == ERR_NONE && db_next(q) && db_number(q, 2) <= now_s) {
		db_read_bytes(q, 1, key, sizeof(key));
		last = db_number(q, 0);
		err = once_index_remove(store->once, key, last);
	}
	done = db_done(q);
	if (err != ERR_NONE || done != ERR_NONE || last == 0)
		return err != ERR_NONE ? err : done;
	q = db_query(store->db, "DELETE FROM once WHERE id <= ?1");
	db_bind_number(q, 1, last);
	return db_run(q);
}

enum err once_end_all(struct store *store)
{
	return db_run(db_query(store->db, "UPDATE once SET valid_until = 0"));
}

enum err once_drop_old(struct store *store, int64_t now_s)
{
	store->once_now_s = now_s;
	return drop_old(store, now_s, ONCE_DROP_ROWS_MAX);
}

enum err once_add(struct store *store, const struct once *once)
{
	int64_t id = once_index_last(store->once) + 1;
	enum err err = ERR_NONE;
	struct db_query *q;

	if (once->verdict_length > ONCE_VERDICT_BYTES_MAX)
		return ERR_TOO_LONG;
	if (id % ONCE_DROP_EVERY == 0)
		err = drop_old(store, store->once_now_s, ONCE_DROP_ROWS);
	if (err != ERR_NONE)
		return err;
	q = db_query(store->db,
	    "INSERT INTO once (id, key, body, person_id, token_id,"
	    " terminal_id, valid_until, result, verdict)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
	db_bind_number(q, 1, id);
	db_bind_blob(q, 2, once->key, sizeof(once->key));
	db_bind_blob(q, 3, once->body, sizeof(once->body));
	db_bind_number(q, 4, once->person_id);
	db_bind_number(q, 5, once->token_id);
	db_bind_number(q, 6, once->terminal_id);
	db_bind_number(q, 7, once->until);
	db_bind_number(q, 8, once->result);
	db_bind_blob(q, 9, once->verdict, once->verdict_length);
	err = db_run(q);
	return err == ERR_NONE ? once_index_add(store->once, once->key, id)
			       : err;
}
