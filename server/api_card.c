/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api_card.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "server/card_enrolment_token.h"
#include "server/card_invitation_code.h"
#include "server/login_card.h"
#include "server/rate.h"
#include "server/store/audit.h"
#include "server/store/person.h"
#include "server/terminal_call.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct card_request {
	struct terminal_call call;
	/* As they stand in the body. */
	const char *token, *invitation, *certificate, *signature, *algorithm;
	/* Decoded on the loop's thread. */
	unsigned char der[CARD_CERTIFICATE_BYTES_MAX];
	unsigned char signed_by[CARD_SIGNATURE_BYTES_MAX];
	struct card_proof proof;
	/* Inside the transaction. */
	struct card_certificate about;
};

#define MEMBER(field) offsetof(struct card_request, field)

static const struct json_member members[] = {
    {"token", JSON_MEMBER_NAME, MEMBER(token), true, 0, 0, NULL},
    {"invitation", JSON_MEMBER_NAME, MEMBER(invitation), true, 0, 0, NULL},
    {"certificate", JSON_MEMBER_TEXT, MEMBER(certificate), true, 0,
	LOGIN_CARD_CERTIFICATE_MAX, NULL},
    {"signature", JSON_MEMBER_TEXT, MEMBER(signature), true, 0,
	LOGIN_CARD_SIGNATURE_MAX, NULL},
    {"algorithm", JSON_MEMBER_NAME, MEMBER(algorithm), true, 0, 0, NULL},
};

static struct card_request *begin(struct server *server,
    struct http_exchange *exchange,
    enum err (*work)(struct terminal_call *call, struct store *store))
{
	struct terminal_call *call =
	    terminal_call_new(server, exchange, sizeof(struct card_request));

	if (!call)
		return NULL;
	call->work = work;
	return terminal_call_may_ask(call) ? (struct card_request *)call : NULL;
}

/* --- challenge ----------------------------------------------------------- */

static enum err work_challenge(struct terminal_call *call, struct store *store)
{
	int64_t until = call->now_s + CARD_ENROLMENT_LIFETIME_S;
	char token[CARD_ENROLMENT_TOKEN_SIZE];
	char text[ENCODE_BASE64_SIZE(CARD_CHALLENGE_BYTES)];
	struct secret challenge = {0};
	enum err err;

	if (!call->clock_trusted) {
		terminal_call_problem(
		    call, 503, "The server's clock is in doubt.");
		return ERR_NONE;
	}
	err = secret_random(&challenge, CARD_CHALLENGE_BYTES);
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

void api_card_challenge(struct server *server, struct http_exchange *exchange)
{
	struct card_request *asked = begin(server, exchange, work_challenge);

	if (asked && terminal_call_take(&asked->call, members, 0, asked))
		terminal_call_submit(&asked->call);
}

/* --- refusals ------------------------------------------------------------ */

static enum err say(struct card_request *asked, int status, const char *detail)
{
	terminal_call_problem(&asked->call, status, detail);
	return ERR_NONE;
}

static void describe(const struct card_request *asked,
    const struct person *person, struct audit_entry *entry)
{
	char key[ENCODE_HEX_SIZE(CARD_KEY_BYTES / 2)];

	encode_hex(asked->about.key, CARD_KEY_BYTES / 2, key);
	audit_add_text(entry, "action", "card enroll");
	if (person)
		audit_add_text(entry, "user", person->user);
	audit_add_text(entry, "card_key", key);
	audit_add_text(entry, "request", asked->call.exchange->request_id);
	audit_add_text(entry, "terminal", asked->call.terminal.name);
}

/* A guess at a code counts against the terminal as a wrong code does. */
static enum err refuse_code(struct card_request *asked, struct store *store)
{
	struct terminal_call *call = &asked->call;
	struct audit_entry entry = {
	    .kind = "terminal", .time_ms = call->now_ms};
	unsigned char terminal[CERTIFICATE_HASH_BYTES];
	char same[NAME_BYTES_MAX + 16];

