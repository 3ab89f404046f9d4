/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api_admin.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
    ADMIN_STAFF_LIST_VERBS,
    ADMIN_ADMIN_VERBS,
    ADMIN_CUSTODY_VERBS,
    ADMIN_TOKEN_LIST_VERBS,
    ADMIN_INVENTORY_VERBS,
    ADMIN_STOCK_VERBS,
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

static const char *target_of(const struct admin_arguments *arguments)
{
	if (arguments->id)
		return arguments->id;
	if (arguments->key)
		return arguments->key;
	if (arguments->serial)
		return arguments->serial;
	if (arguments->name)
		return arguments->name;
	/* What was looked at; nothing is changed by these. */
	return arguments->user ? arguments->user : arguments->terminal;
}

static const char *reason_of(const struct admin_job *job)
{
	if (job->reason)
		return job->reason;
	switch (job->status) {
	case 400:
		return "invalid";
	case 403:
		return "not_permitted";
	case 404:
		return "not_found";
	}
	return "conflict";
}

static void add_outcome(const struct admin_job *job, struct audit_entry *entry)
{
	audit_add_text(entry, "result", job->status ? "refused" : "done");
	if (!job->status)
		return;
	audit_add_text(entry, "reason", reason_of(job));
	audit_add_text(entry, "detail", job->detail);
}

/* Trusting a CA without CRL takes all its revocations back. NULL: neither. */
static const char *crl_word(const struct admin_arguments *arguments)
{
	if (arguments->no_crl)
		return "none";
	return arguments->crl ? "given" : NULL;
}

void admin_add_note(struct audit_entry *entry, json_t *note)
{
	const char *key;
	json_t *value;

	json_object_foreach(note, key, value)
	{
		if (json_is_string(value))
			audit_add_text(entry, key, json_string_value(value));
		else
			audit_add_number(entry, key, json_integer_value(value));
	}
}

/* Who gets which rights by this. */
static void add_rights(
    const struct admin_arguments *arguments, struct audit_entry *entry)
{
	if (arguments->role < 0)
		return;
	audit_add_text(entry, "role", ADMIN_ROLES[arguments->role]);
	audit_add_text(entry, "departments", arguments->departments);
}

static void describe(const struct admin_job *job, struct audit_entry *entry)
{
	const struct admin_verb *verb = job->verb;

	audit_add_text(
	    entry, "action", verb->action ? verb->action : verb->path);
	audit_add_text(entry, "actor", job->actor);
	if (job->loginuid >= 0)
		audit_add_number(entry, "loginuid", job->loginuid);
	audit_add_text(entry, "target", target_of(&job->arguments));
	if (job->user[0])
		audit_add_text(entry, "user", job->user);
	if (job->terminal[0])
		audit_add_text(entry, "terminal", job->terminal);
	if (job->card_key[0])
		audit_add_text(entry, "card_key", job->card_key);
	if (job->policy_version)
		audit_add_number(entry, "version", job->policy_version);
	audit_add_text(entry, "crl", crl_word(&job->arguments));
	add_rights(&job->arguments, entry);
	if (!job->status)
		admin_add_note(entry, job->note);
	if (job->arguments.id)
		audit_add_text(entry, "token", job->arguments.serial);
	audit_add_text(entry, "why", job->why);
	add_outcome(job, entry);
	if (job->exchange)
		audit_add_text(entry, "request", job->exchange->request_id);
}

/* Whoever may do nothing here must not fill the disk either, nor an auditor
 * by reading a long list in parts. */
static enum err record(struct admin_job *job, struct store *store)
{
	struct audit_entry entry = {.kind = "admin", .time_ms = job->now_ms};
	char same[ADMIN_ACTOR_SIZE + NAME_BYTES_MAX + 64];
	const char *target = target_of(&job->arguments);

	describe(job, &entry);
	if (job->verb->action && job->status != 403)
		return audit_append(store, &entry, NULL);
	/* The targets of a refusal are the refused one's to choose. */
	snprintf(same, sizeof(same), "admin|%s|%s|%s", job->actor,
	    job->verb->path,
	    job->status == 403 ? "refused" : (target ? target : ""));
	return audit_append_counted(store, &entry, same);
}

/* Reads leave a record only of those whose reading is watched, and where they
 * were not to be. */
static bool is_recorded(const struct admin_job *job)
{
	if (job->unfinished && !job->status)
		return false;
	return job->verb->action || job->status == 403 ||
	       job->admin.role == ADMIN_ROLE_AUDITOR;
}

