/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/login.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pam_module/agent/steady.h"
#include "pam_module/agent/typed.h"
#include "shared/encode.h"
#include "shared/json.h"
#include "shared/secret.h"

#define LOGINS_PATH "/v1/logins"

enum {
	ATTEMPT_BYTES = 16,
	ATTEMPT_SIZE = ENCODE_BASE64_SIZE(ATTEMPT_BYTES),
};

/* What a reason is to the module, if it may be told. */
static const struct {
	enum frame_result result;
	enum frame_message message;
	bool tells_retry;
} reasons[] = {
    [LOGIN_REASON_NONE] = {FRAME_DENY, FRAME_MESSAGE_REFUSED, false},
    [LOGIN_REASON_WRONG] = {FRAME_DENY, FRAME_MESSAGE_REFUSED, false},
    [LOGIN_REASON_USED] = {FRAME_DENY, FRAME_MESSAGE_USED, false},
    [LOGIN_REASON_THROTTLED] = {FRAME_DENY_LOCKED, FRAME_MESSAGE_THROTTLED,
	true},
    [LOGIN_REASON_DISABLED] = {FRAME_DENY_LOCKED, FRAME_MESSAGE_DISABLED,
	false},
    [LOGIN_REASON_SUSPENDED] = {FRAME_DENY_PERMISSION, FRAME_MESSAGE_SUSPENDED,
	false},
    [LOGIN_REASON_FROZEN] = {FRAME_DENY_PERMISSION, FRAME_MESSAGE_SUSPENDED,
	false},
    [LOGIN_REASON_NOT_ENROLLED] = {FRAME_DENY_NOT_ENROLLED,
	FRAME_MESSAGE_NOT_ENROLLED, false},
    [LOGIN_REASON_NOT_PERMITTED] = {FRAME_DENY_PERMISSION,
	FRAME_MESSAGE_NOT_PERMITTED, false},
    [LOGIN_REASON_EXPIRED] = {FRAME_DENY_PERMISSION, FRAME_MESSAGE_EXPIRED,
	false},
    [LOGIN_REASON_CLOCK] = {FRAME_DENY_UNAVAILABLE, FRAME_MESSAGE_CLOCK, false},
};

static void set_unavailable(struct login_verdict *out)
{
	out->result = FRAME_DENY_UNAVAILABLE;
	out->message = FRAME_MESSAGE_UNAVAILABLE;
}

static void set_denied(
    const struct login_reply *reply, bool proven, struct login_verdict *out)
{
	enum frame_result result = reasons[reply->reason].result;

	out->reason = reply->reason;
	/* To an unproven caller every refusal is the same; what concerns
	 * nobody in particular, and nullok's case, is not hidden. */
	if (!proven) {
		if (result == FRAME_DENY_NOT_ENROLLED ||
		    result == FRAME_DENY_UNAVAILABLE)
			out->result = result;
		return;
	}
	out->result = result;
	out->message = reasons[reply->reason].message;
	if (reasons[reply->reason].tells_retry && reply->retry_at > 0)
		out->number = (uint64_t)reply->retry_at;
}

static void set_verdict(
    const struct login_reply *reply, bool proven, struct login_verdict *out)
{
	out->other_user = reply->other_user;
	switch (reply->outcome) {
	case LOGIN_ACCEPTED:
		out->result = FRAME_ACCEPT;
		memcpy(out->login, reply->login, sizeof(out->login));
		return;
	case LOGIN_EXEMPTED:
		out->result = FRAME_EXEMPT;
		return;
	case LOGIN_DENIED:
		set_denied(reply, proven, out);
		return;
	case LOGIN_CONTINUES: /* where a verdict was due */
	case LOGIN_UNAVAILABLE:
		set_unavailable(out);
		return;
	}
}

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

/* The challenge: who, where, no factor. The caller frees. */
static enum err challenge_body(const struct login_subject *subject, char **out)
{
	char attempt[ATTEMPT_SIZE];
	json_t *object = NULL;
	enum err err = attempt_new(attempt);

	if (err != ERR_NONE)
		return err;
	object = json_object();
	err = ERR_MEMORY;
	if (object && put(object, "user", subject->user) &&
	    put(object, "service", subject->service) &&
	    put(object, "tty", subject->tty) &&
	    put(object, "rhost", subject->rhost) &&
	    put(object, "session", subject->session) &&
	    put(object, "first_factor",
		subject->proven ? "proven" : "unproven") &&
	    put(object, "attempt", attempt))
		*out = json_dumps(object, JSON_COMPACT);
	if (*out)
		err = ERR_NONE;
	json_decref(object);
	return err;
}

/* Written by hand: jansson would leave copies of the code in freed memory. All
 * members are ASCII letters, digits, '-' and '_'. */
static enum err finish_body(
    enum typed_kind kind, const struct secret *code, struct secret *out)
{
	char attempt[ATTEMPT_SIZE];
	enum err err = attempt_new(attempt);
	int length;

