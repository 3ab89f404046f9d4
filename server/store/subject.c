/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading and writing around a decision, on the hottest path there is: two
 * queries to load, one or two to apply. Must not decide anything.
 */
#include "server/store/subject.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/keys/keyring.h"
#include "server/store/card.h"
#include "server/store/hasher.h"
#include "server/store/seed.h"
#include "server/store/token.h"

_Static_assert(
    sizeof(((struct subject_token *)NULL)->serial) == TOKEN_SERIAL_SIZE,
    "a serial fits");

enum {
	EMERGENCY_OPEN = 0
}; /* in the column; 1: spent, 2: void */

enum {
	ASTRAY_NONE = 0,
	ASTRAY_AS_BEFORE = -1
}; /* in place of a token's number */

/* --- loading ------------------------------------------------------------- */

static enum err read_subject_token(
    struct store *store, struct db_query *q, struct subject_token *out)
{
	unsigned char sealed[SECRET_BYTES_MAX + SEALED_OVERHEAD];
	size_t length = 0;
	enum err err;

	out->id = db_number(q, 0);
	db_read_text(q, 1, out->serial, sizeof(out->serial));
	out->otp.type = (enum otp_type)db_number(q, 2);
	out->otp.algorithm = (enum otp_algorithm)db_number(q, 3);
	out->otp.digits = (int)db_number(q, 4);
	out->otp.period_s = db_number(q, 5);
	out->otp.floor = db_number(q, 6);
	out->otp.drift = db_number(q, 9);
	out->otp.floor = seed_effective_floor(store, &out->otp);
	db_read_blob(q, 8, sealed, sizeof(sealed), &length);
	err = db_error(q);
	if (err != ERR_NONE)
		return err;
	return seed_open(
	    store, db_number(q, 7), sealed, length, &out->otp.seed);
}

static enum err load_tokens(struct store *store, int64_t person_id,
    int64_t now_s, struct subject *subject)
{
	struct db_query *q = db_query(store->db,
	    "SELECT token.id, token.serial, token.type, token.algorithm,"
	    " token.digits, token.period_s, seed_floor.floor, seed.id,"
	    " seed.sealed, seed_floor.drift FROM token"
	    " JOIN seed ON seed.id = token.seed_id"
	    " JOIN seed_floor ON seed_floor.seed_id = token.seed_id"
	    " WHERE token.person_id = ?1 AND token.state = 1"
	    " AND (token.loan_until = 0 OR token.loan_until > ?2)"
	    " ORDER BY token.id");
	enum err err = ERR_NONE, done;

	db_bind_number(q, 1, person_id);
	db_bind_number(q, 2, now_s);
	while (err == ERR_NONE && subject->token_count < SUBJECT_TOKENS_MAX &&
	       db_next(q))
		err = read_subject_token(
		    store, q, &subject->tokens[subject->token_count++]);
	done = db_done(q);
	return err != ERR_NONE ? err : done;
}

static enum err load_emergency(
    struct store *store, int64_t person_id, struct subject *subject)
{
	struct db_query *q = db_query(store->db,
	    "SELECT id, valid_until, state, hash FROM emergency"
	    " WHERE person_id = ?1 AND state <> 2 ORDER BY id DESC");

	db_bind_number(q, 1, person_id);
	while (subject->emergency_count < SUBJECT_EMERGENCY_MAX && db_next(q)) {
		struct emergency_code *code =
		    &subject->emergency[subject->emergency_count++];

		code->id = db_number(q, 0);
		code->until = db_number(q, 1);
		code->spent = db_number(q, 2) != EMERGENCY_OPEN;
		code->hash.length = EMERGENCY_HASH_BYTES;
		db_read_bytes(q, 3, code->hash.bytes, EMERGENCY_HASH_BYTES);
	}
	return db_done(q);
}

static enum err load_throttle(struct store *store, int64_t person_id,
    enum factor factor, int64_t terminal_id, struct throttle *out)
{
	/* Not `IN (0, ?3)`: for that SQLite makes a table at each call, which
	 * costs more than all the rest of a login. */
	struct db_query *q = db_query(store->db,
	    "SELECT terminal_id, failures, wait_until, unproven_total"
	    " FROM throttle WHERE person_id = ?1 AND factor = ?2"
	    " AND terminal_id = 0 UNION ALL"
	    " SELECT terminal_id, failures, wait_until, unproven_total"
	    " FROM throttle WHERE person_id = ?1 AND factor = ?2"
	    " AND terminal_id = ?3 AND terminal_id <> 0");

	db_bind_number(q, 1, person_id);
	db_bind_number(q, 2, factor);
	db_bind_number(q, 3, terminal_id);
	while (db_next(q)) {
		struct throttle_count count = {
		    .failures = db_number(q, 1),
		    .wait_until = db_number(q, 2),
		};

		if (db_number(q, 0) == 0) {
			out->proven = count;
			out->unproven_total = db_number(q, 3);
		} else {
			out->here = count;
		}
	}
	return db_done(q);
}

