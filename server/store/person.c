/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Persons as rows. Decoys are persons too, but are found by number only.
 */
#include "server/store/person.h"

#include <string.h>

#include "server/core/policy.h"
#include "server/store/admin_session.h"
#include "server/store/grace_store.h"
#include "server/store/hasher.h"

#define PERSON_COLUMNS                                                         \
	"id, user_name, login, name, department, kind, state, frozen, decoy,"  \
	" valid_from, valid_until, enrolled_at, created_at,"                   \
	" attendant, decision"

const char *const PERSON_KINDS[] = {
    "regular", "fiscal-year", "contractor", NULL};

const char *person_state_text(enum person_state state)
{
	switch (state) {
	case PERSON_ACTIVE:
		return "active";
	case PERSON_SUSPENDED:
		return "suspended";
	case PERSON_REMOVED:
		return "removed";
	}
	return "suspended";
}

bool person_in_department(const struct person *person, const char *department)
{
	return policy_list_has(person->department, department);
}

/* ?1 to ?12; the rest is for adding only. */
static void bind_changeable(struct db_query *q, const struct person *person)
{
	db_bind_text(q, 1, person->login);
	db_bind_text(q, 2, person->name);
	db_bind_text(q, 3, person->department);
	db_bind_text(q, 4, person->kind);
	db_bind_number(q, 5, person->state);
	db_bind_number(q, 6, person->frozen);
	db_bind_number(q, 7, person->decoy);
	db_bind_number(q, 8, person->valid_from);
	db_bind_number(q, 9, person->valid_until);
	db_bind_number(q, 10, person->enrolled_at);
	db_bind_text(q, 11, person->attendant);
	db_bind_text(q, 12, person->decision);
}

enum err person_add(struct store *store, struct person *person)
{
	struct db_query *q = db_query(store->db,
	    "INSERT INTO person (login, name, department, kind, state, frozen,"
	    " decoy, valid_from, valid_until, enrolled_at, attendant, decision,"
	    " user_name, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8,"
	    " ?9, ?10, ?11, ?12, ?13, ?14) ON CONFLICT DO NOTHING RETURNING id");
	int64_t id;
	enum err err;

	bind_changeable(q, person);
	db_bind_text(q, 13, person->user);
	db_bind_number(q, 14, person->created_at);
	id = db_next(q) ? db_number(q, 0) : 0;
	err = db_done(q);
	if (err != ERR_NONE)
		return err;
	if (id == 0)
		return ERR_EXISTS;
	person->id = id;
	return ERR_NONE;
}

enum err person_save(struct store *store, const struct person *person)
{
	struct db_query *q = db_query(store->db,
	    "UPDATE person SET login = ?1, name = ?2, department = ?3,"
	    " kind = ?4, state = ?5, frozen = ?6, decoy = ?7,"
	    " valid_from = ?8, valid_until = ?9, enrolled_at = ?10,"
	    " attendant = ?11, decision = ?12 WHERE id = ?13");
	enum err err;

	bind_changeable(q, person);
	db_bind_number(q, 13, person->id);
	err = db_run(q);
	if (err != ERR_NONE)
		return err;
	if (db_changes(store->db) != 1)
		return ERR_NOT_FOUND;
	if (!person->frozen && person->state == PERSON_ACTIVE)
		return ERR_NONE;
	store_note_stop(store);
	err = grace_end_person(store, person->id);
	return err ? err : admin_sessions_end(store, person->id);
}

static void read_person(struct db_query *q, struct person *out)
{
	out->id = db_number(q, 0);
	db_read_text(q, 1, out->user, sizeof(out->user));
	db_read_text(q, 2, out->login, sizeof(out->login));
	db_read_text(q, 3, out->name, sizeof(out->name));
	db_read_text(q, 4, out->department, sizeof(out->department));
	db_read_text(q, 5, out->kind, sizeof(out->kind));
	out->state = (enum person_state)db_number(q, 6);
	out->frozen = db_number(q, 7) != 0;
	out->decoy = db_number(q, 8) != 0;
	out->valid_from = db_number(q, 9);
	out->valid_until = db_number(q, 10);
	out->enrolled_at = db_number(q, 11);
	out->created_at = db_number(q, 12);
	db_read_text(q, 13, out->attendant, sizeof(out->attendant));
	db_read_text(q, 14, out->decision, sizeof(out->decision));
}

/* The one row of a query; several are nobody. */
static enum err read_only_one(struct db_query *q, struct person *out)
{
	struct person person;
	int rows = 0;
	enum err err;

	for (; db_next(q); rows++) {
		if (rows == 0)
			read_person(q, &person);
	}
	err = db_done(q);
	if (err != ERR_NONE)
		return err;
	if (rows != 1)
		return ERR_NOT_FOUND;
	*out = person;
	return ERR_NONE;
}

