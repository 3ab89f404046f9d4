/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Administration of people and tokens against a real store: states, what a
 * refusal leaves alone, what is recorded, that codes are charged and spent,
 * and that no secret is in a record.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/keys/recovery.h"
#include "server/store/subject.h"
#include "shared/encode.h"
#include "tests/support/admin_world.h"

/* --- people --------------------------------------------------------------- */

static void test_user_add(void **state)
{
	struct fixture *f = *state;
	json_t *answer, *user;

	answer = call(f, "user/add",
	    "{\"id\":\"s1042\",\"name\":\"関 守\",\"kind\":\"fiscal-year\","
	    "\"from\":\"R8.4.1\",\"until\":\"令和9年3月31日\"}");
	user = json_object_get(answer, "user");
	assert_string_equal(
	    json_string_value(json_object_get(user, "login")), "s1042");
	assert_string_equal(
	    json_string_value(json_object_get(user, "kind")), "fiscal-year");
	assert_int_equal(
	    json_integer_value(json_object_get(user, "from")), 1774969200);
	assert_int_equal(
	    json_integer_value(json_object_get(user, "until")), 1806505200);
	json_decref(answer);
	must_have_recorded(f, "\"action\":\"user add\"");
	must_have_recorded(f, "\"target\":\"s1042\"");
	must_have_recorded(f, "\"loginuid\":1000");

	must_refuse(f, "user/add", "{\"id\":\"s1042\"}", 409);
	must_have_recorded(f, "\"result\":\"refused\"");
	must_refuse(f, "user/add", "{\"id\":\"a b\"}", 400);
	must_refuse(f, "user/add", "{\"id\":\"../x\"}", 400);
	must_refuse(f, "user/add", "{\"id\":\"b\",\"from\":\"soon\"}", 400);
	must_refuse(f, "user/add",
	    "{\"id\":\"b\",\"from\":\"2026-04-02\",\"until\":\"2026-04-01\"}",
	    400);
	must_refuse(f, "user/show", "{\"id\":\"b\"}", 404);
	must_refuse(f, "user/suspend", "{\"id\":\"b\"}", 404);
}

static void test_user_change(void **state)
{
	struct fixture *f = *state;
	char text[64];

	must(f, "user/add",
	    "{\"id\":\"s1\",\"name\":\"髙橋\",\"departments\":\"A,B\"}");
	get_text(f, "user/show", "{\"id\":\"s1\"}", NULL, "department", text,
	    sizeof(text));
	assert_string_equal(text, "A,B");
	must(f, "user/change", "{\"id\":\"s1\",\"name\":\"佐藤\"}");
	must_have_recorded(f, "\"action\":\"user change\"");
	must_have_recorded(f, "\"change\":\"renamed\"");
	must_have_recorded(f, "\"name_before\":\"髙橋\",\"name\":\"佐藤\"");
	must(f, "user/change", "{\"id\":\"s1\",\"departments\":\"B\"}");
	get_text(f, "user/show", "{\"id\":\"s1\"}", NULL, "department", text,
	    sizeof(text));
	assert_string_equal(text, "B");
	must(f, "user/change", "{\"id\":\"s1\"}");
	must_have_recorded(f, "\"change\":\"none\"");
	must_refuse(f, "user/change", "{\"id\":\"s2\",\"name\":\"x\"}", 404);
	must_refuse(f, "user/change", "{\"id\":\"s1\",\"name\":\"=x\"}", 400);
	must_refuse(f, "user/change", "{\"id\":\"s1\",\"login\":\"a/b\"}", 400);
	must_refuse(
	    f, "user/change", "{\"id\":\"s1\",\"departments\":\"A,,B\"}", 400);
	must_refuse(
	    f, "user/change", "{\"id\":\"s1\",\"departments\":\"A,=1\"}", 400);
	must_refuse(f, "user/change",
	    "{\"id\":\"s1\",\"department\":\"A\",\"departments\":\"B\"}", 400);
}

static int64_t until_of(struct fixture *f, const char *body)
{
	json_t *answer = call(f, "user/add", body);
	int64_t until = json_integer_value(
	    json_object_get(json_object_get(answer, "user"), "until"));

	json_decref(answer);
	return until;
}

