/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One login without a network: a server that answers from a list, a person
 * who types from a list, and what comes of it. Also what is sent.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pam_module/agent/login.h"
#include "pam_module/agent/typed.h"

enum {
	CALLS_MAX = 4,
	TEXT_SIZE = 1024
};

struct scene {
	struct {
		int status; /* 0: nobody answers */
		const char *body;
	} answers[CALLS_MAX];
	const char *typed; /* NULL: the person leaves */
	size_t calls, asked;
	char paths[CALLS_MAX][TEXT_SIZE], bodies[CALLS_MAX][TEXT_SIZE];
};

static enum err answer(void *context, const struct server_request *request,
    struct server_reply *out)
{
	struct scene *scene = context;
	size_t call = scene->calls++;

	assert_true(call < CALLS_MAX);
	snprintf(scene->paths[call], TEXT_SIZE, "%s", request->path);
	snprintf(scene->bodies[call], TEXT_SIZE, "%s", request->body);
	assert_int_equal(strlen(request->body), request->body_length);
	if (scene->answers[call].status == 0)
		return ERR_UNREACHABLE;
	out->status = scene->answers[call].status;
	out->body = strdup(scene->answers[call].body);
	out->length = strlen(out->body);
	return ERR_NONE;
}

static enum err type(void *context, const struct login_question *question,
    unsigned char *typed, size_t typed_size, size_t *out_length)
{
	struct scene *scene = context;

	scene->asked++;
	assert_int_equal(question->prompt, FRAME_PROMPT_CODE);
	assert_int_equal(question->message, 0);
	if (!scene->typed)
		return ERR_IO;
	assert_true(strlen(scene->typed) <= typed_size);
	memcpy(typed, scene->typed, strlen(scene->typed));
	*out_length = strlen(scene->typed);
	return ERR_NONE;
}

static enum err play(
    struct scene *scene, bool proven, struct login_verdict *out)
{
	const struct login_subject subject = {.user = "s1042",
	    .service = "sshd",
	    .tty = "pts/0",
	    .proven = proven};
	struct login_shapes shapes = {.lock = PTHREAD_MUTEX_INITIALIZER};
	const struct login_means means = {.server = {answer, scene},
	    .person = {type, scene},
	    .shapes = &shapes};

	return login_run(&subject, &means, out);
}

#define CONTINUE                                                               \
	{                                                                      \
		200, "{\"result\":\"continue\",\"login\":\"a-B_9\","           \
		     "\"factors\":[\"otp\"],\"challenge\":\"AA\","             \
		     "\"expires_in\":120}"                                     \
	}
#define ACCEPT                                                                 \
	{                                                                      \
		200, "{\"result\":\"accept\",\"user\":\"s1042\","              \
		     "\"person\":\"s1042\",\"by\":\"otp\","                    \
		     "\"login\":\"a-B_9\",\"notices\":[],\"new\":1}"           \
	}
#define DENY(reason)                                                           \
	{                                                                      \
		200, "{\"result\":\"deny\",\"reason\":\"" reason "\","         \
		     "\"retry_at\":1774915200}"                                \
	}

static void a_code_is_accepted(void **state)
{
	struct scene scene = {.answers = {CONTINUE, ACCEPT}, .typed = "755224"};
	struct login_verdict verdict = {0};

	(void)state;
	assert_int_equal(play(&scene, true, &verdict), ERR_NONE);
	assert_int_equal(verdict.result, FRAME_ACCEPT);
	assert_int_equal(verdict.message, 0);
	assert_string_equal(verdict.login, "a-B_9");
	assert_string_equal(verdict.person, "s1042");
	assert_int_equal(scene.asked, 1);
	assert_int_equal(scene.calls, 2);
	assert_string_equal(scene.paths[0], "/v1/logins");
	assert_string_equal(scene.paths[1], "/v1/logins/a-B_9");
	assert_non_null(strstr(scene.bodies[0], "\"user\":\"s1042\""));
	assert_non_null(strstr(scene.bodies[0], "\"tty\":\"pts/0\""));
	assert_non_null(strstr(scene.bodies[0], "\"first_factor\":\"proven\""));
	assert_null(strstr(scene.bodies[0], "rhost"));
	assert_null(strstr(scene.bodies[0], "session"));
	assert_null(strstr(scene.bodies[0], "\"factor\":"));
	assert_non_null(strstr(
	    scene.bodies[1], "{\"factor\":\"otp\",\"code\":\"755224\","));
	assert_non_null(strstr(scene.bodies[1], "\"attempt\":\""));
}

