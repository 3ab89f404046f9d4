/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The login call inside its transaction: tell a retried attempt its verdict
 * again, or load the subject, decide, write everything down and have the
 * answer phrased. A stranger takes every step a colleague takes, on a decoy.
 * The decision itself is core/decide.c; this file owns the order around it.
 */
#include "server/login_call.h"

#include <string.h>

#include "server/login_card.h"
#include "server/login_grace.h"
#include "server/login_phrase.h"
#include "server/login_policy.h"
#include "server/nonce.h"
#include "server/login_record.h"
#include "server/login_shared.h"
#include "server/rate.h"
#include "server/store/last_login.h"
#include "server/store/once.h"
#include "server/store/policy_store.h"
#include "server/store/subject.h"
#include "server/store/token.h"

enum {
	ATTEMPT_INPUT_BYTES = 8 + LOGIN_ATTEMPT_BYTES,
};

/* What a call may happen once by: its attempt, and the login it finishes. */
struct once_keys {
	unsigned char attempt[ONCE_KEY_BYTES];
	unsigned char login[ONCE_KEY_BYTES];
	unsigned char body[ONCE_KEY_BYTES];
};

static enum err keyed_key(const struct store *store, const char *label,
    const void *bytes, size_t length, unsigned char out[ONCE_KEY_BYTES])
{
	unsigned char hash[32];
	enum err err = store_keyed_hash(store, label, bytes, length, hash);

	if (err == ERR_NONE)
		memcpy(out, hash, ONCE_KEY_BYTES);
	return err;
}

/* Path and body hold the code, so they are hashed under the server's key. The
 * path stands in for a label: it begins with a slash, as no label does. */
static enum err make_keys(const struct login_call *login,
    const struct store *store, struct once_keys *out)
{
	const struct http_exchange *exchange = login->call.exchange;
	unsigned char input[ATTEMPT_INPUT_BYTES];
	int64_t terminal_id = login->call.terminal.id;
	enum err err = keyed_key(store, exchange->message->path, exchange->body,
	    exchange->body_length, out->body);

	memcpy(input, &terminal_id, 8);
	memcpy(input + 8, login->attempt, LOGIN_ATTEMPT_BYTES);
	if (err == ERR_NONE)
		err = keyed_key(
		    store, "attempt", input, sizeof(input), out->attempt);
	if (err == ERR_NONE && login->by_token)
		err = keyed_key(store, "login", login->claims.challenge,
		    LOGIN_CHALLENGE_BYTES, out->login);
	return err;
}

static struct policy_answer ask_policy(
    const struct login_call *login, const struct store *store)
{
	return login_policy_of(
	    login, store, &login->person, login_knows(login));
}

/* Who asks, what a card he shows is worth, and what is known of him. */
static enum err load_subject(struct login_call *login, struct store *store,
    enum factor factor, struct subject *out)
{
	enum err err = login_card_look(login, store);

	if (err == ERR_NONE)
		err = login_identify(login, store);
	if (err == ERR_NONE)
		err = subject_load(store, &login->person, factor,
		    login->call.terminal.id, login->call.now_s, out);
	if (err != ERR_NONE)
		return err;
	out->known = login_knows(login);
	out->frozen =
	    out->frozen || login->call.terminal.frozen || store->all_frozen;
	return ERR_NONE;
}

/* An emergency code is printed as 12345-67890 and may be typed so. */
static enum err hash_emergency(const struct login_call *login,
    const struct store *store, struct secret *out)
{
	struct secret digits = {0};
	enum err err = ERR_NONE;

	for (size_t i = 0; i < login->code.length; i++)
		if (login->code.bytes[i] != '-' && login->code.bytes[i] != ' ')
			digits.bytes[digits.length++] = login->code.bytes[i];
	if (digits.length > 0)
		err = emergency_hash(store, login->person.id,
		    (const char *)digits.bytes, digits.length, out);
	secret_wipe(&digits);
	return err;
}

static enum err make_question(const struct login_call *login,
    const struct store *store, struct question *out)
{
	out->factor = login->factor;
	out->proven = login->vouched;
	out->first_factor = login->claims.proven;
	out->clock_trusted = login->call.clock_trusted;
	out->now_s = login->call.now_s;
	out->card_shown = login->proof != NULL;
	out->card = login->card;
	if (login->factor == FACTOR_EMERGENCY)
		return hash_emergency(login, store, &out->code);
	return secret_set(&out->code, login->code.bytes, login->code.length);
}