enum err subject_load(struct store *store, const struct person *person,
    enum factor factor, int64_t terminal_id, int64_t now_s, struct subject *out)
{
	enum err err = ERR_NONE;

	*out = (struct subject){
	    .known = !person->decoy,
	    .frozen = person->frozen,
	    .suspended = person->state != PERSON_ACTIVE,
	    .enrolled = person->enrolled_at != 0,
	    .valid_from = person->valid_from,
	    .valid_until = person->valid_until,
	};

	switch (factor) {
	case FACTOR_NONE:
		factor = FACTOR_OTP;
		break;
	case FACTOR_OTP:
		err = load_tokens(store, person->id, now_s, out);
		break;
	case FACTOR_EMERGENCY:
		err = load_emergency(store, person->id, out);
		break;
	case FACTOR_CARD:
		err =
		    card_keys(store, person->id, out->cards, &out->card_count);
		break;
	}
	if (err == ERR_NONE)
		err = load_throttle(
		    store, person->id, factor, terminal_id, &out->throttle);
	if (err != ERR_NONE)
		subject_wipe(out);
	return err;
}

enum err subject_load_throttle(struct store *store, const struct person *person,
    enum factor factor, int64_t terminal_id, struct subject *subject)
{
	struct throttle throttle = {0};
	enum err err =
	    load_throttle(store, person->id, factor, terminal_id, &throttle);

	if (err == ERR_NONE)
		subject->throttle = throttle;
	return err;
}

/* --- applying ------------------------------------------------------------ */

static enum err write_throttle_row(struct store *store, int64_t person_id,
    enum factor factor, int64_t terminal_id, const struct throttle_count *count,
    int64_t unproven_total, int64_t astray_token)
{
	struct db_query *q = db_query(store->db,
	    "INSERT INTO throttle (person_id, factor, terminal_id, failures,"
	    " wait_until, unproven_total, astray_token)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
	    " ON CONFLICT (person_id, factor, terminal_id) DO UPDATE SET"
	    " failures = excluded.failures, wait_until = excluded.wait_until,"
	    " unproven_total = excluded.unproven_total,"
	    " astray_token ="
	    " coalesce(excluded.astray_token, astray_token)");

	db_bind_number(q, 1, person_id);
	db_bind_number(q, 2, factor);
	db_bind_number(q, 3, terminal_id);
	db_bind_number(q, 4, count->failures);
	db_bind_number(q, 5, count->wait_until);
	db_bind_number(q, 6, unproven_total);
	if (astray_token != ASTRAY_AS_BEFORE)
		db_bind_number(q, 7, astray_token);
	return db_run(q);
}

/* A proven success clears what every terminal has counted; other changes
 * concern the proven row and this terminal's. */
static enum err write_throttle(struct store *store, int64_t person_id,
    enum factor factor, int64_t terminal_id, const struct throttle *throttle,
    bool proven, int64_t astray_token)
{
	enum err err;

	if (proven && throttle->proven.failures == 0 &&
	    throttle->unproven_total == 0)
		return throttle_forget(store, person_id, factor);
	err = write_throttle_row(store, person_id, factor, 0, &throttle->proven,
	    throttle->unproven_total, astray_token);
	if (err == ERR_NONE && !proven)
		err = write_throttle_row(store, person_id, factor, terminal_id,
		    &throttle->here, 0, ASTRAY_AS_BEFORE);
	return err;
}

static enum err spend_emergency(struct store *store, int64_t id)
{
	struct db_query *q = db_query(store->db,
	    "UPDATE emergency SET state = 1 WHERE id = ?1 AND state = 0");
	enum err err;

	db_bind_number(q, 1, id);
	err = db_run(q);
	if (err != ERR_NONE)
		return err;
	return db_changes(store->db) == 1 ? ERR_NONE : ERR_NOT_ALLOWED;
}

/* Rides on a row that every failure writes, so that it takes no longer. */
static int64_t astray_token(
    const struct subject *subject, const struct decision *decision)
{
	if (decision->result == RESULT_ACCEPT)
		return ASTRAY_NONE;
	return decision->astray_index >= 0
		   ? subject->tokens[decision->astray_index].id
		   : ASTRAY_AS_BEFORE;
}

enum err subject_apply(struct store *store, const struct person *person,
    enum factor factor, int64_t terminal_id, const struct subject *subject,
    const struct decision *decision, bool proven, int64_t now_s)
{
	enum err err = ERR_NONE;

	/* Row 0 is not a terminal's. */
	if (decision->throttle_changed && !proven && terminal_id == 0)
		return ERR_INVALID;
	if (decision->throttle_changed)
		err = write_throttle(store, person->id, factor, terminal_id,
		    &decision->throttle, proven,
		    astray_token(subject, decision));
	if (err == ERR_NONE && decision->token_index >= 0)
		err = token_spend(store,
		    subject->tokens[decision->token_index].id, decision->floor,
		    decision->drift, now_s);
	if (err == ERR_NONE && decision->emergency_index >= 0)
		err = spend_emergency(
		    store, subject->emergency[decision->emergency_index].id);
	if (err == ERR_NONE && decision->card_index >= 0)
		err = card_used(
		    store, subject->cards[decision->card_index].id, now_s);
	return err;
}

