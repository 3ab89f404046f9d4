/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api_terminal.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/head.h"
#include "server/keys/issue.h"
#include "server/keys/request.h"
#include "server/rate.h"
#include "server/shadow.h"
#include "server/store/audit.h"
#include "server/terminal_call.h"
#include "shared/encode.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum {
	JOIN_SECRET_BYTES = 10,
	SEQ_DIGITS_MAX = 18,
	RENEWALS_A_MINUTE = 10,
};

struct terminal_request {
	struct terminal_call call;
	const char *code, *request; /* join, renew */
	int report;                 /* report */
	int64_t seq;
	const char *hash;
};

#define MEMBER(field) offsetof(struct terminal_request, field)

static const char *const reports[] = {"rollback", NULL};

static const struct json_member join_members[] = {
    {"code", JSON_MEMBER_NAME, MEMBER(code), true, 0, 0, NULL},
    {"request", JSON_MEMBER_LINES, MEMBER(request), true, 0, 8192, NULL},
};
static const struct json_member renew_members[] = {
    {"request", JSON_MEMBER_LINES, MEMBER(request), true, 0, 8192, NULL},
};
static const struct json_member report_members[] = {
    {"kind", JSON_MEMBER_CHOICE, MEMBER(report), true, 0, 0, reports},
    {"seq", JSON_MEMBER_NUMBER, MEMBER(seq), true, 0, INT64_MAX, NULL},
    {"hash", JSON_MEMBER_NAME, MEMBER(hash), true, 0, 0, NULL},
};

/* Begins a call whose body, if members are given, goes into the struct. */
static struct terminal_request *begin(struct server *server,
    struct http_exchange *exchange, const struct json_member *members,
    size_t count,
    enum err (*work)(struct terminal_call *call, struct store *store))
{
	struct terminal_call *call = terminal_call_new(
	    server, exchange, sizeof(struct terminal_request));

	if (!call)
		return NULL;
	call->work = work;
	if (members && !terminal_call_take(call, members, count, call))
		return NULL;
	return (struct terminal_request *)call;
}

/* The same for calls with a certificate, which are rated. */
static struct terminal_request *begin_known(struct server *server,
    struct http_exchange *exchange, const struct json_member *members,
    size_t count,
    enum err (*work)(struct terminal_call *call, struct store *store))
{
	struct terminal_request *asked =
	    begin(server, exchange, members, count, work);

	return asked && terminal_call_may_ask(&asked->call) ? asked : NULL;
}

static enum err record(struct terminal_request *asked, struct store *store,
    struct audit_entry *entry)
{
	entry->kind = entry->kind ? entry->kind : "terminal";
	entry->time_ms = asked->call.now_ms;
	audit_add_text(entry, "request", asked->call.exchange->request_id);
	audit_add_text(entry, "terminal", asked->call.terminal.name);
	return audit_append(store, entry, NULL);
}

/* Signs a certificate for the terminal in asked->call and notes it. The
 * caller frees *out_pem. ERR_INVALID for a bad request. */
static enum err issue(struct terminal_request *asked, struct store *store,
    const char *action, char **out_pem)
{
	struct server *server = asked->call.server;
	unsigned char fingerprint[CERTIFICATE_HASH_BYTES];
	struct audit_entry entry = {0};
	char hex[ENCODE_HEX_SIZE(CERTIFICATE_HASH_BYTES)];
	int64_t until = 0;
	char *pem = NULL;
	enum err err = authority_sign_terminal(server->authority,
	    asked->request, asked->call.terminal.name, asked->call.now_s,
	    server->settings.lifetimes.terminal_s, &pem, fingerprint, &until);

	if (err == ERR_NONE)
		err = terminal_add_certificate(
		    store, asked->call.terminal.id, fingerprint, until);
	if (err == ERR_NONE) {
		encode_hex(fingerprint, sizeof(fingerprint), hex);
		audit_add_text(&entry, "action", action);
		audit_add_text(&entry, "result", "done");
		audit_add_text(&entry, "certificate", hex);
		err = record(asked, store, &entry);
	}
	if (err == ERR_NONE) {
		*out_pem = pem;
		pem = NULL;
	}
	free(pem);
	return err;
}

static void audit_key_text(
    const struct server *server, char out[ENCODE_BASE64_SIZE(32)])
{
	unsigned char key[32];

	authority_audit_key(server->authority, key);
	encode_base64(key, sizeof(key), out);
}

