/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/card_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pam_module/agent/card_dialogue.h"
#include "pam_module/agent/steady.h"
#include "shared/encode.h"

const unsigned char scene_challenge[CARD_CHALLENGE_BYTES] = {1, 2, 3, [31] = 9};
const struct card_terminal scene_terminal = {
    .name = "madoguchi-3", .ca = {0xca, 0xfe}};

static void note(struct scene *scene, const char *what, const char *detail)
{
	size_t used = strlen(scene->trace);

	assert_true(used + strlen(what) + strlen(detail) + 2 < TRACE_SIZE);
	snprintf(scene->trace + used, TRACE_SIZE - used, "%s%s%s",
	    used ? " " : "", what, detail);
}

/* --- the server ----------------------------------------------------------- */

void scene_write_challenge(const struct row *row, char out[BODY_SIZE])
{
	unsigned char key[CARD_HASH_BYTES], tag[CARD_TAG_BYTES];
	char challenge[ENCODE_BASE64_SIZE(CARD_CHALLENGE_BYTES)];
	char wanted[ENCODE_BASE64_SIZE(CARD_TAG_BYTES)];
	bool has_tags = !row->no_tags && !(row->later && row->asks);

	memset(key, KEY, sizeof(key));
	assert_int_equal(card_tag(scene_challenge, key, tag), ERR_NONE);
	encode_base64url(tag, sizeof(tag), wanted);
	encode_base64url(scene_challenge, sizeof(scene_challenge), challenge);
	snprintf(out, BODY_SIZE,
	    "{\"result\":\"continue\",\"login\":\"a-B_9\",\"factors\":[%s],"
	    "%s\"challenge\":\"%s\",\"expires_in\":120%s%s%s}",
	    row->factors, row->asks ? "\"ask\":\"person\"," : "", challenge,
	    has_tags     ? ",\"cards\":[\"AAAAAAAAAAAAAAAAAAAAAA\","
			   "\"BBBBBBBBBBBBBBBBBBBBBA\",\""
	    : row->later ? ",\"cards\":["
			 : "",
	    has_tags ? wanted : "",
	    has_tags     ? "\",\"DDDDDDDDDDDDDDDDDDDDDA\"]"
	    : row->later ? "]"
			 : "");
}

static const char *sent(const char *body)
{
	if (strncmp(body, "{\"factor\":\"card\",\"certificate\"", 30) == 0)
		return "card";
	if (strncmp(body, "{\"factor\":\"card\",\"attempt\"", 26) == 0)
		return "empty-card";
	if (strncmp(body, "{\"factor\":\"otp\",\"attempt\"", 25) == 0)
		return "empty";
	if (strncmp(body, "{\"factor\":\"otp\",\"code\"", 22) == 0)
		return "otp";
	if (strncmp(body, "{\"factor\":\"emergency\",\"code\"", 28) == 0)
		return "emergency";
	return "?";
}

/* Notes a beginning with a number that was not said before. */
static bool is_naming(struct scene *scene, const struct server_request *request)
{
	static const char label[] = "\"person\":\"";
	const char *person = strstr(request->body, label);
	char name[64];

	if (strcmp(request->path, "/v1/logins") != 0 || !person ||
	    strcmp(request->body, scene->begun) == 0)
		return false;
	person += sizeof(label) - 1;
	snprintf(
	    name, sizeof(name), "%.*s", (int)strcspn(person, "\""), person);
	note(scene, "name:", name);
	snprintf(scene->begun, BODY_SIZE, "%s", request->body);
	return true;
}

static void write_named(const struct row *row, char out[BODY_SIZE])
{
	struct row his = *row;

	his.asks = false;
	if (row->named)
		snprintf(out, BODY_SIZE, "%s", row->named);
	else
		scene_write_challenge(&his, out);
}

enum err scene_perform(void *context, const struct server_request *request,
    struct server_reply *out)
{
	struct scene *scene = context;
	const char *answer =
	    scene->row->answer ? scene->row->answer : DENY_WRONG;

