/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api_login.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "server/login_call.h"
#include "server/login_card.h"
#include "shared/encode.h"
#include "shared/log.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const first_factors[] = {"unproven", "proven", NULL};
/* In the order of enum factor, which begins with none. */
static const char *const factors[] = {"otp", "emergency", "card", NULL};

struct login_members {
	const char *user, *person, *service, *tty, *rhost, *session;
	bool own_account;
	int first_factor;
	const char *attempt;
	int factor; /* index into factors, or -1 */
	const char *code;
	struct login_card_members card;
};

#define MEMBER(field) offsetof(struct login_members, field)

static const struct json_member begin_members[] = {
    {"user", JSON_MEMBER_NAME, MEMBER(user), true, 0, 0, NULL},
    {"service", JSON_MEMBER_NAME, MEMBER(service), true, 0, 0, NULL},
    {"person", JSON_MEMBER_NAME, MEMBER(person), false, 0, 0, NULL},
    {"tty", JSON_MEMBER_NAME, MEMBER(tty), false, 0, 0, NULL},
    {"rhost", JSON_MEMBER_NAME, MEMBER(rhost), false, 0, 0, NULL},
    {"session", JSON_MEMBER_NAME, MEMBER(session), false, 0, 0, NULL},
    {"first_factor", JSON_MEMBER_CHOICE, MEMBER(first_factor), false, 0, 0,
	first_factors},
    {"own_account", JSON_MEMBER_BOOL, MEMBER(own_account), false, 0, 0, NULL},
    {"attempt", JSON_MEMBER_NAME, MEMBER(attempt), false, 0, 0, NULL},
    {"factor", JSON_MEMBER_CHOICE, MEMBER(factor), false, 0, 0, factors},
    {"code", JSON_MEMBER_TEXT, MEMBER(code), false, 0, LOGIN_CODE_BYTES_MAX,
	NULL},
};

static const struct json_member finish_members[] = {
    {"factor", JSON_MEMBER_CHOICE, MEMBER(factor), true, 0, 0, factors},
    {"code", JSON_MEMBER_TEXT, MEMBER(code), false, 0, LOGIN_CODE_BYTES_MAX,
	NULL},
    {"attempt", JSON_MEMBER_NAME, MEMBER(attempt), false, 0, 0, NULL},
    {"certificate", JSON_MEMBER_TEXT, MEMBER(card.certificate), false, 0,
	LOGIN_CARD_CERTIFICATE_MAX, NULL},
    {"signature", JSON_MEMBER_TEXT, MEMBER(card.signature), false, 0,
	LOGIN_CARD_SIGNATURE_MAX, NULL},
    {"algorithm", JSON_MEMBER_TEXT, MEMBER(card.algorithm), false, 0, 0, NULL},
};

static void copy_name(char out[NAME_BYTES_MAX + 1], const char *name)
{
	if (name)
		memcpy(out, name, strlen(name) + 1); /* bounded by json_take */
}

/* A code without a factor could be charged to either; it is malformed. */
static const char *take_code(
    struct login_call *login, const struct login_members *members)
{
	if (!members->code)
		return NULL;
	if (login->factor == FACTOR_NONE)
		return "member \"code\" needs a member \"factor\"";
	if (login->factor == FACTOR_CARD)
		return "member \"code\" is not for factor card";
	if (secret_set(&login->code, members->code, strlen(members->code)) !=
	    ERR_NONE)
		return "member \"code\" is too long";
	return NULL;
}

static const char *take_attempt(
    struct login_call *login, const struct login_members *members)
{
	size_t length = 0;

	if (!members->attempt)
		return NULL;
	login->has_attempt = true;
	if (decode_base64url(members->attempt, strlen(members->attempt),
		login->attempt, sizeof(login->attempt), &length) != ERR_NONE ||
	    length != sizeof(login->attempt))
		return "member \"attempt\" must be 16 bytes in base64url";
	return NULL;
}

/* ERR_INVALID says what is malformed. */
static enum err take_factor(struct login_call *login,
    const struct login_members *members, const char **out_problem)
{
	login->factor = (enum factor)(members->factor + 1);
	*out_problem = take_code(login, members);
	if (!*out_problem)
		*out_problem = take_attempt(login, members);
	if (*out_problem)
		return ERR_INVALID;
	return login_card_take(login, &members->card, out_problem);
}

static void login_wipe(struct terminal_call *call)
{
	struct login_call *login = (struct login_call *)call;

	secret_wipe(&login->code);
	free(login->proof);
}

