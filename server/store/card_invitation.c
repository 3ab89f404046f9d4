/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invitations to enrol a card: one a person, good once and for a short while.
 * Only their keyed hash is kept.
 */
#include "server/store/card.h"

enum err card_invite(struct store *store, int64_t person_id,
    const unsigned char code_hash[CARD_INVITATION_HASH_BYTES], int64_t until)
{
	struct db_query *q = db_query(store->db,
	    "INSERT INTO card_invitation (person_id, hash, valid_until)"
	    " VALUES (?1, ?2, ?3) ON CONFLICT (person_id) DO UPDATE SET"
	    " hash = excluded.hash, valid_until = excluded.valid_until,"
	    " used_key = NULL, replaces = NULL");

	db_bind_number(q, 1, person_id);
	db_bind_blob(q, 2, code_hash, CARD_INVITATION_HASH_BYTES);
	db_bind_number(q, 3, until);
	return db_run(q);
}

enum err card_invitation_find(struct store *store,
    const unsigned char code_hash[CARD_INVITATION_HASH_BYTES],
    const unsigned char key[CARD_KEY_BYTES], int64_t now_s,
    int64_t *out_person_id, bool *out_used)
{
	/* A card that was revoked meanwhile is not told to be bound. */
	struct db_query *q = db_query(store->db,
	    "SELECT person_id, used_key IS NOT NULL FROM card_invitation AS i"
	    " WHERE hash = ?1 AND valid_until > ?3 AND (used_key IS NULL"
	    " OR (used_key = ?2 AND EXISTS (SELECT 1 FROM card"
	    " WHERE key = ?2 AND person_id = i.person_id AND state = 1)))");
	int64_t person_id = 0;
	bool used = false;
	enum err err;

	db_bind_blob(q, 1, code_hash, CARD_INVITATION_HASH_BYTES);
	db_bind_blob(q, 2, key, CARD_KEY_BYTES);
	db_bind_number(q, 3, now_s);
	if (db_next(q)) {
		person_id = db_number(q, 0);
		used = db_number(q, 1) != 0;
	}
	err = db_done(q);
	if (err != ERR_NONE)
		return err;
	if (person_id == 0)
		return ERR_NOT_FOUND;
	*out_person_id = person_id;
	*out_used = used;
	return ERR_NONE;
}

enum err card_invitation_know(struct store *store,
    const unsigned char code_hash[CARD_INVITATION_HASH_BYTES], int64_t now_s,
    bool *out_known)
{
	struct db_query *q =
	    db_query(store->db, "SELECT 1 FROM card_invitation"
				" WHERE hash = ?1 AND valid_until > ?2");

	db_bind_blob(q, 1, code_hash, CARD_INVITATION_HASH_BYTES);
	db_bind_number(q, 2, now_s);
	*out_known = db_next(q);
	return db_done(q);
}

enum err card_invitation_spend(struct store *store, int64_t person_id,
    const unsigned char key[CARD_KEY_BYTES])
{
	struct db_query *q = db_query(store->db,
	    "UPDATE card_invitation SET used_key = ?2 WHERE person_id = ?1");

	db_bind_number(q, 1, person_id);
	db_bind_blob(q, 2, key, CARD_KEY_BYTES);
	return db_run(q);
}

enum err card_invitations_void(struct store *store)
{
	return db_run(db_query(store->db, "DELETE FROM card_invitation"));
}