enum err person_find(struct store *store, const char *user, struct person *out)
{
	struct db_query *q = db_query(store->db,
	    "SELECT " PERSON_COLUMNS " FROM person"
	    " WHERE user_name = ?1 AND state <> 2 AND decoy = 0");

	db_bind_text(q, 1, user);
	return read_only_one(q, out);
}

enum err person_by_id(struct store *store, int64_t id, struct person *out)
{
	struct db_query *q = db_query(
	    store->db, "SELECT " PERSON_COLUMNS " FROM person WHERE id = ?1");

	db_bind_number(q, 1, id);
	return read_only_one(q, out);
}

/* Decoys are the first persons there are (decoy.c). One hash says which and
 * names the stranger; neither half tells anything of the other. Each staff
 * number has a decoy of its own, or failures with one would tell that another
 * is somebody's. No name holds a NUL. */
static enum err pick_decoy(struct store *store, const char *login,
    const char *user, int64_t *out_id,
    unsigned char stranger[PERSON_STRANGER_BYTES])
{
	char names[2 * (NAME_BYTES_MAX + 1)];
	size_t length = strnlen(login, NAME_BYTES_MAX);
	unsigned char both[HASHER_BYTES];
	const unsigned char *hash = both + PERSON_STRANGER_BYTES;
	enum err err;

	memcpy(names, login, length);
	if (user) {
		size_t user_length = strnlen(user, NAME_BYTES_MAX);

		names[length++] = '\0';
		memcpy(names + length, user, user_length);
		length += user_length;
	}
	err = store_keyed_hash(store, "user", names, length, both);

	if (err != ERR_NONE)
		return err;
	memcpy(stranger, both, PERSON_STRANGER_BYTES);
	*out_id = 1 + (hash[0] << 16 | hash[1] << 8 | hash[2]) % STORE_DECOYS;
	return ERR_NONE;
}

static enum err read_decoy(struct store *store, int64_t id, struct person *out)
{
	struct person person;
	enum err err = person_by_id(store, id, &person);

	if (err == ERR_NOT_FOUND || (err == ERR_NONE && !person.decoy))
		return ERR_CORRUPT;
	if (err == ERR_NONE)
		*out = person;
	return err;
}

enum err person_find_decoy(
    struct store *store, const char *login, struct person *out)
{
	unsigned char stranger[PERSON_STRANGER_BYTES];
	int64_t id;
	enum err err = pick_decoy(store, login, NULL, &id, stranger);

	return err == ERR_NONE ? read_decoy(store, id, out) : err;
}

/* From an index alone. An id of 0 goes with nobody and with several. */
static enum err match_login(struct store *store, const char *login,
    const char *user, int64_t *out_id, enum person_match *out_match)
{
	struct db_query *q =
	    user ? db_query(store->db,
		       "SELECT id FROM person WHERE login = ?1"
		       " AND user_name = ?2 AND state <> 2 LIMIT 2")
		 : db_query(store->db, "SELECT id FROM person WHERE login = ?1"
				       " AND state <> 2 LIMIT 2");
	int64_t id = 0;
	int rows = 0;
	enum err err;

	db_bind_text(q, 1, login);
	if (user)
		db_bind_text(q, 2, user);
	for (; db_next(q); rows++)
		id = db_number(q, 0);
	err = db_done(q);
	if (err != ERR_NONE)
		return err;
	*out_match = rows > 1 ? PERSON_SHARED : PERSON_NOBODY;
	if (rows == 1 && id > STORE_DECOYS)
		*out_match = PERSON_KNOWN;
	*out_id = *out_match == PERSON_KNOWN ? id : 0;
	return ERR_NONE;
}

enum err person_find_login(struct store *store, const char *login,
    const char *user, struct person *out)
{
	enum person_match match;
	int64_t id;
	enum err err = match_login(store, login, user, &id, &match);

	if (err == ERR_NONE && match != PERSON_KNOWN)
		err = ERR_NOT_FOUND;
	return err == ERR_NONE ? person_by_id(store, id, out) : err;
}

enum err person_login_is_shared(
    struct store *store, const char *login, bool *out_shared)
{
	enum person_match match = PERSON_NOBODY;
	int64_t id;
	enum err err = match_login(store, login, NULL, &id, &match);

	if (err == ERR_NONE)
		*out_shared = match == PERSON_SHARED;
	return err;
}

/* How many of a staff number or an account were not removed, and how many of
 * these may log in. Each row by an index. */
