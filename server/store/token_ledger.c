/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of the ledger are made by the database out of what is in it, so that
 * none can tell another state or holder than the one that was left. Must not
 * change a token.
 */
#include "server/store/token_ledger.h"

#define LEDGER_COLUMNS                                                         \
	"token_id, seq, time, actor, from_state, to_state, person_id, name,"   \
	" loan_until, why"
#define NEXT_SEQ                                                               \
	" (SELECT coalesce(max(seq), 0) + 1 FROM token_ledger"                 \
	" WHERE token_id = token.id)"

static enum err run(struct db_query *q, const struct token_deed *deed)
{
	db_bind_number(q, 1, deed->time_s);
	db_bind_text(q, 2, deed->actor);
	db_bind_text(q, 3, deed->why);
	return db_run(q);
}

enum err token_ledger_open(struct store *store, const struct token *token,
    const struct token_deed *deed)
{
	struct db_query *q = db_query(store->db,
	    "INSERT INTO token_ledger (" LEDGER_COLUMNS ")"
	    " SELECT token.id, 1, ?1, ?2, NULL, token.state, token.person_id,"
	    " coalesce(person.name, ''), token.loan_until, ?3 FROM token"
	    " LEFT JOIN person ON person.id = token.person_id"
	    " WHERE token.id = ?4");

	db_bind_number(q, 4, token->id);
	return run(q, deed);
}

enum err token_ledger_add(struct store *store, const struct token *token,
    const struct token_deed *deed)
{
	struct db_query *q = db_query(store->db,
	    "INSERT INTO token_ledger (" LEDGER_COLUMNS ")"
	    " SELECT token.id," NEXT_SEQ ", ?1, ?2, token.state, ?5, ?6,"
	    " coalesce(person.name, ''), ?7, ?3 FROM token"
	    " LEFT JOIN person ON person.id = ?6 WHERE token.id = ?4"
	    " AND (token.state <> ?5 OR token.person_id IS DISTINCT FROM ?6"
	    " OR token.loan_until <> ?7)");

	db_bind_number(q, 4, token->id);
	db_bind_number(q, 5, token->state);
	if (token->person_id)
		db_bind_number(q, 6, token->person_id);
	db_bind_number(q, 7, token->loan_until);
	return run(q, deed);
}

enum err token_ledger_add_void(
    struct store *store, const struct token_deed *deed)
{
	struct db_query *q = db_query(store->db,
	    "INSERT INTO token_ledger (" LEDGER_COLUMNS ")"
	    " SELECT token.id," NEXT_SEQ ", ?1, ?2, token.state, 5,"
	    " token.person_id, person.name, token.loan_until, ?3 FROM token"
	    " JOIN person ON person.id = token.person_id"
	    " WHERE token.type = 1 AND token.state IN (1, 2)");

	return run(q, deed);
}

enum err token_ledger_add_ended(
    struct store *store, const struct token_deed *deed)
{
	struct db_query *q = db_query(store->db,
	    "INSERT INTO token_ledger (" LEDGER_COLUMNS ")"
	    " SELECT token.id," NEXT_SEQ ", ?1, ?2, token.state, token.state,"
	    " token.person_id, person.name, ?1, ?3 FROM token"
	    " JOIN person ON person.id = token.person_id"
	    " WHERE token.loan_until > ?1");

	return run(q, deed);
}

static void read_row(struct db_query *q, struct token_ledger_row *out)
{
	out->seq = db_number(q, 0);
	out->time_s = db_number(q, 1);
	db_read_text(q, 2, out->actor, sizeof(out->actor));
	out->is_first = db_is_null(q, 3);
	out->from = (enum token_state)db_number(q, 3);
	out->to = (enum token_state)db_number(q, 4);
	db_read_text(q, 5, out->from_user, sizeof(out->from_user));
	db_read_text(q, 6, out->user, sizeof(out->user));
	db_read_text(q, 7, out->name, sizeof(out->name));
	out->loan_until = db_number(q, 8);
	db_read_text(q, 9, out->why, sizeof(out->why));
	out->from_person_id = db_number(q, 10);
	out->person_id = db_number(q, 11);
}

enum err token_ledger_each(struct store *store, int64_t token_id,
    enum err (*each)(void *context, struct token_ledger_row *row),
    void *context)
{
	struct db_query *q = db_query(store->db,
	    "SELECT l.seq, l.time, l.actor, l.from_state, l.to_state,"
	    " coalesce(giver.user_name, ''), coalesce(holder.user_name, ''),"
	    " l.name, l.loan_until, l.why, last.person_id, l.person_id FROM token_ledger AS l"
	    " LEFT JOIN token_ledger AS last"
	    " ON last.token_id = l.token_id AND last.seq = l.seq - 1"
	    " LEFT JOIN person AS giver ON giver.id = last.person_id"
	    " LEFT JOIN person AS holder ON holder.id = l.person_id"
	    " WHERE l.token_id = ?1 ORDER BY l.seq");
	struct token_ledger_row row;
	enum err err = ERR_NONE, done;

	db_bind_number(q, 1, token_id);
	while (err == ERR_NONE && db_next(q)) {
		read_row(q, &row);
		err = db_error(q);
		if (err == ERR_NONE)
			err = each(context, &row);
	}
	done = db_done(q);
	return err != ERR_NONE ? err : done;
}
