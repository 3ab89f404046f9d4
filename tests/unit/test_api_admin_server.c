/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Administration of codes, terminals, rules, the record and the server
 * itself against a real store.
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

/* --- codes, terminals, rules -----------------------------------------------
 */

static void test_code_issue(void **state)
{
	struct fixture *f = *state;
	const char *digits;
	char record[2048];
	json_t *answer;

	/* A new colleague whose token has not come is enrolled by it. */
	must(f, "user/add", "{\"id\":\"s1\"}");
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
	answer = call(f, "user/show", "{\"id\":\"s1\"}");
	assert_true(json_is_true(json_object_get(answer, "enrolled")));
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

	/* A believed jitter is no going back: nothing is void, nothing lives
	 * longer, however often it is accepted. */
	f->now_s = (int64_t)time(NULL) + 4;
	answer = call_at(f, "server/clock-accept", "{}", true);
	assert_false(json_is_true(json_object_get(answer, "backwards")));
	json_decref(answer);
	assert_true(f->server->mark.wall_s >= f->now_s);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
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

	return cmocka_run_group_tests_name(
	    "api_admin_server", tests, NULL, NULL);
}
