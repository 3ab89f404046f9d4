/* SPDX-License-Identifier: Apache-2.0 */
#include "server/login_grace.h"

#include <string.h>

#include "server/store/grace_store.h"
#include "shared/encode.h"

_Static_assert((int)GRACE_LOGIN_BYTES == (int)LOGIN_NAME_BYTES,
    "a grace is kept by its login's name");

/* Where no rule grants one nothing is looked for, nor kept. */
static bool is_granted(const struct store *store)
{
	return policy_has_grace(store->policy);
}

enum err login_grace_load(struct login_call *login, struct store *store,
    struct subject *subject, struct question *question)
{
	unsigned char session[GRACE_SESSION_BYTES];
	struct grace_row row = {0};
	enum err err;

	login->grace_id = 0;
	if (login->factor != FACTOR_NONE || login->by_token ||
	    login->session[0] == '\0' || !is_granted(store))
		return ERR_NONE;
	err = grace_session_hash(
	    store, login->call.terminal.id, login->session, session);
	if (err == ERR_NONE)
		err = grace_find(
		    store, session, login->person.id, login->call.now_s, &row);
	if (err != ERR_NONE)
		return err;
	login->grace_id = row.id;
	memcpy(login->grace_login, row.login, GRACE_LOGIN_BYTES);
	subject->grace = row.grace;
	question->service = login->claims.service;
	question->tty = login->claims.tty;
	return ERR_NONE;
}

static enum err begin(struct login_call *login, struct store *store,
    const struct subject *subject)
{
	const struct decision *decision = &login->decision;
	struct grace_login begun = {.person_id = login->person.id,
	    .terminal_id = login->call.terminal.id,
	    .factor = login->factor,
	    .since = login->call.now_s};

	if (decision->token_index >= 0)
		begun.token_id = subject->tokens[decision->token_index].id;
	if (decision->card_index >= 0)
		begun.card_id = subject->cards[decision->card_index].id;
	memcpy(begun.login, login->claims.challenge, GRACE_LOGIN_BYTES);
	return grace_begin(store, &begun);
}

enum err login_grace_keep(struct login_call *login, struct store *store,
    const struct subject *subject)
{
	if (login->decision.result != RESULT_ACCEPT)
		return ERR_NONE;
	if (login->decision.by_grace)
		return grace_use(store, login->grace_id, login->claims.tty);
	return is_granted(store) ? begin(login, store, subject) : ERR_NONE;
}

static bool read_name(const char *login, unsigned char out[GRACE_LOGIN_BYTES])
{
	size_t length = 0;

	return login &&
	       decode_base64url(login, strlen(login), out, GRACE_LOGIN_BYTES,
		   &length) == ERR_NONE &&
	       length == GRACE_LOGIN_BYTES;
}

enum err login_grace_opened(struct store *store, int64_t terminal_id,
    const char *login, const char *session, bool *out_tied)
{
	unsigned char name[GRACE_LOGIN_BYTES], hash[GRACE_SESSION_BYTES];
	enum err err;

	*out_tied = false;
	if (!read_name(login, name))
		return ERR_NONE;
	err = grace_session_hash(store, terminal_id, session, hash);
	if (err == ERR_NONE)
		err = grace_tie(store, terminal_id, name, hash, out_tied);
	return err;
}

enum err login_grace_left(
    struct store *store, int64_t terminal_id, const char *login)
{
	unsigned char name[GRACE_LOGIN_BYTES];

	return read_name(login, name)
		   ? grace_end_login(store, terminal_id, name)
		   : ERR_NONE;
}

enum err login_grace_closed(
    struct store *store, int64_t terminal_id, const char *session)
{
	unsigned char hash[GRACE_SESSION_BYTES];
	enum err err = grace_session_hash(store, terminal_id, session, hash);

	return err == ERR_NONE ? grace_end_session(store, hash) : err;
}