/* --- for administrators -------------------------------------------------- */

enum err throttle_each(struct store *store, int64_t person_id,
    enum err (*each)(void *context, const struct throttle_row *row),
    void *context)
{
	struct db_query *q = db_query(store->db,
	    "SELECT factor, terminal_id, failures, wait_until,"
	    " unproven_total FROM throttle WHERE person_id = ?1"
	    " ORDER BY factor, terminal_id");
	enum err err = ERR_NONE, done;

	db_bind_number(q, 1, person_id);
	while (err == ERR_NONE && db_next(q)) {
		const struct throttle_row row = {
		    .factor = (enum factor)db_number(q, 0),
		    .terminal_id = db_number(q, 1),
		    .count = {db_number(q, 2), db_number(q, 3)},
		    .unproven_total = db_number(q, 4),
		};

		err = each(context, &row);
	}
	done = db_done(q);
	return err != ERR_NONE ? err : done;
}

enum err throttle_end_waits(struct store *store, int64_t person_id)
{
	struct db_query *q = db_query(store->db,
	    "UPDATE throttle SET wait_until = 0 WHERE person_id = ?1");

	db_bind_number(q, 1, person_id);
	return db_run(q);
}

enum err throttle_forget(
    struct store *store, int64_t person_id, enum factor factor)
{
	struct db_query *q = db_query(store->db,
	    "DELETE FROM throttle WHERE person_id = ?1 AND factor = ?2");

	db_bind_number(q, 1, person_id);
	db_bind_number(q, 2, factor);
	return db_run(q);
}

enum err emergency_hash(const struct store *store, int64_t person_id,
    const char *digits, size_t length, struct secret *out)
{
	char text[32 + SECRET_BYTES_MAX];
	unsigned char hash[HASHER_BYTES];
	int used;
	enum err err;

	if (length > SECRET_BYTES_MAX)
		return ERR_TOO_LONG;
	used = snprintf(text, 32, "%" PRId64 ":", person_id);
	memcpy(text + used, digits, length);
	err = store_keyed_hash(
	    store, "emergency", text, (size_t)used + length, hash);
	if (err == ERR_NONE)
		err = secret_set(out, hash, sizeof(hash));
	secret_wipe_bytes(text, sizeof(text));
	secret_wipe_bytes(hash, sizeof(hash));
	return err;
}

/* Codes that are over make room: only so many are ever looked at. */
static enum err make_room(struct store *store, int64_t person_id, int64_t now_s)
{
	struct db_query *q =
	    db_query(store->db, "DELETE FROM emergency WHERE person_id = ?1"
				" AND (valid_until <= ?2 OR state = 2)");
	int64_t count;
	enum err err;

	db_bind_number(q, 1, person_id);
	db_bind_number(q, 2, now_s);
	err = db_run(q);
	if (err != ERR_NONE)
		return err;
	q = db_query(
	    store->db, "SELECT count(*) FROM emergency WHERE person_id = ?1");
	db_bind_number(q, 1, person_id);
	count = db_next(q) ? db_number(q, 0) : 0;
	err = db_done(q);
	if (err != ERR_NONE)
		return err;
	return count < SUBJECT_EMERGENCY_MAX ? ERR_NONE : ERR_FULL;
}

enum err emergency_add(struct store *store, int64_t person_id,
    const struct secret *hash, int64_t until, int64_t now_s)
{
	enum err err = make_room(store, person_id, now_s);
	struct db_query *q;

	if (hash->length != EMERGENCY_HASH_BYTES)
		return ERR_INVALID;
	if (err != ERR_NONE)
		return err;
	q = db_query(store->db,
	    "INSERT INTO emergency (person_id, hash, valid_until, state,"
	    " created_at) VALUES (?1, ?2, ?3, 0, ?4)");
	db_bind_number(q, 1, person_id);
	db_bind_blob(q, 2, hash->bytes, hash->length);
	db_bind_number(q, 3, until);
	db_bind_number(q, 4, now_s);
	return db_run(q);
}

enum err emergency_void(struct store *store, int64_t person_id)
{
	struct db_query *q =
	    person_id
		? db_query(store->db,
		      "UPDATE emergency SET state = 2 WHERE person_id = ?1")
		: db_query(store->db, "UPDATE emergency SET state = 2");

	if (person_id)
		db_bind_number(q, 1, person_id);
	return db_run(q);
}