/* A fiscal year's staff end with it; it is 31 March in Tokyo. */
static void test_kinds_end_by_themselves(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(
	    until_of(f, "{\"id\":\"a\",\"kind\":\"fiscal-year\"}"), 1774969200);
	assert_int_equal(until_of(f, "{\"id\":\"b\",\"kind\":\"fiscal-year\","
				     "\"from\":\"R8.4.1\"}"),
	    1806505200);
	assert_int_equal(until_of(f, "{\"id\":\"c\",\"kind\":\"fiscal-year\","
				     "\"until\":\"2026-12-31\"}"),
	    1798729200);
	assert_int_equal(until_of(f, "{\"id\":\"d\",\"kind\":\"regular\"}"), 0);
}

static void test_user_states(void **state)
{
	static const struct {
		const char *path, *member, *expected;
	} rows[] = {
	    {"user/suspend", "state", "\"suspended\""},
	    {"user/resume", "state", "\"active\""},
	    {"user/freeze", "frozen", "true"},
	    {"user/thaw", "frozen", "false"},
	};
	struct fixture *f = *state;

	must(f, "user/add", "{\"id\":\"s1\"}");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *answer, *value;
		char *text;

		must(f, rows[i].path, "{\"id\":\"s1\"}");
		answer = call(f, "user/show", "{\"id\":\"s1\"}");
		value = json_object_get(answer, rows[i].member);
		text = json_dumps(value, JSON_ENCODE_ANY);
		if (strcmp(text, rows[i].expected) != 0)
			fail_msg("row %zu: %s", i, text);
		free(text);
		json_decref(answer);
	}
}

static void test_user_remove(void **state)
{
	struct fixture *f = *state;
	char serial[TOKEN_SERIAL_SIZE], body[128], text[32];
	json_t *answer;

	enrol(f, serial);
	must(f, "user/remove", "{\"id\":\"s1\"}");
	snprintf(body, sizeof(body), "{\"serial\":\"%s\"}", serial);
	get_text(f, "token/show", body, NULL, "state", text, sizeof(text));
	assert_string_equal(text, "revoked");
	must_refuse(f, "user/show", "{\"id\":\"s1\"}", 404);
	answer = call(f, "user/list", "{}");
	assert_int_equal(json_array_size(json_object_get(answer, "items")), 0);
	json_decref(answer);
	must(f, "user/add", "{\"id\":\"s1\"}");
}

/* --- tokens --------------------------------------------------------------- */

static void test_enroll(void **state)
{
	static const struct {
		const char *body, *ending;
		size_t characters; /* of base32 */
	} rows[] = {
	    {"{\"id\":\"s1\"}", "&algorithm=SHA1&digits=6&period=30", 32},
	    {"{\"id\":\"s1\",\"algorithm\":\"sha256\",\"digits\":8}",
		"&algorithm=SHA256&digits=8&period=30", 52},
	    {"{\"id\":\"s1\",\"algorithm\":\"sha512\",\"period\":60}",
		"&algorithm=SHA512&digits=6&period=60", 103},
	};
	struct fixture *f = *state;
	char uri[512];

	must(f, "user/add", "{\"id\":\"s1\"}");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *secret;
		char record[2048];

		get_text(f, "token/enroll", rows[i].body, NULL, "otpauth", uri,
		    sizeof(uri));
		secret = strstr(uri, "?secret=");
		assert_memory_equal(uri, "otpauth://totp/Sekimori:s1?", 27);
		assert_non_null(strstr(uri, rows[i].ending));
		if (strcspn(secret + 8, "&") != rows[i].characters)
			fail_msg("row %zu: %s", i, uri);
		newest_record(f, record, sizeof(record));
		assert_non_null(strstr(record, "token enroll"));
		uri[27 + 7 + 10] = '\0';
		assert_null(strstr(record, secret + 8));
	}
	must_refuse(f, "token/enroll", "{\"id\":\"s2\"}", 404);
	must_refuse(f, "token/enroll", "{\"id\":\"s1\",\"digits\":7}", 400);
	must_refuse(f, "token/enroll", "{\"id\":\"s1\",\"period\":45}", 400);
	must_refuse(
	    f, "token/enroll", "{\"id\":\"s1\",\"secret\":\"GEZDG\"}", 400);
	must_refuse(f, "token/enroll",
	    "{\"id\":\"s1\",\"secret\":\"GEZDGNBVGY3TQOJQGEZD1\"}", 400);
	must(f, "token/enroll",
	    "{\"id\":\"s1\",\"secret\":\"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\"}");
	must_refuse(f, "token/enroll",
	    "{\"id\":\"s1\",\"secret\":\"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\"}",
	    409);
}

