/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/grace_store.h"

#include <string.h>

enum {
	/* Two go for one that comes, so that they stay few. */
	DROP_EVERY = 32,
	DROP_ROWS = 64,
};

static enum err drop_old(struct store *store, int64_t now_s)
{
	struct db_query *q =
	    db_query(store->db, "DELETE FROM grace WHERE since <= ?1 AND id IN"
				" (SELECT id FROM grace ORDER BY id LIMIT ?2)");

	db_bind_number(q, 1, now_s - GRACE_LONGEST_S);
	db_bind_number(q, 2, DROP_ROWS);
	return db_run(q);
}

enum err grace_begin(struct store *store, const struct grace_login *login)
{
	struct db_query *q = db_query(store->db,
	    "INSERT INTO grace (login, person_id, terminal_id, token_id,"
	    " card_id, factor, since) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
	    " RETURNING id");
	int64_t id;
	enum err err;

	db_bind_blob(q, 1, login->login, GRACE_LOGIN_BYTES);
	db_bind_number(q, 2, login->person_id);
	db_bind_number(q, 3, login->terminal_id);
	db_bind_number(q, 4, login->token_id);
	db_bind_number(q, 5, login->card_id);
	db_bind_number(q, 6, login->factor);
	db_bind_number(q, 7, login->since);
	id = db_next(q) ? db_number(q, 0) : 0;
	err = db_done(q);
	return err == ERR_NONE && id % DROP_EVERY == 0
		   ? drop_old(store, login->since)
		   : err;
}

enum err grace_session_hash(const struct store *store, int64_t terminal_id,
    const char *session, unsigned char out[GRACE_SESSION_BYTES])
{
	unsigned char bytes[sizeof(terminal_id) + NAME_BYTES_MAX];
	size_t length = strlen(session);

	if (length > NAME_BYTES_MAX)
		return ERR_TOO_LONG;
	memcpy(bytes, &terminal_id, sizeof(terminal_id));
	memcpy(bytes + sizeof(terminal_id), session, length);
	return store_keyed_hash(
	    store, "session", bytes, sizeof(terminal_id) + length, out);
}

enum err grace_tie(struct store *store, int64_t terminal_id,
    const unsigned char login[GRACE_LOGIN_BYTES],
    const unsigned char session[GRACE_SESSION_BYTES], bool *out_tied)
{
	struct db_query *q = db_query(store->db,
	    "UPDATE grace SET session = ?1 WHERE login = ?2"
	    " AND terminal_id = ?3 AND session IS NULL AND NOT EXISTS"
	    " (SELECT 1 FROM grace AS other WHERE other.session = ?1)");
	enum err err;

	db_bind_blob(q, 1, session, GRACE_SESSION_BYTES);
	db_bind_blob(q, 2, login, GRACE_LOGIN_BYTES);
	db_bind_number(q, 3, terminal_id);
	err = db_run(q);
	if (err == ERR_NONE)
		*out_tied = db_changes(store->db) == 1;
	return err;
}

/* A token that was lent until an hour is not asked to say when that came. */
enum err grace_find(struct store *store,
    const unsigned char session[GRACE_SESSION_BYTES], int64_t person_id,
    int64_t now_s, struct grace_row *out)
{
	struct db_query *q = db_query(store->db,
	    "SELECT grace.id, grace.login, grace.person_id, grace.factor,"
	    " grace.since, grace.tty, token.loan_until FROM grace"
	    " LEFT JOIN token ON token.id = grace.token_id"
	    " WHERE grace.session = ?1");
	struct grace_row row = {0};

	db_bind_blob(q, 1, session, GRACE_SESSION_BYTES);
	if (db_next(q)) {
		int64_t loan_until = db_number(q, 6);

		row.id = db_number(q, 0);
		db_read_bytes(q, 1, row.login, GRACE_LOGIN_BYTES);
		row.grace.given = db_number(q, 2) == person_id &&
				  (loan_until == 0 || now_s < loan_until);
		row.grace.factor = (enum factor)db_number(q, 3);
		row.grace.since = db_number(q, 4);
		db_read_text(q, 5, row.grace.tty, sizeof(row.grace.tty));
	}
	*out = row;
	return db_done(q);
}

enum err grace_use(struct store *store, int64_t id, const char *tty)
{
	struct db_query *q =
	    db_query(store->db, "UPDATE grace SET tty = ?2 WHERE id = ?1"
				" AND tty = ''");

	db_bind_number(q, 1, id);
	db_bind_text(q, 2, tty);
	return db_run(q);
}

/* --- ends ---------------------------------------------------------------- */

static enum err end_by_number(struct db_query *q, int64_t number)
{
	db_bind_number(q, 1, number);
	return db_run(q);
}

enum err grace_end_session(
    struct store *store, const unsigned char session[GRACE_SESSION_BYTES])
{
	struct db_query *q =
	    db_query(store->db, "DELETE FROM grace WHERE session = ?1");

	db_bind_blob(q, 1, session, GRACE_SESSION_BYTES);
	return db_run(q);
}

enum err grace_end_login(struct store *store, int64_t terminal_id,
    const unsigned char login[GRACE_LOGIN_BYTES])
{
	struct db_query *q =
	    db_query(store->db, "DELETE FROM grace WHERE login = ?1"
				" AND terminal_id = ?2");

	db_bind_blob(q, 1, login, GRACE_LOGIN_BYTES);
	db_bind_number(q, 2, terminal_id);
	return db_run(q);
}

enum err grace_end_person(struct store *store, int64_t person_id)
{
	return end_by_number(
	    db_query(store->db, "DELETE FROM grace WHERE person_id = ?1"),
	    person_id);
}

enum err grace_end_terminal(struct store *store, int64_t terminal_id)
{
	return end_by_number(
	    db_query(store->db, "DELETE FROM grace WHERE terminal_id = ?1"),
	    terminal_id);
}

enum err grace_end_token(struct store *store, int64_t token_id)
{
	return end_by_number(
	    db_query(store->db, "DELETE FROM grace WHERE token_id = ?1"),
	    token_id);
}

enum err grace_end_card(struct store *store, int64_t card_id)
{
	return end_by_number(
	    db_query(store->db, "DELETE FROM grace WHERE card_id = ?1"),
	    card_id);
}

enum err grace_end_cards(struct store *store)
{
	return db_run(
	    db_query(store->db, "DELETE FROM grace WHERE card_id <> 0"));
}

enum err grace_end_all(struct store *store)
{
	return db_run(db_query(store->db, "DELETE FROM grace"));
}
