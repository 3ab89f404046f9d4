/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/stock_import.h"

#include <string.h>

#include "server/store/seed.h"

/* --- imports ----------------------------------------------------------------
 */

static enum err run_on(struct store *store, const char *sql, int64_t id)
{
	struct db_query *q = db_query(store->db, sql);

	db_bind_number(q, 1, id);
	return db_run(q);
}

static enum err add_import(struct store *store, int64_t now_s, int64_t *out_id)
{
	struct db_query *q = db_query(store->db,
	    "INSERT INTO stock_import (begun_at, touched_at, state, tokens,"
	    " has_fault) VALUES (?1, ?1, 1, 0, 0) RETURNING id");

	db_bind_number(q, 1, now_s);
	*out_id = db_next(q) ? db_number(q, 0) : 0;
	return db_done(q);
}

enum err stock_import_find(
    struct store *store, int64_t id, struct stock_import *out)
{
	struct db_query *q = db_query(store->db,
	    "SELECT state, tokens, has_fault FROM stock_import WHERE id = ?1");
	struct stock_import import = {.id = id};
	bool found;
	enum err err;

	db_bind_number(q, 1, id);
	found = db_next(q);
	if (found) {
		import.state = (enum stock_import_state)db_number(q, 0);
		import.tokens = db_number(q, 1);
		import.has_fault = db_number(q, 2) != 0;
	}
	err = db_done(q);
	if (err == ERR_NONE && !found)
		err = ERR_NOT_FOUND;
	if (err == ERR_NONE)
		*out = import;
	return err;
}

enum err stock_import_note(struct store *store, int64_t id, int64_t tokens,
    bool has_fault, int64_t now_s)
{
	struct db_query *q = db_query(store->db,
	    "UPDATE stock_import SET tokens = tokens + ?2,"
	    " has_fault = max(has_fault, ?3), touched_at = ?4 WHERE id = ?1");

	db_bind_number(q, 1, id);
	db_bind_number(q, 2, tokens);
	db_bind_number(q, 3, has_fault);
	db_bind_number(q, 4, now_s);
	return db_run(q);
}

/* --- tokens that arrive -----------------------------------------------------
 */

static enum err find_line(
    struct store *store, int64_t token_id, int64_t *out_line)
{
	struct db_query *q = db_query(
	    store->db, "SELECT line FROM token_arriving WHERE token_id = ?1");

	db_bind_number(q, 1, token_id);
	*out_line = db_next(q) ? db_number(q, 0) : 0;
	return db_done(q);
}

static enum err fill_clash(struct store *store, const char *serial,
    const struct token *other, struct stock_clash *clash)
{
	clash->other = *other;
	clash->by_serial = strcmp(serial, other->serial) == 0;
	return find_line(store, other->id, &clash->line);
}

/* floor: what a seed that was known before is raised to at the end. */
static enum err note_arriving(struct store *store, int64_t token_id,
    int64_t line, bool seed_is_new, int64_t floor)
{
	struct db_query *q = db_query(store->db,
	    "INSERT INTO token_arriving (token_id, line, seed_is_new, floor)"
	    " VALUES (?1, ?2, ?3, ?4)");

	db_bind_number(q, 1, token_id);
	db_bind_number(q, 2, line);
	db_bind_number(q, 3, seed_is_new);
	db_bind_number(q, 4, seed_is_new ? 0 : floor);
	return db_run(q);
}

enum err stock_import_add(struct store *store, int64_t line,
    const struct token *token, const struct token_deed *deed,
    struct stock_clash *clash)
{
	unsigned char print[SEED_PRINT_BYTES];
	struct token copy = *token;
	int64_t seed_id = 0, floor = token->otp.floor;
	enum err err = seed_find(store, &token->otp, print, &seed_id);

	copy.state = TOKEN_STOCK;
	/* Nothing of a seed that is known may change before the end. */
	if (seed_id != 0)
		copy.otp.floor = 0;
	if (err == ERR_NONE)
		err = token_add(store, &copy, deed);
	if (err == ERR_NONE)
		err = note_arriving(store, copy.id, line, seed_id == 0, floor);
	else if (err == ERR_EXISTS &&
		 fill_clash(store, token->serial, &copy, clash) != ERR_NONE)
		err = ERR_IO;
	token_wipe(&copy);
	return err;
}

