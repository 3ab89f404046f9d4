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
	const struct login_subject *subject;
	const struct login_means *means;
	struct login_turn turn;
	char *challenge; /* the body of the first request */
	struct login_verdict verdict;
};

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
	login_reply_read(&reply, login->subject->user, out);
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

/* Whoever has answered already cannot be asked about a card. */
static enum err choose(struct login *login, const struct login_challenge *asked,
    struct login_offer *out)
{
	const struct card_terminal *terminal = login->means->terminal;
	struct login_challenge challenge = *asked;
	struct card_message message;
	struct login_choosing choosing = {.challenge = &challenge,
	    .cards = &login->means->cards,
	    .proven = login->subject->proven};

	if (login->subject->once) {
		challenge.offers_codes = true;
		challenge.offers_card = false;
	}
	if (terminal && challenge.offers_card && may_use_card(login->subject) &&
	    card_login_message(terminal->ca, challenge.challenge,
		terminal->name, login->subject->user, login->subject->service,
		&message) == ERR_NONE)
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

/* What happened at the card says more than that nothing was sent. */
static void explain(struct login *login, const struct login_offer *offer)
{
	if (!login->subject->proven || offer->message == 0 ||
	    login->verdict.reason != LOGIN_REASON_WRONG)
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

static enum err finish(struct login *login, const struct login_reply *asked)
{
	struct login_offer offer = {0};
	struct login_reply reply;
	enum err err;

	login_shapes_note(
	    login->means->shapes, login->subject->service, &asked->challenge);
	err = choose(login, &asked->challenge, &offer);
	if (err != ERR_NONE)
		goto out;
	if (offer.kind == LOGIN_OFFER_PIN_LOCKED) {
		login_verdict_lock(login->subject->proven, &login->verdict);
		goto out;
	}
	send_offer(login, asked->login, &offer, &reply);
	login_verdict_set(&reply, login->subject->proven, &login->verdict);
	explain(login, &offer);
	remember_card(login, &offer);
out:
	login_offer_end(&offer, &login->means->cards);
	return err;
}

/*
 * A refusal behind a prompt like everyone's. The challenge is sent again,
 * same attempt, same recorded verdict: what was typed is not looked at, but
 * the answer takes the time that a look at it would take.
 */
static enum err pretend(struct login *login, struct login_reply *reply)
{
	struct login_challenge nobodys;
	struct login_reply again;
	struct login_offer unused = {0};
	enum err err;

	login_shapes_pretend(
	    login->means->shapes, login->subject->service, &nobodys);
	err = choose(login, &nobodys, &unused);
	login_offer_end(&unused, &login->means->cards);
	if (err != ERR_NONE)
		return err;
	post_challenge(login, &again);
	if (again.outcome == LOGIN_UNAVAILABLE)
		*reply = again;
	login_verdict_set(reply, login->subject->proven, &login->verdict);
	return ERR_NONE;
}

static enum err run(struct login *login)
{
	struct login_reply reply;

	post_challenge(login, &reply);
	if (reply.outcome == LOGIN_CONTINUES)
		return finish(login, &reply);
	if (login_verdict_is_hidden(&reply, login->subject->proven))
		return pretend(login, &reply);
	login_verdict_set(&reply, login->subject->proven, &login->verdict);
	return ERR_NONE;
}

enum err login_run(const struct login_subject *subject,
    const struct login_means *means, struct login_verdict *out)
{
	struct login login = {.subject = subject, .means = means};
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
