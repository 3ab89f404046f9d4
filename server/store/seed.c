/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seeds and their floors. A seed is recognised by its keyed hash, so that it
 * keeps its floor whoever gets it next. Must not know of tokens and people.
 */
#include "server/store/seed.h"

#include <string.h>

#include "server/keys/keyring.h"
#include "server/store/hasher.h"
#include "shared/text.h"

_Static_assert(
    (int)SEED_PRINT_BYTES == (int)HASHER_BYTES, "a print is a keyed hash");

static void place_of(int64_t seed_id, char out[SEED_PLACE_SIZE])
{
	memcpy(out, "seed ", 5);
	text_number(seed_id, out + 5);
}

enum err seed_open(struct store *store, int64_t seed_id,
    const unsigned char *sealed, size_t length, struct secret *out)
{
	char place[SEED_PLACE_SIZE];
	size_t seed_length = 0;
	enum err err;

	place_of(seed_id, place);
	err = keyring_open_sealed(store->keyring, place, sealed, length,
	    out->bytes, sizeof(out->bytes), &seed_length);
	if (err == ERR_NONE)
		out->length = seed_length;
	return err;
}

int64_t seed_effective_floor(
    const struct store *store, const struct otp_token *otp)
{
	int64_t least = 0;

	if (otp->type == OTP_TOTP && store->floor_s > 0)
		least = otp_step(otp, store->floor_s) + OTP_DRIFT_MAX +
			OTP_WINDOW_STEPS_MAX + 1;
	return otp->floor > least ? otp->floor : least;
}

static enum err fingerprint(struct store *store, const struct otp_token *otp,
    unsigned char out[SEED_PRINT_BYTES])
{
	unsigned char bytes[16 + SECRET_BYTES_MAX];
	int64_t head[2] = {otp->type, otp->period_s};
	size_t length = otp->seed.length;
	enum err err;

	/* To HMAC these are one key (RFC 2104, section 2). */
	while (length > 0 && otp->seed.bytes[length - 1] == 0)
		length--;

	memcpy(bytes, head, sizeof(head));
	memcpy(bytes + sizeof(head), otp->seed.bytes, length);
	err =
	    store_keyed_hash(store, "seed", bytes, sizeof(head) + length, out);
	secret_wipe_bytes(bytes, sizeof(bytes));
	return err;
}

static enum err find_by_print(struct store *store,
    const unsigned char print[SEED_PRINT_BYTES], int64_t *out_id)
{
	struct db_query *q =
	    db_query(store->db, "SELECT id FROM seed WHERE fingerprint = ?1");

	db_bind_blob(q, 1, print, SEED_PRINT_BYTES);
	*out_id = db_next(q) ? db_number(q, 0) : 0;
	return db_done(q);
}

static enum err write_seed(
    struct store *store, int64_t seed_id, const struct secret *seed)
{
	unsigned char sealed[SECRET_BYTES_MAX + SEALED_OVERHEAD];
	char place[SEED_PLACE_SIZE];
	size_t length = 0;
	struct db_query *q;
	enum err err;

	place_of(seed_id, place);
	err = keyring_seal(store->keyring, place, seed->bytes, seed->length,
	    sealed, sizeof(sealed), &length);
	if (err != ERR_NONE)
		return err;
	q = db_query(store->db, "UPDATE seed SET sealed = ?1 WHERE id = ?2");
	db_bind_blob(q, 1, sealed, length);
	db_bind_number(q, 2, seed_id);
	return db_run(q);
}

/* A seed is bound to its row's number, so the row comes first. */
static enum err add_seed(struct store *store, const struct otp_token *otp,
    const unsigned char print[SEED_PRINT_BYTES], int64_t *out_id)
{
	struct db_query *q = db_query(store->db,
	    "INSERT INTO seed (fingerprint, sealed) VALUES (?1, ?1)"
	    " RETURNING id");
	int64_t id;
	enum err err;

	db_bind_blob(q, 1, print, SEED_PRINT_BYTES);
	id = db_next(q) ? db_number(q, 0) : 0;
	err = db_done(q);
	if (err == ERR_NONE)
		err = write_seed(store, id, &otp->seed);
	if (err != ERR_NONE)
		return err;
	q = db_query(store->db,
	    "INSERT INTO seed_floor (seed_id, floor, used_at)"
	    " VALUES (?1, ?2, 0)");
	db_bind_number(q, 1, id);
	db_bind_number(q, 2, otp->floor);
	err = db_run(q);
	if (err == ERR_NONE)
		*out_id = id;
	return err;
}

static enum err raise_floor(struct store *store, int64_t seed_id, int64_t floor)
{
	struct db_query *q =
	    db_query(store->db, "UPDATE seed_floor SET floor = ?2"
				" WHERE seed_id = ?1 AND floor < ?2");

	db_bind_number(q, 1, seed_id);
	db_bind_number(q, 2, floor);
	return db_run(q);
}

enum err seed_find(struct store *store, const struct otp_token *otp,
    unsigned char print[SEED_PRINT_BYTES], int64_t *out_id)
{
	enum err err = fingerprint(store, otp, print);

	return err == ERR_NONE ? find_by_print(store, print, out_id) : err;
}

enum err seed_keep(struct store *store, const struct otp_token *otp,
    const unsigned char print[SEED_PRINT_BYTES], int64_t *id)
{
	return *id == 0 ? add_seed(store, otp, print, id)
			: raise_floor(store, *id, otp->floor);
}

enum err seed_read(struct store *store, int64_t seed_id, struct secret *out)
{
	struct db_query *q =
	    db_query(store->db, "SELECT sealed FROM seed WHERE id = ?1");
	unsigned char sealed[SECRET_BYTES_MAX + SEALED_OVERHEAD];
	size_t length = 0;
	enum err err;

	db_bind_number(q, 1, seed_id);
	if (db_next(q))
		db_read_blob(q, 0, sealed, sizeof(sealed), &length);
	err = db_done(q);
	return err == ERR_NONE ? seed_open(store, seed_id, sealed, length, out)
			       : err;
}