	rate_terminal_key(RATE_FAILURES, call->terminal.id, terminal);
	rate_count_failure(call->server->failures, terminal, call->now_ms);
	describe(asked, NULL, &entry);
	audit_add_text(&entry, "result", "refused");
	audit_add_text(&entry, "reason", "code");
	snprintf(same, sizeof(same), "card|%s", call->terminal.name);
	say(asked, 403,
	    "The enrolment code is wrong, used or older than ten minutes. "
	    "Ask for a new one.");
	return audit_append_counted(store, &entry, same);
}

static bool may_guess(const struct card_request *asked)
{
	const struct terminal_call *call = &asked->call;
	unsigned char terminal[CERTIFICATE_HASH_BYTES];

	rate_terminal_key(RATE_FAILURES, call->terminal.id, terminal);
	return rate_failures_allow(call->server->failures, terminal,
	    call->server->settings.terminal_failures, call->now_ms);
}

/* --- the proof ----------------------------------------------------------- */

/* NULL, or why a card that did sign cannot be enrolled. What mends itself
 * when an officer renews a CRL does not hinder. */
static const char *unfit(enum card_standing standing)
{
	switch (standing) {
	case CARD_FORGED:
		return "The card did not sign this challenge.";
	case CARD_UNTRUSTED:
		return "No CA that is trusted here has issued this card's "
		       "certificate.";
	case CARD_EXPIRED:
		return "The card's certificate has ended.";
	case CARD_USAGE:
		return "This certificate is not for authentication.";
	case CARD_REVOKED:
		return "The card's certificate is revoked.";
	case CARD_NOT_YET:
	case CARD_CRL_MISSING:
	case CARD_CRL_STALE:
	case CARD_GOOD:
		return NULL;
	}
	return "The card did not sign this challenge.";
}

/* ERR_NOT_ALLOWED after a refusal was said. */
static enum err check_proof(struct card_request *asked, struct store *store,
    const char invitation[CARD_INVITATION_CHARACTERS + 1])
{
	const struct http_peer *peer = asked->call.exchange->peer;
	unsigned char challenge[CARD_CHALLENGE_BYTES];
	struct card_message message;
	struct card_evidence evidence;
	const char *problem;
	enum err err = card_enrolment_token_read(store, peer->fingerprint,
	    asked->call.now_s, asked->token, challenge);

	if (err == ERR_NOT_FOUND) {
		say(asked, 404, "This challenge is over. Begin again.");
		return ERR_NOT_ALLOWED;
	}
	if (err == ERR_NONE)
		err = card_enrolment_message(peer->issuer_spki, challenge,
		    asked->call.terminal.name, invitation, &message);
	if (err != ERR_NONE)
		return err;
	card_verify(store->card_authorities, &asked->proof, &message,
	    asked->call.now_s, &evidence);
	problem = unfit(evidence.standing);
	if (!problem)
		return card_certificate_describe(asked->proof.certificate,
		    asked->proof.certificate_length, &asked->about);
	say(asked, 409, problem);
	return ERR_NOT_ALLOWED;
}

/* --- enrolling ----------------------------------------------------------- */

static enum err answer(struct card_request *asked, const struct person *person)
{
	char key[ENCODE_HEX_SIZE(CARD_KEY_BYTES)];

	encode_hex(asked->about.key, CARD_KEY_BYTES, key);
	return terminal_call_answer(&asked->call,
	    json_pack("{s:s, s:s, s:I}", "user", person->user, "key", key,
		"until", (json_int_t)asked->about.valid_until));
}

static enum err record_bound(struct card_request *asked, struct store *store,
    const struct person *person)
{
	struct audit_entry entry = {
	    .kind = "terminal", .time_ms = asked->call.now_ms};

	describe(asked, person, &entry);
	audit_add_text(&entry, "result", "done");
	return audit_append(store, &entry, NULL);
}

/* The code is spent by what succeeds only: whoever holds the wrong card in
 * his hand may take the right one. */
static enum err bind(struct card_request *asked, struct store *store,
    const struct person *person)
{
	enum err err = card_bind(store, person->id, &asked->about,
	    asked->proof.certificate, asked->proof.certificate_length,
	    asked->call.now_s);

	if (err == ERR_EXISTS)
		return say(asked, 409, "This card belongs to somebody else.");
	if (err == ERR_FULL)
		return say(asked, 409,
		    "No more cards can be enrolled before an old one is "
		    "revoked.");
	if (err == ERR_NONE)
		err =
		    card_invitation_spend(store, person->id, asked->about.key);
	if (err == ERR_NONE)
		err = record_bound(asked, store, person);
	return err == ERR_NONE ? answer(asked, person) : err;
}

static enum err find_invited(struct card_request *asked, struct store *store,
    const char *invitation, struct person *out, bool *out_used)
{
	unsigned char hash[CARD_INVITATION_HASH_BYTES];
	int64_t person_id = 0;
	enum err err = card_invitation_code_hash(store, invitation, hash);

	if (err == ERR_NONE)
		err = card_invitation_find(store, hash, asked->about.key,
		    asked->call.now_s, &person_id, out_used);

	if (err == ERR_NONE)
		err = person_by_id(store, person_id, out);
	if (err == ERR_NONE && out->state != PERSON_ACTIVE)
		err = ERR_NOT_FOUND;
	return err;
}

static enum err work_enroll(struct terminal_call *call, struct store *store)
{
	struct card_request *asked = (struct card_request *)call;
	char invitation[CARD_INVITATION_CHARACTERS + 1];
	struct person person;
	bool used = false;
	enum err err;

	memset(&asked->about, 0, sizeof(asked->about));
	if (!call->clock_trusted)
		return say(asked, 503, "The server's clock is in doubt.");
	if (!may_guess(asked))
		return say(asked, 429,
		    "Too many failures from this terminal this minute.");
	if (card_invitation_code_read(asked->invitation, invitation))
		return refuse_code(asked, store);
	err = check_proof(asked, store, invitation);
	if (err == ERR_NOT_ALLOWED)
		return ERR_NONE;
	if (err == ERR_NONE)
		err = find_invited(asked, store, invitation, &person, &used);
	secret_wipe_bytes(invitation, sizeof(invitation));
	if (err == ERR_NOT_FOUND)
		return refuse_code(asked, store);
	if (err != ERR_NONE)
		return err;
	/* Its answer was lost. */
	return used ? answer(asked, &person) : bind(asked, store, &person);
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
static const char *take_proof(struct card_request *asked)
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

void api_card_enroll(struct server *server, struct http_exchange *exchange)
{
	struct card_request *asked = begin(server, exchange, work_enroll);
	const char *problem;

	if (!asked ||
	    !terminal_call_take(&asked->call, members, COUNT(members), asked))
		return;
	problem = take_proof(asked);
	if (problem)
		terminal_call_refuse(&asked->call, 400, problem);
	else
		terminal_call_submit(&asked->call);
}