	assert_int_equal(strlen(request->body), request->body_length);
	assert_true(request->deadline_ms <= steady_ms() + 4000);
	if (scene->calls++ == 0) {
		answer = scene->challenge;
	} else if (is_naming(scene, request)) {
		write_named(scene->row, scene->challenge);
		answer = scene->challenge;
	} else {
		if (strcmp(request->body, scene->begun) == 0)
			answer = scene->challenge;
		note(scene, "send:", sent(request->body));
		snprintf(scene->path, TRACE_SIZE, "%s", request->path);
		snprintf(scene->body, BODY_SIZE, "%s", request->body);
	}
	if (*answer == '\0')
		return ERR_UNREACHABLE;
	out->status = 200;
	out->body = strdup(answer);
	out->length = strlen(out->body);
	return ERR_NONE;
}

/* --- the person ----------------------------------------------------------- */

static const char *prompt_word(enum frame_prompt prompt)
{
	switch (prompt) {
	case FRAME_PROMPT_CODE:
		return "CODE";
	case FRAME_PROMPT_PIN:
		return "PIN";
	case FRAME_PROMPT_CARD:
		return "CARD";
	case FRAME_PROMPT_LAST_TRY:
		return "LAST";
	case FRAME_PROMPT_PIN_PAD:
		return "PAD";
	case FRAME_PROMPT_PERSON:
		return "PERSON";
	}
	return "?";
}

static const char *message_word(enum frame_message message)
{
	static const struct {
		enum frame_message message;
		const char *word;
	} words[] = {{FRAME_MESSAGE_PIN_WRONG, "wrong"},
	    {FRAME_MESSAGE_PIN_LOW, "low"},
	    {FRAME_MESSAGE_PIN_LENGTH, "length"},
	    {FRAME_MESSAGE_CARD_ABSENT, "absent"},
	    {FRAME_MESSAGE_CARD_OTHER, "other"},
	    {FRAME_MESSAGE_CARD_SEVERAL, "several"},
	    {FRAME_MESSAGE_CARD_TROUBLE, "trouble"},
	    {FRAME_MESSAGE_ENROLL_NO_KEY, "no-key"},
	    {FRAME_MESSAGE_ENROLL_SEVERAL, "several-keys"}};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (words[i].message == message)
			return words[i].word;
	return "?";
}

enum err scene_ask(void *context, const struct login_question *question,
    unsigned char *typed, size_t typed_size, size_t *out_length)
{
	struct scene *scene = context;
	char shown[64] = "";
	const char *answer;

	assert_true(scene->typed < STEPS_MAX);
	answer = scene->row->typed[scene->typed++];
	if (question->message && question->number)
		snprintf(shown, sizeof(shown), "<%s %u>",
		    message_word(question->message),
		    (unsigned)question->number);
	else if (question->message)
		snprintf(shown, sizeof(shown), "<%s>",
		    message_word(question->message));
	note(scene, prompt_word(question->prompt), shown);
	if (!answer)
		return ERR_IO;
	assert_true(strlen(answer) <= typed_size);
	memcpy(typed, answer, strlen(answer));
	*out_length = strlen(answer);
	return ERR_NONE;
}

/* --- the card ------------------------------------------------------------- */

struct card_seen scene_find(void *context, const struct card_wanted *wanted,
    int64_t deadline_ms, struct card_session **out)
{
	struct scene *scene = context;
	struct card_seen seen;

	assert_true(scene->looks < STEPS_MAX);
	seen = scene->row->looks[scene->looks++];
	assert_true(deadline_ms <= steady_ms() + CARD_FIND_WAIT_MS);
	assert_int_equal(scene->open, 0);
	scene->wanted = *wanted;
	note(scene, "look", "");
	*out = NULL;
	if (seen.presence == CARD_PRESENT) {
		*out = (struct card_session *)scene;
		scene->open++;
	}
	return seen;
}

