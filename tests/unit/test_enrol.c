/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's part of an enrolment: which questions are asked, what is sent,
 * and which words the server's answer becomes. Server, person and card are
 * scripted (tests/support/card_scene.h).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pam_module/agent/enrol.h"
#include "pam_module/agent/steady.h"
#include "shared/encode.h"
#include "tests/support/card_scene.h"

#define CODE "abcd efgh-2345"
#define COUNTS "ABCDEFGH2345" /* the same as it counts */
#define TOKEN "tOk-en_1"
#define DONE                                                                   \
	"{\"user\":\"s1042\",\"key\":\"00\",\"until\":1900000000,\"others\":[]}"
#define PROBLEM(word)                                                          \
	"{\"type\":\"about:blank\",\"title\":\"x\",\"status\":409,"            \
	"\"reason\":\"" word "\",\"detail\":\"x\"}"

struct reply {
	int status; /* 0: no server answers */
	const char *body;
};

struct enrolment {
	struct scene scene;
	struct reply replies[2]; /* to challenge and proof */
	size_t calls;
};

static enum err perform(void *context, const struct server_request *request,
    struct server_reply *out)
{
	struct enrolment *enrolment = context;
	const struct reply *reply = &enrolment->replies[enrolment->calls];

	assert_in_range(enrolment->calls, 0, 1);
	assert_string_equal(request->path,
	    enrolment->calls ? "/v1/cards" : "/v1/cards/challenge");
	assert_int_equal(strlen(request->body), request->body_length);
	assert_true(request->deadline_ms <= steady_ms() + ENROL_SERVER_WAIT_MS);
	enrolment->calls++;
	snprintf(enrolment->scene.body, BODY_SIZE, "%s", request->body);
	if (reply->status == 0)
		return ERR_UNREACHABLE;
	out->status = reply->status;
	out->body = strdup(reply->body);
	out->length = strlen(out->body);
	return ERR_NONE;
}

static void write_challenge(char out[BODY_SIZE])
{
	char challenge[ENCODE_BASE64_SIZE(CARD_CHALLENGE_BYTES)];

	encode_base64url(scene_challenge, sizeof(scene_challenge), challenge);
	snprintf(out, BODY_SIZE,
	    "{\"token\":\"" TOKEN "\",\"challenge\":\"%s\",\"expires_in\":300}",
	    challenge);
}

static enum err play(struct enrolment *enrolment, const struct row *row,
    const char *typed, struct enrol_verdict *out)
{
	struct scene *scene = &enrolment->scene;
	const struct enrol_means means = {.server = {perform, enrolment},
	    .person = {scene_ask, scene},
	    .cards = {scene_find, scene_sign, scene_start_pin_pad, scene_shut,
		scene},
	    .terminal = row->no_terminal ? NULL : &scene_terminal};
	struct secret code = {0};
	enum err err;

	scene->row = row;
	if (!enrolment->replies[0].body)
		write_challenge(scene->challenge);
	if (!enrolment->replies[0].body)
		enrolment->replies[0] = (struct reply){200, scene->challenge};
	assert_int_equal(secret_set(&code, typed, strlen(typed)), ERR_NONE);
	err = enrol_run(&code, &means, out);
	assert_int_equal(scene->open, 0);
	return err;
}

/* --- the dialogue --------------------------------------------------------- */

#define ENROLLED FRAME_ACCEPT, FRAME_MESSAGE_ENROLLED, 1900000000
#define NO_CARD(message) FRAME_DENY, (message), 0

