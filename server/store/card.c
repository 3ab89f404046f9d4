/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys bound to persons. What is shown of a certificate is read from its DER
 * each time, so that there is nothing beside it that could say otherwise.
 */
#include "server/store/card.h"

#include "server/store/grace_store.h"
#include "server/store/last_login.h"
#include "server/store/subject.h"

/* --- reading ------------------------------------------------------------- */

#define CARD_COLUMNS                                                           \
	"card.id, card.person_id, person.user_name, card.state,"               \
	" card.certificate, card.enrolled_at, COALESCE(card_use.used_at, 0)"
#define CARD_TABLES                                                            \
	" FROM card JOIN person ON person.id = card.person_id"                 \
	" LEFT JOIN card_use ON card_use.card_id = card.id"

static enum err read_card(struct db_query *q, struct card *out)
{
	enum err err;

	out->id = db_number(q, 0);
	out->person_id = db_number(q, 1);
	db_read_text(q, 2, out->user, sizeof(out->user));
	out->state = db_number(q, 3) == CARD_STATE_ACTIVE ? CARD_STATE_ACTIVE
							  : CARD_STATE_REVOKED;
	db_read_blob(q, 4, out->der, sizeof(out->der), &out->der_length);
	out->enrolled_at = db_number(q, 5);
	out->last_used_at = db_number(q, 6);
	err = db_error(q);
	if (err == ERR_NONE)
		err = card_certificate_describe(
		    out->der, out->der_length, &out->certificate);
	return err == ERR_INVALID ? ERR_CORRUPT : err;
}

enum err card_find(struct store *store, const unsigned char key[CARD_KEY_BYTES],
    struct card *out)
{
	struct db_query *q = db_query(store->db,
	    "SELECT " CARD_COLUMNS CARD_TABLES " WHERE card.key = ?1"
	    " ORDER BY card.state DESC, card.id DESC");
	enum err err = ERR_NOT_FOUND, done;

	db_bind_blob(q, 1, key, CARD_KEY_BYTES);
	if (db_next(q))
		err = read_card(q, out);
	done = db_done(q);
	return done != ERR_NONE ? done : err;
}

static enum err hand_on_each(struct db_query *q,
    enum err (*each)(void *context, const struct card *card), void *context)
{
	enum err err = ERR_NONE, done;
	struct card card;

	while (err == ERR_NONE && db_next(q)) {
		err = read_card(q, &card);
		if (err == ERR_NONE)
			err = each(context, &card);
	}
	done = db_done(q);
	return err != ERR_NONE ? err : done;
}

enum err card_each(struct store *store, int64_t person_id,
    enum err (*each)(void *context, const struct card *card), void *context)
{
	struct db_query *q = db_query(store->db,
	    "SELECT " CARD_COLUMNS CARD_TABLES " WHERE card.person_id = ?1"
	    " ORDER BY card.id");

	db_bind_number(q, 1, person_id);
	return hand_on_each(q, each, context);
}

enum err card_each_after(struct store *store, int64_t after, int64_t limit,
    enum err (*each)(void *context, const struct card *card), void *context)
{
	struct db_query *q = db_query(store->db,
	    "SELECT " CARD_COLUMNS CARD_TABLES " WHERE card.id > ?1"
	    " ORDER BY card.id LIMIT ?2");

	db_bind_number(q, 1, after);
	db_bind_number(q, 2, limit);
	return hand_on_each(q, each, context);
}

/* The index answers this alone. */
enum err card_keys(struct store *store, int64_t person_id,
    struct subject_card out[SUBJECT_CARDS_MAX], size_t *out_count)
{
	struct db_query *q = db_query(store->db,
	    "SELECT id, key FROM card WHERE person_id = ?1 AND state = 1");
	size_t count = 0;
	enum err err;

	db_bind_number(q, 1, person_id);
	while (count < SUBJECT_CARDS_MAX && db_next(q)) {
		out[count].id = db_number(q, 0);
		db_read_bytes(q, 1, out[count].key, CARD_KEY_BYTES);
		count++;
	}
	err = db_done(q);
	*out_count = err == ERR_NONE ? count : 0;
	return err;
}

enum err card_keys_of_login(struct store *store, const char *login,
    unsigned char out[CARD_TAGS_SHARED][CARD_KEY_BYTES], size_t *out_count)
{
	struct db_query *q = db_query(store->db,
	    "SELECT card.key FROM person"
	    " JOIN card ON card.person_id = person.id AND card.state = 1"
	    " WHERE person.login = ?1 AND person.state <> 2 LIMIT ?2");
	size_t count = 0;
	bool is_full = false;
	enum err err;

	db_bind_text(q, 1, login);
	db_bind_number(q, 2, CARD_TAGS_SHARED + 1);
	while (!is_full && db_next(q)) {
		is_full = count == CARD_TAGS_SHARED;
		if (!is_full)
			db_read_bytes(q, 0, out[count++], CARD_KEY_BYTES);
	}
	err = db_done(q);
	if (err == ERR_NONE && is_full)
		err = ERR_FULL;
	*out_count = err == ERR_NONE ? count : 0;
	return err;
}

enum err card_holder(struct store *store,
    const unsigned char key[CARD_KEY_BYTES], const char *login,
    int64_t *out_person_id)
{
	struct db_query *q =
	    db_query(store->db, "SELECT person.id FROM card"
				" JOIN person ON person.id = card.person_id"
				" WHERE card.key = ?1 AND card.state = 1"
				" AND person.login = ?2 AND person.state <> 2");
	int64_t id = 0;
	enum err err;

	db_bind_blob(q, 1, key, CARD_KEY_BYTES);
	db_bind_text(q, 2, login);
	if (db_next(q))
		id = db_number(q, 0);
	err = db_done(q);
	if (err != ERR_NONE)
		return err;
	*out_person_id = id;
	return id ? ERR_NONE : ERR_NOT_FOUND;
}

