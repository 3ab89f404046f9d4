/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api_card.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "server/card_enrolment.h"
#include "server/card_enrolment_token.h"
#include "server/login_card.h"
#include "shared/log.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define MEMBER(field) offsetof(struct card_enrolment, field)

static const struct json_member members[] = {
    {"token", JSON_MEMBER_NAME, MEMBER(token), true, 0, 0, NULL},
    {"invitation", JSON_MEMBER_NAME, MEMBER(invitation), true, 0, 0, NULL},
    {"certificate", JSON_MEMBER_TEXT, MEMBER(certificate), true, 0,
	LOGIN_CARD_CERTIFICATE_MAX, NULL},
    {"signature", JSON_MEMBER_TEXT, MEMBER(signature), true, 0,
	LOGIN_CARD_SIGNATURE_MAX, NULL},
    {"algorithm", JSON_MEMBER_NAME, MEMBER(algorithm), true, 0, 0, NULL},
};

/* Told or not: whoever tells it learns before any card is asked. */
static const struct json_member challenge_members[] = {
    {"invitation", JSON_MEMBER_NAME, MEMBER(invitation), false, 0, 0, NULL},
};

static struct card_enrolment *begin(struct server *server,
    struct http_exchange *exchange,
    enum err (*work)(struct terminal_call *call, struct store *store))
{
	struct terminal_call *call =
	    terminal_call_new(server, exchange, sizeof(struct card_enrolment));

	if (!call)
		return NULL;
	call->work = work;
	return terminal_call_may_ask(call) ? (struct card_enrolment *)call
					   : NULL;
}

/* --- challenge ----------------------------------------------------------- */

static enum err hand_out(struct terminal_call *call, struct store *store)
{
	int64_t until = call->now_s + CARD_ENROLMENT_LIFETIME_S;
	char token[CARD_ENROLMENT_TOKEN_SIZE];
	char text[ENCODE_BASE64_SIZE(CARD_CHALLENGE_BYTES)];
	struct secret challenge = {0};
	enum err err = secret_random(&challenge, CARD_CHALLENGE_BYTES);

	if (err == ERR_NONE)
		err = card_enrolment_token_write(store,
		    call->exchange->peer->fingerprint, until, challenge.bytes,
		    token);
	if (err != ERR_NONE)
		return err;
	encode_base64url(challenge.bytes, challenge.length, text);
	return terminal_call_answer(
	    call, json_pack("{s:s, s:s, s:i}", "token", token, "challenge",
		      text, "expires_in", (int)CARD_ENROLMENT_LIFETIME_S));
}

static enum err work_challenge(struct terminal_call *call, struct store *store)
{
	struct card_enrolment *asked = (struct card_enrolment *)call;
	bool is_one = true;
	enum err err = ERR_NONE;

	if (!call->clock_trusted) {
		terminal_call_problem(
		    call, 503, "The server's clock is in doubt.");
		return ERR_NONE;
	}
	if (asked->invitation)
		err = card_enrolment_check_code(asked, store, &is_one);
	return err == ERR_NONE && is_one ? hand_out(call, store) : err;
}

void api_card_challenge(struct server *server, struct http_exchange *exchange)
{
	struct card_enrolment *asked = begin(server, exchange, work_challenge);

	if (asked && terminal_call_take(&asked->call, challenge_members,
			 COUNT(challenge_members), asked))
		terminal_call_submit(&asked->call);
}

/* --- the body ------------------------------------------------------------ */

static bool decode(
    const char *text, unsigned char *out, size_t size, size_t *out_length)
{
	return decode_base64(text, strlen(text), out, size, out_length) ==
		   ERR_NONE &&
	       *out_length > 0;
}

/* NULL, or which member is malformed. */
static const char *take_proof(struct card_enrolment *asked)
{
	struct card_proof *proof = &asked->proof;

	proof->certificate = asked->der;
	proof->signature = asked->signed_by;
	proof->algorithm = card_algorithm_from_text(asked->algorithm);
	if (!decode(asked->certificate, asked->der, sizeof(asked->der),
		&proof->certificate_length))
		return "member \"certificate\" must be base64 of at most 8192 "
		       "bytes";
	if (!decode(asked->signature, asked->signed_by,
		sizeof(asked->signed_by), &proof->signature_length))
		return "member \"signature\" must be base64 of at most 512 "
		       "bytes";
	if (proof->algorithm == CARD_ALGORITHM_NONE)
		return "member \"algorithm\" must be rsa-pkcs1-sha256 or "
		       "ecdsa-sha256";
	return NULL;
}

/* Nothing typed is in it. */
static void told(struct terminal_call *call)
{
	const struct card_enrolment *asked = (struct card_enrolment *)call;
	bool done = call->status == 200;

	if (call->status == 429)
		call->server->counts.rate_limited++;
	if (!done && !call->reason)
		return;
	log_line(LOG_INFO, "card enrolment",
	    LOG_TEXT("request_id", call->request_id),
	    LOG_TEXT("result", !done             ? "refused"
			       : asked->was_done ? "told again"
						 : "done"),
	    LOG_TEXT("reason", done ? "" : call->reason),
	    LOG_TEXT("user", asked->user),
	    LOG_TEXT("terminal", call->terminal.name));
}

void api_card_enroll(struct server *server, struct http_exchange *exchange)
{
	struct card_enrolment *asked =
	    begin(server, exchange, card_enrolment_work);
	const char *problem;

	if (!asked ||
	    !terminal_call_take(&asked->call, members, COUNT(members), asked))
		return;
	asked->call.told = told;
	problem = take_proof(asked);
	if (problem)
		terminal_call_refuse(&asked->call, 400, problem);
	else
		terminal_call_submit(&asked->call);
}
