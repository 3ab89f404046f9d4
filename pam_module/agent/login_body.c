/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The finishing body is written by hand: jansson would leave copies of a code
 * in freed memory.
 */
#include "pam_module/agent/login_body.h"

#include <stdio.h>
#include <string.h>

#include "shared/encode.h"
#include "shared/json.h"
#include "shared/secret.h"

enum {
	ATTEMPT_BYTES = 16,
	ATTEMPT_SIZE = ENCODE_BASE64_SIZE(ATTEMPT_BYTES),
};

static enum err attempt_new(char out[ATTEMPT_SIZE])
{
	struct secret random = {0};
	enum err err = secret_random(&random, ATTEMPT_BYTES);

	if (err == ERR_NONE)
		encode_base64url(random.bytes, random.length, out);
	secret_wipe(&random);
	return err;
}

static bool put(json_t *object, const char *name, const char *text)
{
	return *text == '\0' ||
	       json_object_set_new(object, name, json_string(text)) == 0;
}

enum err login_body_challenge(const struct login_subject *subject, char **out)
{
	char attempt[ATTEMPT_SIZE];
	json_t *object = NULL;
	enum err err = attempt_new(attempt);

	if (err != ERR_NONE)
		return err;
	object = json_object();
	err = ERR_MEMORY;
	if (object && put(object, "user", subject->user) &&
	    put(object, "person", subject->person) &&
	    put(object, "service", subject->service) &&
	    put(object, "tty", subject->tty) &&
	    put(object, "rhost", subject->rhost) &&
	    put(object, "session", subject->session) &&
	    put(object, "first_factor",
		subject->proven ? "proven" : "unproven") &&
	    (!subject->own_account ||
		json_object_set_new(object, "own_account", json_true()) == 0) &&
	    put(object, "attempt", attempt))
		*out = json_dumps(object, JSON_COMPACT);
	if (*out)
		err = ERR_NONE;
	json_decref(object);
	return err;
}

static enum err measure(int length, struct login_body *out)
{
	if (length < 0 || (size_t)length >= sizeof(out->bytes))
		return ERR_TOO_LONG;
	out->length = (size_t)length;
	return ERR_NONE;
}

static enum err print_card(const struct card_signature *signature,
    const char *attempt, struct login_body *out)
{
	char certificate[ENCODE_BASE64_SIZE(CARD_CERTIFICATE_BYTES_MAX)];
	char proof[ENCODE_BASE64_SIZE(CARD_SIGNATURE_BYTES_MAX)];

	encode_base64(
	    signature->certificate, signature->certificate_length, certificate);
	encode_base64(signature->signature, signature->signature_length, proof);
	return measure(
	    snprintf(out->bytes, sizeof(out->bytes),
		"{\"factor\":\"card\",\"certificate\":\"%s\","
		"\"signature\":\"%s\",\"algorithm\":\"%s\",\"attempt\":\"%s\"}",
		certificate, proof, card_algorithm_text(signature->algorithm),
		attempt),
	    out);
}

/* All members are ASCII letters, digits and those of base64. */
enum err login_body_finish(
    const struct login_offer *offer, struct login_body *out)
{
	char attempt[ATTEMPT_SIZE];
	enum err err = attempt_new(attempt);

	if (err != ERR_NONE)
		return err;
	switch (offer->kind) {
	case LOGIN_OFFER_CARD:
		return print_card(&offer->signature, attempt, out);
	case LOGIN_OFFER_CODE:
		return measure(
		    snprintf(out->bytes, sizeof(out->bytes),
			"{\"factor\":\"%s\",\"code\":\"%.*s\",\"attempt\":\"%s\"}",
			offer->typed == TYPED_EMERGENCY ? "emergency" : "otp",
			(int)offer->code.length,
			(const char *)offer->code.bytes, attempt),
		    out);
	case LOGIN_OFFER_NOTHING:
	case LOGIN_OFFER_PERSON: /* for a beginning */
	case LOGIN_OFFER_PIN_LOCKED:
		break;
	}
	return measure(snprintf(out->bytes, sizeof(out->bytes),
			   "{\"factor\":\"%s\",\"attempt\":\"%s\"}",
			   offer->is_card_demanded ? "card" : "otp", attempt),
	    out);
}

void login_body_wipe(struct login_body *body)
{
	secret_wipe_bytes(body, sizeof(*body));
}
