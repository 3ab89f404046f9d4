/* SPDX-License-Identifier: Apache-2.0 */
#include "server/card_enrolment.h"

#include <stdio.h>
#include <string.h>

#include "server/card_invitation_code.h"
#include "server/card_enrolment_token.h"
#include "server/rate.h"
#include "server/store/audit.h"
#include "server/store/subject.h"
#include "shared/encode.h"

enum {
	CARD_KEY_SHOWN = 16 /* bytes, as in records of logins */
};

/* Why not, with the word for programs and the sentence for people. */
struct refusal {
	int status;
	const char *reason, *detail;
};

static const struct refusal no_code = {403, "code",
    "The enrolment code is wrong, used or older than ten minutes. Ask for a "
    "new one."};
static const struct refusal forged = {409, "forged",
    "The card did not sign this challenge, or its key is of a kind that is "
    "not taken: RSA of 2048 to 4096 bits, P-256 and P-384 are."};
static const struct refusal frozen = {409, "frozen",
    "The server, the terminal or the person is frozen. Thaw before cards are "
    "enrolled."};
static const struct refusal taken = {409, "taken",
    "This card belongs to somebody else. `sekimorictl card list` says whose "
    "it is, `sekimorictl card revoke` ends that."};
static const struct refusal full = {409, "full",
    "No more cards can be enrolled before an old one is revoked: sekimorictl "
    "card revoke"};

static const struct refusal by_standing[] = {
    [CARD_UNTRUSTED] = {409, "untrusted",
	"No CA that is trusted here has issued this card's certificate. Trust "
	"it: sekimorictl card trust CA.pem"},
    [CARD_NOT_YET] = {409, "not_yet",
	"The card's certificate is not valid yet. Check its dates and the "
	"server's clock."},
    [CARD_EXPIRED] = {409, "expired",
	"The card's certificate has ended. Have its issuer renew it."},
    [CARD_USAGE] = {409, "usage",
	"This certificate is not for authentication. Use the one that is."},
    [CARD_REVOKED] = {409, "revoked",
	"The card's certificate is revoked. A new card is needed."},
    [CARD_CRL_MISSING] = {409, "crl_missing",
	"The CA of this card has no CRL here. Give it one: sekimorictl card "
	"trust CA.pem --crl FILE"},
    [CARD_CRL_STALE] = {409, "crl_stale",
	"The CRL of this card's CA is out of date. Give it a new one: "
	"sekimorictl card trust CA.pem --crl FILE"},
};

/* --- records --------------------------------------------------------------
 */

static void describe(const struct card_enrolment *enrolment, const char *key,
    struct audit_entry *entry)
{
	const struct terminal_call *call = &enrolment->call;

	entry->kind = "terminal";
	entry->time_ms = call->now_ms;
	audit_add_text(entry, "action", "card enroll");
	audit_add_text(entry, "request", call->exchange->request_id);
	audit_add_text(entry, "terminal", call->terminal.name);
	if (enrolment->user[0] != '\0') {
		audit_add_text(entry, "user", enrolment->user);
		audit_add_text(entry, "card_key", key);
	}
}

static enum err refuse(struct card_enrolment *enrolment, struct store *store,
    const struct refusal *refusal)
{
	struct terminal_call *call = &enrolment->call;
	char key[ENCODE_HEX_SIZE(CARD_KEY_SHOWN)];
	char same[2 * (NAME_BYTES_MAX + 1) + 32];
	struct audit_entry entry = {0};

	terminal_call_problem_for(
	    call, refusal->status, refusal->reason, refusal->detail);
	encode_hex(enrolment->card.key, CARD_KEY_SHOWN, key);
	describe(enrolment, key, &entry);
	audit_add_text(&entry, "result", "refused");
	audit_add_text(&entry, "reason", refusal->reason);
	snprintf(same, sizeof(same), "card|%s|%s|%s", call->terminal.name,
	    enrolment->user, refusal->reason);
	return audit_append_counted(store, &entry, same);
}

/* A guess, and counted as one. */
static enum err refuse_guess(struct card_enrolment *enrolment,
    struct store *store, const struct refusal *refusal)
{
	struct terminal_call *call = &enrolment->call;
	unsigned char terminal[CERTIFICATE_HASH_BYTES];

	rate_terminal_key(RATE_FAILURES, call->terminal.id, terminal);
	rate_count_failure(call->server->failures, terminal, call->now_ms);
	return refuse(enrolment, store, refusal);
}