/* reason -> result, message and number, for a proven caller. */
static void reasons_are_told_to_proven_callers(void **state)
{
	const struct {
		const char *body;
		enum frame_result result;
		enum frame_message message;
		uint64_t number;
		size_t asked; /* if the challenge is answered so */
	} rows[] = {
#define ROW(reason)                                                            \
	"{\"result\":\"deny\",\"reason\":\"" reason "\",\"retry_at\":99}"
	    {ROW("wrong"), FRAME_DENY, FRAME_MESSAGE_REFUSED, 0, 0},
	    {ROW("used"), FRAME_DENY, FRAME_MESSAGE_USED, 0, 0},
	    {ROW("throttled"), FRAME_DENY_LOCKED, FRAME_MESSAGE_THROTTLED, 99,
		0},
	    {ROW("disabled"), FRAME_DENY_LOCKED, FRAME_MESSAGE_DISABLED, 0, 0},
	    {ROW("suspended"), FRAME_DENY_PERMISSION, FRAME_MESSAGE_SUSPENDED,
		0, 0},
	    {ROW("frozen"), FRAME_DENY_PERMISSION, FRAME_MESSAGE_SUSPENDED, 0,
		0},
	    {ROW("not_permitted"), FRAME_DENY_PERMISSION,
		FRAME_MESSAGE_NOT_PERMITTED, 0, 0},
	    {ROW("expired"), FRAME_DENY_PERMISSION, FRAME_MESSAGE_EXPIRED, 0,
		0},
	    {ROW("not_enrolled"), FRAME_DENY_NOT_ENROLLED,
		FRAME_MESSAGE_NOT_ENROLLED, 0, 1},
	    {ROW("clock"), FRAME_DENY_UNAVAILABLE, FRAME_MESSAGE_CLOCK, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int late = 0; late < 2; late++) {
			struct scene scene = {.answers = {{200, rows[i].body},
						  {200, rows[i].body}},
			    .typed = "123456"};
			struct scene after = {
			    .answers = {CONTINUE, {200, rows[i].body}},
			    .typed = "123456"};
			struct scene *used = late ? &after : &scene;
			struct login_verdict verdict = {0};

			print_message("row %zu late %d\n", i, late);
			assert_int_equal(play(used, true, &verdict), ERR_NONE);
			assert_int_equal(verdict.result, rows[i].result);
			assert_int_equal(verdict.message, rows[i].message);
			assert_int_equal(verdict.number, rows[i].number);
			assert_int_equal(used->asked, late ? 1 : rows[i].asked);
		}
}

/* Whatever the reason, unproven callers get a prompt, then the same. */
static void reasons_are_hidden_from_unproven_callers(void **state)
{
	static const char *const reasons[] = {"wrong", "used", "throttled",
	    "disabled", "suspended", "frozen", "not_permitted", "expired",
	    "not_enrolled"};

	(void)state;
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		char body[TEXT_SIZE];
		struct login_verdict verdict = {0};

		snprintf(body, sizeof(body),
		    "{\"result\":\"deny\",\"reason\":\"%s\",\"retry_at\":99}",
		    reasons[i]);
		struct scene scene = {
		    .answers = {{200, body}, {200, body}}, .typed = "123456"};

		print_message("row %zu\n", i);
		assert_int_equal(play(&scene, false, &verdict), ERR_NONE);
		assert_int_equal(verdict.result,
		    i == 8 ? FRAME_DENY_NOT_ENROLLED : FRAME_DENY);
		assert_int_equal(verdict.message, 0);
		assert_int_equal(verdict.number, 0);
		assert_int_equal(scene.asked, 1);
		/* The same question again, so that it takes as long. */
		assert_int_equal(scene.calls, 2);
		assert_string_equal(scene.bodies[0], scene.bodies[1]);
	}
}

static void exempt_and_grace_ask_nothing(void **state)
{
	struct scene exempt = {
	    .answers = {{200, "{\"result\":\"exempt\",\"rule\":\"r\"}"}}};
	struct scene grace = {.answers = {ACCEPT}};
	struct login_verdict verdict = {0};

	(void)state;
	assert_int_equal(play(&exempt, false, &verdict), ERR_NONE);
	assert_int_equal(verdict.result, FRAME_EXEMPT);
	assert_int_equal(exempt.asked, 0);
	assert_int_equal(play(&grace, true, &verdict), ERR_NONE);
	assert_int_equal(verdict.result, FRAME_ACCEPT);
	assert_int_equal(grace.asked, 0);
}