static const struct row rows[] = {
    {.name = "right",
	.typed = {"1234"},
	.looks = {HERE},
	.signs = {SIGNS},
	.trace = "look PIN sign:1234 shut",
	ENROLLED},
    {.name = "whichever key there is",
	.typed = {"1234"},
	.looks = {SEEN(CARD_PIN_FINE, -1, false, 8, 99)},
	.signs = {SIGNS},
	.trace = "look PIN sign:1234 shut",
	ENROLLED},
    {.name = "inserted when asked for",
	.typed = {"", "1234"},
	.looks = {NONE, HERE},
	.signs = {SIGNS},
	.trace = "look CARD look PIN sign:1234 shut",
	ENROLLED},
    {.name = "never inserted",
	.typed = {"", "", ""},
	.looks = {NONE, NONE, NONE, NONE},
	.trace = "look CARD look CARD<absent> look CARD<absent> look",
	NO_CARD(FRAME_MESSAGE_CARD_ABSENT)},
    {.name = "no key on it, then several, then one",
	.typed = {"", "", "1234"},
	.looks = {OTHER, SEVERAL, HERE},
	.signs = {SIGNS},
	.trace = "look CARD<no-key> look CARD<several-keys> look PIN "
		 "sign:1234 shut",
	ENROLLED},
    {.name = "wrong PIN, then right",
	.typed = {"4321", "1234"},
	.looks = {HERE},
	.signs = {MISS(2), SIGNS},
	.trace = "look PIN sign:4321 PIN<wrong 2> sign:1234 shut",
	ENROLLED},
    {.name = "three wrong PINs",
	.typed = {"4321", "4322", "4323"},
	.looks = {HERE},
	.signs = {MISS(9), MISS(8), MISS(7)},
	.trace = "look PIN sign:4321 PIN<wrong 9> sign:4322 PIN<wrong 8> "
		 "sign:4323 shut",
	FRAME_DENY,
	FRAME_MESSAGE_PIN_WRONG,
	7},
    {.name = "the last try is not spent without a yes",
	.typed = {"no"},
	.looks = {FINAL},
	.trace = "look LAST<low 1> shut",
	NO_CARD(FRAME_MESSAGE_ENROLL_FAILED)},
    {.name = "the last try with a yes",
	.typed = {"yes", "1234"},
	.looks = {FINAL},
	.signs = {SIGNS},
	.trace = "look LAST<low 1> PIN sign:1234 shut",
	ENROLLED},
    {.name = "locked before",
	.looks = {LOCKED},
	.trace = "look shut",
	IS_LOCKED},
    {.name = "locked by it",
	.typed = {"4321"},
	.looks = {HERE},
	.signs = {LOCKS},
	.trace = "look PIN sign:4321 shut",
	IS_LOCKED},
    {.name = "an empty PIN is no PIN and there is no code to switch to",
	.typed = {"", "1234"},
	.looks = {HERE},
	.signs = {SIGNS},
	.trace = "look PIN PIN<length> sign:1234 shut",
	ENROLLED},
    {.name = "a PIN pad",
	.typed = {""},
	.looks = {PAD},
	.signs = {SIGNS},
	.trace = "look pad PAD sign:pad shut",
	ENROLLED},
    {.name = "pulled while it signs",
	.typed = {"1234", "", "1234"},
	.looks = {HERE, HERE},
	.signs = {PULLED, SIGNS},
	.trace = "look PIN sign:1234 shut CARD<trouble> look PIN sign:1234 "
		 "shut",
	ENROLLED},
};

static void asks_as_a_login_does(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct enrolment *enrolment = calloc(1, sizeof(*enrolment));
		struct enrol_verdict verdict;
		size_t typed = 0;

		enrolment->replies[1] = (struct reply){200, DONE};
		assert_int_equal(
		    play(enrolment, &rows[i], CODE, &verdict), ERR_NONE);
		if (strcmp(enrolment->scene.trace, rows[i].trace) != 0)
			fail_msg("%s:\n  is      %s\n  must be %s",
			    rows[i].name, enrolment->scene.trace,
			    rows[i].trace);
		if (verdict.result != rows[i].result ||
		    verdict.message != rows[i].message ||
		    verdict.number != rows[i].number)
			fail_msg("%s: result %d, message %d, number %d",
			    rows[i].name, (int)verdict.result,
			    (int)verdict.message, (int)verdict.number);
		while (rows[i].typed[typed])
			typed++;
		assert_int_equal(enrolment->scene.typed, typed);
		assert_int_equal(
		    enrolment->calls, verdict.result == FRAME_ACCEPT ? 2 : 1);
		assert_null(strstr(enrolment->scene.body, "1234\""));
		free(enrolment);
	}
}

static const struct row good = {
    .typed = {"1234"}, .looks = {HERE}, .signs = {SIGNS}};

