/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens: what they are, whose, and in which state. Must not know who may have
 * one, nor what is in a seed (seed.c).
 */
#include "server/store/token.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/store/admin_session.h"
#include "server/store/grace_store.h"
#include "server/store/person.h"
#include "server/store/seed.h"
#include "server/store/token_ledger.h"
#include "shared/encode.h"
#include "shared/text.h"

enum {
	SERIAL_RANDOM_BYTES = 7,
	SERIAL_RANDOM_CHARACTERS = 10
};

/* When a seed changes hands, its use before that is not this token's. */
#define TOKEN_COLUMNS                                                          \
	"token.id, token.person_id, token.serial,"                             \
	" coalesce(person.user_name, ''),"                                     \
	" token.state, token.created_at, token.confirmed_at,"                  \
	" CASE WHEN seed_floor.used_at >= token.created_at"                    \
	" THEN seed_floor.used_at ELSE 0 END, token.type, token.algorithm,"    \
	" token.digits, token.period_s, seed_floor.floor, token.seed_id,"      \
	" seed_floor.drift, throttle.astray_token IS NOT NULL,"                \
	" token.loan_until, coalesce(person.name, ''),"                        \
	" coalesce(person.department, ''), coalesce(person.state, 0),"         \
	" coalesce(person.valid_until, 0), EXISTS (SELECT 1 FROM token_ledger" \
	" WHERE token_id = token.id AND seq = 1 AND to_state = 6)"
#define TOKEN_TABLES                                                           \
	" FROM token LEFT JOIN person ON person.id = token.person_id"          \
	" JOIN seed_floor ON seed_floor.seed_id = token.seed_id"               \
	" LEFT JOIN throttle ON throttle.person_id = token.person_id"          \
	" AND throttle.factor = 1 AND throttle.terminal_id = 0"                \
	" AND throttle.astray_token = token.id"
/* Not of a stranger's stand-in, nor of an import that is not finished. */
#define TOKEN_IS_REAL                                                          \
	" coalesce(person.decoy, 0) = 0 AND NOT EXISTS (SELECT 1"              \
	" FROM token_arriving WHERE token_arriving.token_id = token.id)"

static const char *const state_texts[] = {
    [TOKEN_PENDING] = "pending",
    [TOKEN_ACTIVE] = "active",
    [TOKEN_SUSPENDED] = "suspended",
    [TOKEN_LOST] = "lost",
    [TOKEN_REVOKED] = "revoked",
    [TOKEN_VOID] = "void",
    [TOKEN_STOCK] = "stock",
    [TOKEN_RETURNED] = "returned",
    [TOKEN_RETIRED] = "retired",
};

enum {
	STATE_COUNT = sizeof(state_texts) / sizeof(state_texts[0])
};

const char *token_state_text(enum token_state state)
{
	return (size_t)state < STATE_COUNT ? state_texts[state] : "unknown";
}

bool token_is_unheld(enum token_state state)
{
	return state == TOKEN_STOCK || state == TOKEN_RETURNED ||
	       state == TOKEN_RETIRED;
}

bool token_is_due(const struct token *token, int64_t now_s)
{
	return token->loan_until != 0 && now_s >= token->loan_until;
}

enum err token_state_from_text(const char *text, enum token_state *out)
{
	for (int i = 0; i < (int)STATE_COUNT; i++) {
		if (strcmp(text, state_texts[i]) == 0) {
			*out = (enum token_state)i;
			return ERR_NONE;
		}
	}
	return ERR_INVALID;
}

void token_wipe(struct token *token)
{
	secret_wipe_bytes(token, sizeof(*token));
}

static void read_token(struct db_query *q, struct token *out)
{
	memset(out, 0, sizeof(*out));
	out->id = db_number(q, 0);
	out->person_id = db_number(q, 1);
	db_read_text(q, 2, out->serial, sizeof(out->serial));
	db_read_text(q, 3, out->user, sizeof(out->user));
	out->state = (enum token_state)db_number(q, 4);
	out->created_at = db_number(q, 5);
	out->confirmed_at = db_number(q, 6);
	out->last_used_at = db_number(q, 7);
	out->otp.type = (enum otp_type)db_number(q, 8);
	out->otp.algorithm = (enum otp_algorithm)db_number(q, 9);
	out->otp.digits = (int)db_number(q, 10);
	out->otp.period_s = db_number(q, 11);
	out->otp.floor = db_number(q, 12);
	out->otp.drift = db_number(q, 14);
	out->out_of_step = db_number(q, 15) != 0;
	out->loan_until = db_number(q, 16);
	db_read_text(q, 17, out->name, sizeof(out->name));
	db_read_text(q, 18, out->department, sizeof(out->department));
	out->holder_removed = db_number(q, 19) == PERSON_REMOVED;
	out->holder_suspended = db_number(q, 19) == PERSON_SUSPENDED;
	out->holder_until = db_number(q, 20);
	out->device = db_number(q, 21) != 0;
}

/* The first row of a query that was made with TOKEN_COLUMNS. */
static enum err read_first(struct store *store, struct db_query *q,
    struct token *out, int64_t *out_seed_id)
{
	bool found = db_next(q);
	struct token token;
	int64_t seed_id = 0;
	enum err err;

