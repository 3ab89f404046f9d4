/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/admin_session.h"

#include <string.h>

enum {
	HASH_BYTES = 32
};

/* Of a session that goes on at ?2, in every statement that asks. */
#define GOES_ON "begun_at <= ?2 AND begun_at > ?2 - 3600 AND used_at > ?2 - 600"
_Static_assert(ADMIN_SESSION_LIFE_S == 3600 && ADMIN_SESSION_IDLE_S == 600,
    "the statements say the same");

static enum err hash_token(const struct store *store,
    const unsigned char token[ADMIN_TOKEN_BYTES], unsigned char out[HASH_BYTES])
{
	return store_keyed_hash(
	    store, "admin-session", token, ADMIN_TOKEN_BYTES, out);
}

/* --- password ------------------------------------------------------------- */

enum err admin_password_get(
    struct store *store, int64_t person_id, char out[ADMIN_HASH_SIZE])
{
	struct db_query *q = db_query(
	    store->db, "SELECT password FROM admin WHERE person_id = ?1");

	out[0] = '\0';
	db_bind_number(q, 1, person_id);
	if (db_next(q))
		db_read_text(q, 0, out, ADMIN_HASH_SIZE);
	return db_done(q);
}

enum err admin_password_set(
    struct store *store, int64_t person_id, const char *hash)
{
	struct db_query *q = db_query(
	    store->db, "UPDATE admin SET password = ?2 WHERE person_id = ?1");
	enum err err;

	db_bind_number(q, 1, person_id);
	db_bind_text(q, 2, hash);
	err = db_run(q);
	if (err != ERR_NONE)
		return err;
	if (db_changes(store->db) != 1)
		return ERR_NOT_FOUND;
	return admin_sessions_end(store, person_id);
}

/* --- sessions ------------------------------------------------------------- */

/* Those that are over, whoever's, and the person's oldest beyond what he may
 * have, so that there is room for one more. */
static enum err make_room(struct store *store, int64_t person_id, int64_t now_s)
{
	struct db_query *q = db_query(store->db,
	    "DELETE FROM admin_session WHERE NOT (" GOES_ON ")"
	    " OR (person_id = ?1 AND hash NOT IN (SELECT hash"
	    " FROM admin_session WHERE person_id = ?1"
	    " ORDER BY begun_at DESC, hash LIMIT ?3))");

	db_bind_number(q, 1, person_id);
	db_bind_number(q, 2, now_s);
	db_bind_number(q, 3, ADMIN_SESSIONS_MAX - 1);
	return db_run(q);
}

enum err admin_session_begin(struct store *store, int64_t person_id,
    const unsigned char token[ADMIN_TOKEN_BYTES], const char *origin,
    int64_t now_s)
{
	unsigned char hash[HASH_BYTES];
	struct db_query *q;
	enum err err = make_room(store, person_id, now_s);

	if (!err)
		err = hash_token(store, token, hash);
	if (err)
		return err;
	q = db_query(store->db,
	    "INSERT INTO admin_session (hash, person_id, origin, begun_at,"
	    " used_at) VALUES (?1, ?2, ?3, ?4, ?4)");
	db_bind_blob(q, 1, hash, sizeof(hash));
	db_bind_number(q, 2, person_id);
	db_bind_text(q, 3, origin);
	db_bind_number(q, 4, now_s);
	return db_run(q);
}

enum err admin_session_use(struct store *store,
    const unsigned char token[ADMIN_TOKEN_BYTES], const char *origin,
    int64_t now_s, int64_t *out_person_id)
{
	unsigned char hash[HASH_BYTES];
	int64_t person_id = 0;
	struct db_query *q;
	enum err err = hash_token(store, token, hash);

	if (err)
		return err;
	q = db_query(store->db,
	    "UPDATE admin_session SET used_at = ?2 WHERE hash = ?1"
	    " AND origin = ?3 AND " GOES_ON " RETURNING person_id");
	db_bind_blob(q, 1, hash, sizeof(hash));
	db_bind_number(q, 2, now_s);
	db_bind_text(q, 3, origin);
	if (db_next(q))
		person_id = db_number(q, 0);
	err = db_done(q);
	if (err)
		return err;
	if (person_id == 0)
		return ERR_NOT_FOUND;
	*out_person_id = person_id;
	return ERR_NONE;
}

enum err admin_session_end(
    struct store *store, const unsigned char token[ADMIN_TOKEN_BYTES])
{
	unsigned char hash[HASH_BYTES];
	struct db_query *q;
	enum err err = hash_token(store, token, hash);

	if (err)
		return err;
	q = db_query(store->db, "DELETE FROM admin_session WHERE hash = ?1");
	db_bind_blob(q, 1, hash, sizeof(hash));
	return db_run(q);
}

enum err admin_sessions_end(struct store *store, int64_t person_id)
{
	struct db_query *q = db_query(store->db,
	    "DELETE FROM admin_session WHERE ?1 = 0 OR person_id = ?1");

	db_bind_number(q, 1, person_id);
	return db_run(q);
}

enum err admin_sessions_end_of_token(struct store *store, int64_t token_id)
{
	struct db_query *q =
	    db_query(store->db, "DELETE FROM admin_session WHERE person_id ="
				" (SELECT person_id FROM token WHERE id = ?1)");

	db_bind_number(q, 1, token_id);
	return db_run(q);
}

enum err admin_sessions_count(
    struct store *store, int64_t person_id, int64_t now_s, int64_t *out_count)
{
	struct db_query *q = db_query(store->db,
	    "SELECT COUNT(*) FROM admin_session WHERE person_id = ?1"
	    " AND " GOES_ON);
	int64_t count;
	enum err err;

	db_bind_number(q, 1, person_id);
	db_bind_number(q, 2, now_s);
	count = db_next(q) ? db_number(q, 0) : 0;
	err = db_done(q);
	if (!err)
		*out_count = count;
	return err;
}