/* --- binding ------------------------------------------------------------- */

/* ERR_EXISTS with the holder of an active one. */
static enum err check_free(struct store *store,
    const unsigned char key[CARD_KEY_BYTES], int64_t *out_holder)
{
	struct db_query *q = db_query(store->db,
	    "SELECT person_id FROM card WHERE key = ?1 AND state = 1");
	int64_t holder = 0;
	enum err err;

	db_bind_blob(q, 1, key, CARD_KEY_BYTES);
	if (db_next(q))
		holder = db_number(q, 0);
	err = db_done(q);
	if (err != ERR_NONE || holder == 0)
		return err;
	*out_holder = holder;
	return ERR_EXISTS;
}

static enum err check_room(struct store *store, int64_t person_id)
{
	struct subject_card cards[SUBJECT_CARDS_MAX];
	size_t count = 0;
	enum err err = card_keys(store, person_id, cards, &count);

	if (err == ERR_NONE && count == SUBJECT_CARDS_MAX)
		err = ERR_FULL;
	return err;
}

static enum err insert_card(struct store *store, int64_t person_id,
    const struct card_certificate *certificate, const unsigned char *der,
    size_t length, int64_t now_s)
{
	struct db_query *q = db_query(store->db,
	    "INSERT INTO card (key, person_id, state, certificate,"
	    " enrolled_at) VALUES (?1, ?2, 1, ?3, ?4)");

	db_bind_blob(q, 1, certificate->key, CARD_KEY_BYTES);
	db_bind_number(q, 2, person_id);
	db_bind_blob(q, 3, der, length);
	db_bind_number(q, 4, now_s);
	return db_run(q);
}

static enum err mark_enrolled(
    struct store *store, int64_t person_id, int64_t now_s)
{
	struct db_query *q =
	    db_query(store->db, "UPDATE person SET enrolled_at = ?2"
				" WHERE id = ?1 AND enrolled_at = 0");

	db_bind_number(q, 1, person_id);
	db_bind_number(q, 2, now_s);
	return db_run(q);
}

enum err card_add(struct store *store, int64_t person_id,
    const struct card_certificate *certificate, const unsigned char *der,
    size_t length, int64_t now_s, int64_t *out_holder)
{
	enum err err = check_free(store, certificate->key, out_holder);

	if (err == ERR_NONE)
		err = check_room(store, person_id);
	if (err == ERR_NONE)
		err = insert_card(
		    store, person_id, certificate, der, length, now_s);
	if (err == ERR_NONE)
		err = mark_enrolled(store, person_id, now_s);
	if (err == ERR_NONE) {
		store->cards_bound++;
		last_login_note_binding(store, person_id);
	}
	return err;
}

enum err card_renew(
    struct store *store, int64_t id, const unsigned char *der, size_t length)
{
	struct db_query *q = db_query(
	    store->db, "UPDATE card SET certificate = ?2 WHERE id = ?1");
	enum err err;

	db_bind_number(q, 1, id);
	db_bind_blob(q, 2, der, length);
	err = db_run(q);
	if (err != ERR_NONE)
		return err;
	return db_changes(store->db) == 1 ? ERR_NONE : ERR_NOT_FOUND;
}

static enum err renew_own(struct store *store, int64_t person_id,
    const unsigned char key[CARD_KEY_BYTES], const unsigned char *der,
    size_t length)
{
	struct card card;
	enum err err = card_find(store, key, &card);

	if (err != ERR_NONE)
		return err;
	if (card.person_id != person_id)
		return ERR_EXISTS;
	return card_renew(store, card.id, der, length);
}

enum err card_bind(struct store *store, int64_t person_id,
    const struct card_certificate *certificate, const unsigned char *der,
    size_t length, int64_t now_s)
{
	int64_t holder = 0;
	enum err err = card_add(
	    store, person_id, certificate, der, length, now_s, &holder);

	if (err == ERR_EXISTS)
		err =
		    renew_own(store, person_id, certificate->key, der, length);
	return err == ERR_NONE ? throttle_forget(store, person_id, FACTOR_CARD)
			       : err;
}

enum err card_revoke(struct store *store, int64_t id)
{
	struct db_query *q =
	    db_query(store->db, "UPDATE card SET state = 0 WHERE id = ?1"
				" AND state = 1");
	enum err err;

	db_bind_number(q, 1, id);
	err = db_run(q);
	if (err != ERR_NONE)
		return err;
	if (db_changes(store->db) != 1)
		return ERR_NOT_FOUND;
	store->cards_bound--;
	return grace_end_card(store, id);
}

enum err card_revoke_all(struct store *store, int64_t person_id)
{
	struct db_query *q =
	    db_query(store->db, "UPDATE card SET state = 0 WHERE person_id = ?1"
				" AND state = 1");
	enum err err;

	db_bind_number(q, 1, person_id);
	err = db_run(q);
	if (err != ERR_NONE)
		return err;
	store->cards_bound -= db_changes(store->db);
	q = db_query(
	    store->db, "DELETE FROM card_invitation WHERE person_id = ?1");
	db_bind_number(q, 1, person_id);
	return db_run(q);
}

enum err card_used(struct store *store, int64_t id, int64_t now_s)
{
	struct db_query *q = db_query(store->db,
	    "INSERT INTO card_use (card_id, used_at) VALUES (?1, ?2)"
	    " ON CONFLICT (card_id) DO UPDATE SET used_at = excluded.used_at");

	db_bind_number(q, 1, id);
	db_bind_number(q, 2, now_s);
	return db_run(q);
}