/* Neither at the challenge nor at the end does any of these open. */
static void everything_else_is_unavailable(void **state)
{
	static const struct {
		int status;
		const char *body;
	} rows[] = {
	    {0, ""},
	    {200, ""},
	    {200, "garbage"},
	    {200, "{}"},
	    {200, "[{\"result\":\"accept\",\"user\":\"s1042\"}]"},
	    {200, "{\"result\":\"welcome\",\"user\":\"s1042\"}"},
	    {200, "{\"result\":1,\"user\":\"s1042\"}"},
	    {200, "{\"result\":\"accept\"}"},
	    {200, "{\"result\":\"accept\",\"user\":\"root\"}"},
	    {200, "{\"result\":\"accept\",\"user\":\"s1042 \"}"},
	    {200, "{\"result\":\"accept\",\"user\":\"S1042\"}"},
	    {200, "{\"result\":\"accept\",\"user\":7}"},
	    {200, "{\"result\":\"accept\",\"user\":\"s1042\"} x"},
	    {200, "{\"result\":\"deny\",\"result\":\"accept\","
		  "\"user\":\"s1042\"}"},
	    {200, "{\"result\":\"deny\"}"},
	    {200, "{\"result\":\"deny\",\"reason\":\"\"}"},
	    {200, "{\"result\":\"deny\",\"reason\":\"because\"}"},
	    {200, "{\"result\":\"continue\"}"},
	    {200, "{\"result\":\"continue\",\"login\":\"../self\"}"},
	    {200, "{\"result\":\"continue\",\"login\":\"\"}"},
	    {201, "{\"result\":\"accept\",\"user\":\"s1042\"}"},
	    {302, "{\"result\":\"accept\",\"user\":\"s1042\"}"},
	    {400, "{\"result\":\"accept\",\"user\":\"s1042\"}"},
	    {403, "{\"result\":\"accept\",\"user\":\"s1042\"}"},
	    {404, "{\"status\":404}"},
	    {429, "{\"result\":\"exempt\"}"},
	    {500, "{\"result\":\"exempt\"}"},
	    {503, "{\"result\":\"accept\",\"user\":\"s1042\"}"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int late = 0; late < 2; late++) {
			struct scene scene = {.typed = "123456"};
			struct login_verdict verdict = {0};
			struct scene first = {
			    .answers = {CONTINUE}, .typed = "123456"};

			if (late)
				scene = first;
			scene.answers[late].status = rows[i].status;
			scene.answers[late].body = rows[i].body;
			print_message("row %zu late %d\n", i, late);
			assert_int_equal(
			    play(&scene, i % 2, &verdict), ERR_NONE);
			assert_int_equal(
			    verdict.result, FRAME_DENY_UNAVAILABLE);
			assert_int_equal(scene.asked, late);
			assert_int_equal(verdict.other_user, i >= 8 && i <= 10);
		}
}

static void continue_is_no_verdict(void **state)
{
	struct scene scene = {
	    .answers = {CONTINUE, CONTINUE}, .typed = "123456"};
	struct login_verdict verdict = {0};

	(void)state;
	assert_int_equal(play(&scene, true, &verdict), ERR_NONE);
	assert_int_equal(verdict.result, FRAME_DENY_UNAVAILABLE);
}

static void who_leaves_gets_no_verdict(void **state)
{
	struct scene scene = {.answers = {CONTINUE}};
	struct scene hidden = {.answers = {DENY("suspended")}};
	struct login_verdict verdict = {.status = 77};

	(void)state;
	assert_int_equal(play(&scene, true, &verdict), ERR_IO);
	assert_int_equal(scene.calls, 1);
	assert_int_equal(play(&hidden, false, &verdict), ERR_IO);
	assert_int_equal(hidden.calls, 1);
	assert_int_equal(verdict.status, 77);
}

static void typed_text_is_read_as_people_mean_it(void **state)
{
	static const struct {
		const char *typed;
		enum typed_kind kind;
		const char *sent;
	} rows[] = {
	    {"", TYPED_EMPTY, ""},
	    {"   ", TYPED_EMPTY, ""},
	    {"-", TYPED_EMPTY, ""},
	    {"755224", TYPED_OTP, "755224"},
	    {"755 224", TYPED_OTP, "755224"},
	    {"755-224 ", TYPED_OTP, "755224"},
	    {"７５５２２４", TYPED_OTP, "755224"},
	    {"７５５　２２４", TYPED_OTP, "755224"},
	    {"７５５－２２４", TYPED_OTP, "755224"},
	    {"755‐224", TYPED_OTP, "755224"},
	    {"０１２３４５６７８９", TYPED_EMERGENCY, "0123456789"},
	    {"01234-56789", TYPED_EMERGENCY, "0123456789"},
	    {"012345678", TYPED_OTP, "012345678"},
	    {"01234567890", TYPED_OTP, "01234567890"},
	    {"1234567890123456", TYPED_OTP, "1234567890123456"},
	    {"12345", TYPED_NO_CODE, "x"},
	    {"4817", TYPED_NO_CODE, "x"},
	    {"４８１７", TYPED_NO_CODE, "x"},
	    {"0", TYPED_NO_CODE, "x"},
	    {"12345678901234567", TYPED_NO_CODE, "x"},
	    {"my password", TYPED_NO_CODE, "x"},
	    {"755224x", TYPED_NO_CODE, "x"},
	    {"755\"224", TYPED_NO_CODE, "x"},
	    {"755\n224", TYPED_NO_CODE, "x"},
	    {"\xef\xbc", TYPED_NO_CODE, "x"},
	    {"\xef\xbc\x9a", TYPED_NO_CODE, "x"},
	    {"\xff", TYPED_NO_CODE, "x"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct secret out = {0};

		print_message("row %zu\n", i);
		assert_int_equal(
		    typed_read(rows[i].typed, strlen(rows[i].typed), &out),
		    rows[i].kind);
		assert_int_equal(out.length, strlen(rows[i].sent));
		assert_memory_equal(out.bytes, rows[i].sent, out.length);
	}
}

static void each_kind_is_sent_as_such(void **state)
{
	static const struct {
		const char *typed, *sent;
	} rows[] = {
	    {"", "{\"factor\":\"otp\",\"attempt\":"},
	    {"12345678", "{\"factor\":\"otp\",\"code\":\"12345678\","},
	    {"01234 56789",
		"{\"factor\":\"emergency\",\"code\":\"0123456789\","},
	    {"hunter2", "{\"factor\":\"otp\",\"code\":\"x\","},
	    {"4817", "{\"factor\":\"otp\",\"code\":\"x\","},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct scene scene = {.answers = {CONTINUE, DENY("wrong")},
		    .typed = rows[i].typed};
		struct login_verdict verdict = {0};

		print_message("row %zu\n", i);
		assert_int_equal(play(&scene, true, &verdict), ERR_NONE);
		assert_memory_equal(
		    scene.bodies[1], rows[i].sent, strlen(rows[i].sent));
		assert_null(strstr(scene.bodies[1], "hunter"));
	}
}

/* A code that was typed is looked at: the session, and so its grace, is no part
 * of what goes with it. */
static void a_number_with_a_code_asks_for_no_grace(void **state)
{
	struct scene scene = {.answers = {CONTINUE, CONTINUE, DENY("wrong")},
	    .typed = "s1/000000"};
	const struct login_subject subject = {.user = "s1042",
	    .service = "sudo",
	    .tty = "pts/0",
	    .session = "of-this-terminal"};
	struct login_shapes shapes = {.lock = PTHREAD_MUTEX_INITIALIZER};
	const struct login_means means = {.server = {answer, &scene},
	    .person = {type, &scene},
	    .shapes = &shapes};
	struct login_verdict verdict = {0};

	(void)state;
	assert_int_equal(login_run(&subject, &means, &verdict), ERR_NONE);
	assert_int_equal(scene.calls, 3);
	assert_non_null(strstr(scene.bodies[0], "\"session\":\"of-this-"));
	assert_non_null(strstr(scene.bodies[1], "\"person\":\"s1\""));
	assert_null(strstr(scene.bodies[1], "session"));
	assert_non_null(strstr(scene.bodies[2], "\"code\":\"000000\""));
	assert_int_equal(verdict.result, FRAME_DENY);
}

static void attempts_are_never_the_same(void **state)
{
	struct scene scene = {
	    .answers = {CONTINUE, DENY("wrong")}, .typed = "1"};
	struct login_verdict verdict = {0};
	const char *first, *second;

	(void)state;
	assert_int_equal(play(&scene, true, &verdict), ERR_NONE);
	first = strstr(scene.bodies[0], "\"attempt\":\"");
	second = strstr(scene.bodies[1], "\"attempt\":\"");
	assert_non_null(first);
	assert_non_null(second);
	assert_memory_not_equal(first, second, 11 + 22);
	assert_int_equal(first[11 + 22], '"');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_code_is_accepted),
	    cmocka_unit_test(reasons_are_told_to_proven_callers),
	    cmocka_unit_test(reasons_are_hidden_from_unproven_callers),
	    cmocka_unit_test(exempt_and_grace_ask_nothing),
	    cmocka_unit_test(everything_else_is_unavailable),
	    cmocka_unit_test(continue_is_no_verdict),
	    cmocka_unit_test(who_leaves_gets_no_verdict),
	    cmocka_unit_test(typed_text_is_read_as_people_mean_it),
	    cmocka_unit_test(each_kind_is_sent_as_such),
	    cmocka_unit_test(a_number_with_a_code_asks_for_no_grace),
	    cmocka_unit_test(attempts_are_never_the_same),
	};

	return cmocka_run_group_tests_name("login_dialogue", tests, NULL, NULL);
}