static enum err refuse_join(struct terminal_request *asked, struct store *store)
{
	struct audit_entry entry = {
	    .kind = "terminal", .time_ms = asked->call.now_ms};

	audit_add_text(&entry, "action", "join");
	audit_add_text(&entry, "result", "refused");
	audit_add_text(&entry, "reason", "code");
	audit_add_text(&entry, "address", asked->call.exchange->peer->address);
	terminal_call_problem(&asked->call, 403,
	    "The join code is wrong, used or older than ten minutes. Make "
	    "a new one: sekimorictl terminal add NAME");
	return audit_append_counted(store, &entry, "join|refused");
}

static enum err work_join(struct terminal_call *call, struct store *store)
{
	struct terminal_request *asked = (struct terminal_request *)call;
	char audit_key[ENCODE_BASE64_SIZE(32)];
	unsigned char bytes[JOIN_SECRET_BYTES];
	struct secret code = {0};
	char *pem = NULL;
	size_t length = 0;
	enum err err = ERR_NOT_FOUND;

	if (call->clock_trusted &&
	    decode_base32(asked->code, strlen(asked->code), bytes,
		sizeof(bytes), &length) == ERR_NONE &&
	    length == JOIN_SECRET_BYTES &&
	    secret_set(&code, bytes, length) == ERR_NONE)
		err = terminal_use_join_code(
		    store, &code, call->now_s, &call->terminal);
	secret_wipe(&code);
	if (err == ERR_NOT_FOUND)
		return refuse_join(asked, store);
	if (err == ERR_NONE)
		err = terminal_retire_certificates(store, call->terminal.id);
	if (err == ERR_NONE)
		err = issue(asked, store, "join", &pem);
	if (err == ERR_NONE) {
		call->terminal.state = TERMINAL_JOINED;
		err = terminal_save(store, &call->terminal);
	}
	if (err == ERR_NONE) {
		audit_key_text(call->server, audit_key);
		err = terminal_call_answer(
		    call, json_pack("{s:s, s:s, s:s, s:s}", "terminal",
			      call->terminal.name, "certificate", pem, "ca",
			      authority_trusted(call->server->authority),
			      "audit_key", audit_key));
	}
	free(pem);
	return err;
}

/* A request that is none of PKCS #10 is the terminal's mistake, found before
 * the transaction so that a join code is not spent on it. */
static bool is_request(const char *pem)
{
	return request_check(pem) == ERR_NONE;
}

static void submit_request(struct terminal_request *asked)
{
	if (is_request(asked->request))
		terminal_call_submit(&asked->call);
	else
		terminal_call_refuse(&asked->call, 400,
		    "member \"request\" is not a certificate request for a "
		    "P-256 key signed by it");
}

void api_terminal_join(struct server *server, struct http_exchange *exchange)
{
	static const unsigned char everybody[CERTIFICATE_HASH_BYTES];
	struct terminal_request *asked = begin(
	    server, exchange, join_members, COUNT(join_members), work_join);

	if (!asked)
		return;
	asked->call.is_public = true;
	/* Strangers may try, all of them from one bucket: 80 bits stay out
	 * of reach and the store is not kept busy. */
	if (!rate_take(server->rates, everybody, 20, asked->call.now_ms))
		terminal_call_refuse(
		    &asked->call, 429, "Too many joins. Wait a little.");
	else
		submit_request(asked);
}

/* A certificate comes with a full bucket and leaves a record, so they are not
 * had by the dozen. */
static bool may_renew(const struct terminal_call *call)
{
	struct rate_table *renewals = call->server->failures;
	unsigned char key[CERTIFICATE_HASH_BYTES];

	rate_terminal_key(RATE_RENEWALS, call->terminal.id, key);
	if (!rate_failures_allow(
		renewals, key, RENEWALS_A_MINUTE, call->now_ms))
		return false;
	rate_count_failure(renewals, key, call->now_ms);
	return true;
}

static enum err work_renew(struct terminal_call *call, struct store *store)
{
	struct terminal_request *asked = (struct terminal_request *)call;
	char *pem = NULL;
	enum err err;

	if (!call->clock_trusted) {
		terminal_call_problem(
		    call, 503, "The server's clock is in doubt.");
		return ERR_NONE;
	}
	if (!may_renew(call)) {
		terminal_call_problem(
		    call, 429, "This terminal renews too often.");
		return ERR_NONE;
	}
	err = issue(asked, store, "renew", &pem);
	if (err == ERR_NONE)
		err = terminal_call_answer(
		    call, json_pack("{s:s, s:s}", "certificate", pem, "ca",
			      authority_trusted(call->server->authority)));
	free(pem);
	return err;
}

