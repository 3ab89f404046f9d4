/* SPDX-License-Identifier: Apache-2.0 */
#include "server/terminal_call.h"

#include <stdlib.h>
#include <string.h>

#include "server/rate.h"
#include "server/store/audit.h"
#include "shared/encode.h"
#include "shared/json_plain.h"
#include "shared/log.h"

static void call_free(struct terminal_call *call)
{
	if (call->wipe)
		call->wipe(call);
	json_decref(call->request);
	if (call->plain)
		secret_wipe_bytes(call->plain, call->plain_length);
	free(call->plain);
	if (call->reply)
		secret_wipe_bytes(call->reply, strlen(call->reply));
	free(call->reply);
	free(call);
}

void terminal_call_refuse(
    struct terminal_call *call, int status, const char *detail)
{
	http_reply_problem(call->exchange, status, detail);
	call_free(call);
}

bool terminal_call_may_ask(struct terminal_call *call)
{
	struct server *server = call->server;

	if (rate_take(server->rates, call->exchange->peer->fingerprint,
		server->settings.terminal_rate, call->now_ms))
		return true;
	server->counts.rate_limited++;
	terminal_call_refuse(call, 429, "This terminal asks too often.");
	return false;
}

struct terminal_call *terminal_call_new(
    struct server *server, struct http_exchange *exchange, size_t size)
{
	struct terminal_call *call = calloc(1, size);
	struct clock_judgement judgement;

	if (!call) {
		http_reply_problem(exchange, 503, "The server is busy.");
		return NULL;
	}
	call->server = server;
	call->exchange = exchange;
	memcpy(call->request_id, exchange->request_id, HTTP_REQUEST_ID_SIZE);
	judgement = server_now(server, &call->now_ms);
	call->now_s = judgement.now_s;
	call->clock_trusted = judgement.trusted;
	return call;
}

static bool take_plain(struct terminal_call *call,
    const struct json_member *members, size_t count, void *target)
{
	const struct http_exchange *exchange = call->exchange;

	call->plain = malloc(exchange->body_length + 1);
	if (!call->plain)
		return false;
	call->plain_length = exchange->body_length;
	memcpy(call->plain, exchange->body, call->plain_length);
	call->plain[call->plain_length] = '\0';
	return json_plain_take(
	    call->plain, call->plain_length, members, count, target);
}

bool terminal_call_take(struct terminal_call *call,
    const struct json_member *members, size_t count, void *target)
{
	struct json_problem problem = {""};

	if (take_plain(call, members, count, target))
		return true;
	if (json_read(call->exchange->body, call->exchange->body_length,
		&call->request, &problem) == ERR_NONE &&
	    json_take(call->request, members, count, true, target, &problem) ==
		ERR_NONE)
		return true;
	terminal_call_refuse(call, 400, problem.text);
	return false;
}

void terminal_call_problem(
    struct terminal_call *call, int status, const char *detail)
{
	terminal_call_problem_for(call, status, NULL, detail);
}

void terminal_call_problem_for(struct terminal_call *call, int status,
    const char *reason, const char *detail)
{
	call->status = status;
	call->reason = reason;
	call->detail = detail;
}

enum err terminal_call_answer(struct terminal_call *call, json_t *object)
{
	if (object)
		call->reply = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	if (!call->reply)
		return ERR_MEMORY;
	call->status = 200;
	return ERR_NONE;
}

enum err terminal_call_answer_text(
    struct terminal_call *call, const char *text, size_t length)
{
	call->reply = strndup(text, length);
	if (!call->reply)
		return ERR_MEMORY;
	call->status = 200;
	return ERR_NONE;
}

/* A certificate that was good once is worth a record: a copied key looks
 * like this. Unknown ones are strangers and leave only a count. */
