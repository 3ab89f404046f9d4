/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Terminals, their certificates and join codes as rows. Must not know what a
 * certificate holds, only its fingerprint.
 */
#include "server/store/terminal.h"

#include <string.h>

#include "server/store/grace_store.h"
#include "server/store/hasher.h"

#define TERMINAL_COLUMNS                                                       \
	"terminal.id, terminal.name, terminal.group_name, terminal.state,"     \
	" terminal.frozen, terminal.created_at, terminal.last_seen_at"

const char *terminal_state_text(enum terminal_state state)
{
	switch (state) {
	case TERMINAL_WAITING:
		return "waiting";
	case TERMINAL_JOINED:
		return "joined";
	case TERMINAL_REVOKED:
		return "revoked";
	}
	return "revoked";
}

static void read_terminal(struct db_query *q, struct terminal *out)
{
	memset(out, 0, sizeof(*out));
	out->id = db_number(q, 0);
	db_read_text(q, 1, out->name, sizeof(out->name));
	db_read_text(q, 2, out->group, sizeof(out->group));
	out->state = (enum terminal_state)db_number(q, 3);
	out->frozen = db_number(q, 4) != 0;
	out->created_at = db_number(q, 5);
	out->last_seen_at = db_number(q, 6);
}

static enum err read_first(struct db_query *q, struct terminal *out)
{
	struct terminal terminal;
	bool found = db_next(q);
	enum err err;

	if (found)
		read_terminal(q, &terminal);
	err = db_done(q);
	if (err != ERR_NONE)
		return err;
	if (!found)
		return ERR_NOT_FOUND;
	*out = terminal;
	return ERR_NONE;
}

enum err terminal_add(struct store *store, struct terminal *terminal)
{
	struct db_query *q = db_query(store->db,
	    "INSERT INTO terminal (name, group_name, state, frozen,"
	    " created_at, last_seen_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
	    " ON CONFLICT DO NOTHING RETURNING id");
	int64_t id;
	enum err err;

	db_bind_text(q, 1, terminal->name);
	db_bind_text(q, 2, terminal->group);
	db_bind_number(q, 3, terminal->state);
	db_bind_number(q, 4, terminal->frozen);
	db_bind_number(q, 5, terminal->created_at);
	db_bind_number(q, 6, terminal->last_seen_at);
	id = db_next(q) ? db_number(q, 0) : 0;
	err = db_done(q);
	if (err != ERR_NONE)
		return err;
	if (id == 0)
		return ERR_EXISTS;
	terminal->id = id;
	return ERR_NONE;
}

enum err terminal_save(struct store *store, const struct terminal *terminal)
{
	struct db_query *q = db_query(store->db,
	    "UPDATE terminal SET group_name = ?2, state = ?3, frozen = ?4,"
	    " last_seen_at = ?5 WHERE id = ?1");
	enum err err;

	db_bind_number(q, 1, terminal->id);
	db_bind_text(q, 2, terminal->group);
	db_bind_number(q, 3, terminal->state);
	db_bind_number(q, 4, terminal->frozen);
	db_bind_number(q, 5, terminal->last_seen_at);
	err = db_run(q);
	if (err != ERR_NONE)
		return err;
	if (db_changes(store->db) != 1)
		return ERR_NOT_FOUND;
	if (terminal->frozen || terminal->state == TERMINAL_REVOKED)
		store_note_stop(store);
	if (terminal->frozen || terminal->state != TERMINAL_JOINED)
		err = grace_end_terminal(store, terminal->id);
	return err;
}

enum err terminal_find(
    struct store *store, const char *name, struct terminal *out)
{
	struct db_query *q = db_query(store->db,
	    "SELECT " TERMINAL_COLUMNS " FROM terminal WHERE name = ?1"
	    " ORDER BY state = 2, id DESC LIMIT 1");

	db_bind_text(q, 1, name);
	return read_first(q, out);
}

enum err terminal_each(struct store *store,
    enum err (*each)(void *context, const struct terminal *terminal),
    void *context)
{
	struct db_query *q = db_query(store->db,
	    "SELECT " TERMINAL_COLUMNS " FROM terminal ORDER BY name, id");
	enum err err = ERR_NONE, done;
	struct terminal terminal;

	while (err == ERR_NONE && db_next(q)) {
		read_terminal(q, &terminal);
		err = db_error(q);
		if (err == ERR_NONE)
			err = each(context, &terminal);
	}
	done = db_done(q);
	return err != ERR_NONE ? err : done;
}

/* --- join codes ---------------------------------------------------------- */

static enum err hash_code(struct store *store, const struct secret *code,
    unsigned char out[HASHER_BYTES])
{
	if (code->length == 0)
		return ERR_NOT_FOUND;
	return store_keyed_hash(store, "join", code->bytes, code->length, out);
}