/* One structured line per decision; nothing typed is in it. */
static void login_told(struct terminal_call *call)
{
	const struct login_call *login = (const struct login_call *)call;
	const struct decision *decision = &login->decision;
	struct server_counts *counts = &call->server->counts;

	if (call->status == 429)
		counts->rate_limited++;
	if (call->status != 200 || !login->decided)
		return;
	counts->decisions[decision->result]++;
	if (decision->result == RESULT_DENY)
		counts->reasons[decision->reason]++;
	if (decision->shadowed)
		counts->shadowed++;
	if (login_knows(login) && decision->evaluated &&
	    decision->astray_index >= 0)
		counts->out_of_step++;
	if (decision->card_unfit)
		counts->cards_unfit[login->card.standing]++;
	log_line(LOG_INFO, "decision", LOG_TEXT("request_id", call->request_id),
	    LOG_TEXT("result", result_text(decision->result)),
	    LOG_TEXT("reason", decision->result == RESULT_DENY
				   ? reason_text(decision->reason)
				   : ""),
	    LOG_TEXT("shadow",
		decision->shadowed ? reason_text(decision->reason) : ""),
	    LOG_TEXT(
		"user", login_knows(login) ? login->person.user : "(unknown)"),
	    LOG_TEXT("terminal", call->terminal.name),
	    LOG_TEXT("service", login->claims.service),
	    LOG_TEXT("factor",
		decision->by_grace ? "grace" : factor_text(login->factor)));
}

static struct login_call *login_new(
    struct server *server, struct http_exchange *exchange)
{
	struct terminal_call *call =
	    terminal_call_new(server, exchange, sizeof(struct login_call));

	if (!call)
		return NULL;
	call->work = login_work;
	call->told = login_told;
	call->wipe = login_wipe;
	return terminal_call_may_ask(call) ? (struct login_call *)call : NULL;
}

static void login_submit(
    struct login_call *login, const struct login_members *members)
{
	const char *problem = NULL;
	enum err err = take_factor(login, members, &problem);

	if (err == ERR_INVALID)
		terminal_call_refuse(&login->call, 400, problem);
	else if (err != ERR_NONE)
		terminal_call_refuse(&login->call, 503, "The server is busy.");
	else
		terminal_call_submit(&login->call);
}

void api_login_begin(struct server *server, struct http_exchange *exchange)
{
	struct login_call *login = login_new(server, exchange);
	struct login_members members = {.factor = -1};

	if (!login || !terminal_call_take(&login->call, begin_members,
			  COUNT(begin_members), &members))
		return;
	copy_name(login->claims.user, members.user);
	copy_name(login->claims.person, members.person);
	copy_name(login->claims.service, members.service);
	copy_name(login->claims.tty, members.tty);
	copy_name(login->claims.rhost, members.rhost);
	copy_name(login->session, members.session);
	login->claims.proven = members.first_factor == 1;
	login->own_account = members.own_account;
	login_submit(login, &members);
}

void api_login_finish(struct server *server, struct http_exchange *exchange)
{
	struct login_call *login = login_new(server, exchange);
	struct login_members members = {.factor = -1};

	if (!login || !terminal_call_take(&login->call, finish_members,
			  COUNT(finish_members), &members))
		return;
	login->by_token = true;
	login_submit(login, &members);
}

static json_t *optional_members(const struct json_member *members, size_t count)
{
	json_t *names = json_array();

	for (size_t i = 0; i < count; i++)
		if (!members[i].required)
			json_array_append_new(
			    names, json_string(members[i].name));
	return names;
}

static enum err answer_capabilities(
    struct terminal_call *call, struct store *store)
{
	(void)store;
	return terminal_call_answer(
	    call, json_pack("{s:[s,s,s], s:o, s:o}", "factors",
		      factor_text(FACTOR_CARD), factor_text(FACTOR_OTP),
		      factor_text(FACTOR_EMERGENCY), "request_members",
		      optional_members(begin_members, COUNT(begin_members)),
		      "finish_members",
		      optional_members(finish_members, COUNT(finish_members))));
}

void api_login_capabilities(
    struct server *server, struct http_exchange *exchange)
{
	struct terminal_call *call =
	    terminal_call_new(server, exchange, sizeof(*call));

	if (!call || !terminal_call_may_ask(call))
		return;
	call->work = answer_capabilities;
	terminal_call_submit(call);
}