enum err stock_import_finish(struct store *store, int64_t id)
{
	enum err err = db_run(db_query(store->db,
	    "UPDATE seed_floor SET floor = max(seed_floor.floor, arriving.floor)"
	    " FROM token_arriving AS arriving"
	    " JOIN token ON token.id = arriving.token_id"
	    " WHERE arriving.floor > 0"
	    " AND seed_floor.seed_id = token.seed_id"));

	/* The whole table: a hundred thousand rows in no time. */
	if (err == ERR_NONE)
		err = db_run(db_query(store->db, "DELETE FROM token_arriving"));
	if (err != ERR_NONE)
		return err;
	return run_on(store,
	    "UPDATE stock_import SET state = 2 WHERE id = ?1 AND state = 1",
	    id);
}

/* --- giving up --------------------------------------------------------------
 */

enum err stock_import_give_up(struct store *store, int64_t id)
{
	return run_on(store,
	    "UPDATE stock_import SET state = 0 WHERE id = ?1 AND state = 1",
	    id);
}

static enum err give_up_all(struct store *store, int64_t untouched_since)
{
	return run_on(store,
	    "UPDATE stock_import SET state = 0 WHERE state = 1"
	    " AND touched_at <= ?1",
	    untouched_since);
}

struct arrived {
	int64_t token_id, seed_id;
	bool seed_is_new;
};

static enum err read_some(
    struct store *store, struct arrived *out, size_t *out_count)
{
	struct db_query *q = db_query(store->db,
	    "SELECT arriving.token_id, token.seed_id, arriving.seed_is_new"
	    " FROM token_arriving AS arriving"
	    " JOIN token ON token.id = arriving.token_id"
	    " ORDER BY arriving.token_id LIMIT ?1");
	size_t count = 0;

	db_bind_number(q, 1, STOCK_SWEEP_ROWS);
	while (count < STOCK_SWEEP_ROWS && db_next(q)) {
		out[count].token_id = db_number(q, 0);
		out[count].seed_id = db_number(q, 1);
		out[count].seed_is_new = db_number(q, 2) != 0;
		count++;
	}
	*out_count = count;
	return db_done(q);
}

/* As if it had never come. */
static enum err delete_token(struct store *store, const struct arrived *token)
{
	enum err err = run_on(store,
	    "DELETE FROM token_arriving WHERE token_id = ?1", token->token_id);

	if (err == ERR_NONE)
		err = run_on(store,
		    "DELETE FROM token_ledger WHERE token_id = ?1",
		    token->token_id);
	if (err == ERR_NONE)
		err = run_on(
		    store, "DELETE FROM token WHERE id = ?1", token->token_id);
	/* A seed that was known before keeps its floor for good. */
	if (err != ERR_NONE || !token->seed_is_new)
		return err;
	err = run_on(
	    store, "DELETE FROM seed_floor WHERE seed_id = ?1", token->seed_id);
	return err == ERR_NONE ? run_on(store, "DELETE FROM seed WHERE id = ?1",
				     token->seed_id)
			       : err;
}

static enum err is_arriving(struct store *store, bool *out)
{
	struct db_query *q = db_query(
	    store->db, "SELECT 1 FROM stock_import WHERE state = 1 LIMIT 1");

	*out = db_next(q);
	return db_done(q);
}

static enum err delete_some(struct store *store, bool *out_more)
{
	struct arrived some[STOCK_SWEEP_ROWS];
	size_t count = 0;
	enum err err = read_some(store, some, &count);

	for (size_t i = 0; err == ERR_NONE && i < count; i++)
		err = delete_token(store, &some[i]);
	*out_more = count == STOCK_SWEEP_ROWS;
	return err;
}

enum err stock_import_sweep(struct store *store, int64_t now_s, bool *out_more)
{
	bool arriving = false;
	enum err err = give_up_all(store, now_s - STOCK_IMPORT_IDLE_S);

	*out_more = false;
	if (err == ERR_NONE)
		err = is_arriving(store, &arriving);
	if (err != ERR_NONE || arriving)
		return err;
	return delete_some(store, out_more);
}

enum err stock_import_begin(
    struct store *store, int64_t now_s, int64_t *out_id, bool *out_more)
{
	enum err err = give_up_all(store, INT64_MAX);

	*out_more = false;
	if (err == ERR_NONE)
		err = delete_some(store, out_more);
	if (err != ERR_NONE || *out_more)
		return err;
	return add_import(store, now_s, out_id);
}