static void test_confirm(void **state)
{
	struct fixture *f = *state;
	char serial[TOKEN_SERIAL_SIZE], code[OTP_DIGITS_MAX + 1];
	json_t *answer;

	enrol(f, serial);
	code_at(NOW, code);
	assert_null(confirm(f, serial, "000000"));
	assert_int_equal(f->status, 409);
	assert_null(confirm(f, serial, ""));
	assert_null(confirm(f, "SKNOBODY", code));
	assert_int_equal(f->status, 404);
	answer = confirm(f, serial, code);
	assert_non_null(answer);
	assert_string_equal(json_string_value(json_object_get(
				json_object_get(answer, "token"), "state")),
	    "active");
	json_decref(answer);
	must_have_recorded(f, "\"user\":\"s1\"");

	/* Spent: neither again, nor what came before it. */
	assert_null(confirm(f, serial, code));
	assert_non_null(strstr(f->detail, "used"));
	code_at(NOW - 30, code);
	assert_null(confirm(f, serial, code));

	answer = call(f, "user/show", "{\"id\":\"s1\"}");
	assert_true(json_is_true(json_object_get(answer, "enrolled")));
	assert_true(json_is_null(json_object_get(answer, "retry_at")));
	assert_int_equal(json_array_size(json_object_get(answer, "tokens")), 1);
	json_decref(answer);
}

static void test_confirm_is_charged(void **state)
{
	struct fixture *f = *state;
	char serial[TOKEN_SERIAL_SIZE], code[OTP_DIGITS_MAX + 1];
	json_t *answer;

	enrol(f, serial);
	code_at(NOW, code);
	for (int i = 0; i < 5; i++)
		assert_null(confirm(f, serial, "000000"));
	/* Right and wrong codes get the same words now. */
	assert_null(confirm(f, serial, code));
	assert_non_null(strstr(f->detail, "wait"));
	answer = call(f, "user/show", "{\"id\":\"s1\"}");
	assert_int_equal(
	    json_integer_value(json_object_get(answer, "retry_at")), NOW + 30);
	json_decref(answer);

	must(f, "user/unlock", "{\"id\":\"s1\"}");
	answer = confirm(f, serial, code);
	assert_non_null(answer);
	json_decref(answer);
}

/* Fifty failures disable the factor; a good code binds it anew. */
static void test_rebinding(void **state)
{
	struct fixture *f = *state;
	char serial[TOKEN_SERIAL_SIZE], code[OTP_DIGITS_MAX + 1];
	json_t *answer, *throttles;
	size_t i;

	enrol(f, serial);
	for (i = 0; i < 60; i++) {
		must(f, "user/unlock", "{\"id\":\"s1\"}");
		assert_null(confirm(f, serial, "000000"));
	}
	answer = call(f, "user/show", "{\"id\":\"s1\"}");
	throttles = json_object_get(answer, "throttles");
	assert_string_equal(json_string_value(json_object_get(
				json_array_get(throttles, 0), "state")),
	    "disabled");
	json_decref(answer);
	must(f, "user/unlock", "{\"id\":\"s1\"}");
	code_at(NOW, code);
	answer = confirm(f, serial, code);
	assert_non_null(answer);
	json_decref(answer);
	answer = call(f, "user/show", "{\"id\":\"s1\"}");
	json_array_foreach(json_object_get(answer, "throttles"), i, throttles)
	    assert_int_equal(
		json_integer_value(json_object_get(throttles, "failures")), 0);
	json_decref(answer);
}

static void test_token_states(void **state)
{
	static const struct {
		const char *path;
		int status; /* 0: done */
	} rows[] = {
	    /* pending */
	    {"token/suspend", 409},
	    {"token/resume", 409},
	    {"confirm", 0},
	    {"token/suspend", 0},
	    {"confirm", 409},
	    /* 5 */
	    {"token/resume", 0},
	    {"token/lost", 0},
	    {"token/resume", 409},
	    {"confirm", 409},
	    {"token/revoke", 0},
	    /* 10 */
	    {"token/revoke", 0},
	    {"token/lost", 409},
	    {"confirm", 409},
	};
	struct fixture *f = *state;
	char serial[TOKEN_SERIAL_SIZE], body[128], code[OTP_DIGITS_MAX + 1];

	enrol(f, serial);
	snprintf(body, sizeof(body), "{\"serial\":\"%s\"}", serial);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *answer;

		f->now_s += 60;
		code_at(f->now_s, code);
		answer = strcmp(rows[i].path, "confirm") == 0
			     ? confirm(f, serial, code)
			     : call(f, rows[i].path, body);
		if ((answer == NULL) != (rows[i].status != 0) ||
		    f->status != rows[i].status)
			fail_msg("row %zu: %d %s", i, f->status, f->detail);
		json_decref(answer);
	}
}

