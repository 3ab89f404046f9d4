/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/reseal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/keys/keyring.h"
#include "server/store/authority_rows.h"
#include "server/store/seed.h"

enum {
	RESEAL_SIZE = SECRET_BYTES_MAX + SEALED_OVERHEAD
};

/* The store's own secrets, bound to their names (store.c). */
static const char *const NAMED[] = {"hash_key", "login_key"};

struct sealed_row {
	int64_t id;
	unsigned char bytes[RESEAL_SIZE];
	size_t length;
};

static bool is_newest(const struct store *store, const struct sealed_row *row)
{
	return keyring_generation_of(row->bytes, row->length) ==
	       keyring_newest(store->keyring);
}

static enum err reseal(
    struct store *store, const char *place, struct sealed_row *row)
{
	unsigned char plain[SECRET_BYTES_MAX];
	size_t length = 0;
	enum err err = keyring_open_sealed(store->keyring, place, row->bytes,
	    row->length, plain, sizeof(plain), &length);

	if (err == ERR_NONE)
		err = keyring_seal(store->keyring, place, plain, length,
		    row->bytes, sizeof(row->bytes), &row->length);
	secret_wipe_bytes(plain, sizeof(plain));
	return err;
}

/* --- seeds ---------------------------------------------------------------- */

/* Rows are not changed while they are being walked through. */
static enum err read_seeds(struct store *store, int64_t above, int64_t limit,
    struct sealed_row *rows, size_t *out_count)
{
	struct db_query *q = db_query(store->db,
	    "SELECT id, sealed FROM seed WHERE id > ?1 ORDER BY id LIMIT ?2");
	size_t count = 0;
	enum err err;

	db_bind_number(q, 1, above);
	db_bind_number(q, 2, limit);
	while (count < (size_t)limit && db_next(q)) {
		rows[count].id = db_number(q, 0);
		db_read_blob(q, 1, rows[count].bytes, sizeof(rows[count].bytes),
		    &rows[count].length);
		count++;
	}
	err = db_done(q);
	if (err == ERR_NONE)
		*out_count = count;
	return err;
}

static enum err reseal_seed(struct store *store, struct sealed_row *row)
{
	char place[SEED_PLACE_SIZE];
	struct db_query *q;
	enum err err;

	if (is_newest(store, row))
		return ERR_NONE;
	snprintf(place, sizeof(place), "seed %" PRId64, row->id);
	err = reseal(store, place, row);
	if (err != ERR_NONE)
		return err;
	q = db_query(store->db, "UPDATE seed SET sealed = ?2 WHERE id = ?1");
	db_bind_number(q, 1, row->id);
	db_bind_blob(q, 2, row->bytes, row->length);
	return db_run(q);
}

/* --- named secrets -------------------------------------------------------- */

static enum err reseal_named(struct store *store, const char *name)
{
	struct db_query *q =
	    db_query(store->db, "SELECT bytes FROM meta WHERE name = ?1");
	struct sealed_row row = {0};
	char place[64];
	bool found;
	enum err err;

	db_bind_text(q, 1, name);
	found = db_next(q);
	if (found)
		db_read_blob(q, 0, row.bytes, sizeof(row.bytes), &row.length);
	err = db_done(q);
	if (err != ERR_NONE || !found)
		return err != ERR_NONE ? err : ERR_CORRUPT;
	if (is_newest(store, &row))
		return ERR_NONE;
	snprintf(place, sizeof(place), "meta %s", name);
	err = reseal(store, place, &row);
	if (err != ERR_NONE)
		return err;
	q = db_query(store->db, "UPDATE meta SET bytes = ?2 WHERE name = ?1");
	db_bind_text(q, 1, name);
	db_bind_blob(q, 2, row.bytes, row.length);
	return db_run(q);
}

static enum err reseal_rest(struct store *store)
{
	enum err err = ERR_NONE;

	for (size_t i = 0; i < sizeof(NAMED) / sizeof(NAMED[0]) && !err; i++)
		err = reseal_named(store, NAMED[i]);
	return err ? err : authority_rows_reseal(store);
}

enum err reseal_step(
    struct store *store, int64_t limit, int64_t *position, bool *out_more)
{
	struct sealed_row *rows = calloc((size_t)limit, sizeof(*rows));
	size_t count = 0;
	enum err err = ERR_MEMORY;

	if (!rows)
		return ERR_MEMORY;
	err = read_seeds(store, *position, limit, rows, &count);
	for (size_t i = 0; i < count && !err; i++)
		err = reseal_seed(store, &rows[i]);
	if (!err && count < (size_t)limit)
		err = reseal_rest(store);
	if (!err) {
		*out_more = count == (size_t)limit;
		*position = count > 0 ? rows[count - 1].id : *position;
	}
	free(rows);
	return err;
}

/* --- complete? ------------------------------------------------------------ */

enum err reseal_is_complete(struct store *store, bool *out)
{
	struct db_query *q = db_query(store->db,
	    "SELECT sealed FROM seed UNION ALL"
	    " SELECT sealed_key FROM authority UNION ALL"
	    " SELECT bytes FROM meta WHERE name IN ('hash_key', 'login_key')");
	unsigned char sealed[SEALED_BYTES_MAX];
	uint32_t newest = keyring_newest(store->keyring);
	size_t length = 0;
	bool complete = true;
	enum err err;

	while (db_next(q)) {
		db_read_blob(q, 0, sealed, sizeof(sealed), &length);
		if (keyring_generation_of(sealed, length) != newest)
			complete = false;
	}
	err = db_done(q);
	if (err == ERR_NONE)
		*out = complete;
	return err;
}
