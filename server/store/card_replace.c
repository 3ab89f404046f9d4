/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A new card for an old one: both work until the new one has been used, so
 * that nobody stands before a locked door with a card that is faulty.
 */
#include "server/store/card.h"

enum err card_replaces(struct store *store,
    const unsigned char key[CARD_KEY_BYTES], int64_t old_id)
{
	struct db_query *q = db_query(store->db,
	    "UPDATE card SET replaces = ?2 WHERE key = ?1 AND state = 1"
	    " AND id <> ?2 AND person_id ="
	    " (SELECT person_id FROM card WHERE id = ?2)");

	db_bind_blob(q, 1, key, CARD_KEY_BYTES);
	db_bind_number(q, 2, old_id);
	return db_run(q);
}

enum err card_end_replaced(struct store *store, int64_t id,
    unsigned char out_key[CARD_KEY_BYTES], bool *out_done)
{
	struct db_query *q = db_query(store->db,
	    "SELECT old.id, old.key FROM card JOIN card AS old"
	    " ON old.id = card.replaces AND old.state = 1 WHERE card.id = ?1");
	int64_t old_id = 0;
	enum err err;

	*out_done = false;
	db_bind_number(q, 1, id);
	if (db_next(q)) {
		old_id = db_number(q, 0);
		db_read_bytes(q, 1, out_key, CARD_KEY_BYTES);
	}
	err = db_done(q);
	if (err != ERR_NONE || old_id == 0)
		return err;
	err = card_revoke(store, old_id);
	*out_done = err == ERR_NONE;
	return err;
}

enum err card_invitation_replaces(
    struct store *store, int64_t person_id, int64_t old_id)
{
	struct db_query *q = db_query(store->db,
	    "UPDATE card_invitation SET replaces = ?2 WHERE person_id = ?1");

	db_bind_number(q, 1, person_id);
	if (old_id)
		db_bind_number(q, 2, old_id);
	return db_run(q);
}

enum err card_invitation_replaced(
    struct store *store, int64_t person_id, int64_t *out_old_id)
{
	struct db_query *q = db_query(store->db,
	    "SELECT replaces FROM card_invitation WHERE person_id = ?1");
	int64_t old_id;
	enum err err;

	db_bind_number(q, 1, person_id);
	old_id = db_next(q) ? db_number(q, 0) : 0;
	err = db_done(q);
	if (err == ERR_NONE)
		*out_old_id = old_id;
	return err;
}