enum err terminal_set_join_code(struct store *store, int64_t terminal_id,
    const struct secret *code, int64_t until)
{
	unsigned char hash[HASHER_BYTES];
	enum err err = hash_code(store, code, hash);
	struct db_query *q;

	if (err != ERR_NONE)
		return err == ERR_NOT_FOUND ? ERR_INVALID : err;
	q = db_query(store->db,
	    "UPDATE terminal SET join_hash = ?2, join_until = ?3"
	    " WHERE id = ?1");
	db_bind_number(q, 1, terminal_id);
	db_bind_blob(q, 2, hash, sizeof(hash));
	db_bind_number(q, 3, until);
	err = db_run(q);
	if (err != ERR_NONE)
		return err;
	return db_changes(store->db) == 1 ? ERR_NONE : ERR_NOT_FOUND;
}

enum err terminal_use_join_code(struct store *store, const struct secret *code,
    int64_t now_s, struct terminal *out)
{
	unsigned char hash[HASHER_BYTES];
	enum err err = hash_code(store, code, hash);
	struct db_query *q;

	if (err != ERR_NONE)
		return err;
	q = db_query(store->db,
	    "UPDATE terminal SET join_hash = NULL, join_until = 0, state = 1"
	    " WHERE join_hash = ?1 AND join_until > ?2 AND state <> 2"
	    " RETURNING id, name, group_name, state, frozen, created_at,"
	    " last_seen_at");
	db_bind_blob(q, 1, hash, sizeof(hash));
	db_bind_number(q, 2, now_s);
	return read_first(q, out);
}

enum err terminal_void_join_codes(struct store *store)
{
	return db_run(db_query(store->db,
	    "UPDATE terminal SET join_hash = NULL, join_until = 0"
	    " WHERE join_hash IS NOT NULL"));
}

/* --- certificates -------------------------------------------------------- */

enum err terminal_add_certificate(struct store *store, int64_t terminal_id,
    const unsigned char fingerprint[CERTIFICATE_HASH_BYTES], int64_t until)
{
	struct db_query *q = db_query(store->db,
	    "INSERT INTO terminal_certificate (fingerprint, terminal_id, what,"
	    " valid_until) VALUES (?1, ?2, ?3, ?4)");

	db_bind_blob(q, 1, fingerprint, CERTIFICATE_HASH_BYTES);
	db_bind_number(q, 2, terminal_id);
	db_bind_number(q, 3, TERMINAL_CERTIFICATE_ISSUED);
	db_bind_number(q, 4, until);
	return db_run(q);
}

enum err terminal_retire_certificates(struct store *store, int64_t terminal_id)
{
	struct db_query *q =
	    db_query(store->db, "UPDATE terminal_certificate SET what = ?2"
				" WHERE terminal_id = ?1");

	db_bind_number(q, 1, terminal_id);
	db_bind_number(q, 2, TERMINAL_CERTIFICATE_RETIRED);
	return db_run(q);
}

/* All others retire, this one is current. Others that were issued but never
 * used retire as well: somebody asked twice and this is the one he kept. */
static enum err make_current(struct store *store, int64_t terminal_id,
    const unsigned char fingerprint[CERTIFICATE_HASH_BYTES])
{
	enum err err = terminal_retire_certificates(store, terminal_id);
	struct db_query *q;

	if (err != ERR_NONE)
		return err;
	q = db_query(store->db, "UPDATE terminal_certificate SET what = ?2"
				" WHERE fingerprint = ?1");
	db_bind_blob(q, 1, fingerprint, CERTIFICATE_HASH_BYTES);
	db_bind_number(q, 2, TERMINAL_CERTIFICATE_CURRENT);
	return db_run(q);
}

static enum terminal_certificate what_of(int64_t number)
{
	switch (number) {
	case TERMINAL_CERTIFICATE_CURRENT:
		return TERMINAL_CERTIFICATE_CURRENT;
	case TERMINAL_CERTIFICATE_ISSUED:
		return TERMINAL_CERTIFICATE_ISSUED;
	}
	return TERMINAL_CERTIFICATE_RETIRED;
}

enum err terminal_identify(struct store *store,
    const unsigned char fingerprint[CERTIFICATE_HASH_BYTES],
    struct terminal *out_terminal, enum terminal_certificate *out_what)
{
	struct db_query *q = db_query(store->db,
	    "SELECT " TERMINAL_COLUMNS ", terminal_certificate.what"
	    " FROM terminal_certificate JOIN terminal"
	    " ON terminal.id = terminal_certificate.terminal_id"
	    " WHERE terminal_certificate.fingerprint = ?1");
	enum terminal_certificate what = TERMINAL_CERTIFICATE_UNKNOWN;
	struct terminal terminal;
	enum err err;

	db_bind_blob(q, 1, fingerprint, CERTIFICATE_HASH_BYTES);
	if (db_next(q)) {
		read_terminal(q, &terminal);
		what = what_of(db_number(q, 7));
	}
	err = db_done(q);
	if (err == ERR_NONE && what == TERMINAL_CERTIFICATE_ISSUED &&
	    terminal.state == TERMINAL_JOINED)
		err = make_current(store, terminal.id, fingerprint);
	if (err != ERR_NONE)
		return err;
	if (what != TERMINAL_CERTIFICATE_UNKNOWN)
		*out_terminal = terminal;
	*out_what = what;
	return ERR_NONE;
}
