/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api_admin.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/api_admin_hold.h"
#include "server/store/policy_store.h"
#include "shared/log.h"

static const char PREFIX[] = "/v1/admin/";
static const char BUSY[] = "The server is busy. Try again.";

const struct admin_verb *const ADMIN_TABLES[] = {
    ADMIN_USER_VERBS,
    ADMIN_PERSON_VERBS,
    ADMIN_TOKEN_VERBS,
    ADMIN_CODE_VERBS,
    ADMIN_TERMINAL_VERBS,
    ADMIN_POLICY_VERBS,
    ADMIN_AUDIT_VERBS,
    ADMIN_SERVER_VERBS,
    ADMIN_BACKUP_VERBS,
    ADMIN_CARD_VERBS,
    ADMIN_CARD_TRUST_VERBS,
    ADMIN_STAFF_VERBS,
    ADMIN_STAFF_UNDO_VERBS,
    ADMIN_SHADOW_VERBS,
    ADMIN_REQUEST_VERBS,
    ADMIN_CODE_BULK_VERBS,
    ADMIN_STAFF_LIST_VERBS,
    ADMIN_ADMIN_VERBS,
    ADMIN_CUSTODY_VERBS,
    ADMIN_TOKEN_LIST_VERBS,
    ADMIN_INVENTORY_VERBS,
    ADMIN_STOCK_VERBS,
    ADMIN_SESSION_VERBS,
    ADMIN_SIGNIN_VERBS,
    ADMIN_PASSWORD_VERBS,
    NULL,
};

const struct admin_verb *api_admin_find(const char *path)
{
	for (size_t i = 0; ADMIN_TABLES[i]; i++)
		for (const struct admin_verb *v = ADMIN_TABLES[i]; v->path; v++)
			if (strcmp(v->path, path) == 0)
				return v;
	return NULL;
}

/* --- inside the transaction --------------------------------------------- */

static void forget_outcome(struct admin_job *job)
{
	json_decref(job->answer);
	json_decref(job->joined);
	json_decref(job->note);
	job->answer = job->joined = job->note = NULL;
	job->status = 0;
	job->reason = job->why = job->told = NULL;
	job->undo = job->again = job->unfinished = false;
	job->hashing = job->recorded = false;
	job->next = job->progress;
	job->policy_version = 0;
	job->waits = false;
	if (!job->approver)
		job->approval = 0;
	job->user[0] = job->terminal[0] = job->card_key[0] = '\0';
}

/* Rules whose day has come hold for whatever is asked now, and by them it may
 * have to wait. */
static enum err run_verb(struct admin_job *job, struct store *store)
{
	bool held = false;
	enum err err = ERR_NONE;

	forget_outcome(job);
	if (job->time.trusted)
		err =
		    policy_store_take_due(store, job->time.now_s, job->now_ms);
	if (!err && job->by_session)
		err = admin_identify_session(job, store);
	if (err || job->status || !admin_is_permitted(job) || job->identifying)
		return err;
	err = admin_hold(job, store, &held);
	return err || held ? err : job->verb->run(job, store);
}

enum err api_admin_run(struct job *base, struct store *store)
{
	struct admin_job *job = (struct admin_job *)base;
	enum err err = ERR_NONE;

	if (!job->only_record) {
		err = run_verb(job, store);
		if (err == ERR_NONE && job->undo)
			err = ERR_NOT_ALLOWED;
	}
	if (err != ERR_NONE || job->again || !admin_is_recorded(job))
		return err;
	return admin_record(job, store);
}

/* --- on the loop's thread ----------------------------------------------- */

static void job_free(struct admin_job *job)
{
	if (job->verb->clean_up)
		job->verb->clean_up(job);
	json_decref(job->answer);
	json_decref(job->joined);
	json_decref(job->note);
	json_decref(job->body);
	secret_wipe_bytes(job->token, sizeof(job->token));
	secret_wipe_bytes(&job->password, sizeof(job->password));
	free(job);
}

static void reply_json(struct admin_job *job)
{
	struct http_reply reply = {
	    .status = job->waits ? 202 : 200, .body_fd = -1};
	char *text;

	/* So that people are shown times in the server's zone. */
	json_object_set_new(
	    job->answer, "zone", json_string(job->server->settings.zone));
	text = json_dumps(job->answer, JSON_COMPACT);
	if (!text) {
		http_reply_problem(job->exchange, 503, BUSY);
		return;
	}
	reply.body = text;
	reply.body_length = strlen(text);
	http_reply(job->exchange, &reply);
	secret_wipe_bytes(text, reply.body_length);
	free(text);
}

static void reply_file(struct admin_job *job)
{
	const struct http_reply reply = {
	    .status = 200,
	    .content_type = "application/octet-stream",
	    .body_fd = job->body_fd,
	};

	job->body_fd = -1;
	http_reply(job->exchange, &reply);
}

static void reply_failure(struct admin_job *job, enum err err)
{
	char detail[ADMIN_DETAIL_SIZE];

	if (err == ERR_BUSY) {
		http_reply_problem(job->exchange, 503, BUSY);
		return;
	}
	log_line(LOG_ERR, "an administrator's request failed",
	    LOG_TEXT("request_id", job->exchange->request_id),
	    LOG_TEXT("command", job->verb->path),
	    LOG_TEXT("error", err_text(err)));
	snprintf(detail, sizeof(detail),
	    "Nothing was done: the server's state could not be read or "
	    "written (%s). Its log says more.",
	    err_text(err));
	http_reply_problem(job->exchange, 503, detail);
}

static void finish(struct job *base, enum err err);

