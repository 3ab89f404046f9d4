/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/login.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pam_module/agent/login_body.h"
#include "pam_module/agent/card_dialogue.h"

#define LOGINS_PATH "/v1/logins"

struct login {
	struct login_subject subject;
	const struct login_means *means;
	struct login_turn turn;
	char *challenge; /* the body of the first request */
	struct login_verdict verdict;
};

static bool is_named(const struct login *login)
{
	return login->subject.person[0] != '\0';
}

static void post(struct login *login, const char *path, const char *body,
    size_t length, struct login_reply *out)
{
	const struct server_call *server = &login->means->server;
	const struct server_request request = {.path = path,
	    .body = body,
	    .body_length = length,
	    .deadline_ms =
		login_turn_deadline(&login->turn, LOGIN_SERVER_WAIT_MS, 0)};
	struct server_reply reply = {0};

	memset(out, 0, sizeof(*out));
	login->verdict.status = 0;
	if (server->perform(server->context, &request, &reply) != ERR_NONE)
		return;
	login->verdict.status = reply.status;
	login_reply_read(&reply, login->subject.user, out);
	server_reply_free(&reply);
}

static void post_challenge(struct login *login, struct login_reply *out)
{
	post(login, LOGINS_PATH, login->challenge, strlen(login->challenge),
	    out);
}

/* Somebody at this machine, as sshd names him. A host in the net's name
 * service may be called "127.example", so only whole addresses count. */