	if (found) {
		read_token(q, &token);
		seed_id = db_number(q, 13);
	}
	err = db_done(q);
	if (err != ERR_NONE)
		return err;
	if (!found)
		return ERR_NOT_FOUND;
	token.otp.floor = seed_effective_floor(store, &token.otp);
	*out = token;
	if (out_seed_id)
		*out_seed_id = seed_id;
	return ERR_NONE;
}

enum err token_find(
    struct store *store, const char *serial, bool with_seed, struct token *out)
{
	struct db_query *q =
	    db_query(store->db, "SELECT " TOKEN_COLUMNS TOKEN_TABLES
				" WHERE token.serial = ?1 AND" TOKEN_IS_REAL);
	struct token token = {0};
	int64_t seed_id = 0;
	enum err err;

	db_bind_text(q, 1, serial);
	err = read_first(store, q, &token, &seed_id);
	if (err == ERR_NONE && with_seed)
		err = seed_read(store, seed_id, &token.otp.seed);
	if (err == ERR_NONE)
		*out = token;
	token_wipe(&token);
	return err;
}

static enum err hand_on_each(struct store *store, struct db_query *q,
    enum err (*each)(void *context, const struct token *token), void *context)
{
	enum err err = ERR_NONE, done;
	struct token token;

	while (err == ERR_NONE && db_next(q)) {
		read_token(q, &token);
		token.otp.floor = seed_effective_floor(store, &token.otp);
		err = db_error(q);
		if (err == ERR_NONE)
			err = each(context, &token);
	}
	done = db_done(q);
	return err != ERR_NONE ? err : done;
}

enum err token_each_serial(struct store *store, const char *after,
    int64_t limit, enum err (*each)(void *context, const struct token *token),
    void *context)
{
	struct db_query *q =
	    db_query(store->db, "SELECT " TOKEN_COLUMNS TOKEN_TABLES
				" WHERE" TOKEN_IS_REAL " AND token.serial > ?1"
				" ORDER BY token.serial LIMIT ?2");

	db_bind_text(q, 1, after);
	db_bind_number(q, 2, limit);
	return hand_on_each(store, q, each, context);
}

enum err token_each(struct store *store, int64_t person_id,
    enum err (*each)(void *context, const struct token *token), void *context)
{
	struct db_query *q = db_query(store->db,
	    "SELECT " TOKEN_COLUMNS TOKEN_TABLES
	    " WHERE token.person_id = ?1 ORDER BY token.id");

	db_bind_number(q, 1, person_id);
	return hand_on_each(store, q, each, context);
}

static enum err make_serial(char out[TOKEN_SERIAL_SIZE])
{
	struct secret random = {0};
	char text[ENCODE_BASE32_SIZE(SERIAL_RANDOM_BYTES)];
	enum err err = secret_random(&random, SERIAL_RANDOM_BYTES);

	if (err != ERR_NONE)
		return err;
	encode_base32(random.bytes, random.length, text);
	snprintf(
	    out, TOKEN_SERIAL_SIZE, "SK%.*s", SERIAL_RANDOM_CHARACTERS, text);
	return ERR_NONE;
}

static bool is_plausible(const struct otp_token *otp)
{
	return otp->seed.length > 0 && otp->floor >= 0 && otp->digits >= 6 &&
	       otp->digits <= OTP_DIGITS_MAX &&
	       (otp->type == OTP_HOTP ? otp->period_s == 0 : otp->period_s > 0);
}

/* ERR_EXISTS with the token in *token, or ERR_NONE when the serial is free
 * and nobody else's token has this seed. */
static enum err check_free(
    struct store *store, int64_t seed_id, struct token *token)
{
	struct db_query *q = db_query(store->db,
	    "SELECT " TOKEN_COLUMNS TOKEN_TABLES
	    " WHERE token.serial = ?1 OR (token.seed_id = ?2"
	    " AND token.state NOT IN (4, 8)) ORDER BY token.serial <> ?1");
	struct token other;
	enum err err;

	db_bind_text(q, 1, token->serial);
	db_bind_number(q, 2, seed_id);
	err = read_first(store, q, &other, NULL);
	if (err == ERR_NOT_FOUND)
		return ERR_NONE;
	if (err != ERR_NONE)
		return err;
	token_wipe(token);
	*token = other;
	return ERR_EXISTS;
}

static enum err insert_token(
    struct store *store, int64_t seed_id, struct token *token)
{
	struct db_query *q = db_query(store->db,
	    "INSERT INTO token (person_id, seed_id, serial, state, type,"
	    " algorithm, digits, period_s, created_at, confirmed_at,"
	    " loan_until) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10,"
	    " ?11)"
	    " RETURNING id");
	int64_t id;
	enum err err;