/* Takes the job over, or says no. */
static void submit(struct admin_job *job)
{
	enum err err = batch_submit(job->server->batch, &job->job);

	if (err != ERR_NONE) {
		reply_failure(job, err);
		job_free(job);
	}
}

static void on_password(struct password_work *work)
{
	submit((struct admin_job *)((char *)work -
				    offsetof(struct admin_job, password)));
}

/* Run again; if a password must be computed first, after that. */
static void go_on(struct admin_job *job)
{
	enum err err;

	job->progress = job->next;
	if (!job->hashing) {
		submit(job);
		return;
	}
	job->password.done = on_password;
	err = password_submit(job->server->passwords, &job->password);
	if (err != ERR_NONE) {
		reply_failure(job, err);
		job_free(job);
	}
}

static void reply_refusal(struct admin_job *job)
{
	if (job->identifying && job->told)
		admin_count_stranger(job);
	http_reply_refusal(job->exchange, job->status, job->told, job->detail);
}

/* For whoever watches the log; what was typed is not in it. */
static void log_signin(const struct admin_job *job)
{
	log_line(job->status ? LOG_WARNING : LOG_NOTICE,
	    job->status ? "a sign-in was refused"
			: "an administrator signed in",
	    LOG_TEXT("request_id", job->exchange->request_id),
	    LOG_TEXT("actor", job->actor), LOG_TEXT("address", job->origin));
}

static void begin(struct admin_job *job);

static void finish(struct job *base, enum err err)
{
	struct admin_job *job = (struct admin_job *)base;

	if (err == ERR_NOT_ALLOWED && job->undo && !job->only_record) {
		job->only_record = true;
		submit(job);
		return;
	}
	if (err == ERR_NONE && !job->status &&
	    (job->identifying || job->again)) {
		if (job->identifying)
			begin(job);
		else
			go_on(job);
		return;
	}
	if (err == ERR_NONE && !job->status && !job->waits &&
	    job->verb->conclude)
		job->verb->conclude(job);
	if (err == ERR_NONE && job->verb->is_open)
		log_signin(job);
	if (err != ERR_NONE)
		reply_failure(job, err);
	else if (job->status)
		reply_refusal(job);
	else if (job->body_fd >= 0)
		reply_file(job);
	else
		reply_json(job);
	job_free(job);
}

static size_t count_members(const struct admin_verb *verb)
{
	size_t count = 0;

	while (count < ADMIN_MEMBERS_MAX && verb->members[count].name)
		count++;
	return count;
}

enum err api_admin_take(struct admin_job *job, struct json_problem *problem)
{
	return json_take(job->body, job->verb->members,
	    count_members(job->verb), true, &job->arguments, problem);
}

/* Understands the body; refuses with 400 and returns false. */
static bool take_body(struct admin_job *job)
{
	struct http_exchange *exchange = job->exchange;
	struct json_problem problem = {""};
	enum err err;

	/* Of whoever is not signed in little is read. */
	if (exchange->body_length > (size_t)(job->verb->is_open
						 ? HTTP_BODY_BYTES_MAX
						 : HTTP_ADMIN_BODY_BYTES_MAX)) {
		http_reply_problem(exchange, 413, "The request is too large.");
		return false;
	}
	err = json_read(
	    exchange->body, exchange->body_length, &job->body, &problem);
	if (err == ERR_NONE)
		err = api_admin_take(job, &problem);
	if (err == ERR_NONE)
		return true;
	http_reply_problem(exchange, err == ERR_MEMORY ? 503 : 400,
	    err == ERR_MEMORY ? BUSY : problem.text);
	return false;
}

void api_admin_clear(struct admin_arguments *arguments)
{
	*arguments =
	    (struct admin_arguments){.kind = -1, .algorithm = -1, .role = -1};
}

static struct admin_job *job_new(struct server *server,
    struct http_exchange *exchange, const struct admin_verb *verb)
{
	struct admin_job *job = calloc(1, sizeof(*job));

	if (!job)
		return NULL;
	job->job.run = api_admin_run;
	job->job.finish = finish;
	job->job.is_long = verb->is_long;
	job->server = server;
	job->exchange = exchange;
	job->verb = verb;
	job->body_fd = -1;
	api_admin_clear(&job->arguments);
	job->time = server_now(server, &job->now_ms);
	admin_identify_peer(job);
	return job;
}

/* He may; now what he sent is read. */
static void begin(struct admin_job *job)
{
	job->identifying = false;
	if (!take_body(job)) {
		job_free(job);
		return;
	}
	if (job->verb->prepare)
		job->verb->prepare(job);
	submit(job);
}

/* Whose session it is, or that nobody may do this here, is for the store; and
 * not even what he asks for is read before. */
static void settle_first(struct admin_job *job)
{
	job->identifying = job->by_session;
	job->only_record = !job->by_session;
	if (job->only_record)
		admin_refuse(job, 403,
		    "Only root and the server's own user may do this.");
	submit(job);
}

void api_admin_handle(struct server *server, struct http_exchange *exchange)
{
	const char *path = exchange->message->path + strlen(PREFIX);
	const struct admin_verb *verb = api_admin_find(path);
	struct admin_job *job = NULL;

	if (!verb) {
		http_reply_problem(
		    exchange, 404, "This server knows no such command.");
		return;
	}
	job = job_new(server, exchange, verb);
	if (!job) {
		http_reply_problem(exchange, 503, BUSY);
		return;
	}
	if (!admin_may_ask(job)) {
		http_reply_problem(
		    exchange, 429, "Too often from here. Wait a minute.");
		job_free(job);
	} else if (verb->is_open ||
		   (!job->by_session && job->admin.role != ADMIN_ROLE_NONE)) {
		begin(job);
	} else {
		settle_first(job);
	}
}