/* Remembers the verdict under its attempt and closes the login. */
static enum err remember(struct login_call *login, struct store *store,
    const struct once_keys *keys, int64_t token_id)
{
	struct once once = {
	    .person_id = login->person.id,
	    .token_id = token_id,
	    .terminal_id = login->call.terminal.id,
	    .result = login->decision.result,
	    .until = login->call.now_s + LOGIN_ATTEMPT_KEPT_S,
	};
	size_t length = strlen(login->call.reply);
	enum err err = ERR_NONE;

	memcpy(once.body, keys->body, ONCE_KEY_BYTES);
	if (login->has_attempt) {
		if (length > sizeof(once.verdict))
			return ERR_TOO_LONG;
		memcpy(once.key, keys->attempt, ONCE_KEY_BYTES);
		memcpy(once.verdict, login->call.reply, length);
		once.verdict_length = length;
		err = once_add(store, &once);
	}
	if (err != ERR_NONE || !login->by_token)
		return err;
	memcpy(once.key, keys->login, ONCE_KEY_BYTES);
	once.verdict_length = 0;
	once.until = login->claims.until;
	return once_add(store, &once);
}

/* For the record alone: nothing of it is told to the terminal. */
static const char *astray_serial(
    const struct login_call *login, const struct subject *subject)
{
	int index = login->decision.astray_index;

	return login_knows(login) && index >= 0 ? subject->tokens[index].serial
						: NULL;
}

/* What he will be shown: sudo by grace is no login of its own. */
static void note_for_next(const struct login_call *login, struct store *store)
{
	const struct decision *decision = &login->decision;

	if (!login_knows(login))
		return;
	if (decision->result == RESULT_ACCEPT && !decision->by_grace)
		last_login_note(store, login->person.id,
		    login->call.terminal.name, login->call.now_s,
		    login->claims.proven);
	else if (decision->evaluated && decision->reason == REASON_WRONG &&
		 (decision->result == RESULT_DENY || decision->shadowed))
		last_login_note_failure(store, login->person.id);
}

static enum err conclude(struct login_call *login, struct store *store,
    const struct once_keys *keys, const struct policy_answer *permit,
    const struct subject *subject)
{
	const struct decision *decision = &login->decision;
	const struct subject_token *token =
	    decision->token_index >= 0 ? &subject->tokens[decision->token_index]
				       : NULL;
	enum err err = ERR_NONE;

	login->decided = true;
	if (decision->result != RESULT_CONTINUE) {
		err = subject_apply(store, &login->person, login->factor,
		    login->call.terminal.id, subject, decision, login->vouched,
		    login->call.now_s);
		if (err == ERR_NONE)
			err = login_card_end_replaced(login, store, subject);
		if (err == ERR_NONE)
			err = login_grace_keep(login, store, subject);
		if (err == ERR_NONE)
			err = login_record(login, store, permit,
			    token ? token->serial : NULL,
			    astray_serial(login, subject));
	}
	if (err == ERR_NONE && decision->result == RESULT_CONTINUE)
		err = login_card_tags(login, store, permit);
	if (err == ERR_NONE)
		err = login_phrase(login, store, permit);
	if (err == ERR_NONE && decision->result != RESULT_CONTINUE)
		err = remember(login, store, keys, token ? token->id : 0);
	if (err == ERR_NONE)
		note_for_next(login, store);
	return err;
}

/* A challenge that offers one factor heeds that factor's waits; those of codes
 * are loaded already. */
static enum err load_only_throttle(const struct login_call *login,
    struct store *store, const struct policy_answer *permit,
    struct subject *subject)
{
	enum factor only = decide_only_factor(permit);

	if (login->factor != FACTOR_NONE || only == FACTOR_NONE ||
	    only == FACTOR_OTP)
		return ERR_NONE;
	return subject_load_throttle(
	    store, &login->person, only, login->call.terminal.id, subject);
}

