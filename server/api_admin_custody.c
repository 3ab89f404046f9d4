/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sekimorictl token assign, return, retire, checkout, checkin`: tokens from
 * the drawer to a person and back, each with a code that shows the token
 * in hand. Must not touch a floor but by a code: it is the seed's, whoever gets
 * the token.
 */
#include <stdio.h>
#include <string.h>

#include "server/admin_code.h"
#include "server/store/last_login.h"

enum {
	WHY_SIZE = NAME_BYTES_MAX + 64
};

static enum err keep(struct admin_job *job, struct store *store,
    struct token *token, const char *why)
{
	const struct token_deed deed = admin_deed(job, why);
	enum err err = token_save(store, token, &deed);

	if (err == ERR_EXISTS)
		return admin_refuse(job, 409,
		    "The seed of %s is in another token by now. Retire this "
		    "one.",
		    token->serial);
	return err;
}

static enum err answer(struct admin_job *job, struct store *store)
{
	struct token token = {0};
	enum err err = token_find(store, job->arguments.serial, false, &token);

	return err ? err
		   : admin_answer_as(job, "token", admin_token_json(&token));
}

/* The token with its seed, in one of these states (bits); false after a
 * refusal, whose last sentence says what to do instead. */
static enum err take_token(struct admin_job *job, struct store *store,
    unsigned states, const char *otherwise, struct token *out, bool *out_fits)
{
	bool found = false;
	enum err err = admin_find_token(job, store, true, out, &found);

	*out_fits = false;
	if (err || !found || !admin_needs_clock(job))
		return err;
	if (!(states & 1u << out->state))
		return admin_refuse(job, 409, "%s is %s. %s", out->serial,
		    token_state_text(out->state), otherwise);
	*out_fits = true;
	return ERR_NONE;
}

/* --- out of the drawer --------------------------------------------------- */

struct held {
	size_t count, loans;
};

static enum err count_held(void *context, const struct token *token)
{
	struct held *held = context;

	held->count += token->state == TOKEN_ACTIVE;
	held->loans += token->loan_until != 0 && token->state != TOKEN_REVOKED;
	return ERR_NONE;
}

/* Beyond so many none would be looked at when he logs in. */
static enum err check_room(struct admin_job *job, struct store *store,
    const struct person *person, bool lends)
{
	struct held held = {0};
	enum err err = token_each(store, person->id, count_held, &held);

	if (err)
		return err;
	if (held.count >= SUBJECT_TOKENS_MAX)
		return admin_refuse(job, 409,
		    "%s has %zu tokens already. Return one first: `sekimorictl "
		    "token return SERIAL --code CODE`.",
		    person->user, held.count);
	if (lends && held.loans > 0)
		return admin_refuse(job, 409,
		    "%s has a spare already: `sekimorictl token list "
		    "--checked-out`. Check it in first.",
		    person->user);
	return ERR_NONE;
}

/* A seed that was ever shown may be in somebody's telephone still. */
static bool is_only_in_the_device(
    struct admin_job *job, const struct token *token)
{
	if (token->device || job->arguments.device_only)
		return true;
	admin_refuse(job, 409,
	    "%s did not come into stock by an import: whoever had it before "
	    "may have its secret still. Enrol a new one (`sekimorictl token "
	    "enroll %s`), or say --device-only if this is a device that never "
	    "showed it.",
	    token->serial, job->arguments.id);
	return false;
}

static const char *why_given(const struct token *token, bool lends)
{
	if (token->device)
		return lends ? "checked out" : "assigned";
	return lends ? "checked out; its secret is said to be in it only"
		     : "assigned; its secret is said to be in it only";
}

static enum err hand_out(struct admin_job *job, struct store *store,
    struct person *person, struct token *token, int64_t loan_until)
{
	bool lends = loan_until != 0, good = false;
	enum err err = admin_try_code(job, store, person, token,
	    lends ? ADMIN_CODE_LENDS : ADMIN_CODE_BINDS, &good);

	if (err || !good)
		return err;
	token->state = TOKEN_ACTIVE;
	token->person_id = person->id;
	token->loan_until = loan_until;
	token->confirmed_at = job->time.now_s;
	err = keep(job, store, token, why_given(token, lends));
	if (err || job->status)
		return err;
	last_login_note_binding(store, person->id);
	/* A spare does not bind the factor anew: that is for the own token. */
	err = lends ? admin_note_enrolled(job, store, person)
		    : admin_bind_factor(job, store, person);
	return err ? err : answer(job, store);
}

static enum err give(struct admin_job *job, struct store *store, bool lends)
{
	struct token token = {0};
	struct person person;
	int64_t until = 0;
	bool fits = false, found = false;
	enum err err = take_token(job, store,
	    1u << TOKEN_STOCK | 1u << TOKEN_RETURNED,
	    "Only a token in stock, or one that was returned, can be handed "
	    "out: `sekimorictl token list --state stock`.",
	    &token, &fits);

	if (err || !fits)
		goto out;
	err = admin_find_person(job, store, job->arguments.id, &person, &found);
	if (err || !found || !is_only_in_the_device(job, &token))
		goto out;
	if (lends && !admin_read_until_tonight(job, &until))
		goto out;
	err = check_room(job, store, &person, lends);
	if (!err && !job->status)
		err = hand_out(job, store, &person, &token, until);
out:
	token_wipe(&token);
	return err;
}

static enum err token_assign(struct admin_job *job, struct store *store)
{
	return give(job, store, false);
}

static enum err token_checkout(struct admin_job *job, struct store *store)
{
	return give(job, store, true);
}