/* --- import --------------------------------------------------------------- */

#define ROW(user, seed)                                                        \
	"{\"user\":\"" user "\",\"type\":\"totp\",\"algorithm\":\"sha1\","     \
	"\"digits\":6,\"period\":30,\"secret\":\"" seed "\"}"
#define SEED1 "3132333435363738393031323334353637383930"
#define SEED2 "4142333435363738393031323334353637383930"

static void test_import(void **state)
{
	struct fixture *f = *state;
	json_t *answer;

	/* Nobody there and none wanted: nothing is kept. */
	must(f, "user/add", "{\"id\":\"a\"}");
	must_refuse(f, "token/import",
	    "{\"rows\":[" ROW("a", SEED1) "," ROW("b", SEED2) "]}", 409);
	must_have_recorded(f, "\"result\":\"refused\"");
	answer = call(f, "token/list", "{}");
	assert_int_equal(json_array_size(json_object_get(answer, "items")), 0);
	json_decref(answer);

	for (int i = 0; i < 2; i++) {
		answer = call(f, "token/import",
		    "{\"create_users\":true,\"rows\":[" ROW("a", SEED1) "," ROW(
			"b", SEED2) "]}");
		assert_non_null(answer);
		assert_int_equal(
		    json_integer_value(json_object_get(answer, "created")),
		    i == 0 ? 2 : 0);
		assert_int_equal(
		    json_integer_value(json_object_get(answer, "unchanged")),
		    i == 0 ? 0 : 2);
		assert_int_equal(json_integer_value(
				     json_object_get(answer, "users_created")),
		    i == 0 ? 1 : 0);
		json_decref(answer);
	}
	/* Somebody else's seed. */
	must_refuse(f, "token/import",
	    "{\"create_users\":true,\"rows\":[" ROW("c", SEED1) "]}", 409);
	must_refuse(f, "user/show", "{\"id\":\"c\"}", 404);
	must_refuse(f, "token/import",
	    "{\"create_users\":true,\"rows\":[" ROW("c", "3132") "]}", 400);
	must_refuse(f, "token/import",
	    "{\"create_users\":true,\"rows\":[" ROW("..", SEED1) "]}", 400);
	must_refuse(f, "token/import", "{\"rows\":[17]}", 400);
	answer = call(f, "user/show", "{\"id\":\"b\"}");
	assert_true(json_is_true(json_object_get(answer, "enrolled")));
	json_decref(answer);
}

#define COUNTER(user, seed)                                                    \
	"{\"user\":\"" user "\",\"type\":\"hotp\",\"algorithm\":\"sha1\","     \
	"\"digits\":6,\"period\":0,\"secret\":\"" seed "\",\"counter\":3}"

/* What was imported and used after the backup is imported once more, with the
 * counter that it had then. */
static void test_import_after_a_restore(void **state)
{
	struct fixture *f = *state;
	struct store *store = f->server->store;
	struct subject subject;
	struct person person;
	json_t *answer;

	assert_int_equal(store_begin(store), ERR_NONE);
	assert_int_equal(
	    store_set_number(store, STORE_FLOOR, f->now_s), ERR_NONE);
	assert_int_equal(store_commit(store), ERR_NONE);
	answer = call(f, "token/import",
	    "{\"create_users\":true,\"rows\":[" ROW("a", SEED1) "," COUNTER(
		"a", SEED2) "]}");
	assert_int_equal(
	    json_integer_value(json_object_get(answer, "unbound")), 1);
	json_decref(answer);
	assert_int_equal(person_find(store, "a", &person), ERR_NONE);
	assert_int_equal(
	    subject_load(store, &person, FACTOR_OTP, 1, f->now_s, &subject),
	    ERR_NONE);
	assert_int_equal(subject.token_count, 1);
	assert_int_equal(subject.tokens[0].otp.type, OTP_TOTP);
	assert_true(subject.tokens[0].otp.floor > f->now_s / 30);
	subject_wipe(&subject);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_user_add),
	    TEST(test_user_change),
	    TEST(test_kinds_end_by_themselves),
	    TEST(test_user_states),
	    TEST(test_user_remove),
	    TEST(test_enroll),
	    TEST(test_confirm),
	    TEST(test_confirm_is_charged),
	    TEST(test_rebinding),
	    TEST(test_token_states),
	    TEST(test_import),
	    TEST(test_import_after_a_restore),
	};

	return cmocka_run_group_tests_name("api_admin", tests, NULL, NULL);
}
