/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a login by card says to whom: the bytes that are signed, the body that
 * is sent, what the verdict holds, and what unproven callers must not see.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pam_module/agent/card_dialogue.h"
#include "shared/encode.h"
#include "shared/json.h"
#include "tests/support/card_scene.h"

static void unproven_callers_learn_nothing(void **state)
{
	static const struct row rows[] = {
	    {"wrong card", ANY, .unproven = true, .looks = {OTHER},
		.typed = {"755224"}, .trace = "look CODE send:otp", FRAME_DENY},
	    {"no tries are told", ANY, .unproven = true, .looks = {LOW(2)},
		.typed = {"9999", "9999", "9999"},
		.signs = {MISS(5), MISS(4), MISS(3)},
		.trace = "look PIN sign:9999 PIN sign:9999 PIN sign:9999 shut "
			 "send:empty",
		FRAME_DENY},
	    {"the last try is asked for all the same", ANY, .unproven = true,
		.looks = {FINAL}, .typed = {"no", "755224"},
		.trace = "look LAST shut CODE send:otp", FRAME_DENY},
	    {"locked", ANY, .unproven = true, .looks = {LOCKED},
		.trace = "look shut", FRAME_DENY},
	    {"accepted, no notice", ANY, .unproven = true, .looks = {HERE},
		.typed = {"1234"}, .signs = {SIGNS},
		.answer = "{\"result\":\"accept\",\"user\":\"s1042\","
			  "\"notices\":[{\"kind\":\"card_expires\","
			  "\"until\":1774915200,\"days\":9}]}",
		.trace = "look PIN sign:1234 send:card shut", FRAME_ACCEPT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		scene_check(&rows[i]);
}

/* Over a network, with no password: whose card is in stays unknown, and no
 * try is taken off it. Who has a password may use it. */
static void strangers_from_afar_reach_no_card(void **state)
{
	static const struct row rows[] = {
	    {"codes", ANY, .unproven = true, .rhost = "192.0.2.7",
		.typed = {"755224"}, .trace = "CODE send:otp", FRAME_DENY},
	    {"nothing typed", ANY, .unproven = true, .rhost = "192.0.2.7",
		.typed = {""}, .trace = "CODE send:empty", FRAME_DENY},
	    {"cards only", CARD_ONLY, .unproven = true, .rhost = "192.0.2.7",
		.typed = {"1234"}, .trace = "CARD send:empty-card", FRAME_DENY},
	    {"a host of that name", ANY, .unproven = true,
		.rhost = "127.0.0.1.example", .typed = {"755224"},
		.trace = "CODE send:otp", FRAME_DENY},
	    {"at this machine", ANY, .unproven = true, .rhost = "127.0.0.1",
		.looks = {HERE}, .typed = {"1234"}, .signs = {SIGNS},
		.trace = "look PIN sign:1234 send:card shut", FRAME_DENY},
	    {"proven", ANY, .rhost = "192.0.2.7", .looks = {HERE},
		.typed = {"1234"}, .signs = {SIGNS},
		.trace = "look PIN sign:1234 send:card shut", FRAME_DENY,
		FRAME_MESSAGE_REFUSED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		scene_check(&rows[i]);
}

/* A refusal before any challenge is asked like a stranger of a moment ago. */
static void a_hidden_refusal_looks_like_a_stranger(void **state)
{
	static const struct row rows[] = {
	    {"", ANY, .unproven = true, .looks = {NONE, NONE},
		.typed = {"", ""}, .trace = "look CODE CARD look send:"},
	    {"", ANY, .unproven = true, .looks = {OTHER}, .typed = {"755224"},
		.trace = "look CODE send:"},
	    {"", CARD_ONLY, .unproven = true,
		.looks = {NONE, OTHER, TROUBLE, NONE}, .typed = {"", "", ""},
		.trace = "look CARD look CARD look CARD look send:"},
	    {"", ANY, .unproven = true, .no_tags = true, .typed = {""},
		.trace = "CODE send:"},
	    {"", CODES, .unproven = true, .typed = {""}, .trace = "CODE send:"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct login_shapes shapes = {
		    .lock = PTHREAD_MUTEX_INITIALIZER};
		struct scene stranger = {0}, hidden = {0};
		struct login_verdict verdict = {0}, other = {.status = 1};
		size_t length = strlen(rows[i].trace);

		assert_int_equal(
		    scene_play(&stranger, &rows[i], &shapes, &verdict),
		    ERR_NONE);
		snprintf(hidden.challenge, BODY_SIZE,
		    "{\"result\":\"deny\",\"reason\":\"suspended\"}");
		assert_int_equal(
		    scene_play(&hidden, &rows[i], &shapes, &other), ERR_NONE);
		print_message("row %zu: %s\n", i, hidden.trace);
		assert_memory_equal(stranger.trace, rows[i].trace, length);
		assert_memory_equal(hidden.trace, rows[i].trace, length);
		assert_int_equal(verdict.result, FRAME_DENY);
		assert_int_equal(other.result, FRAME_DENY);
		assert_int_equal(other.message, verdict.message);
		assert_string_equal(hidden.path, "/v1/logins");
		if (hidden.looks)
			assert_memory_not_equal(hidden.wanted.challenge,
			    stranger.wanted.challenge, CARD_CHALLENGE_BYTES);
	}
}

static void a_found_key_opens_no_hidden_refusal(void **state)
{
	static const struct row row = {"", ANY, .unproven = true,
	    .looks = {NONE, HERE}, .typed = {"755224", "755224"}};
	struct login_shapes shapes = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct scene first = {0}, hidden = {.looks = 1};
	struct login_verdict verdict = {0};

	(void)state;
	assert_int_equal(scene_play(&first, &row, &shapes, &verdict), ERR_NONE);
	snprintf(hidden.challenge, BODY_SIZE,
	    "{\"result\":\"deny\",\"reason\":\"frozen\"}");
	assert_int_equal(
	    scene_play(&hidden, &row, &shapes, &verdict), ERR_NONE);
	assert_string_equal(hidden.trace, "look shut CODE send:?");
	assert_int_equal(verdict.result, FRAME_DENY);
}

static void what_is_signed_is_the_contracts_message(void **state)
{
	static const struct row row = {"", ANY, .looks = {HERE},
	    .typed = {"1234"}, .signs = {SIGNS}, .answer = ACCEPT_ROW};
	struct scene *scene = calloc(1, sizeof(*scene));
	struct login_verdict verdict = {0};
	struct card_message message;

	(void)state;
	assert_non_null(scene);
	assert_int_equal(scene_play(scene, &row, NULL, &verdict), ERR_NONE);
	assert_int_equal(card_login_message(scene_terminal.ca, scene_challenge,
			     "madoguchi-3", "s1042", "login", &message),
	    ERR_NONE);
	assert_int_equal(scene->wanted.message.length, message.length);
	assert_memory_equal(
	    scene->wanted.message.bytes, message.bytes, message.length);
	assert_memory_equal(
	    scene->wanted.challenge, scene_challenge, sizeof(scene_challenge));
	assert_int_equal(scene->wanted.tag_count, CARD_TAGS);
	free(scene);
}

static void check_member(
    json_t *object, const char *name, size_t length, unsigned char byte)
{
	static unsigned char bytes[CARD_CERTIFICATE_BYTES_MAX];
	const char *text = json_string_value(json_object_get(object, name));
	size_t got = 0;

	assert_non_null(text);
	assert_int_equal(
	    decode_base64(text, strlen(text), bytes, sizeof(bytes), &got),
	    ERR_NONE);
	assert_int_equal(got, length);
	assert_int_equal(bytes[0], byte);
	assert_int_equal(bytes[length - 1], byte);
}

/* The largest certificate and signature there are. */
static void the_finishing_body_is_json(void **state)
{
	static const struct row row = {"", ANY, .looks = {HERE},
	    .typed = {"1234"}, .signs = {SIGNS}, .answer = ACCEPT_ROW};
	struct scene *scene = calloc(1, sizeof(*scene));
	struct login_verdict verdict = {0};
	struct json_problem problem;
	json_t *object = NULL;

	(void)state;
	assert_non_null(scene);
	assert_int_equal(scene_play(scene, &row, NULL, &verdict), ERR_NONE);
	assert_string_equal(scene->path, "/v1/logins/a-B_9");
	assert_int_equal(
	    json_read(scene->body, strlen(scene->body), &object, &problem),
	    ERR_NONE);
	assert_int_equal(json_object_size(object), 5);
	assert_string_equal(
	    json_string_value(json_object_get(object, "factor")), "card");
	assert_string_equal(
	    json_string_value(json_object_get(object, "algorithm")),
	    "ecdsa-sha256");
	assert_int_equal(
	    strlen(json_string_value(json_object_get(object, "attempt"))), 22);
	check_member(object, "certificate", CARD_CERTIFICATE_BYTES_MAX, 0x30);
	check_member(object, "signature", CARD_SIGNATURE_BYTES_MAX, 0xff);
	json_decref(object);
	free(scene);
}

static void an_accept_by_card_is_remembered(void **state)
{
	static const struct {
		const char *removed;
		enum card_removed action;
	} rows[] = {
	    {"", CARD_REMOVED_LOCK},
	    {",\"card_removed\":\"lock\"", CARD_REMOVED_LOCK},
	    {",\"card_removed\":\"logout\"", CARD_REMOVED_LOGOUT},
	    {",\"card_removed\":\"nothing\"", CARD_REMOVED_NOTHING},
	    {",\"card_removed\":\"dance\"", CARD_REMOVED_LOCK},
	};
	char answer[256];
	struct row row = {"", ANY, .answer = answer};
	unsigned char key[CARD_HASH_BYTES];

	(void)state;
	memset(key, KEY, sizeof(key));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int by_card = 0; by_card < 2; by_card++) {
			const struct card_seen here = HERE, none = NONE;
			struct scene scene = {0};
			struct login_verdict verdict = {0};

			snprintf(answer, sizeof(answer),
			    "{\"result\":\"accept\",\"user\":\"s1042\","
			    "\"login\":\"x\",\"notices\":[7,{},{\"kind\":"
			    "\"card_expires\",\"until\":1774915200,"
			    "\"days\":30}]%s}",
			    rows[i].removed);
			row.looks[0] = by_card ? here : none;
			row.typed[0] = by_card ? "1234" : "755224";
			row.signs[0] = (struct signing)SIGNS;
			assert_int_equal(
			    scene_play(&scene, &row, NULL, &verdict), ERR_NONE);
			assert_int_equal(verdict.result, FRAME_ACCEPT);
			assert_int_equal(
			    verdict.message, FRAME_MESSAGE_CARD_EXPIRES);
			assert_int_equal(verdict.number, 1774915200);
			assert_string_equal(verdict.login, "x");
			assert_int_equal(verdict.by_card, by_card);
			assert_int_equal(verdict.card_removed, rows[i].action);
			if (by_card)
				assert_memory_equal(
				    verdict.key, key, sizeof(key));
		}
}

static void nobody_decides_after_signing(void **state)
{
	static const struct row rows[] = {
	    {"out of reach", ANY, .looks = {HERE}, .typed = {"1234"},
		.signs = {SIGNS}, .answer = NOBODY,
		.trace = "look PIN sign:1234 send:card shut",
		FRAME_DENY_UNAVAILABLE, FRAME_MESSAGE_UNAVAILABLE},
	    {"nothing to send, out of reach", CARD_ONLY, .looks = {FINAL},
		.typed = {"no"}, .answer = NOBODY,
		.trace = "look LAST<low 1> shut send:empty-card",
		FRAME_DENY_UNAVAILABLE, FRAME_MESSAGE_UNAVAILABLE},
	    {"refused", ANY, .looks = {HERE}, .typed = {"1234"},
		.signs = {SIGNS}, .trace = "look PIN sign:1234 send:card shut",
		REFUSED},
	    {"throttled", ANY, .looks = {HERE},
		.typed = {"9999", "9999", "9999"},
		.signs = {MISS(5), MISS(4), MISS(3)},
		.answer = "{\"result\":\"deny\",\"reason\":\"throttled\","
			  "\"retry_at\":99}",
		.trace = "look PIN sign:9999 PIN<wrong 5> sign:9999 "
			 "PIN<wrong 4> sign:9999 shut send:empty",
		FRAME_DENY_LOCKED, FRAME_MESSAGE_THROTTLED, 99},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		scene_check(&rows[i]);
}

/* A child may say anything; what has no shape is trouble. */
static enum card_signing sign_nonsense(void *context,
    struct card_session *session, const struct secret *pin, int64_t deadline_ms,
    struct card_seen *seen, struct card_signature *out)
{
	struct scene *scene = context;

	(void)session;
	(void)pin;
	(void)deadline_ms;
	(void)seen;
	scene_fill_signature(out);
	switch (scene->signs++) {
	case 0:
		out->algorithm = CARD_ALGORITHM_NONE;
		break;
	case 1:
		out->certificate_length = CARD_CERTIFICATE_BYTES_MAX + 1;
		break;
	case 2:
		out->signature_length = 0;
		break;
	}
	return CARD_SIGNED;
}

static void a_signature_without_shape_is_trouble(void **state)
{
	static const struct row row = {"", CARD_ONLY,
	    .looks = {HERE, HERE, HERE, NONE},
	    .typed = {"1234", "", "1234", "", "1234", ""}};
	struct login_shapes shapes = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct scene scene = {.row = &row};
	struct login_verdict verdict = {0};
	const struct login_subject subject = {
	    .user = "s1042", .service = "login", .proven = true};
	const struct login_means means = {.server = {scene_perform, &scene},
	    .person = {scene_ask, &scene},
	    .cards = {scene_find, sign_nonsense, scene_start_pin_pad,
		scene_shut, &scene},
	    .terminal = &scene_terminal,
	    .shapes = &shapes};

	(void)state;
	scene_write_challenge(&row, scene.challenge);
	assert_int_equal(login_run(&subject, &means, &verdict), ERR_NONE);
	assert_int_equal(scene.signs, 3);
	assert_string_equal(scene.trace,
	    "look PIN shut CARD<trouble> look PIN shut CARD<trouble> look PIN "
	    "shut CARD<trouble> look send:empty-card");
	assert_int_equal(verdict.message, FRAME_MESSAGE_CARD_ABSENT);
}

/* Members of a challenge about cards that no server of ours writes. */
static void malformed_tags_are_no_challenge(void **state)
{
	static const char *const rows[] = {
	    "\"cards\":[\"AAAAAAAAAAAAAAAAAAAAAA\"]",
	    "\"challenge\":\"AA\",\"cards\":[\"AAAAAAAAAAAAAAAAAAAAAA\"]",
	    "\"challenge\":7",
	    "\"challenge\":\"AQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAk\","
	    "\"cards\":[\"AAAA\"]",
	    "\"challenge\":\"AQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAk\","
	    "\"cards\":[7]",
	    "\"challenge\":\"AQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAk\","
	    "\"cards\":\"AAAAAAAAAAAAAAAAAAAAAA\"",
	    "\"challenge\":\"AQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAk\","
	    "\"cards\":[\"\",\"\",\"\",\"\",\"\"]",
	    "\"factors\":7",
	};
	static const struct row row = {.factors = ANY};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct scene scene = {0};
		struct login_verdict verdict = {0};

		snprintf(scene.challenge, BODY_SIZE,
		    "{\"result\":\"continue\",\"login\":\"x\",%s%s}",
		    i < 7 ? "\"factors\":[\"card\"]," : "", rows[i]);
		print_message("row %zu\n", i);
		assert_int_equal(
		    scene_play(&scene, &row, NULL, &verdict), ERR_NONE);
		assert_int_equal(verdict.result, FRAME_DENY_UNAVAILABLE);
		assert_int_equal(scene.typed, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(unproven_callers_learn_nothing),
	    cmocka_unit_test(strangers_from_afar_reach_no_card),
	    cmocka_unit_test(a_hidden_refusal_looks_like_a_stranger),
	    cmocka_unit_test(a_found_key_opens_no_hidden_refusal),
	    cmocka_unit_test(what_is_signed_is_the_contracts_message),
	    cmocka_unit_test(the_finishing_body_is_json),
	    cmocka_unit_test(an_accept_by_card_is_remembered),
	    cmocka_unit_test(nobody_decides_after_signing),
	    cmocka_unit_test(a_signature_without_shape_is_trouble),
	    cmocka_unit_test(malformed_tags_are_no_challenge),
	};

	return cmocka_run_group_tests_name(
	    "card_dialogue_proof", tests, NULL, NULL);
}