/* --- back ---------------------------------------------------------------- */

/* Nobody's from now on. */
static enum err put_away(struct admin_job *job, struct store *store,
    struct token *token, enum token_state state, const char *why)
{
	enum err err;

	token->state = state;
	token->person_id = token->loan_until = 0;
	err = keep(job, store, token, why);
	return err || job->status ? err : answer(job, store);
}

static enum err put_back_with_code(struct admin_job *job, struct store *store,
    struct token *token, enum token_state state, const char *why)
{
	struct person holder;
	bool good = false;
	enum err err = person_by_id(store, token->person_id, &holder);

	if (!err)
		err = admin_try_code(
		    job, store, &holder, token, ADMIN_CODE_SHOWS, &good);
	return err || !good ? err : put_away(job, store, token, state, why);
}

enum {
	HELD = 1u << TOKEN_PENDING | 1u << TOKEN_ACTIVE |
	       1u << TOKEN_SUSPENDED | 1u << TOKEN_LOST | 1u << TOKEN_VOID |
	       1u << TOKEN_REVOKED,
};

static enum err return_without_code(
    struct admin_job *job, struct store *store, struct token *token)
{
	char why[WHY_SIZE];

	snprintf(why, sizeof(why), "handed in without a code: %s",
	    job->arguments.no_code);
	job->why = job->arguments.no_code;
	return put_away(job, store, token, TOKEN_RETIRED, why);
}

static enum err token_return(struct admin_job *job, struct store *store)
{
	const struct admin_arguments *a = &job->arguments;
	struct token token = {0};
	bool fits = false;
	enum err err;

	if ((a->code == NULL) == (a->no_code == NULL))
		return admin_refuse(job, 400,
		    "Give a code of the token (--code), or say why it shows "
		    "none (--no-code \"battery\"): it is then given up.");
	err = take_token(job, store, HELD, "Nobody has it.", &token, &fits);
	if (err || !fits)
		goto out;
	if (a->no_code)
		err = return_without_code(job, store, &token);
	else if (token.loan_until)
		err = admin_refuse(job, 409,
		    "%s is a spare that was checked out: `sekimorictl token "
		    "checkin %s --code CODE`.",
		    token.serial, token.serial);
	else
		err = put_back_with_code(
		    job, store, &token, TOKEN_RETURNED, "returned");
out:
	token_wipe(&token);
	return err;
}

static enum err token_checkin(struct admin_job *job, struct store *store)
{
	struct token token = {0};
	bool fits = false;
	enum err err =
	    take_token(job, store, HELD, "Nobody has it.", &token, &fits);

	if (err || !fits)
		goto out;
	if (!token.loan_until)
		err = admin_refuse(job, 409,
		    "%s is no spare that was checked out but %s's own: "
		    "`sekimorictl token return %s --code CODE`.",
		    token.serial, token.user, token.serial);
	else
		err = put_back_with_code(
		    job, store, &token, TOKEN_STOCK, "checked in");
out:
	token_wipe(&token);
	return err;
}

static enum err token_retire(struct admin_job *job, struct store *store)
{
	struct token token = {0};
	bool found = false;
	enum err err = admin_find_token(job, store, false, &token, &found);

	if (err || !found)
		return err;
	return put_away(job, store, &token, TOKEN_RETIRED, "retired");
}

/* api_admin_found.c */
enum err admin_token_found(struct admin_job *job, struct store *store);

#define CODE(name, required)                                                   \
	{                                                                      \
#name, JSON_MEMBER_TEXT, ADMIN_OFFSET(name), required, 0, 64,  \
		    NULL                                                       \
	}

const struct admin_verb ADMIN_CUSTODY_VERBS[] = {
    {.path = "token/assign",
	.roles = ADMIN_ENROLLERS,
	.by_department = true,
	.action = "token assign",
	.members = {ADMIN_NAME(serial, true), ADMIN_NAME(id, true),
	    CODE(code, true), CODE(next, false), ADMIN_BOOL(device_only),
	    ADMIN_NAME(reason, false)},
	.run = token_assign},
    {.path = "token/checkout",
	.roles = ADMIN_DELEGATES,
	.by_department = true,
	.action = "token checkout",
	.members = {ADMIN_NAME(serial, true), ADMIN_NAME(id, true),
	    CODE(code, true), CODE(next, false), ADMIN_NAME(until, false),
	    ADMIN_BOOL(device_only), ADMIN_NAME(reason, false)},
	.run = token_checkout},
    {.path = "token/return",
	.roles = ADMIN_ENROLLERS,
	.by_department = true,
	.action = "token return",
	.members = {ADMIN_NAME(serial, true), CODE(code, false),
	    CODE(next, false), ADMIN_NAME(no_code, false)},
	.run = token_return},
    {.path = "token/checkin",
	.roles = ADMIN_DELEGATES,
	.by_department = true,
	.action = "token checkin",
	.members = {ADMIN_NAME(serial, true), CODE(code, true),
	    CODE(next, false), ADMIN_NAME(reason, false)},
	.run = token_checkin},
    {.path = "token/retire",
	.roles = ADMIN_ENROLLERS,
	.action = "token retire",
	.members = {ADMIN_NAME(serial, true), ADMIN_NAME(reason, false)},
	.run = token_retire},
    {.path = "token/found",
	.roles = ADMIN_DELEGATES,
	.by_department = true,
	.action = "token found",
	.members = {ADMIN_NAME(serial, true), CODE(code, true),
	    ADMIN_NAME(reason, false)},
	.run = admin_token_found},
    {0},
};