static void signs_the_code_as_it_counts(void **state)
{
	struct enrolment *enrolment = calloc(1, sizeof(*enrolment));
	struct card_message message;
	struct enrol_verdict verdict;

	(void)state;
	enrolment->replies[1] = (struct reply){200, DONE};
	assert_int_equal(play(enrolment, &good, CODE, &verdict), ERR_NONE);
	assert_int_equal(
	    card_enrolment_message(scene_terminal.ca, scene_challenge,
		scene_terminal.name, COUNTS, &message),
	    ERR_NONE);
	assert_int_equal(
	    enrolment->scene.wanted.message.length, message.length);
	assert_memory_equal(enrolment->scene.wanted.message.bytes,
	    message.bytes, message.length);
	assert_int_equal(enrolment->scene.wanted.tag_count, 0);
	assert_non_null(strstr(enrolment->scene.body,
	    "{\"token\":\"" TOKEN "\",\"invitation\":\"" COUNTS
	    "\",\"certificate\":\"MDAw"));
	assert_non_null(
	    strstr(enrolment->scene.body, "\"algorithm\":\"ecdsa-sha256\"}"));
	assert_string_equal(verdict.user, "s1042");
	assert_int_equal(verdict.other_until, 0);
	free(enrolment);
}

static void what_cannot_be_a_code_stays_here(void **state)
{
	static const char *const typed[] = {
	    "", "ABCD", "ABCD-EFGH-2340", "ABCD-EFGH-2345-6", "pass word"};

	(void)state;
	for (size_t i = 0; i < sizeof(typed) / sizeof(typed[0]); i++) {
		struct enrolment *enrolment = calloc(1, sizeof(*enrolment));
		struct enrol_verdict verdict;

		assert_int_equal(
		    play(enrolment, &good, typed[i], &verdict), ERR_NONE);
		assert_int_equal(verdict.result, FRAME_DENY);
		assert_int_equal(verdict.message, FRAME_MESSAGE_ENROLL_CODE);
		assert_int_equal(enrolment->calls, 0);
		free(enrolment);
	}
}

/* Or anybody could try PINs on the card that is in the reader. */
static void without_a_code_no_card_is_asked(void **state)
{
	struct enrolment *enrolment = calloc(1, sizeof(*enrolment));
	struct enrol_verdict verdict;

	(void)state;
	enrolment->replies[0] = (struct reply){403, PROBLEM("code")};
	assert_int_equal(play(enrolment, &good, CODE, &verdict), ERR_NONE);
	assert_string_equal(
	    enrolment->scene.body, "{\"invitation\":\"" COUNTS "\"}");
	assert_string_equal(enrolment->scene.trace, "");
	assert_int_equal(verdict.result, FRAME_DENY);
	assert_int_equal(verdict.message, FRAME_MESSAGE_ENROLL_CODE);
	free(enrolment);
}

static void whoever_goes_leaves_nothing(void **state)
{
	static const struct row gone = {.typed = {NULL}, .looks = {HERE}};
	struct enrolment *enrolment = calloc(1, sizeof(*enrolment));
	struct enrol_verdict verdict;

	(void)state;
	assert_int_equal(play(enrolment, &gone, CODE, &verdict), ERR_IO);
	assert_int_equal(enrolment->calls, 1);
	assert_string_equal(enrolment->scene.trace, "look PIN shut");
	free(enrolment);
}

/* --- the server's answers ------------------------------------------------- */

#define DENIED(message) FRAME_DENY, (message), 0
#define NOBODY_THERE FRAME_DENY_UNAVAILABLE, FRAME_MESSAGE_UNAVAILABLE, 0