void scene_fill_signature(struct card_signature *out)
{
	out->algorithm = CARD_ECDSA_SHA256;
	out->certificate_length = CARD_CERTIFICATE_BYTES_MAX;
	memset(out->certificate, 0x30, out->certificate_length);
	out->signature_length = CARD_SIGNATURE_BYTES_MAX;
	memset(out->signature, 0xff, out->signature_length);
}

enum card_signing scene_sign(void *context, struct card_session *session,
    const struct secret *pin, int64_t deadline_ms, struct card_seen *seen,
    struct card_signature *out)
{
	struct scene *scene = context;
	const struct signing *signing;
	char typed[SECRET_BYTES_MAX + 1] = "pad";

	assert_ptr_equal(session, scene);
	assert_true(scene->signs < STEPS_MAX);
	/* What it takes must leave time for the server. */
	assert_true(deadline_ms <=
		    steady_ms() + LOGIN_ANSWER_WAIT_MS - LOGIN_SERVER_SPARE_MS);
	signing = &scene->row->signs[scene->signs++];
	if (pin) {
		memcpy(typed, pin->bytes, pin->length);
		typed[pin->length] = '\0';
	}
	note(scene, "sign:", typed);
	if (signing->result == CARD_SIGNED)
		scene_fill_signature(out);
	if (signing->result == CARD_SIGNING_PIN_WRONG) {
		seen->pin = signing->pin;
		seen->tries_left = signing->tries_left;
	}
	return signing->result;
}

enum err scene_start_pin_pad(void *context, struct card_session *session)
{
	struct scene *scene = context;

	assert_ptr_equal(session, scene);
	note(scene, "pad", "");
	return scene->row->pad_fails ? ERR_IO : ERR_NONE;
}

void scene_shut(void *context, struct card_session *session)
{
	struct scene *scene = context;

	assert_ptr_equal(session, scene);
	assert_int_equal(scene->open, 1);
	scene->open--;
	note(scene, "shut", "");
}

/* -------------------------------------------------------------------------- */

enum err scene_play(struct scene *scene, const struct row *row,
    struct login_shapes *shapes, struct login_verdict *out)
{
	struct login_subject subject = {.user = "s1042",
	    .service = "login",
	    .proven = !row->unproven,
	    .once = row->once,
	    .own_account = row->own};
	struct login_shapes own = {.lock = PTHREAD_MUTEX_INITIALIZER};
	const struct login_means means = {.server = {scene_perform, scene},
	    .person = {scene_ask, scene},
	    .cards = {scene_find, scene_sign, scene_start_pin_pad, scene_shut,
		scene},
	    .terminal = row->no_terminal ? NULL : &scene_terminal,
	    .shapes = shapes ? shapes : &own};
	enum err err;

	if (row->rhost)
		strcpy(subject.rhost, row->rhost);
	scene->row = row;
	if (!scene->challenge[0])
		scene_write_challenge(row, scene->challenge);
	err = login_run(&subject, &means, out);
	assert_int_equal(scene->open, 0);
	return err;
}

void scene_check(const struct row *row)
{
	struct scene *scene = calloc(1, sizeof(*scene));
	struct login_verdict verdict = {0};
	size_t typed = 0;

	assert_non_null(scene);
	assert_int_equal(scene_play(scene, row, NULL, &verdict), ERR_NONE);
	if (strcmp(scene->trace, row->trace) != 0)
		fail_msg("%s:\n  is      %s\n  must be %s", row->name,
		    scene->trace, row->trace);
	if (verdict.result != row->result || verdict.message != row->message ||
	    verdict.number != row->number)
		fail_msg("%s: result %d, message %d, number %d", row->name,
		    (int)verdict.result, (int)verdict.message,
		    (int)verdict.number);
	while (row->typed[typed])
		typed++;
	assert_int_equal(scene->typed, typed);
	/* Whatever was typed as a PIN is nowhere in what was sent. */
	for (size_t i = 0; i < typed; i++)
		if (strcmp(row->typed[i], "1234") == 0)
			assert_null(strstr(scene->body, "1234"));
	free(scene);
}
