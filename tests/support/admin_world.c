/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/support/admin_world.h"

#include "server/keys/recovery.h"
#include "server/store/subject.h"
#include "shared/encode.h"

void act_as_root(struct fixture *f)
{
	f->admin = (struct admin){.role = ADMIN_ROLE_OWNER};
	strcpy(f->actor, "root");
	strcpy(f->origin, "uid 0 login -1");
	f->has_session = false;
}

int setup(void **state)
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
	f->server->settings.request_days = 7;
	f->now_s = NOW;
	act_as_root(f);
	*state = f;
	return 0;
}

int teardown(void **state)
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

struct admin_job *job_of(
    struct fixture *f, const char *path, const char *body, bool trusted)
{
	struct json_problem problem = {""};
	struct admin_job *job = calloc(1, sizeof(*job));

	job->verb = api_admin_find(path);
	assert_non_null(job->verb);
	job->server = f->server;
	job->time = (struct clock_judgement){trusted, f->now_s};
	job->now_ms = f->now_s * 1000;
	snprintf(job->actor, sizeof(job->actor), "%s", f->actor);
	job->loginuid = 1000;
	job->body_fd = -1;
	api_admin_clear(&job->arguments);
	job->admin = f->admin;
	snprintf(job->origin, sizeof(job->origin), "%s", f->origin);
	job->by_session = f->has_session && !job->verb->is_open;
	memcpy(job->token, f->session, sizeof(job->token));
	if (json_read(body, strlen(body), &job->body, &problem) ||
	    json_take(job->body, job->verb->members, member_count(job->verb),
		true, &job->arguments, &problem))
		fail_msg("%s %s: %s", path, body, problem.text);
	if (job->verb->prepare)
		job->verb->prepare(job);
	return job;
}

/* One transaction; what the batch and finish() do around a run. */
bool run_once(struct fixture *f, struct admin_job *job)
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
		if (job->hashing)
			password_do(&job->password);
		return true;
	}
	return false;
}

/* Calls a verb; the answer (borrowed until the caller releases it) or NULL
 * after a refusal. */
json_t *call_at(
    struct fixture *f, const char *path, const char *body, bool trusted)
{
	struct admin_job *job = job_of(f, path, body, trusted);
	json_t *answer = NULL;

	while (run_once(f, job))
		;
	f->status = job->status;
	strcpy(f->detail, job->detail);
	if (!job->status) {
		if (job->verb->conclude && !job->waits)
			job->verb->conclude(job);
		answer = json_incref(job->answer);
	}
	if (job->verb->clean_up)
		job->verb->clean_up(job);
	json_decref(job->answer);
	json_decref(job->joined);
	json_decref(job->note);
	json_decref(job->body);
	free(job);
	return answer;
}

json_t *call(struct fixture *f, const char *path, const char *body)
{
	return call_at(f, path, body, true);
}

void must(struct fixture *f, const char *path, const char *body)
{
	json_t *answer = call(f, path, body);

	if (!answer)
		fail_msg("%s %s: %s", path, body, f->detail);
	json_decref(answer);
}

void must_refuse(
    struct fixture *f, const char *path, const char *body, int status)
{
	json_t *answer = call(f, path, body);

	if (answer || f->status != status)
		fail_msg("%s %s: %d %s", path, body, f->status, f->detail);
}

/* A text member of a member of the answer. */
void get_text(struct fixture *f, const char *path, const char *body,
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

void code_at(int64_t time_s, char out[OTP_DIGITS_MAX + 1])
{
	struct otp_token token = {
	    .digits = 6, .period_s = 30, .type = OTP_TOTP};

	assert_int_equal(
	    secret_set(&token.seed, "12345678901234567890", 20), ERR_NONE);
	assert_int_equal(
	    otp_generate(&token, otp_step(&token, time_s), out), ERR_NONE);
}

/* s1 with a pending token of the known secret. */
void enrol(struct fixture *f, char serial[TOKEN_SERIAL_SIZE])
{
	char body[128];

	must(f, "user/add", "{\"id\":\"s1\"}");
	snprintf(
	    body, sizeof(body), "{\"id\":\"s1\",\"secret\":\"%s\"}", SECRET);
	get_text(f, "token/enroll", body, "token", "serial", serial,
	    TOKEN_SERIAL_SIZE);
}

json_t *confirm(struct fixture *f, const char *serial, const char *code)
{
	char body[160];

	snprintf(body, sizeof(body), "{\"serial\":\"%s\",\"code\":\"%s\"}",
	    serial, code);
	return call(f, "token/confirm", body);
}

/* Text of the newest record. */
void newest_record(struct fixture *f, char *out, size_t size)
{
	json_t *answer = call(f, "audit/list", "{\"limit\":1}");
	json_t *items = json_object_get(answer, "items");
	char *text = json_dumps(
	    json_array_get(items, json_array_size(items) - 1), JSON_COMPACT);

	snprintf(out, size, "%s", text);
	free(text);
	json_decref(answer);
}

void must_have_recorded(struct fixture *f, const char *part)
{
	char text[2048];

	newest_record(f, text, sizeof(text));
	if (!strstr(text, part))
		fail_msg("%s is not in %s", part, text);
}