static void count_failure(const struct login_call *login)
{
	const struct decision *decision = &login->decision;
	unsigned char terminal[CERTIFICATE_HASH_BYTES];

	if (!decision->evaluated || decision->reason != REASON_WRONG ||
	    (decision->result != RESULT_DENY && !decision->shadowed))
		return;
	rate_terminal_key(RATE_FAILURES, login->call.terminal.id, terminal);
	rate_count_failure(
	    login->call.server->failures, terminal, login->call.now_ms);
}

static enum err decide_now(
    struct login_call *login, struct store *store, const struct once_keys *keys)
{
	struct question question = {0};
	struct subject subject = {0};
	struct policy_answer permit;
	enum err err = load_subject(login, store, login->factor, &subject);

	if (err != ERR_NONE)
		goto out;
	err = make_question(login, store, &question);
	if (err == ERR_NONE)
		err = login_grace_load(login, store, &subject, &question);
	if (err != ERR_NONE)
		goto out;
	permit = ask_policy(login, store);
	err = load_only_throttle(login, store, &permit, &subject);
	login->asks_person = login_shared_is_told(login);
	if (err == ERR_NONE && login->asks_person)
		err = login_shared_gather(login, store, &permit, &subject);
	if (err != ERR_NONE)
		goto out;
	login->decision = decide(
	    &question, &subject, &permit, &login->call.server->settings.limits);
	login_card_note(login, &subject);
	count_failure(login);
	err = conclude(login, store, keys, &permit, &subject);
out:
	question_wipe(&question);
	subject_wipe(&subject);
	return err;
}

static bool has_token(const struct subject *subject, int64_t token_id)
{
	for (size_t i = 0; i < subject->token_count; i++)
		if (subject->tokens[i].id == token_id)
			return true;
	return token_id == 0; /* accepted without one */
}

/* The body is the same, so the card is; is it bound and good as it was? */
static bool has_good_card(
    const struct login_call *login, const struct subject *subject)
{
	return login->card.standing == CARD_GOOD &&
	       subject_find_card(subject, login->card.key) >= 0;
}

/* Whether what let him in once would still do so, by today's decision. */
static bool still_lets_in(const struct login_call *login,
    const struct subject *subject, const struct policy_answer *permit,
    const struct once *once)
{
	if (login->person.id != once->person_id)
		return false;
	if (login->decision.result == RESULT_EXEMPT &&
	    !login->decision.shadowed)
		return true;
	/* What shadow mode let past once, whatever the factor was worth. */
	if (once->result == RESULT_EXEMPT)
		return login_knows(login) && permit->shadow &&
		       login->claims.proven &&
		       login->decision.result != RESULT_DENY;
	/* Without a factor, then and now. */
	if (login->decision.by_grace)
		return once->result == RESULT_ACCEPT;
	if (!login_knows(login) || once->result != RESULT_ACCEPT ||
	    login->decision.result == RESULT_DENY ||
	    (permit->factors & 1u << login->factor) == 0)
		return false;
	if (login->factor == FACTOR_CARD)
		return has_good_card(login, subject);
	return has_token(subject, once->token_id);
}

/*
 * A retried accept or exemption is told again only to somebody who would
 * still be let in: a decision without a factor says so. Its own throttle was
 * cleared by the accept, and what others have failed since takes nothing
 * back.
 */
static enum err may_tell_again(struct login_call *login, struct store *store,
    const struct once *once, bool *out_may)
{
	struct question question = {.factor = FACTOR_NONE,
	    .clock_trusted = login->call.clock_trusted,
	    .now_s = login->call.now_s};
	struct subject subject = {0};
	struct policy_answer permit;
	enum err err = load_subject(login, store,
	    login->factor == FACTOR_CARD ? FACTOR_CARD : FACTOR_OTP, &subject);

	if (err != ERR_NONE)
		goto out;
	question.proven = login->vouched;
	question.first_factor = login->claims.proven;
	err = login_grace_load(login, store, &subject, &question);
	if (err != ERR_NONE)
		goto out;
	permit = ask_policy(login, store);
	if (login_shared_is_told(login))
		err = login_shared_gather(login, store, &permit, &subject);
	if (err != ERR_NONE)
		goto out;
	memset(&subject.throttle, 0, sizeof(subject.throttle));
	login->decision = decide(
	    &question, &subject, &permit, &login->call.server->settings.limits);
	*out_may = still_lets_in(login, &subject, &permit, once);
	if (!*out_may && login->decision.result != RESULT_DENY)
		login->decision = (struct decision){.result = RESULT_DENY};
out:
	subject_wipe(&subject);
	return err;
}

