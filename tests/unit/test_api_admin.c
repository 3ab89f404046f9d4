/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Administration against a real store: each verb is run as the batch would
 * run it, and what matters is looked at afterwards: states, what a refusal
 * leaves alone, what is recorded, that codes are charged and spent, and that
 * no secret is in a record.
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

#include "server/api_admin.h"
#include "server/keys/recovery.h"
#include "server/store/subject.h"
#include "shared/encode.h"

enum {
	NOW = 1774926000
}; /* 2026-03-31 12:00 in Tokyo */

static const char SECRET[] = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

struct fixture {
	char folder[64], key_path[96], db_path[96];
	struct keyring *keyring;
	struct server *server;
	int64_t now_s;
	int status; /* of the last call */
	char detail[ADMIN_DETAIL_SIZE];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char *names[] = {(char[]){"localhost"}};
	struct server *server = calloc(1, sizeof(*server));

	setenv("TZ", "Asia/Tokyo", 1);
	tzset();
	assert_int_equal(otp_init(), ERR_NONE);
	strcpy(f->folder, "/tmp/sekimori-admin-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->key_path, sizeof(f->key_path), "%s/kek", f->folder);
	snprintf(f->db_path, sizeof(f->db_path), "%s/db", f->folder);
	assert_int_equal(keyring_create(f->key_path), ERR_NONE);
	assert_int_equal(keyring_open(f->key_path, &f->keyring), ERR_NONE);
	assert_int_equal(
	    store_create(f->db_path, f->keyring, NOW * 1000LL), ERR_NONE);
	assert_int_equal(
	    store_open(f->db_path, f->keyring, NOW, &server->store), ERR_NONE);
	server->keyring = f->keyring;
	server->settings.limits = (struct decide_limits){
	    .throttle = {5, 30, 3600, 50}, .window = {1, 10}};
	server->settings.lifetimes =
	    (struct authority_lifetimes){86400 * 3650, 86400 * 90, 86400 * 90};
	strcpy(server->settings.zone, "Asia/Tokyo");
	strcpy(server->settings.state_dir, f->folder);
	strcpy(server->settings.key_file, f->key_path);
	assert_int_equal(store_begin(server->store), ERR_NONE);
	assert_int_equal(authority_create(server->store,
			     &server->settings.lifetimes, names, 1, NOW),
	    ERR_NONE);
	assert_int_equal(store_commit(server->store), ERR_NONE);
	assert_int_equal(
	    authority_load(server->store, &server->authority), ERR_NONE);
	f->server = server;
	f->now_s = NOW;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];

	authority_free(f->server->authority);
	store_close(f->server->store);
	keyring_free(f->keyring);
	free(f->server);
	snprintf(command, sizeof(command), "rm -rf %s", f->folder);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

static size_t member_count(const struct admin_verb *verb)
{
	size_t count = 0;

	while (count < ADMIN_MEMBERS_MAX && verb->members[count].name)
		count++;
	return count;
}

static struct admin_job *job_of(
    struct fixture *f, const char *path, const char *body, bool trusted)
{
	struct json_problem problem = {""};
	struct admin_job *job = calloc(1, sizeof(*job));

	job->verb = api_admin_find(path);
	assert_non_null(job->verb);
	job->server = f->server;
	job->time = (struct clock_judgement){trusted, f->now_s};
	job->now_ms = f->now_s * 1000;
	strcpy(job->actor, "root");
	job->loginuid = 1000;
	job->body_fd = -1;
	job->arguments.kind = job->arguments.algorithm = -1;
	if (json_read(body, strlen(body), &job->body, &problem) ||
	    json_take(job->body, job->verb->members, member_count(job->verb),
		true, &job->arguments, &problem))
		fail_msg("%s %s: %s", path, body, problem.text);
	if (job->verb->prepare)
		job->verb->prepare(job);
	return job;
}

/* One transaction; what the batch and finish() do around a run. */
static bool run_once(struct fixture *f, struct admin_job *job)
{
	struct store *store = f->server->store;
	enum err err;

	assert_int_equal(store_begin(store), ERR_NONE);
	err = api_admin_run(&job->job, store);
	if (err == ERR_NOT_ALLOWED && job->undo) {
		store_rollback(store);
		job->only_record = true;
		return true;
	}
	assert_int_equal(err, ERR_NONE);
	assert_int_equal(store_commit(store), ERR_NONE);
	if (job->again && !job->status) {
		job->progress = job->next;
		return true;
	}
	return false;
}

/* Calls a verb; the answer (borrowed until the caller releases it) or NULL
 * after a refusal. */
static json_t *call_at(
    struct fixture *f, const char *path, const char *body, bool trusted)
{
	struct admin_job *job = job_of(f, path, body, trusted);
	json_t *answer = NULL;

