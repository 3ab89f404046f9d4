/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/enrol_wire.h"

#include <stdio.h>
#include <string.h>

#include "shared/json.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum {
	OTHERS_MAX = 16,
	WORD_BYTES_MAX = 64
};

static enum err take(const struct server_reply *reply,
    const struct json_member *table, size_t count, void *target, json_t **out)
{
	struct json_problem problem;
	enum err err;

	if (!reply->body)
		return ERR_INVALID;
	err = json_read(reply->body, reply->length, out, &problem);
	if (err == ERR_NONE)
		err = json_take(*out, table, count, false, target, &problem);
	return err;
}

/* --- the challenge -------------------------------------------------------- */

struct challenge_members {
	const char *token, *challenge;
};

static const struct json_member challenge_table[] = {
    {.name = "token",
	.kind = JSON_MEMBER_TEXT,
	.offset = offsetof(struct challenge_members, token),
	.required = true,
	.maximum = ENROL_TOKEN_SIZE - 1},
    {.name = "challenge",
	.kind = JSON_MEMBER_TEXT,
	.offset = offsetof(struct challenge_members, challenge),
	.required = true,
	.maximum = WORD_BYTES_MAX},
};

void enrol_write_question(const char *code, char out[ENROL_QUESTION_SIZE])
{
	snprintf(out, ENROL_QUESTION_SIZE, "{\"invitation\":\"%s\"}", code);
}

/* The token becomes part of a body that is written by hand. */
static bool is_token(const char *text)
{
	size_t length = strlen(text);

	return length > 0 &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyz"
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == length;
}

enum err enrol_read_challenge(
    const struct server_reply *reply, struct enrol_challenge *out)
{
	struct challenge_members members = {0};
	json_t *object = NULL;
	size_t length = 0;
	enum err err = take(
	    reply, challenge_table, COUNT(challenge_table), &members, &object);

	if (err == ERR_NONE && !is_token(members.token))
		err = ERR_INVALID;
	if (err == ERR_NONE)
		err = decode_base64url(members.challenge,
		    strlen(members.challenge), out->challenge,
		    sizeof(out->challenge), &length);
	if (err == ERR_NONE && length != sizeof(out->challenge))
		err = ERR_INVALID;
	if (err == ERR_NONE)
		snprintf(out->token, sizeof(out->token), "%s", members.token);
	json_decref(object);
	return err == ERR_NONE ? ERR_NONE : ERR_INVALID;
}

/* --- the proof ------------------------------------------------------------ */

enum err enrol_write(const struct enrol_challenge *challenge, const char *code,
    const struct card_signature *signature, char out[ENROL_BODY_SIZE],
    size_t *out_length)
{
	char certificate[ENCODE_BASE64_SIZE(CARD_CERTIFICATE_BYTES_MAX)];
	char proof[ENCODE_BASE64_SIZE(CARD_SIGNATURE_BYTES_MAX)];
	int length;

	encode_base64(
	    signature->certificate, signature->certificate_length, certificate);
	encode_base64(signature->signature, signature->signature_length, proof);
	length = snprintf(out, ENROL_BODY_SIZE,
	    "{\"token\":\"%s\",\"invitation\":\"%s\",\"certificate\":\"%s\","
	    "\"signature\":\"%s\",\"algorithm\":\"%s\"}",
	    challenge->token, code, certificate, proof,
	    card_algorithm_text(signature->algorithm));
	if (length < 0 || length >= ENROL_BODY_SIZE)
		return ERR_TOO_LONG;
	*out_length = (size_t)length;
	return ERR_NONE;
}

/* --- the verdict ---------------------------------------------------------- */

/* The server's words. What is not here is a failure without advice. */
static const struct {
	const char *word;
	enum frame_message message;
} reasons[] = {
    {"code", FRAME_MESSAGE_ENROLL_CODE},
    {"challenge", FRAME_MESSAGE_ENROLL_FAILED},
    {"forged", FRAME_MESSAGE_ENROLL_FAILED},
    {"frozen", FRAME_MESSAGE_ENROLL_FAILED},
    {"untrusted", FRAME_MESSAGE_CARD_UNTRUSTED},
    {"crl_missing", FRAME_MESSAGE_CARD_UNTRUSTED},
    {"crl_stale", FRAME_MESSAGE_CARD_UNTRUSTED},
    {"not_yet", FRAME_MESSAGE_CARD_UNFIT},
    {"expired", FRAME_MESSAGE_CARD_UNFIT},
    {"revoked", FRAME_MESSAGE_CARD_UNFIT},
    {"usage", FRAME_MESSAGE_CARD_UNFIT},
    {"taken", FRAME_MESSAGE_CARD_TAKEN},
    {"full", FRAME_MESSAGE_CARDS_FULL},
};

struct done_members {
	const char *user;
	int64_t until;
	json_t *others;
};

static const struct json_member done_table[] = {
    {.name = "user",
	.kind = JSON_MEMBER_NAME,
	.offset = offsetof(struct done_members, user),
	.required = true},
    {.name = "until",
	.kind = JSON_MEMBER_NUMBER,
	.offset = offsetof(struct done_members, until),
	.required = true,
	.minimum = 1,
	.maximum = INT64_MAX},
    {.name = "others",
	.kind = JSON_MEMBER_ARRAY,
	.offset = offsetof(struct done_members, others),
	.maximum = OTHERS_MAX},
};

static const struct json_member refusal_table[] = {
    {.name = "reason",
	.kind = JSON_MEMBER_TEXT,
	.offset = 0,
	.maximum = WORD_BYTES_MAX},
};

static uint64_t latest_end(const json_t *others)
{
	json_int_t latest = 0;
	size_t count = json_array_size(others);

	for (size_t i = 0; i < count; i++) {
		json_int_t until = json_integer_value(
		    json_object_get(json_array_get(others, i), "until"));

		if (until > latest)
			latest = until;
	}
	return (uint64_t)latest;
}

static void read_done(
    const struct server_reply *reply, struct enrol_verdict *out)
{
	struct done_members members = {0};
	json_t *object = NULL;

	if (take(reply, done_table, COUNT(done_table), &members, &object) ==
	    ERR_NONE) {
		out->result = FRAME_ACCEPT;
		out->message = FRAME_MESSAGE_ENROLLED;
		out->number = (uint64_t)members.until;
		out->other_until = latest_end(members.others);
		out->reason = "";
		snprintf(out->user, sizeof(out->user), "%s", members.user);
	}
	json_decref(object);
}

static void read_refusal(
    const struct server_reply *reply, struct enrol_verdict *out)
{
	const char *word = NULL;
	json_t *object = NULL;

	if (take(reply, refusal_table, COUNT(refusal_table), &word, &object) ==
		ERR_NONE &&
	    word)
		for (size_t i = 0; i < COUNT(reasons); i++)
			if (strcmp(reasons[i].word, word) == 0) {
				out->result = FRAME_DENY;
				out->message = reasons[i].message;
				out->reason = reasons[i].word;
			}
	json_decref(object);
}

void enrol_read_verdict(
    const struct server_reply *reply, struct enrol_verdict *out)
{
	*out = (struct enrol_verdict){.result = FRAME_DENY_UNAVAILABLE,
	    .message = FRAME_MESSAGE_UNAVAILABLE,
	    .reason = "unavailable",
	    .status = reply->status};
	if (reply->status == 200) {
		read_done(reply, out);
	} else if (reply->status == 429) {
		out->message = FRAME_MESSAGE_THROTTLED;
		out->reason = "throttled";
	} else {
		read_refusal(reply, out);
	}
}
