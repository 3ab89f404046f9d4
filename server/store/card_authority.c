/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The CAs that are trusted for cards, and their parsed form, which is made
 * again whenever a row changes and moves with the transaction.
 */
#include <stdlib.h>
#include <string.h>

#include "server/store/card.h"
#include "server/store/grace_store.h"

/* --- rows in memory ------------------------------------------------------ */

static void free_rows(struct card_authority *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free((void *)(uintptr_t)rows[i].certificate);
		free((void *)(uintptr_t)rows[i].crl);
	}
}

/* A CRL's size is in the row, so that no room is held for the largest. */
static enum err read_bytes(struct db_query *q, int column, int64_t size,
    const unsigned char **out, size_t *out_length)
{
	unsigned char *bytes;

	if (size <= 0 || size > CARD_CRL_BYTES_MAX)
		return ERR_CORRUPT;
	bytes = malloc((size_t)size);
	if (!bytes)
		return ERR_MEMORY;
	db_read_bytes(q, column, bytes, (size_t)size);
	*out = bytes;
	*out_length = (size_t)size;
	return db_error(q);
}

static enum err read_row(struct db_query *q, struct card_authority *out)
{
	enum err err = read_bytes(
	    q, 0, db_number(q, 1), &out->certificate, &out->certificate_length);

	out->needs_crl = db_number(q, 2) != 0;
	if (err == ERR_NONE && !db_is_null(q, 3))
		err = read_bytes(
		    q, 3, db_number(q, 4), &out->crl, &out->crl_length);
	return err;
}

static enum err read_rows(struct store *store,
    struct card_authority rows[CARD_AUTHORITIES_MAX], size_t *out_count)
{
	struct db_query *q = db_query(store->db,
	    "SELECT certificate, length(certificate), needs_crl, crl,"
	    " length(crl) FROM card_authority ORDER BY key");
	enum err err = ERR_NONE, done;

	while (err == ERR_NONE && db_next(q)) {
		if (*out_count == CARD_AUTHORITIES_MAX)
			err = ERR_FULL;
		else
			err = read_row(q, &rows[(*out_count)++]);
	}
	done = db_done(q);
	return err != ERR_NONE ? err : done;
}

/* --- the parsed form ----------------------------------------------------- */

static enum err renew(struct store *store)
{
	struct card_authority rows[CARD_AUTHORITIES_MAX] = {0};
	struct card_authorities *parsed = NULL;
	size_t count = 0;
	enum err err = read_rows(store, rows, &count);

	if (err == ERR_NONE)
		err = card_authorities_new(rows, count, &parsed);
	free_rows(rows, count);
	if (err != ERR_NONE)
		return err == ERR_INVALID ? ERR_CORRUPT : err;
	/* Changed twice in one transaction: nobody has seen the first. */
	if (store->card_authorities != store->before.card_authorities)
		card_authorities_free(store->card_authorities);
	store->card_authorities = parsed;
	return ERR_NONE;
}

enum err card_load(struct store *store)
{
	struct db_query *q =
	    db_query(store->db, "SELECT count(*) FROM card WHERE state = 1");
	enum err err;

	if (db_next(q))
		store->cards_bound = db_number(q, 0);
	err = db_done(q);
	return err == ERR_NONE ? renew(store) : err;
}

/* --- changes ------------------------------------------------------------- */

/* What a card began rests on what was trusted then. Whose it is is not looked
 * up: all of them sign once more. */
static enum err take_effect(struct store *store)
{
	enum err err = grace_end_cards(store);

	return err == ERR_NONE ? renew(store) : err;
}

static enum err write_row(struct store *store,
    const unsigned char key[CARD_KEY_BYTES],
    const struct card_authority *authority, int64_t now_s)
{
	struct db_query *q = db_query(store->db,
	    "INSERT INTO card_authority (key, certificate, needs_crl, crl,"
	    " added_at) VALUES (?1, ?2, ?3, ?4, ?5)"
	    " ON CONFLICT (key) DO UPDATE SET"
	    " certificate = excluded.certificate,"
	    " needs_crl = excluded.needs_crl, crl = excluded.crl");

	db_bind_blob(q, 1, key, CARD_KEY_BYTES);
	db_bind_blob(
	    q, 2, authority->certificate, authority->certificate_length);
	db_bind_number(q, 3, authority->needs_crl);
	if (authority->crl)
		db_bind_blob(q, 4, authority->crl, authority->crl_length);
	db_bind_number(q, 5, now_s);
	return db_run(q);
}

enum err card_authority_set(
    struct store *store, const struct card_authority *authority, int64_t now_s)
{
	struct card_certificate certificate;
	enum err err = card_certificate_describe(authority->certificate,
	    authority->certificate_length, &certificate);

	if (err == ERR_NONE)
		err = write_row(store, certificate.key, authority, now_s);
	return err == ERR_NONE ? take_effect(store) : err;
}

enum err card_authority_remove(
    struct store *store, const unsigned char key[CARD_KEY_BYTES])
{
	struct db_query *q =
	    db_query(store->db, "DELETE FROM card_authority WHERE key = ?1");
	enum err err;

	db_bind_blob(q, 1, key, CARD_KEY_BYTES);
	err = db_run(q);
	if (err != ERR_NONE)
		return err;
	return db_changes(store->db) == 1 ? take_effect(store) : ERR_NOT_FOUND;
}

/* --- for administrators -------------------------------------------------- */

static enum err describe_row(
    const struct card_authority *row, struct card_authority_row *out)
{
	struct card_authority_row kept = {.needs_crl = row->needs_crl};
	enum err err = card_certificate_describe(
	    row->certificate, row->certificate_length, &kept.certificate);

	if (err != ERR_NONE)
		return err == ERR_INVALID ? ERR_CORRUPT : err;
	if (row->crl)
		card_crl_dates(
		    row->crl, row->crl_length, &kept.crl_from, &kept.crl_until);
	*out = kept;
	return ERR_NONE;
}

static enum err added_at(struct store *store, struct card_authority_row *row)
{
	struct db_query *q = db_query(
	    store->db, "SELECT added_at FROM card_authority WHERE key = ?1");

	db_bind_blob(q, 1, row->certificate.key, CARD_KEY_BYTES);
	if (db_next(q))
		row->added_at = db_number(q, 0);
	return db_done(q);
}

enum err card_authority_each(struct store *store,
    enum err (*each)(void *context, const struct card_authority_row *row),
    void *context)
{
	struct card_authority rows[CARD_AUTHORITIES_MAX] = {0};
	size_t count = 0;
	enum err err = read_rows(store, rows, &count);

	for (size_t i = 0; err == ERR_NONE && i < count; i++) {
		struct card_authority_row row;

		err = describe_row(&rows[i], &row);
		if (err == ERR_NONE)
			err = added_at(store, &row);
		if (err == ERR_NONE)
			err = each(context, &row);
	}
	free_rows(rows, count);
	return err;
}