static const struct {
	struct reply reply;
	enum frame_result result;
	enum frame_message message;
	uint64_t other_until;
} answers[] = {
    {{200, DONE}, FRAME_ACCEPT, FRAME_MESSAGE_ENROLLED, 0},
    {{200, "{\"user\":\"s1042\",\"until\":1900000000,\"more\":1}"},
	FRAME_ACCEPT, FRAME_MESSAGE_ENROLLED, 0},
    {{200, "{\"user\":\"s1042\",\"until\":1900000000,\"others\":[{\"until\""
	   ":1800000000},{\"until\":1850000000},{\"until\":\"x\"},7]}"},
	FRAME_ACCEPT, FRAME_MESSAGE_ENROLLED, 1850000000},
    {{200, "{}"}, NOBODY_THERE},
    {{200, "{\"user\":\"a\\u0007b\",\"until\":1900000000}"}, NOBODY_THERE},
    {{200, "nonsense"}, NOBODY_THERE},
    {{403, PROBLEM("code")}, DENIED(FRAME_MESSAGE_ENROLL_CODE)},
    {{404, PROBLEM("challenge")}, DENIED(FRAME_MESSAGE_ENROLL_FAILED)},
    {{409, PROBLEM("forged")}, DENIED(FRAME_MESSAGE_ENROLL_FAILED)},
    {{409, PROBLEM("frozen")}, DENIED(FRAME_MESSAGE_ENROLL_FAILED)},
    {{409, PROBLEM("untrusted")}, DENIED(FRAME_MESSAGE_CARD_UNTRUSTED)},
    {{409, PROBLEM("crl_missing")}, DENIED(FRAME_MESSAGE_CARD_UNTRUSTED)},
    {{409, PROBLEM("crl_stale")}, DENIED(FRAME_MESSAGE_CARD_UNTRUSTED)},
    {{409, PROBLEM("not_yet")}, DENIED(FRAME_MESSAGE_CARD_UNFIT)},
    {{409, PROBLEM("expired")}, DENIED(FRAME_MESSAGE_CARD_UNFIT)},
    {{409, PROBLEM("revoked")}, DENIED(FRAME_MESSAGE_CARD_UNFIT)},
    {{409, PROBLEM("usage")}, DENIED(FRAME_MESSAGE_CARD_UNFIT)},
    {{409, PROBLEM("taken")}, DENIED(FRAME_MESSAGE_CARD_TAKEN)},
    {{409, PROBLEM("full")}, DENIED(FRAME_MESSAGE_CARDS_FULL)},
    {{409, PROBLEM("new")}, NOBODY_THERE},
    {{403, "{\"status\":403,\"detail\":\"certificate\"}"}, NOBODY_THERE},
    {{429, "{}"}, FRAME_DENY_UNAVAILABLE, FRAME_MESSAGE_THROTTLED, 0},
    {{503, "{}"}, NOBODY_THERE},
    {{0, ""}, NOBODY_THERE},
};

static void every_answer_has_its_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct enrolment *enrolment = calloc(1, sizeof(*enrolment));
		struct enrol_verdict verdict;

		enrolment->replies[1] = answers[i].reply;
		assert_int_equal(
		    play(enrolment, &good, CODE, &verdict), ERR_NONE);
		if (verdict.result != answers[i].result ||
		    verdict.message != answers[i].message ||
		    verdict.other_until != answers[i].other_until ||
		    (verdict.user[0] != '\0') !=
			(verdict.result == FRAME_ACCEPT))
			fail_msg("%s: result %d, message %d",
			    answers[i].reply.body, (int)verdict.result,
			    (int)verdict.message);
		free(enrolment);
	}
}

static void without_a_challenge_no_card_is_asked(void **state)
{
	static const struct reply replies[] = {{0, ""}, {503, "{}"},
	    {200, "{}"}, {200, "{\"token\":\"a\\\"b\",\"challenge\":\"AAAA\"}"},
	    {200, "{\"token\":\"ab\",\"challenge\":\"AAAA\"}"},
	    {404, "{\"status\":404}"}, {403, "{\"status\":403}"}};

	(void)state;
	for (size_t i = 0; i <= sizeof(replies) / sizeof(replies[0]); i++) {
		struct enrolment *enrolment = calloc(1, sizeof(*enrolment));
		struct row row = good;
		struct enrol_verdict verdict;

		/* and one without an identity */
		row.no_terminal = i == sizeof(replies) / sizeof(replies[0]);
		if (!row.no_terminal)
			enrolment->replies[0] = replies[i];
		assert_int_equal(
		    play(enrolment, &row, CODE, &verdict), ERR_NONE);
		assert_int_equal(verdict.result, FRAME_DENY_UNAVAILABLE);
		assert_int_equal(verdict.message, FRAME_MESSAGE_UNAVAILABLE);
		assert_string_equal(enrolment->scene.trace, "");
		free(enrolment);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(asks_as_a_login_does),
	    cmocka_unit_test(signs_the_code_as_it_counts),
	    cmocka_unit_test(what_cannot_be_a_code_stays_here),
	    cmocka_unit_test(without_a_code_no_card_is_asked),
	    cmocka_unit_test(whoever_goes_leaves_nothing),
	    cmocka_unit_test(every_answer_has_its_words),
	    cmocka_unit_test(without_a_challenge_no_card_is_asked),
	};

	return cmocka_run_group_tests_name("enrol", tests, NULL, NULL);
}