static enum err record_done(
    const struct card_enrolment *enrolment, struct store *store)
{
	char key[ENCODE_HEX_SIZE(CARD_KEY_SHOWN)];
	struct audit_entry entry = {0};

	encode_hex(enrolment->card.key, CARD_KEY_SHOWN, key);
	describe(enrolment, key, &entry);
	audit_add_text(&entry, "result", "done");
	return audit_append(store, &entry, NULL);
}

/* --- the answer -----------------------------------------------------------
 */

struct others {
	const struct card_enrolment *enrolment;
	json_t *list;
};

static enum err add_other(void *context, const struct card *card)
{
	struct others *others = context;
	const struct card_enrolment *enrolment = others->enrolment;
	const struct card_certificate *certificate = &card->certificate;
	char key[ENCODE_HEX_SIZE(CARD_KEY_BYTES)];

	if (card->state != CARD_STATE_ACTIVE ||
	    certificate->valid_until <= enrolment->call.now_s ||
	    memcmp(certificate->key, enrolment->card.key, CARD_KEY_BYTES) == 0)
		return ERR_NONE;
	encode_hex(certificate->key, CARD_KEY_BYTES, key);
	return json_array_append_new(
		   others->list, json_pack("{s:s, s:I}", "key", key, "until",
				     (json_int_t)certificate->valid_until))
		   ? ERR_MEMORY
		   : ERR_NONE;
}

/* The others go on: whoever replaces a card has no gap, and must know. */
static enum err answer(
    struct card_enrolment *enrolment, struct store *store, int64_t person_id)
{
	struct others others = {enrolment, json_array()};
	char key[ENCODE_HEX_SIZE(CARD_KEY_BYTES)];
	enum err err = others.list ? ERR_NONE : ERR_MEMORY;

	encode_hex(enrolment->card.key, CARD_KEY_BYTES, key);
	if (err == ERR_NONE)
		err = card_each(store, person_id, add_other, &others);
	if (err == ERR_NONE)
		err = terminal_call_answer(&enrolment->call,
		    json_pack("{s:s, s:s, s:I, s:O}", "user", enrolment->user,
			"key", key, "until",
			(json_int_t)enrolment->card.valid_until, "others",
			others.list));
	json_decref(others.list);
	return err;
}

/* --- binding --------------------------------------------------------------
 */

static enum err bind(struct card_enrolment *enrolment, struct store *store,
    int64_t person_id, const struct refusal **out_refusal)
{
	const struct card_proof *proof = &enrolment->proof;
	struct card_certificate certificate;
	enum err err = card_certificate_describe(
	    proof->certificate, proof->certificate_length, &certificate);

	if (err == ERR_NONE)
		err = card_bind(store, person_id, &certificate,
		    proof->certificate, proof->certificate_length,
		    enrolment->call.now_s);
	if (err == ERR_EXISTS)
		*out_refusal = &taken;
	else if (err == ERR_FULL)
		*out_refusal = &full;
	return *out_refusal ? ERR_NONE : err;
}

static enum err enrol(struct card_enrolment *enrolment, struct store *store,
    const struct person *person)
{
	const struct refusal *refusal = NULL;
	int64_t old_id = 0;
	enum err err = bind(enrolment, store, person->id, &refusal);

	if (err == ERR_NONE && refusal)
		return refuse(enrolment, store, refusal);
	if (err == ERR_NONE)
		err = card_invitation_replaced(store, person->id, &old_id);
	if (err == ERR_NONE && old_id)
		err = card_replaces(store, enrolment->card.key, old_id);
	if (err == ERR_NONE)
		err = card_invitation_spend(
		    store, person->id, enrolment->card.key);
	if (err == ERR_NONE)
		err = record_done(enrolment, store);
	if (err == ERR_NONE)
		err = answer(enrolment, store, person->id);
	return err;
}

/* --- the order ------------------------------------------------------------
 */

/* What the card must have signed. The terminal is what its certificate says
 * and the invitation is read as the terminal read it. */
static enum err look(struct card_enrolment *enrolment, struct store *store,
    const unsigned char challenge[CARD_CHALLENGE_BYTES])
{
	const struct terminal_call *call = &enrolment->call;
	char invitation[CARD_INVITATION_CHARACTERS + 1];
	struct card_message message;
	enum err err = card_invitation_read(
	    enrolment->invitation, strlen(enrolment->invitation), invitation);

	if (err == ERR_NONE)
		err = card_enrolment_message(call->exchange->peer->issuer_spki,
		    challenge, call->terminal.name, invitation, &message);
	if (err == ERR_NONE)
		card_verify(store->card_authorities, &enrolment->proof,
		    &message, call->now_s, &enrolment->card);
	secret_wipe_bytes(invitation, sizeof(invitation));
	secret_wipe_bytes(&message, sizeof(message));
	return err;
}