static void forget_outcome(struct admin_job *job)
{
	json_decref(job->answer);
	json_decref(job->joined);
	json_decref(job->note);
	job->answer = job->joined = job->note = NULL;
	job->status = 0;
	job->reason = job->why = NULL;
	job->undo = job->again = job->unfinished = false;
	job->next = job->progress;
	job->policy_version = 0;
	job->user[0] = job->terminal[0] = job->card_key[0] = '\0';
}

enum err api_admin_run(struct job *base, struct store *store)
{
	struct admin_job *job = (struct admin_job *)base;
	enum err err = ERR_NONE;

	if (!job->only_record) {
		forget_outcome(job);
		if (job->time.trusted)
			err = policy_store_take_due(
			    store, job->time.now_s, job->now_ms);
		if (err == ERR_NONE && admin_is_permitted(job))
			err = job->verb->run(job, store);
		if (err == ERR_NONE && job->undo)
			err = ERR_NOT_ALLOWED;
	}
	if (err != ERR_NONE || job->again || !is_recorded(job))
		return err;
	return record(job, store);
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
	free(job);
}

static void reply_json(struct admin_job *job)
{
	struct http_reply reply = {.status = 200, .body_fd = -1};
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

static void finish(struct job *base, enum err err)
{
	struct admin_job *job = (struct admin_job *)base;

	if (err == ERR_NOT_ALLOWED && job->undo && !job->only_record) {
		job->only_record = true;
		submit(job);
		return;
	}
	if (err == ERR_NONE && job->again && !job->status) {
		job->progress = job->next;
		submit(job);
		return;
	}
	if (err == ERR_NONE && !job->status && job->verb->conclude)
		job->verb->conclude(job);
	if (err != ERR_NONE)
		reply_failure(job, err);
	else if (job->status)
		http_reply_problem(job->exchange, job->status, job->detail);
	else if (job->body_fd >= 0)
		reply_file(job);
	else
		reply_json(job);
	job_free(job);
}

static bool may_administer(const struct http_peer *peer)
{
	return peer->kind == HTTP_PEER_LOCAL &&
	       (peer->uid == 0 || peer->uid == geteuid());
}

/* Who is asking, and for the record: sudo leaves its trace in loginuid. */
static void identify(struct admin_job *job, const struct http_peer *peer)
{
	char path[64], text[32] = {0};
	FILE *file;

	job->admin.role =
	    may_administer(peer) ? ADMIN_ROLE_OWNER : ADMIN_ROLE_NONE;
	if (peer->uid == 0)
		snprintf(job->actor, sizeof(job->actor), "root");
	else
		snprintf(job->actor, sizeof(job->actor), "uid %lu",
		    (unsigned long)peer->uid);
	job->loginuid = -1;
	snprintf(path, sizeof(path), "/proc/%ld/loginuid", (long)peer->pid);
	file = fopen(path, "re");
	if (!file)
		return;
	/* 4294967295 is the kernel's word for nobody. */
	if (fgets(text, sizeof(text), file) && text[0] >= '0' &&
	    text[0] <= '9' && strtoul(text, NULL, 10) != 0xffffffffUL)
		job->loginuid = (int64_t)strtoul(text, NULL, 10);
	fclose(file);
}

static size_t count_members(const struct admin_verb *verb)
{
	size_t count = 0;

	while (count < ADMIN_MEMBERS_MAX && verb->members[count].name)
		count++;
	return count;
}

/* Understands the body; refuses with 400 and returns false. */
static bool take_body(struct admin_job *job)
{
	struct http_exchange *exchange = job->exchange;
	struct json_problem problem = {""};
	enum err err;

	if (exchange->body_length > HTTP_ADMIN_BODY_BYTES_MAX) {
		http_reply_problem(exchange, 413, "The request is too large.");
		return false;
	}
	err = json_read(
	    exchange->body, exchange->body_length, &job->body, &problem);
	if (err == ERR_NONE)
		err = json_take(job->body, job->verb->members,
		    count_members(job->verb), true, &job->arguments, &problem);
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
	identify(job, exchange->peer);
	return job;
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
	if (job->admin.role == ADMIN_ROLE_NONE) {
		/* Not even what he asks for is read. */
		admin_refuse(job, 403,
		    "Only root and the server's own user may do this.");
		job->only_record = true;
	} else if (!take_body(job)) {
		job_free(job);
		return;
	} else if (verb->prepare) {
		verb->prepare(job);
	}
	submit(job);
}