static enum err count_present(struct store *store, const char *name,
    bool is_login, int64_t *out_present, int64_t *out_free)
{
	struct db_query *q = db_query(store->db,
	    is_login
		? "SELECT count(*), coalesce(sum(state = 0 AND frozen = 0), 0)"
		  " FROM person WHERE login = ?1 AND state <> 2 AND decoy = 0"
		: "SELECT count(*), coalesce(sum(state = 0 AND frozen = 0), 0)"
		  " FROM person WHERE user_name = ?1 AND state <> 2"
		  " AND decoy = 0");

	db_bind_text(q, 1, name);
	if (db_next(q)) {
		*out_present = db_number(q, 0);
		*out_free = db_number(q, 1);
	}
	return db_done(q);
}

static enum err was_removed(
    struct store *store, const char *name, bool is_login, bool *out_removed)
{
	struct db_query *q = db_query(store->db,
	    is_login ? "SELECT id FROM person WHERE login = ?1 AND state = 2"
		       " LIMIT 1"
		     : "SELECT id FROM person WHERE user_name = ?1"
		       " AND state = 2 LIMIT 1");

	db_bind_text(q, 1, name);
	*out_removed = db_next(q);
	return db_done(q);
}

enum err person_is_stopped(
    struct store *store, const char *login, const char *user, bool *out_stopped)
{
	const char *name = user ? user : login;
	int64_t present = 0, free_to_go = 0;
	bool removed = false;
	enum err err = count_present(store, name, !user, &present, &free_to_go);

	if (err == ERR_NONE && present == 0)
		err = was_removed(store, name, !user, &removed);
	if (err == ERR_NONE)
		*out_stopped = present > 0 ? free_to_go == 0 : removed;
	return err;
}

enum err person_has_login(
    struct store *store, const char *login, bool *out_taken)
{
	struct db_query *q = db_query(store->db,
	    "SELECT id FROM person WHERE login = ?1 AND state <> 2"
	    " AND decoy = 0 LIMIT 1");
	bool taken;
	enum err err;

	db_bind_text(q, 1, login);
	taken = db_next(q);
	err = db_done(q);
	if (err == ERR_NONE)
		*out_taken = taken;
	return err;
}

enum err person_meet(struct store *store, const char *login, const char *user,
    struct person *out, enum person_match *out_match,
    unsigned char stranger[PERSON_STRANGER_BYTES])
{
	enum person_match match = PERSON_NOBODY;
	int64_t id = 0, decoy = 0;
	enum err err = match_login(store, login, user, &id, &match);

	if (err == ERR_NONE)
		err = pick_decoy(store, login, user, &decoy, stranger);
	if (err == ERR_NONE)
		err = match == PERSON_KNOWN ? person_by_id(store, id, out)
					    : read_decoy(store, decoy, out);
	if (err == ERR_NONE)
		*out_match = match;
	return err == ERR_NOT_FOUND ? ERR_CORRUPT : err;
}

enum err person_attended(
    struct store *store, const char *user, char out[NAME_BYTES_MAX + 1])
{
	struct db_query *q = db_query(store->db,
	    "SELECT user_name FROM person WHERE attendant = ?1"
	    " AND attendant <> '' AND state <> 2 ORDER BY user_name");
	size_t used = 0;

	out[0] = '\0';
	db_bind_text(q, 1, user);
	while (db_next(q)) {
		const char *name = db_text(q, 0);
		size_t length = name ? strlen(name) : 0;

		if (used + length + 2 > NAME_BYTES_MAX)
			continue;
		if (used > 0)
			out[used++] = ',';
		memcpy(out + used, name ? name : "", length + 1);
		used += length;
	}
	return db_done(q);
}

static enum err hand_on_each(struct db_query *q,
    enum err (*each)(void *context, const struct person *person), void *context)
{
	enum err err = ERR_NONE, done;
	struct person person;

	while (err == ERR_NONE && db_next(q)) {
		read_person(q, &person);
		err = db_error(q);
		if (err == ERR_NONE)
			err = each(context, &person);
	}
	done = db_done(q);
	return err != ERR_NONE ? err : done;
}

enum err person_each_of_login(struct store *store, const char *login,
    int64_t limit, enum err (*each)(void *context, const struct person *person),
    void *context)
{
	struct db_query *q =
	    db_query(store->db, "SELECT " PERSON_COLUMNS " FROM person"
				" WHERE login = ?1 AND state <> 2 AND decoy = 0"
				" ORDER BY user_name LIMIT ?2");

	db_bind_text(q, 1, login);
	db_bind_number(q, 2, limit);
	return hand_on_each(q, each, context);
}

enum err person_each(struct store *store, const char *after, int64_t limit,
    enum err (*each)(void *context, const struct person *person), void *context)
{
	struct db_query *q = db_query(store->db,
	    "SELECT " PERSON_COLUMNS " FROM person"
	    " WHERE state <> 2 AND decoy = 0 AND user_name > ?1"
	    " ORDER BY user_name LIMIT ?2");

	db_bind_text(q, 1, after);
	db_bind_number(q, 2, limit);
	return hand_on_each(q, each, context);
}
