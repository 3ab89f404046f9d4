/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api_session.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "server/login_grace.h"
#include "server/rate.h"
#include "server/store/audit.h"
#include "server/terminal_call.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum {
	SESSIONS_A_MINUTE = 300
};

enum session_event {
	SESSION_OPEN = 0,
	SESSION_CLOSE,
	SESSION_LOCKED,
	SESSION_LOGGED_OUT,
	SESSION_LEFT_OPEN, /* frozen, and agent.conf says so */
};

static const char *const events[] = {
    "open", "close", "locked", "logged_out", "left_open", NULL};
static const char *const reasons[] = {
    "", "card_removed", "watcher_failed", "frozen", NULL};

struct session_call {
	struct terminal_call call;
	int event;  /* enum session_event */
	int reason; /* index into reasons */
	const char *user, *person, *service, *tty, *rhost, *login, *session;
};

#define MEMBER(field) offsetof(struct session_call, field)

static const struct json_member members[] = {
    {"event", JSON_MEMBER_CHOICE, MEMBER(event), true, 0, 0, events},
    {"user", JSON_MEMBER_NAME, MEMBER(user), true, 0, 0, NULL},
    {"person", JSON_MEMBER_NAME, MEMBER(person), false, 0, 0, NULL},
    {"service", JSON_MEMBER_NAME, MEMBER(service), true, 0, 0, NULL},
    {"tty", JSON_MEMBER_NAME, MEMBER(tty), false, 0, 0, NULL},
    {"rhost", JSON_MEMBER_NAME, MEMBER(rhost), false, 0, 0, NULL},
    {"login", JSON_MEMBER_NAME, MEMBER(login), false, 0, 0, NULL},
    {"session", JSON_MEMBER_NAME, MEMBER(session), false, 0, 0, NULL},
    {"reason", JSON_MEMBER_CHOICE, MEMBER(reason), false, 0, 0, reasons},
};

/* A busy terminal opens some sessions a minute; whoever is root there could
 * report sessions that never were until the disk is full. */
static enum err append(const struct session_call *asked, struct store *store,
    const struct audit_entry *entry)
{
	const struct terminal_call *call = &asked->call;
	struct rate_table *table = call->server->failures;
	unsigned char key[CERTIFICATE_HASH_BYTES];
	char same[NAME_BYTES_MAX + 16];

	rate_terminal_key(RATE_SESSIONS, call->terminal.id, key);
	if (rate_failures_allow(table, key, SESSIONS_A_MINUTE, call->now_ms)) {
		rate_count_failure(table, key, call->now_ms);
		return audit_append(store, entry, NULL);
	}
	snprintf(same, sizeof(same), "session|%s", call->terminal.name);
	return audit_append_counted(store, entry, same);
}

static enum err record(
    const struct session_call *asked, struct store *store, bool tied)
{
	const struct terminal_call *call = &asked->call;
	struct audit_entry entry = {.kind = "session", .time_ms = call->now_ms};

	audit_add_text(&entry, "action", events[asked->event]);
	audit_add_text(
	    &entry, "reason", asked->reason ? reasons[asked->reason] : NULL);
	/* As in the record of the login: who it is, then by which account. */
	audit_add_text(
	    &entry, "user", asked->person ? asked->person : asked->user);
	if (asked->person && strcmp(asked->person, asked->user) != 0)
		audit_add_text(&entry, "account", asked->user);
	audit_add_text(&entry, "service", asked->service);
	audit_add_text(&entry, "tty", asked->tty);
	audit_add_text(&entry, "rhost", asked->rhost);
	audit_add_text(&entry, "login", asked->login);
	audit_add_text(&entry, "grace", tied ? "tied" : NULL);
	audit_add_text(&entry, "request", call->exchange->request_id);
	audit_add_text(&entry, "terminal", call->terminal.name);
	return append(asked, store, &entry);
}

/* Which session a login has opened, and that it is left or closed. */
static enum err follow(
    const struct session_call *asked, struct store *store, bool *out_tied)
{
	int64_t terminal_id = asked->call.terminal.id;

	switch ((enum session_event)asked->event) {
	case SESSION_OPEN:
		return asked->session
			   ? login_grace_opened(store, terminal_id,
				 asked->login, asked->session, out_tied)
			   : ERR_NONE;
	case SESSION_CLOSE:
		return asked->session ? login_grace_closed(
					    store, terminal_id, asked->session)
				      : ERR_NONE;
	case SESSION_LOCKED:
	case SESSION_LOGGED_OUT:
	case SESSION_LEFT_OPEN:
		break;
	}
	return login_grace_left(store, terminal_id, asked->login);
}

static enum err work(struct terminal_call *call, struct store *store)
{
	const struct session_call *asked = (struct session_call *)call;
	bool tied = false;
	enum err err = follow(asked, store, &tied);

	if (err == ERR_NONE)
		err = record(asked, store, tied);
	if (err == ERR_NONE)
		err = terminal_call_answer(call, json_object());
	return err;
}

/* What the agent did has a reason; what the person did has none. */
static bool has_its_reason(const struct session_call *asked)
{
	bool by_agent = asked->event >= SESSION_LOCKED;

	return by_agent == (asked->reason != 0);
}

void api_session_report(struct server *server, struct http_exchange *exchange)
{
	struct terminal_call *call =
	    terminal_call_new(server, exchange, sizeof(struct session_call));

	if (!call)
		return;
	call->work = work;
	if (!terminal_call_take(call, members, COUNT(members), call) ||
	    !terminal_call_may_ask(call))
		return;
	if (has_its_reason((struct session_call *)call))
		terminal_call_submit(call);
	else
		terminal_call_refuse(call, 400,
		    "member \"reason\" belongs to what the agent did, and "
		    "to nothing else");
}