/* ERR_NOT_FOUND for a code that opens nothing. */
static enum err find_invited(
    struct card_enrolment *enrolment, struct store *store, struct person *out)
{
	unsigned char hash[CARD_INVITATION_HASH_BYTES];
	int64_t person_id = 0;
	enum err err =
	    card_invitation_code_hash(store, enrolment->invitation, hash);

	if (err == ERR_NONE)
		err = card_invitation_find(store, hash, enrolment->card.key,
		    enrolment->call.now_s, &person_id, &enrolment->was_done);
	if (err == ERR_NONE)
		err = person_by_id(store, person_id, out);
	if (err == ERR_NONE && out->state != PERSON_ACTIVE)
		err = ERR_NOT_FOUND;
	if (err == ERR_NONE)
		memcpy(enrolment->user, out->user, sizeof(enrolment->user));
	return err;
}

static enum err judge(struct card_enrolment *enrolment, struct store *store,
    const unsigned char challenge[CARD_CHALLENGE_BYTES])
{
	struct person person;
	enum err err = look(enrolment, store, challenge);

	if (err == ERR_NONE)
		err = find_invited(enrolment, store, &person);
	if (err == ERR_NOT_FOUND || err == ERR_INVALID)
		return refuse_guess(enrolment, store, &no_code);
	if (err != ERR_NONE)
		return err;
	if (enrolment->card.standing == CARD_FORGED)
		return refuse_guess(enrolment, store, &forged);
	if (enrolment->was_done) /* the answer was lost */
		return answer(enrolment, store, person.id);
	if (store->all_frozen || enrolment->call.terminal.frozen ||
	    person.frozen)
		return refuse(enrolment, store, &frozen);
	if (enrolment->card.standing != CARD_GOOD)
		return refuse(
		    enrolment, store, &by_standing[enrolment->card.standing]);
	return enrol(enrolment, store, &person);
}

/* False: the refusal is set. */
static bool may_guess(struct terminal_call *call)
{
	unsigned char terminal[CERTIFICATE_HASH_BYTES];

	if (!call->clock_trusted) {
		terminal_call_problem(
		    call, 503, "The server's clock is in doubt.");
		return false;
	}
	rate_terminal_key(RATE_FAILURES, call->terminal.id, terminal);
	if (rate_failures_allow(call->server->failures, terminal,
		call->server->settings.terminal_failures, call->now_ms))
		return true;
	terminal_call_problem(
	    call, 429, "Too many failures from this terminal this minute.");
	return false;
}

static void begin(struct card_enrolment *enrolment)
{
	memset(&enrolment->card, 0, sizeof(enrolment->card));
	enrolment->user[0] = '\0';
	enrolment->was_done = false;
}

enum err card_enrolment_check_code(
    struct card_enrolment *enrolment, struct store *store, bool *out_is_one)
{
	unsigned char hash[CARD_INVITATION_HASH_BYTES];
	enum err err;

	begin(enrolment);
	*out_is_one = false;
	if (!may_guess(&enrolment->call))
		return ERR_NONE;
	err = card_invitation_code_hash(store, enrolment->invitation, hash);
	if (err == ERR_NONE)
		err = card_invitation_know(
		    store, hash, enrolment->call.now_s, out_is_one);
	if (err != ERR_NONE && err != ERR_INVALID)
		return err;
	return *out_is_one ? ERR_NONE
			   : refuse_guess(enrolment, store, &no_code);
}

enum err card_enrolment_work(struct terminal_call *call, struct store *store)
{
	struct card_enrolment *enrolment = (struct card_enrolment *)call;
	unsigned char challenge[CARD_CHALLENGE_BYTES];
	enum err err;

	begin(enrolment);
	if (!may_guess(call))
		return ERR_NONE;
	err =
	    card_enrolment_token_read(store, call->exchange->peer->fingerprint,
		call->now_s, enrolment->token, challenge);
	if (err == ERR_NONE)
		return judge(enrolment, store, challenge);
	if (err != ERR_NOT_FOUND)
		return err;
	terminal_call_problem_for(
	    call, 404, "challenge", "This challenge is over. Begin again.");
	return ERR_NONE;
}
