/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/authority_rows.h"

#include <stdio.h>
#include <string.h>

#include "server/keys/keyring.h"
#include "shared/secret.h"

enum {
	PLACE_SIZE = 48
};

_Static_assert(AUTHORITY_KEY_BYTES_MAX + SEALED_OVERHEAD <= SEALED_BYTES_MAX,
    "a key fits into a sealed value");

/* A sealed key opens in its own row only. */
static void name_place(
    enum authority_kind kind, int64_t id, char out[PLACE_SIZE])
{
	snprintf(
	    out, PLACE_SIZE, "authority %d %lld", (int)kind, (long long)id);
}

static enum err open_key(struct store *store, struct authority_row *row,
    const unsigned char *sealed, size_t length)
{
	char place[PLACE_SIZE];

	name_place(row->kind, row->id, place);
	return keyring_open_sealed(store->keyring, place, sealed, length,
	    row->key, sizeof(row->key), &row->key_length);
}

static enum err read_row(
    struct store *store, struct db_query *query, struct authority_row *out)
{
	unsigned char sealed[SEALED_OVERHEAD + AUTHORITY_KEY_BYTES_MAX];
	const char *certificate = db_text(query, 2);
	size_t length = 0;

	if (!certificate || strlen(certificate) >= sizeof(out->certificate))
		return ERR_CORRUPT;
	strcpy(out->certificate, certificate);
	out->id = db_number(query, 0);
	out->kind = (enum authority_kind)db_number(query, 1);
	db_read_blob(query, 3, sealed, sizeof(sealed), &length);
	out->from = db_number(query, 4);
	out->until = db_number(query, 5);
	return open_key(store, out, sealed, length);
}

enum err authority_rows_read(struct store *store,
    struct authority_row out[AUTHORITY_ROWS_MAX], size_t *out_count)
{
	struct db_query *query = db_query(store->db,
	    "SELECT id, kind, certificate, sealed_key, valid_from,"
	    " valid_until FROM authority ORDER BY id");
	size_t count = 0;
	enum err err = ERR_NONE;
	enum err done = ERR_IO;

	while (err == ERR_NONE && db_next(query)) {
		if (count == AUTHORITY_ROWS_MAX)
			err = ERR_FULL;
		else
			err = read_row(store, query, &out[count++]);
	}
	done = db_done(query);
	/* A row that could not be read says less than why. */
	if (done != ERR_NONE)
		err = done;
	if (err == ERR_NONE)
		*out_count = count;
	else
		authority_rows_wipe(out, count);
	return err;
}

void authority_rows_wipe(struct authority_row *rows, size_t count)
{
	secret_wipe_bytes(rows, count * sizeof(*rows));
}

enum err authority_rows_next_id(struct store *store, int64_t *out_id)
{
	struct db_query *query = db_query(
	    store->db, "SELECT COALESCE(MAX(id), 0) + 1 FROM authority");
	int64_t id = 0;
	enum err err = ERR_IO;

	if (db_next(query))
		id = db_number(query, 0);
	err = db_done(query);
	if (err == ERR_NONE)
		*out_id = id;
	return err;
}

static enum err seal_key(struct store *store, const struct authority_row *row,
    unsigned char *out, size_t out_size, size_t *out_length)
{
	char place[PLACE_SIZE];

	name_place(row->kind, row->id, place);
	return keyring_seal(store->keyring, place, row->key, row->key_length,
	    out, out_size, out_length);
}

enum err authority_rows_add(
    struct store *store, const struct authority_row *row)
{
	unsigned char sealed[SEALED_OVERHEAD + AUTHORITY_KEY_BYTES_MAX];
	struct db_query *query = NULL;
	size_t length = 0;
	enum err err = seal_key(store, row, sealed, sizeof(sealed), &length);

	if (err != ERR_NONE)
		return err;
	query = db_query(store->db,
	    "INSERT INTO authority (id, kind, certificate, sealed_key,"
	    " valid_from, valid_until) VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
	db_bind_number(query, 1, row->id);
	db_bind_number(query, 2, row->kind);
	db_bind_text(query, 3, row->certificate);
	db_bind_blob(query, 4, sealed, length);
	db_bind_number(query, 5, row->from);
	db_bind_number(query, 6, row->until);
	return db_run(query);
}

enum err authority_rows_remove(struct store *store, int64_t id)
{
	struct db_query *query =
	    db_query(store->db, "DELETE FROM authority WHERE id = ?1");

	db_bind_number(query, 1, id);
	return db_run(query);
}

enum err authority_rows_reseal(struct store *store)
{
	struct authority_row rows[AUTHORITY_ROWS_MAX];
	size_t count = 0;
	enum err err = authority_rows_read(store, rows, &count);

	for (size_t i = 0; i < count && err == ERR_NONE; i++) {
		err = authority_rows_remove(store, rows[i].id);
		if (err == ERR_NONE)
			err = authority_rows_add(store, &rows[i]);
	}
	authority_rows_wipe(rows, count);
	return err;
}