static enum err tell_again(struct login_call *login, struct store *store,
    const struct once_keys *keys, const struct once *once)
{
	const struct policy_answer nothing = {
	    .action = POLICY_REFUSE, .rule = ""};
	bool may = once->result == RESULT_DENY;
	enum err err = ERR_NONE;

	if (memcmp(once->body, keys->body, ONCE_KEY_BYTES) != 0) {
		terminal_call_problem(&login->call, 400,
		    "This attempt was made before with another body.");
		return ERR_NONE;
	}
	if (!may)
		err = may_tell_again(login, store, once, &may);
	if (err != ERR_NONE)
		return err;
	if (!may) {
		login->decided = true;
		err = login_record(login, store, &nothing, NULL, NULL);
		if (err == ERR_NONE)
			err = login_phrase(login, store, &nothing);
		return err;
	}
	login->call.reply = strndup(once->verdict, once->verdict_length);
	if (!login->call.reply)
		return ERR_MEMORY;
	login->call.status = 200;
	return ERR_NONE;
}

/*
 * What is asked: from the body, with a fresh challenge for a name, or from
 * the token in the path. ERR_NOT_FOUND when that is none of ours.
 */
static enum err read_claims(struct login_call *login, const struct store *store)
{
	const char *token = strrchr(login->call.exchange->message->path, '/');

	if (login->by_token)
		return login_token_read(token + 1, &store->login_key,
		    login->call.exchange->peer->fingerprint, &login->claims);
	return nonce_take(login->claims.challenge, LOGIN_CHALLENGE_BYTES);
}

/* Over, or finished by another attempt: there is no such login any more. */
static enum err check_open(
    struct login_call *login, struct store *store, const struct once_keys *keys)
{
	struct once once = {0};
	enum err err;

	if (!login->by_token)
		return ERR_NONE;
	if (login->call.now_s >= login->claims.until ||
	    login->claims.epoch != store->login_epoch)
		return ERR_NOT_FOUND;
	err = once_find(store, keys->login, login->call.now_s, &once);
	if (err == ERR_NONE)
		return ERR_NOT_FOUND;
	return err == ERR_NOT_FOUND ? ERR_NONE : err;
}

static enum err say_gone(struct login_call *login)
{
	terminal_call_problem(
	    &login->call, 404, "There is no such login, or it is finished.");
	return ERR_NONE;
}

static enum err work_new(
    struct login_call *login, struct store *store, const struct once_keys *keys)
{
	struct terminal_call *call = &login->call;
	unsigned char terminal[CERTIFICATE_HASH_BYTES];
	enum err err = check_open(login, store, keys);

	if (err == ERR_NOT_FOUND)
		return say_gone(login);
	if (err != ERR_NONE)
		return err;
	rate_terminal_key(RATE_FAILURES, call->terminal.id, terminal);
	if (!rate_failures_allow(call->server->failures, terminal,
		call->server->settings.terminal_failures, call->now_ms)) {
		terminal_call_problem(call, 429,
		    "Too many failures from this terminal this minute.");
		return ERR_NONE;
	}
	return decide_now(login, store, keys);
}

enum err login_work(struct terminal_call *call, struct store *store)
{
	struct login_call *login = (struct login_call *)call;
	struct once_keys keys = {0};
	struct once once = {0};
	enum err err = read_claims(login, store);

	if (err == ERR_NONE && call->clock_trusted)
		err = policy_store_take_due(store, call->now_s, call->now_ms);
	login->decided = false;
	login->card_note = NULL;
	login->card_replaced[0] = '\0';
	if (err == ERR_NOT_FOUND)
		return say_gone(login);
	if (err == ERR_NONE)
		err = make_keys(login, store, &keys);
	if (err == ERR_NONE && login->has_attempt) {
		err = once_find(store, keys.attempt, call->now_s, &once);
		if (err == ERR_NONE)
			return tell_again(login, store, &keys, &once);
		if (err == ERR_NOT_FOUND)
			err = ERR_NONE;
	}
	if (err != ERR_NONE)
		return err;
	return work_new(login, store, &keys);
}
