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
	    " hash = excluded.hash, valid_until = excluded.valid_until");

	db_bind_number(q, 1, person_id);
	db_bind_blob(q, 2, code_hash, CARD_INVITATION_HASH_BYTES);
	db_bind_number(q, 3, until);
	return db_run(q);
}

enum err card_invitation_find(struct store *store,
    const unsigned char code_hash[CARD_INVITATION_HASH_BYTES], int64_t now_s,
    int64_t *out_person_id)
{
	struct db_query *q =
	    db_query(store->db, "SELECT person_id FROM card_invitation"
				" WHERE hash = ?1 AND valid_until > ?2");
	int64_t person_id = 0;
	enum err err;

	db_bind_blob(q, 1, code_hash, CARD_INVITATION_HASH_BYTES);
	db_bind_number(q, 2, now_s);
	if (db_next(q))
		person_id = db_number(q, 0);
	err = db_done(q);
	if (err != ERR_NONE)
		return err;
	if (person_id == 0)
		return ERR_NOT_FOUND;
	*out_person_id = person_id;
	return ERR_NONE;
}

enum err card_invitation_take(struct store *store,
    const unsigned char code_hash[CARD_INVITATION_HASH_BYTES], int64_t now_s,
    int64_t *out_person_id)
{
	enum err err =
	    card_invitation_find(store, code_hash, now_s, out_person_id);
	struct db_query *q;

	if (err != ERR_NONE)
		return err;
	q = db_query(store->db, "DELETE FROM card_invitation WHERE hash = ?1");
	db_bind_blob(q, 1, code_hash, CARD_INVITATION_HASH_BYTES);
	return db_run(q);
}

enum err card_invitations_void(struct store *store)
{
	return db_run(db_query(store->db, "DELETE FROM card_invitation"));
}