static enum err record_bad_certificate(struct terminal_call *call,
    struct store *store, enum terminal_certificate what)
{
	struct audit_entry entry = {
	    .kind = "terminal", .time_ms = call->now_ms};
	char fingerprint[ENCODE_HEX_SIZE(CERTIFICATE_HASH_BYTES)];
	const char *reason = "unknown_certificate";

	if (what == TERMINAL_CERTIFICATE_RETIRED)
		reason = "retired_certificate";
	else if (what != TERMINAL_CERTIFICATE_UNKNOWN)
		reason = "revoked_terminal";
	encode_hex(call->exchange->peer->fingerprint, CERTIFICATE_HASH_BYTES,
	    fingerprint);
	audit_add_text(&entry, "action", "refused");
	audit_add_text(&entry, "result", "refused");
	audit_add_text(&entry, "reason", reason);
	audit_add_text(&entry, "certificate", fingerprint);
	audit_add_text(&entry, "address", call->exchange->peer->address);
	if (what != TERMINAL_CERTIFICATE_UNKNOWN)
		audit_add_text(&entry, "terminal", call->terminal.name);
	return audit_append_counted(store, &entry,
	    what == TERMINAL_CERTIFICATE_UNKNOWN ? reason : fingerprint);
}

/* Sets status to 403 unless the certificate is one of ours and in force. */
static enum err identify(
    struct terminal_call *call, struct store *store, bool *out_known)
{
	enum terminal_certificate what = TERMINAL_CERTIFICATE_UNKNOWN;
	enum err err = terminal_identify(
	    store, call->exchange->peer->fingerprint, &call->terminal, &what);

	if (err != ERR_NONE)
		return err;
	*out_known = (what == TERMINAL_CERTIFICATE_CURRENT ||
			 what == TERMINAL_CERTIFICATE_ISSUED) &&
		     call->terminal.state == TERMINAL_JOINED;
	if (*out_known)
		return ERR_NONE;
	terminal_call_problem(call, 403,
	    "This terminal's certificate is not in force. Join it again "
	    "with a new code: sekimorictl terminal add NAME");
	return record_bad_certificate(call, store, what);
}

static enum err call_run(struct job *job, struct store *store)
{
	struct terminal_call *call = (struct terminal_call *)job;
	bool known = false;
	enum err err;

	free(call->reply);
	call->reply = NULL;
	terminal_call_problem(call, 503, "The server could not answer.");
	if (call->is_public)
		return call->work(call, store);
	err = identify(call, store, &known);
	if (err != ERR_NONE || !known)
		return err;
	return call->work(call, store);
}

static void reply_to(struct terminal_call *call)
{
	struct http_reply reply = {.status = 200, .body_fd = -1};

	if (call->status == 200) {
		reply.body = call->reply;
		reply.body_length = strlen(call->reply);
		http_reply(call->exchange, &reply);
	} else {
		http_reply_refusal(
		    call->exchange, call->status, call->reason, call->detail);
	}
	call->exchange = NULL;
}

void terminal_call_conclude(struct terminal_call *call)
{
	reply_to(call);
	call_free(call);
}

static void call_finish(struct job *job, enum err err)
{
	struct terminal_call *call = (struct terminal_call *)job;

	if (err != ERR_NONE) {
		log_line(LOG_ERR, "state could not be read or made durable",
		    LOG_TEXT("request_id", call->exchange->request_id),
		    LOG_TEXT("error", err_text(err)));
		call->server->counts.unavailable++;
		terminal_call_problem(call, 503,
		    "The server could not make its decision durable.");
	}
	if (call->status == 200 && call->keep && call->keep(call))
		return;
	reply_to(call);
	if (err == ERR_NONE && call->told)
		call->told(call);
	call_free(call);
}

void terminal_call_submit(struct terminal_call *call)
{
	call->job.run = call_run;
	call->job.finish = call_finish;
	if (batch_submit(call->server->batch, &call->job) != ERR_NONE)
		terminal_call_refuse(call, 503, "The server is busy.");
}