static bool is_here(const char *rhost)
{
	struct in_addr v4;

	if (inet_pton(AF_INET, rhost, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	return rhost[0] == '\0' || strcmp(rhost, "::1") == 0 ||
	       strcmp(rhost, "localhost") == 0;
}

/* A card in its reader answers whoever sits before it. To a stranger over the
 * network its prompt would tell whose it is, and let him use up its tries. */
static bool may_use_card(const struct login_subject *subject)
{
	return subject->proven || is_here(subject->rhost);
}

/* Whoever has answered already can be asked for a code only. looked: for a
 * card, just now. */
static enum err choose(struct login *login, const struct login_challenge *asked,
    bool looked, struct login_offer *out)
{
	struct login_challenge challenge = *asked;
	struct card_message message;
	struct login_choosing choosing = {.challenge = &challenge,
	    .cards = &login->means->cards,
	    .proven = login->subject.proven,
	    .looked = looked,
	    .is_named = is_named(login)};

	if (login->subject.once) {
		login->verdict.needs_person = challenge.asks_person;
		challenge.asks_person = false;
		challenge.offers_codes = true;
		challenge.offers_card = false;
	}
	if (login->means->terminal && challenge.offers_card &&
	    may_use_card(&login->subject) &&
	    card_login_message(login->means->terminal->ca, challenge.challenge,
		login->means->terminal->name, login->subject.user,
		login->subject.service, &message) == ERR_NONE)
		choosing.message = &message;
	return card_dialogue_run(&choosing, &login->turn, out);
}

static void send_offer(struct login *login, const char *name,
    const struct login_offer *offer, struct login_reply *out)
{
	char path[sizeof(LOGINS_PATH) + LOGIN_TOKEN_SIZE];
	struct login_body body = {0};

	memset(out, 0, sizeof(*out));
	snprintf(path, sizeof(path), LOGINS_PATH "/%s", name);
	if (login_body_finish(offer, &body) == ERR_NONE)
		post(login, path, body.bytes, body.length, out);
	login_body_wipe(&body);
}

static bool is_refused(const struct login *login)
{
	return login->verdict.result != FRAME_ACCEPT &&
	       login->verdict.result != FRAME_EXEMPT &&
	       login->verdict.result != FRAME_DENY_UNAVAILABLE;
}

/* What happened at the card says more than that nothing was sent. */
static void explain(struct login *login, const struct login_offer *offer)
{
	if (!login->subject.proven || offer->message == 0 ||
	    !is_refused(login) ||
	    (!is_named(login) && login->verdict.reason != LOGIN_REASON_WRONG))
		return;
	login->verdict.message = offer->message;
	login->verdict.number = offer->number;
}

static void remember_card(struct login *login, const struct login_offer *offer)
{
	if (login->verdict.result != FRAME_ACCEPT ||
	    offer->kind != LOGIN_OFFER_CARD)
		return;
	login->verdict.by_card = true;
	memcpy(login->verdict.key, offer->key, sizeof(login->verdict.key));
}

/* Of a number nothing is told but that it was no good, not even that an
 * account has it, since its password does not say whose number it is. */
static void set_verdict(struct login *login, const struct login_reply *reply)
{
	bool proven = login->subject.proven;

	if (!is_named(login) || reply->outcome != LOGIN_DENIED ||
	    reply->reason == LOGIN_REASON_CLOCK) {
		login_verdict_set(reply, proven, &login->verdict);
		return;
	}
	login_verdict_set(reply, false, &login->verdict);
	login->verdict.result = FRAME_DENY;
	if (proven)
		login->verdict.message = FRAME_MESSAGE_REFUSED;
}

/*
 * A refusal that is told only behind a prompt like everyone's. The challenge
 * is sent again, same attempt, same recorded verdict: what was typed is not
 * looked at, but the answer takes the time that a look at it would take.
 */
static void tell_refusal(struct login *login, struct login_reply *reply)
{
	struct login_reply again;

	post_challenge(login, &again);
	if (again.outcome == LOGIN_UNAVAILABLE)
		*reply = again;
	set_verdict(login, reply);
}

static void conclude(struct login *login, struct login_reply *reply,
    const struct login_offer *offer)
{
	struct login_reply verdict;

	if (offer->kind == LOGIN_OFFER_PIN_LOCKED) {
		login_verdict_lock(login->subject.proven, &login->verdict);
		return;
	}
	if (reply->outcome == LOGIN_CONTINUES) {
		send_offer(login, reply->login, offer, &verdict);
		set_verdict(login, &verdict);
		remember_card(login, offer);
	} else {
		tell_refusal(login, reply);
	}
	explain(login, offer);
}

/* Whether the person is asked; if not, the verdict is there. */
static bool begin(struct login *login, struct login_reply *reply)
{
	post_challenge(login, reply);
	if (reply->outcome == LOGIN_CONTINUES ||
	    login_verdict_is_hidden(
		reply, login->subject.proven && !is_named(login)))
		return true;
	set_verdict(login, reply);
	return false;
}

/*
 * What is asked of whoever said a number looks as it did before he said it, by
 * the account alone. Only the tags are his, if the server told any.
 */
static void shape_of_named(const struct login_challenge *shape,
    const struct login_reply *reply, struct login_challenge *out)
{
	const struct login_challenge *his = &reply->challenge;

	*out = *shape;
	out->asks_person = false;
	out->tag_count =
	    shape->tag_count > 0 || shape->cards_later ? CARD_TAGS : 0;
	if (!out->offers_card || reply->outcome != LOGIN_CONTINUES ||
	    his->tag_count != out->tag_count) {
		login_shapes_scramble(out);
		return;
	}
	memcpy(out->challenge, his->challenge, sizeof(out->challenge));
	memcpy(out->tags, his->tags, sizeof(out->tags));
}

/* Once more from the beginning, with a number. */
static enum err run_named(struct login *login,
    const struct login_challenge *shape, struct login_offer *named)
{
	struct login_challenge challenge;
	struct login_offer offer = {0};
	struct login_reply reply;
	enum err err;

	memcpy(login->subject.person, named->person, sizeof(named->person));
	/* Whoever has typed his code has it looked at: without a session the
	 * server finds no grace. */
	if (named->typed != TYPED_EMPTY)
		login->subject.session[0] = '\0';
	free(login->challenge);
	login->challenge = NULL;
	if (login_body_challenge(&login->subject, &login->challenge) !=
	    ERR_NONE) {
		login_verdict_unavailable(&login->verdict);
		return ERR_NONE;
	}
	if (!begin(login, &reply))
		return ERR_NONE;
	if (named->typed != TYPED_EMPTY) {
		named->kind = LOGIN_OFFER_CODE;
		conclude(login, &reply, named);
		return ERR_NONE;
	}
	shape_of_named(shape, &reply, &challenge);
	err = choose(login, &challenge,
	    shape->asks_person && shape->tag_count > 0, &offer);
	if (err == ERR_NONE)
		conclude(login, &reply, &offer);
	login_offer_end(&offer, &login->means->cards);
	return err;
}

/* Who may not know whether the account is shared, is asked as if nobody's
 * were. */
static void shape_of(struct login *login, const struct login_reply *reply,
    struct login_challenge *out)
{
	const struct login_subject *subject = &login->subject;
	bool may_know = subject->proven || subject->own_account;

	if (reply->outcome != LOGIN_CONTINUES) {
		login_shapes_pretend(login->means->shapes, subject->service,
		    may_know ? subject->user : NULL, out);
		return;
	}
	*out = reply->challenge;
	login_shapes_note(login->means->shapes, subject->service,
	    may_know ? subject->user : NULL, out);
}

static enum err run(struct login *login)
{
	struct login_challenge shape;
	struct login_offer offer = {0};
	struct login_reply reply;
	enum err err;

	if (!begin(login, &reply))
		return ERR_NONE;
	shape_of(login, &reply, &shape);
	err = choose(login, &shape, false, &offer);
	if (err == ERR_NONE && offer.kind == LOGIN_OFFER_PERSON)
		err = run_named(login, &shape, &offer);
	else if (err == ERR_NONE)
		conclude(login, &reply, &offer);
	login_offer_end(&offer, &login->means->cards);
	return err;
}

enum err login_run(const struct login_subject *subject,
    const struct login_means *means, struct login_verdict *out)
{
	struct login login = {.subject = *subject, .means = means};
	enum err err = ERR_NONE;

	login_turn_begin(&login.turn, &means->person);
	if (login_body_challenge(subject, &login.challenge) == ERR_NONE)
		err = run(&login);
	else
		login_verdict_unavailable(&login.verdict);
	free(login.challenge);
	if (err == ERR_NONE)
		*out = login.verdict;
	return err;
}