void api_terminal_renew(struct server *server, struct http_exchange *exchange)
{
	struct terminal_request *asked = begin_known(
	    server, exchange, renew_members, COUNT(renew_members), work_renew);

	if (asked)
		submit_request(asked);
}

static enum err work_self(struct terminal_call *call, struct store *store)
{
	const struct server *server = call->server;
	char audit_key[ENCODE_BASE64_SIZE(32)];
	const struct http_peer *peer = call->exchange->peer;
	/* A third of its own life: it may end early, with its CA. */
	int64_t life_s =
	    peer->certificate_until - peer->certificate_from - ISSUE_BACKDATE_S;
	int64_t renew_at = peer->certificate_until - life_s / 3;
	char shadow[SHADOW_TEXT_SIZE];
	json_t *head = NULL;
	enum err err = head_sign(store, server->authority, call->now_s, &head);

	if (err != ERR_NONE)
		return err;
	audit_key_text(server, audit_key);
	(void)shadow_text(store, call->now_s, call->terminal.name,
	    call->terminal.group, shadow);
	return terminal_call_answer(call,
	    json_pack("{s:s, s:s, s:I, s:s, s:o, s:s*}", "terminal",
		call->terminal.name, "ca", authority_trusted(server->authority),
		"renew_at", (json_int_t)renew_at, "audit_key", audit_key,
		"head", head, "shadow", shadow[0] ? shadow : NULL));
}

void api_terminal_self(struct server *server, struct http_exchange *exchange)
{
	struct terminal_request *asked =
	    begin_known(server, exchange, NULL, 0, work_self);

	if (asked)
		terminal_call_submit(&asked->call);
}

static enum err work_audit_hash(struct terminal_call *call, struct store *store)
{
	struct terminal_request *asked = (struct terminal_request *)call;
	unsigned char hash[AUDIT_HASH_BYTES];
	char hex[ENCODE_HEX_SIZE(AUDIT_HASH_BYTES)];
	enum err err = audit_hash_at(store, asked->seq, hash);

	if (err == ERR_NOT_FOUND) {
		terminal_call_problem(
		    call, 404, "The chain has no record of this number.");
		return ERR_NONE;
	}
	if (err != ERR_NONE)
		return err;
	encode_hex(hash, sizeof(hash), hex);
	return terminal_call_answer(
	    call, json_pack("{s:I, s:s}", "seq", (json_int_t)asked->seq, "hash",
		      hex));
}

static bool parse_seq(const char *text, int64_t *out)
{
	size_t length = strlen(text);

	if (length == 0 || length > SEQ_DIGITS_MAX ||
	    strspn(text, "0123456789") != length)
		return false;
	*out = strtoll(text, NULL, 10);
	return true;
}

void api_terminal_audit_hash(
    struct server *server, struct http_exchange *exchange)
{
	const char *number = strrchr(exchange->message->path, '/') + 1;
	struct terminal_request *asked =
	    begin_known(server, exchange, NULL, 0, work_audit_hash);

	if (!asked)
		return;
	if (parse_seq(number, &asked->seq))
		terminal_call_submit(&asked->call);
	else
		terminal_call_refuse(
		    &asked->call, 404, "No such record number.");
}

static enum err work_report(struct terminal_call *call, struct store *store)
{
	struct terminal_request *asked = (struct terminal_request *)call;
	struct audit_entry entry = {
	    .kind = "terminal", .time_ms = call->now_ms};
	char same[NAME_BYTES_MAX + 16];
	enum err err;

	audit_add_text(&entry, "action", "report");
	audit_add_text(&entry, "report", reports[asked->report]);
	audit_add_number(&entry, "seen_seq", asked->seq);
	audit_add_text(&entry, "seen_hash", asked->hash);
	audit_add_text(&entry, "request", call->exchange->request_id);
	audit_add_text(&entry, "terminal", call->terminal.name);
	snprintf(same, sizeof(same), "report|%s", call->terminal.name);
	err = audit_append_counted(store, &entry, same);
	if (err == ERR_NONE)
		err = terminal_call_answer(call, json_object());
	return err;
}

void api_terminal_report(struct server *server, struct http_exchange *exchange)
{
	struct terminal_request *asked = begin_known(server, exchange,
	    report_members, COUNT(report_members), work_report);

	if (asked)
		terminal_call_submit(&asked->call);
}