	if (err != ERR_NONE)
		return err;
	if (kind == TYPED_EMPTY)
		length = snprintf((char *)out->bytes, sizeof(out->bytes),
		    "{\"factor\":\"otp\",\"attempt\":\"%s\"}", attempt);
	else
		length = snprintf((char *)out->bytes, sizeof(out->bytes),
		    "{\"factor\":\"%s\",\"code\":\"%.*s\",\"attempt\":\"%s\"}",
		    kind == TYPED_EMERGENCY ? "emergency" : "otp",
		    (int)code->length, (const char *)code->bytes, attempt);
	if (length < 0 || (size_t)length >= sizeof(out->bytes))
		return ERR_TOO_LONG;
	out->length = (size_t)length;
	return ERR_NONE;
}

static void post(const struct server_call *server, const char *path,
    const char *body, size_t length, const char *user,
    struct login_verdict *verdict, struct login_reply *out)
{
	const struct server_request request = {.path = path,
	    .body = body,
	    .body_length = length,
	    .deadline_ms = steady_ms() + LOGIN_SERVER_WAIT_MS};
	struct server_reply reply = {0};

	memset(out, 0, sizeof(*out));
	verdict->status = 0;
	if (server->perform(server->context, &request, &reply) != ERR_NONE)
		return;
	verdict->status = reply.status;
	login_reply_read(&reply, user, out);
	server_reply_free(&reply);
}

static enum err ask(const struct login_person *person, struct secret *out,
    enum typed_kind *out_kind)
{
	unsigned char typed[FRAME_BODY_BYTES_MAX];
	size_t length = 0;
	enum err err = person->ask(
	    person->context, FRAME_PROMPT_CODE, typed, sizeof(typed), &length);

	if (err == ERR_NONE)
		*out_kind = typed_read(typed, length, out);
	secret_wipe_bytes(typed, sizeof(typed));
	return err;
}

static enum err finish(const struct login_subject *subject,
    const struct server_call *server, const struct login_person *person,
    const char *login, struct login_verdict *out)
{
	char path[sizeof(LOGINS_PATH) + LOGIN_TOKEN_SIZE];
	struct secret code = {0}, body = {0};
	struct login_reply reply = {0};
	enum typed_kind kind = TYPED_EMPTY;
	enum err err = ask(person, &code, &kind);

	if (err != ERR_NONE)
		goto out;
	snprintf(path, sizeof(path), LOGINS_PATH "/%s", login);
	if (finish_body(kind, &code, &body) == ERR_NONE)
		post(server, path, (const char *)body.bytes, body.length,
		    subject->user, out, &reply);
	set_verdict(&reply, subject->proven, out);
out:
	secret_wipe(&code);
	secret_wipe(&body);
	return err;
}

/* Whether the answer to the challenge is told only after a prompt. */
static bool is_hidden(const struct login_reply *reply, bool proven)
{
	if (reply->outcome != LOGIN_DENIED ||
	    reply->reason == LOGIN_REASON_CLOCK)
		return false;
	return !proven || reply->reason == LOGIN_REASON_NOT_ENROLLED;
}

/*
 * A refusal behind a prompt like everyone's. The challenge is sent again,
 * same attempt, same recorded verdict: what was typed is not looked at, but
 * the answer takes the time that a look at it would take.
 */
static enum err pretend(const struct login_subject *subject,
    const struct server_call *server, const struct login_person *person,
    const char *challenge, struct login_reply *reply, struct login_verdict *out)
{
	struct login_reply again = {0};
	struct secret unused = {0};
	enum typed_kind kind;
	enum err err = ask(person, &unused, &kind);

	secret_wipe(&unused);
	if (err != ERR_NONE)
		return err;
	post(server, LOGINS_PATH, challenge, strlen(challenge), subject->user,
	    out, &again);
	if (again.outcome == LOGIN_UNAVAILABLE)
		*reply = again;
	set_verdict(reply, subject->proven, out);
	return ERR_NONE;
}

enum err login_run(const struct login_subject *subject,
    const struct server_call *server, const struct login_person *person,
    struct login_verdict *out)
{
	struct login_verdict verdict = {0};
	struct login_reply reply = {0};
	char *challenge = NULL;
	enum err err = challenge_body(subject, &challenge);

	set_unavailable(&verdict);
	if (err != ERR_NONE) {
		*out = verdict;
		return ERR_NONE;
	}
	post(server, LOGINS_PATH, challenge, strlen(challenge), subject->user,
	    &verdict, &reply);
	verdict.result = FRAME_DENY;
	verdict.message = 0;
	if (reply.outcome == LOGIN_CONTINUES)
		err = finish(subject, server, person, reply.login, &verdict);
	else if (is_hidden(&reply, subject->proven))
		err = pretend(
		    subject, server, person, challenge, &reply, &verdict);
	else
		set_verdict(&reply, subject->proven, &verdict);
	free(challenge);
	if (err == ERR_NONE)
		*out = verdict;
	return err;
}
