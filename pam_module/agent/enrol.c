/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/enrol.h"

#include <string.h>

#include "pam_module/agent/card_dialogue.h"
#include "pam_module/agent/enrol_wire.h"
#include "pam_module/agent/steady.h"

struct enrol {
	const struct enrol_means *means;
	char code[CARD_INVITATION_CHARACTERS + 1]; /* as it counts */
	struct enrol_challenge challenge;
	struct enrol_verdict *verdict;
};

static void refuse(struct enrol *enrol, enum frame_result result,
    enum frame_message message, const char *reason)
{
	enrol->verdict->result = result;
	enrol->verdict->message = message;
	enrol->verdict->number = 0;
	enrol->verdict->reason = reason;
}

static void unavailable(struct enrol *enrol, const char *reason)
{
	refuse(
	    enrol, FRAME_DENY_UNAVAILABLE, FRAME_MESSAGE_UNAVAILABLE, reason);
}

static enum err post(const struct enrol *enrol, const char *path,
    const char *body, size_t length, struct server_reply *out)
{
	const struct server_call *server = &enrol->means->server;
	const struct server_request request = {.path = path,
	    .body = body,
	    .body_length = length,
	    .deadline_ms = steady_ms() + ENROL_SERVER_WAIT_MS};

	return server->perform(server->context, &request, out);
}

/* False: the verdict says why there is none. */
static bool get_challenge(struct enrol *enrol)
{
	char body[ENROL_QUESTION_SIZE];
	struct server_reply reply = {0};
	bool is_one = false;
	enum err err;

	enrol_write_question(enrol->code, body);
	err = post(enrol, "/v1/cards/challenge", body, strlen(body), &reply);
	secret_wipe_bytes(body, sizeof(body));
	if (err != ERR_NONE) {
		unavailable(enrol, "unavailable");
		return false;
	}
	enrol->verdict->status = reply.status;
	if (reply.status == 200)
		is_one =
		    enrol_read_challenge(&reply, &enrol->challenge) == ERR_NONE;
	if (!is_one)
		enrol_read_verdict(&reply, enrol->verdict);
	server_reply_free(&reply);
	return is_one;
}

/* A server's answer that got lost is asked for again by server_client.c, and
 * by the person: the code is good for the same card until it is over. */
static void send_proof(
    struct enrol *enrol, const struct card_signature *signature)
{
	char body[ENROL_BODY_SIZE];
	struct server_reply reply = {0};
	size_t length = 0;

	unavailable(enrol, "unavailable");
	if (enrol_write(&enrol->challenge, enrol->code, signature, body,
		&length) == ERR_NONE &&
	    post(enrol, "/v1/cards", body, length, &reply) == ERR_NONE)
		enrol_read_verdict(&reply, enrol->verdict);
	server_reply_free(&reply);
	secret_wipe_bytes(body, sizeof(body));
}

static void use_offer(struct enrol *enrol, const struct login_offer *offer)
{
	switch (offer->kind) {
	case LOGIN_OFFER_CARD:
		send_proof(enrol, &offer->signature);
		return;
	case LOGIN_OFFER_PIN_LOCKED:
		refuse(enrol, FRAME_DENY_LOCKED, FRAME_MESSAGE_PIN_LOCKED,
		    "pin_locked");
		return;
	case LOGIN_OFFER_CODE: /* none was offered */
	case LOGIN_OFFER_PERSON:
	case LOGIN_OFFER_NOTHING:
		break;
	}
	refuse(enrol, FRAME_DENY,
	    offer->message ? offer->message : FRAME_MESSAGE_ENROLL_FAILED,
	    "no_card");
	enrol->verdict->number = offer->number;
}

static enum err ask_card(struct enrol *enrol)
{
	const struct enrol_means *means = enrol->means;
	const struct login_challenge demand = {.offers_card = true};
	struct card_message message;
	const struct login_choosing choosing = {.challenge = &demand,
	    .message = &message,
	    .cards = &means->cards,
	    .proven = true,
	    .any_key = true};
	struct login_offer offer = {0};
	struct login_turn turn;
	enum err err;

	if (!means->terminal ||
	    card_enrolment_message(means->terminal->ca,
		enrol->challenge.challenge, means->terminal->name, enrol->code,
		&message) != ERR_NONE) {
		unavailable(enrol, "no_identity");
		return ERR_NONE;
	}
	login_turn_begin(&turn, &means->person);
	err = card_dialogue_run(&choosing, &turn, &offer);
	if (err == ERR_NONE)
		use_offer(enrol, &offer);
	login_offer_end(&offer, &means->cards);
	secret_wipe_bytes(&message, sizeof(message));
	return err;
}

enum err enrol_run(const struct secret *code, const struct enrol_means *means,
    struct enrol_verdict *out)
{
	struct enrol enrol = {.means = means, .verdict = out};
	enum err err = ERR_NONE;

	memset(out, 0, sizeof(*out));
	/* What cannot be a code is no guess that the server should count. */
	if (card_invitation_read((const char *)code->bytes, code->length,
		enrol.code) != ERR_NONE)
		refuse(&enrol, FRAME_DENY, FRAME_MESSAGE_ENROLL_CODE, "code");
	else if (get_challenge(&enrol))
		err = ask_card(&enrol);
	secret_wipe_bytes(&enrol, sizeof(enrol));
	return err;
}