	while (run_once(f, job))
		;
	f->status = job->status;
	strcpy(f->detail, job->detail);
	if (!job->status) {
		if (job->verb->conclude)
			job->verb->conclude(job);
		answer = json_incref(job->answer);
	}
	if (job->verb->clean_up)
		job->verb->clean_up(job);
	json_decref(job->answer);
	json_decref(job->body);
	free(job);
	return answer;
}

static json_t *call(struct fixture *f, const char *path, const char *body)
{
	return call_at(f, path, body, true);
}

static void must(struct fixture *f, const char *path, const char *body)
{
	json_t *answer = call(f, path, body);

	if (!answer)
		fail_msg("%s %s: %s", path, body, f->detail);
	json_decref(answer);
}

static void must_refuse(
    struct fixture *f, const char *path, const char *body, int status)
{
	json_t *answer = call(f, path, body);

	if (answer || f->status != status)
		fail_msg("%s %s: %d %s", path, body, f->status, f->detail);
}

/* A text member of a member of the answer. */
static void get_text(struct fixture *f, const char *path, const char *body,
    const char *object, const char *member, char *out, size_t size)
{
	json_t *answer = call(f, path, body);
	json_t *inner = object ? json_object_get(answer, object) : answer;
	const char *text = json_string_value(json_object_get(inner, member));

	if (!text)
		fail_msg("%s %s: no %s: %s", path, body, member, f->detail);
	snprintf(out, size, "%s", text);
	json_decref(answer);
}

static void code_at(int64_t time_s, char out[OTP_DIGITS_MAX + 1])
{
	struct otp_token token = {
	    .digits = 6, .period_s = 30, .type = OTP_TOTP};

	assert_int_equal(
	    secret_set(&token.seed, "12345678901234567890", 20), ERR_NONE);
	assert_int_equal(
	    otp_generate(&token, otp_step(&token, time_s), out), ERR_NONE);
}

/* s1 with a pending token of the known secret. */
static void enrol(struct fixture *f, char serial[TOKEN_SERIAL_SIZE])
{
	char body[128];

	must(f, "user/add", "{\"id\":\"s1\"}");
	snprintf(
	    body, sizeof(body), "{\"id\":\"s1\",\"secret\":\"%s\"}", SECRET);
	get_text(f, "token/enroll", body, "token", "serial", serial,
	    TOKEN_SERIAL_SIZE);
}

static json_t *confirm(struct fixture *f, const char *serial, const char *code)
{
	char body[160];

	snprintf(body, sizeof(body), "{\"serial\":\"%s\",\"code\":\"%s\"}",
	    serial, code);
	return call(f, "token/confirm", body);
}

/* Text of the newest record. */
static void newest_record(struct fixture *f, char *out, size_t size)
{
	json_t *answer = call(f, "audit/list", "{\"limit\":1}");
	json_t *items = json_object_get(answer, "items");
	char *text = json_dumps(
	    json_array_get(items, json_array_size(items) - 1), JSON_COMPACT);

	snprintf(out, size, "%s", text);
	free(text);
	json_decref(answer);
}

static void must_have_recorded(struct fixture *f, const char *part)
{
	char text[2048];

	newest_record(f, text, sizeof(text));
	if (!strstr(text, part))
		fail_msg("%s is not in %s", part, text);
}

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

/* --- codes, terminals, rules -----------------------------------------------
 */

static void test_code_issue(void **state)
{
	struct fixture *f = *state;
	char serial[TOKEN_SERIAL_SIZE], code[OTP_DIGITS_MAX + 1];
	const char *digits;
	char record[2048];
	json_t *answer;

	enrol(f, serial);
	must_refuse(f, "code/issue", "{\"id\":\"s1\"}", 409);
	code_at(NOW, code);
	json_decref(confirm(f, serial, code));
	answer = call(f, "code/issue", "{\"id\":\"s1\"}");
	digits = json_string_value(json_object_get(answer, "code"));
	assert_int_equal(strlen(digits), 10);
	assert_int_equal(strspn(digits, "0123456789"), 10);
	/* 17:15 today. */
	assert_int_equal(
	    json_integer_value(json_object_get(answer, "until")), 1774944900);
	newest_record(f, record, sizeof(record));
	assert_null(strstr(record, digits));
	json_decref(answer);

	must(f, "code/issue", "{\"id\":\"s1\",\"until\":\"18:00\"}");
	must_refuse(
	    f, "code/issue", "{\"id\":\"s1\",\"until\":\"11:59\"}", 400);
	must_refuse(
	    f, "code/issue", "{\"id\":\"s1\",\"until\":\"2026-04-01\"}", 400);
	must_refuse(f, "code/issue", "{\"id\":\"s1\",\"until\":\"late\"}", 400);
	/* After hours the day's end. */
	f->now_s = 1774944900;
	answer = call(f, "code/issue", "{\"id\":\"s1\"}");
	assert_int_equal(json_integer_value(json_object_get(answer, "until")),
	    1774882800 + 86400 - 60);
	json_decref(answer);
	assert_null(call_at(f, "code/issue", "{\"id\":\"s1\"}", false));
	assert_int_equal(f->status, 409);
}

static void test_terminals(void **state)
{
	struct fixture *f = *state;
	unsigned char bytes[26], spki[CERTIFICATE_HASH_BYTES];
	char first[80], second[80];
	struct secret secret = {0};
	struct terminal terminal;
	size_t length = 0;

	get_text(f, "terminal/add", "{\"name\":\"t1\",\"group\":\"hall\"}",
	    NULL, "join_code", first, sizeof(first));
	assert_int_equal(first[5], '-');
	assert_int_equal(
	    decode_base32(first, strlen(first), bytes, sizeof(bytes), &length),
	    ERR_NONE);
	assert_int_equal(length, 26);
	authority_signing_spki(f->server->authority, spki);
	assert_memory_equal(bytes + 10, spki, 16);

	must_refuse(f, "terminal/add", "{\"name\":\"t1\"}", 409);
	must_refuse(f, "terminal/add", "{\"name\":\"t 1\"}", 400);
	get_text(f, "terminal/add", "{\"name\":\"t1\",\"again\":true}", NULL,
	    "join_code", second, sizeof(second));
	assert_string_not_equal(first, second);

	/* The first code is void, the second good. */
	assert_int_equal(secret_set(&secret, bytes, 10), ERR_NONE);
	assert_int_equal(store_begin(f->server->store), ERR_NONE);
	assert_int_equal(
	    terminal_use_join_code(f->server->store, &secret, NOW, &terminal),
	    ERR_NOT_FOUND);
	decode_base32(second, strlen(second), bytes, sizeof(bytes), &length);
	assert_int_equal(secret_set(&secret, bytes, 10), ERR_NONE);
	assert_int_equal(terminal_use_join_code(
			     f->server->store, &secret, NOW + 599, &terminal),
	    ERR_NONE);
	assert_int_equal(store_commit(f->server->store), ERR_NONE);
	assert_string_equal(terminal.group, "hall");

	must(f, "terminal/freeze", "{\"name\":\"t1\"}");
	must(f, "terminal/thaw", "{\"name\":\"t1\"}");
	must(f, "terminal/revoke", "{\"name\":\"t1\"}");
	must_have_recorded(f, "\"terminal\":\"t1\"");
	must_refuse(f, "terminal/revoke", "{\"name\":\"t2\"}", 404);
}

static void test_policy(void **state)
{
	struct fixture *f = *state;
	char text[256];

	must(f, "user/add", "{\"id\":\"s1\"}");
	must(f, "terminal/add", "{\"name\":\"t1\"}");
	must(f, "policy/set",
	    "{\"text\":\"refuse night service=cron\\npermit all factors=any\\n\"}");
	get_text(f, "policy/show", "{}", NULL, "text", text, sizeof(text));
	assert_string_equal(
	    text, "refuse night service=cron\npermit all factors=any\n");
	get_text(f, "policy/test",
	    "{\"user\":\"s1\",\"terminal\":\"t1\",\"service\":\"cron\"}", NULL,
	    "rule", text, sizeof(text));
	assert_string_equal(text, "night");
	get_text(f, "policy/test",
	    "{\"user\":\"s1\",\"terminal\":\"t1\",\"service\":\"sshd\"}", NULL,
	    "action", text, sizeof(text));
	assert_string_equal(text, "permit");
	must_refuse(f, "policy/set",
	    "{\"text\":\"permit all factors=any\\nlet in\\n\"}", 400);
	assert_non_null(strstr(f->detail, "line 2"));
	get_text(f, "policy/show", "{}", NULL, "text", text, sizeof(text));
	assert_string_equal(
	    text, "refuse night service=cron\npermit all factors=any\n");
}

/* --- audit, server ---------------------------------------------------------
 */

static void test_audit(void **state)
{
	struct fixture *f = *state;
	json_t *answer, *chain;
	char head[80], body[128];
	size_t records;

	for (int i = 0; i < 20; i++) {
		snprintf(body, sizeof(body), "{\"id\":\"s%d\"}", i);
		must(f, "user/add", body);
	}
	answer = call(f, "audit/list", "{\"user\":\"s7\"}");
	assert_int_equal(json_array_size(json_object_get(answer, "items")), 1);
	json_decref(answer);
	answer = call(f, "audit/list", "{\"result\":\"done\",\"limit\":3}");
	assert_int_equal(json_array_size(json_object_get(answer, "items")), 3);
	json_decref(answer);

	answer = call(f, "audit/head", "{}");
	chain = json_array_get(json_object_get(answer, "chains"), 0);
	snprintf(head, sizeof(head), "%s",
	    json_string_value(json_object_get(chain, "head")));
	records = (size_t)json_integer_value(json_object_get(chain, "records"));
	json_decref(answer);
	must(f, "user/add", "{\"id\":\"late\"}");

	snprintf(body, sizeof(body), "{\"head\":\"%s\"}", head);
	answer = call(f, "audit/verify", body);
	assert_true(json_is_true(json_object_get(answer, "ok")));
	chain = json_array_get(json_object_get(answer, "chains"), 0);
	assert_true(json_is_null(json_object_get(chain, "first_bad")));
	assert_int_equal(
	    json_integer_value(json_object_get(chain, "records")), records + 1);
	json_decref(answer);
	memset(head, 'a', 64);
	snprintf(body, sizeof(body), "{\"head\":\"%s\"}", head);
	answer = call(f, "audit/verify", body);
	assert_false(json_is_true(json_object_get(answer, "ok")));
	json_decref(answer);
	must_refuse(f, "audit/verify", "{\"head\":\"12\"}", 400);

	/* A changed record is found. */
	assert_int_equal(db_script(f->server->store->db,
			     "UPDATE audit SET record = replace(record,"
			     " 's7', 's8') WHERE seq = 9"),
	    ERR_NONE);
	answer = call(f, "audit/verify", "{}");
	assert_false(json_is_true(json_object_get(answer, "ok")));
	json_decref(answer);
}

static void test_export(void **state)
{
	struct fixture *f = *state;
	json_int_t after = 0, expected = 1;
	bool more = true;
	char body[64];

	for (int i = 0; i < 20; i++) {
		snprintf(body, sizeof(body), "{\"id\":\"s%d\"}", i);
		must(f, "user/add", body);
	}
	while (more) {
		json_t *answer, *item;
		size_t i;

		snprintf(body, sizeof(body), "{\"after\":%lld,\"limit\":6}",
		    (long long)after);
		answer = call(f, "audit/export", body);
		json_array_foreach(json_object_get(answer, "items"), i, item)
		{
			after =
			    json_integer_value(json_object_get(item, "seq"));
			assert_int_equal(after, expected++);
		}
		assert_true(i <= 6);
		more = json_is_true(json_object_get(answer, "more"));
		json_decref(answer);
	}
	assert_int_equal(after, f->server->store->head.seq);
}

static void test_freeze(void **state)
{
	struct fixture *f = *state;
	char text[32];

	must(f, "server/freeze", "{}");
	assert_true(f->server->store->all_frozen);
	get_text(f, "server/status", "{}", NULL, "state", text, sizeof(text));
	assert_string_equal(text, "frozen");
	must(f, "server/thaw", "{}");
	assert_false(f->server->store->all_frozen);
}

static void test_clock_accept(void **state)
{
	struct fixture *f = *state;
	struct clock_reading mark = {0};
	json_t *answer;

	must(f, "terminal/add", "{\"name\":\"t1\"}");
	/* The mark is far in the future: time went back. */
	f->now_s = (int64_t)time(NULL) + 86400;
	answer = call_at(f, "server/clock-accept", "{}", false);
	assert_true(json_is_true(json_object_get(answer, "backwards")));
	json_decref(answer);
	assert_true(llabs(f->server->mark.wall_s - time(NULL)) < 5);
	assert_int_equal(store_get_mark(f->server->store, &mark), ERR_NONE);
	assert_true(llabs(mark.wall_s - time(NULL)) < 5);
	f->now_s = mark.wall_s;
	must_have_recorded(f, "server clock accept");
}

static void test_keys_rotate(void **state)
{
	struct fixture *f = *state;
	char serial[TOKEN_SERIAL_SIZE], code[OTP_DIGITS_MAX + 1];
	struct store *again = NULL;
	json_t *answer;

	enrol(f, serial);
	answer = call(f, "server/keys-rotate", "{}");
	assert_int_equal(
	    json_integer_value(json_object_get(answer, "generation")), 2);
	json_decref(answer);
	assert_false(f->server->rotation_running);

	/* Everything opens with the new key file alone. */
	authority_free(f->server->authority);
	f->server->authority = NULL;
	store_close(f->server->store);
	keyring_free(f->keyring);
	f->keyring = NULL;
	assert_int_equal(keyring_open(f->key_path, &f->keyring), ERR_NONE);
	assert_int_equal(
	    store_open(f->db_path, f->keyring, NOW, &again), ERR_NONE);
	f->server->store = again;
	f->server->keyring = f->keyring;
	assert_int_equal(
	    authority_load(again, &f->server->authority), ERR_NONE);
	code_at(NOW, code);
	answer = confirm(f, serial, code);
	assert_non_null(answer);
	json_decref(answer);

	f->server->rotation_running = true;
	must_refuse(f, "server/keys-rotate", "{}", 409);
}

/* A list longer than a page arrives in two, without gap or overlap. */
static void test_pages(void **state)
{
	struct fixture *f = *state;
	char body[128], following[64];
	json_t *answer, *items;
	const char *last;

	assert_int_equal(store_begin(f->server->store), ERR_NONE);
	for (int i = 0; i < ADMIN_PAGE_MAX + 5; i++) {
		struct person person = {.kind = "regular"};

		snprintf(person.user, sizeof(person.user), "p%05d", i);
		strcpy(person.login, person.user);
		assert_int_equal(
		    person_add(f->server->store, &person), ERR_NONE);
	}
	assert_int_equal(store_commit(f->server->store), ERR_NONE);
	answer = call(f, "user/list", "{}");
	items = json_object_get(answer, "items");
	assert_int_equal(json_array_size(items), ADMIN_PAGE_MAX);
	last = json_string_value(json_object_get(answer, "following"));
	assert_string_equal(last, "p00999");
	snprintf(following, sizeof(following), "%s", last);
	json_decref(answer);
	snprintf(body, sizeof(body), "{\"following\":\"%s\"}", following);
	answer = call(f, "user/list", body);
	items = json_object_get(answer, "items");
	assert_int_equal(json_array_size(items), 5);
	assert_string_equal(
	    json_string_value(json_object_get(json_array_get(items, 0), "id")),
	    "p01000");
	assert_true(json_is_null(json_object_get(answer, "following")));
	json_decref(answer);
}

static void test_backup(void **state)
{
	struct fixture *f = *state;
	char path[128], *pem = NULL;
	struct admin_job *job;
	char magic[16] = "";

	must_refuse(f, "server/backup", "{}", 409);
	assert_non_null(strstr(f->detail, "recovery key"));
	snprintf(path, sizeof(path), "%s/recovery.pem", f->folder);
	assert_int_equal(recovery_key_new(path, &pem), ERR_NONE);
	assert_int_equal(store_begin(f->server->store), ERR_NONE);
	assert_int_equal(
	    store_set_text(f->server->store, STORE_RECOVERY_KEY, pem),
	    ERR_NONE);
	assert_int_equal(store_commit(f->server->store), ERR_NONE);
	free(pem);

	job = job_of(f, "server/backup", "{}", true);
	assert_true(f->server->backup_running);
	must_refuse(f, "server/backup", "{}", 409);
	must_refuse(f, "server/keys-rotate", "{}", 409);
	while (run_once(f, job))
		;
	assert_true(job->body_fd >= 0);
	assert_int_equal(read(job->body_fd, magic, sizeof(magic)), 16);
	assert_string_equal(magic, "SQLite format 3");
	/* Its name is gone already. */
	snprintf(path, sizeof(path), "%s/backup.unfinished", f->folder);
	assert_int_not_equal(access(path, F_OK), 0);
	job->verb->clean_up(job);
	assert_false(f->server->backup_running);
	json_decref(job->body);
	free(job);
	must_have_recorded(f, "server backup");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_user_add),
	    TEST(test_user_states),
	    TEST(test_user_remove),
	    TEST(test_enroll),
	    TEST(test_confirm),
	    TEST(test_confirm_is_charged),
	    TEST(test_rebinding),
	    TEST(test_token_states),
	    TEST(test_import),
	    TEST(test_code_issue),
	    TEST(test_terminals),
	    TEST(test_policy),
	    TEST(test_audit),
	    TEST(test_export),
	    TEST(test_freeze),
	    TEST(test_clock_accept),
	    TEST(test_keys_rotate),
	    TEST(test_pages),
	    TEST(test_backup),
	};

	return cmocka_run_group_tests_name("api_admin", tests, NULL, NULL);
}