	if (token->person_id)
		db_bind_number(q, 1, token->person_id);
	db_bind_number(q, 2, seed_id);
	db_bind_text(q, 3, token->serial);
	db_bind_number(q, 4, token->state);
	db_bind_number(q, 5, token->otp.type);
	db_bind_number(q, 6, token->otp.algorithm);
	db_bind_number(q, 7, token->otp.digits);
	db_bind_number(q, 8, token->otp.period_s);
	db_bind_number(q, 9, token->created_at);
	db_bind_number(q, 10, token->confirmed_at);
	db_bind_number(q, 11, token->loan_until);
	id = db_next(q) ? db_number(q, 0) : 0;
	err = db_done(q);
	if (err == ERR_NONE)
		token->id = id;
	return err;
}

/* Held as its state wants it. */
static bool is_placed(const struct token *token)
{
	return token_is_unheld(token->state)
		   ? token->person_id == 0 && token->loan_until == 0
		   : token->person_id != 0;
}

enum err token_add(
    struct store *store, struct token *token, const struct token_deed *deed)
{
	unsigned char print[SEED_PRINT_BYTES];
	int64_t seed_id = 0;
	enum err err;

	if (!is_plausible(&token->otp) || !is_placed(token))
		return ERR_INVALID;
	err = seed_find(store, &token->otp, print, &seed_id);
	if (err == ERR_NONE && token->serial[0] == '\0')
		err = make_serial(token->serial);
	if (err == ERR_NONE)
		err = check_free(store, seed_id, token);
	if (err == ERR_NONE)
		err = seed_keep(store, &token->otp, print, &seed_id);
	if (err == ERR_NONE)
		err = insert_token(store, seed_id, token);
	if (err == ERR_NONE && deed)
		err = token_ledger_open(store, token, deed);
	return err;
}

/* ERR_EXISTS when a token that was given up comes back, and its seed is
 * another's by now. */
static enum err check_seed_is_its_own(
    struct store *store, const struct token *token)
{
	struct db_query *q;
	bool taken;
	enum err err;

	if (token->state == TOKEN_REVOKED || token->state == TOKEN_RETIRED)
		return ERR_NONE;
	q = db_query(store->db,
	    "SELECT 1 FROM token AS mine JOIN token AS other"
	    " ON other.seed_id = mine.seed_id AND other.id <> mine.id"
	    " WHERE mine.id = ?1 AND mine.state IN (4, 8)"
	    " AND other.state NOT IN (4, 8) LIMIT 1");
	db_bind_number(q, 1, token->id);
	taken = db_next(q);
	err = db_done(q);
	return err == ERR_NONE && taken ? ERR_EXISTS : err;
}

static enum err update_token(struct store *store, const struct token *token)
{
	struct db_query *q = db_query(store->db,
	    "UPDATE token SET state = ?2, created_at = ?3, confirmed_at = ?4,"
	    " person_id = ?5, loan_until = ?6 WHERE id = ?1");
	enum err err;

	db_bind_number(q, 1, token->id);
	db_bind_number(q, 2, token->state);
	db_bind_number(q, 3, token->created_at);
	db_bind_number(q, 4, token->confirmed_at);
	if (token->person_id)
		db_bind_number(q, 5, token->person_id);
	db_bind_number(q, 6, token->loan_until);
	err = db_run(q);
	if (err != ERR_NONE)
		return err;
	return db_changes(store->db) == 1 ? ERR_NONE : ERR_NOT_FOUND;
}

enum err token_save(struct store *store, const struct token *token,
    const struct token_deed *deed)
{
	enum err err;

	if (!is_placed(token))
		return ERR_INVALID;
	err = check_seed_is_its_own(store, token);
	/* Before: it reads what is being left. */
	if (err == ERR_NONE)
		err = token_ledger_add(store, token, deed);
	/* Whoever signed in by it as an administrator is out. */
	if (err == ERR_NONE && token->state != TOKEN_ACTIVE &&
	    token->state != TOKEN_PENDING)
		err = admin_sessions_end_of_token(store, token->id);
	if (err == ERR_NONE)
		err = update_token(store, token);
	if (err == ERR_NONE && token->state != TOKEN_ACTIVE)
		err = grace_end_token(store, token->id);
	return err;
}

enum err token_end_loans(struct store *store, const struct token_deed *deed)
{
	struct db_query *q;
	enum err err = token_ledger_add_ended(store, deed);

	if (err != ERR_NONE)
		return err;
	q = db_query(store->db,
	    "UPDATE token SET loan_until = ?1 WHERE loan_until > ?1");
	db_bind_number(q, 1, deed->time_s);
	return db_run(q);
}

enum err token_spend(struct store *store, int64_t token_id, int64_t floor,
    int64_t drift, int64_t now_s)
{
	struct db_query *q = db_query(store->db,
	    "UPDATE seed_floor SET floor = ?2, used_at = ?3, drift = ?4"
	    " WHERE seed_id = (SELECT seed_id FROM token WHERE id = ?1)"
	    " AND floor < ?2");
	enum err err;

	db_bind_number(q, 1, token_id);
	db_bind_number(q, 2, floor);
	db_bind_number(q, 3, now_s);
	db_bind_number(q, 4, drift);
	err = db_run(q);
	if (err != ERR_NONE)
		return err;
	return db_changes(store->db) == 1 ? ERR_NONE : ERR_NOT_ALLOWED;
}
