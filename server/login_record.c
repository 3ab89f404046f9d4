/* SPDX-License-Identifier: Apache-2.0 */
#include "server/login_record.h"

#include <stdio.h>
#include <string.h>

#include "server/rate.h"
#include "server/store/audit.h"
#include "server/store/store.h"
#include "shared/encode.h"

enum {
	LOGIN_REFUSALS_A_MINUTE = 120, /* records of one terminal's */
	LOGIN_GRACES_A_MINUTE = 60,
};

static void describe_user(const struct login_call *login,
    struct audit_entry *entry, const char *stranger)
{
	if (login->match == PERSON_SHARED) {
		audit_add_text(entry, "account", login->claims.user);
		return;
	}
	if (!login_knows(login)) {
		/* Whatever was typed may be a password: only its keyed hash
		 * is kept, enough to see that it was the same again. */
		audit_add_text(entry, "user_hash", stranger);
		return;
	}
	audit_add_text(entry, "user", login->person.user);
	if (strcmp(login->person.user, login->claims.user) != 0)
		audit_add_text(entry, "account", login->claims.user);
	if (login->person.attendant[0])
		audit_add_text(entry, "attendant", login->person.attendant);
}

/* What is written in letters for the record alone, and lives as long as it. */
struct texts {
	const char *token_serial, *astray_serial; /* or NULL */
	char stranger[ENCODE_HEX_SIZE(PERSON_STRANGER_BYTES)];
	char card_key[ENCODE_HEX_SIZE(LOGIN_KEY_SHOWN)];
	char name[ENCODE_BASE64_SIZE(LOGIN_NAME_BYTES)];
	char grace_of[ENCODE_BASE64_SIZE(LOGIN_NAME_BYTES)];
};

static void write_texts(const struct login_call *login, struct texts *out)
{
	encode_hex(login->stranger, sizeof(login->stranger), out->stranger);
	encode_hex(login->card.key, LOGIN_KEY_SHOWN, out->card_key);
	encode_base64url(login->claims.challenge, LOGIN_NAME_BYTES, out->name);
	encode_base64url(login->grace_login, LOGIN_NAME_BYTES, out->grace_of);
}

/* Its name, by which its session is recorded, and that of the login whose
 * grace let him in. */
static void describe_accept(const struct login_call *login,
    const struct texts *texts, struct audit_entry *entry)
{
	audit_add_text(entry, "login", texts->name);
	if (!login->decision.by_grace)
		return;
	audit_add_text(entry, "by", "grace");
	audit_add_text(entry, "grace_of", texts->grace_of);
}

/* In shadow mode, what it would have been but for it. */
static void add_verdict(
    const struct decision *decision, struct audit_entry *entry)
{
	audit_add_text(entry, "result", result_text(decision->result));
	if (decision->result == RESULT_DENY)
		audit_add_text(entry, "reason", reason_text(decision->reason));
	if (!decision->shadowed)
		return;
	audit_add_text(entry, "mode", AUDIT_MODE_SHADOW);
	audit_add_text(entry, "would", reason_text(decision->reason));
}

static void describe(const struct login_call *login,
    const struct policy_answer *permit, const struct texts *texts,
    struct audit_entry *entry)
{
	const struct login_claims *claims = &login->claims;
	const struct decision *decision = &login->decision;

	entry->kind = "login";
	entry->time_ms = login->call.now_ms;
	audit_add_text(entry, "request", login->call.exchange->request_id);
	describe_user(login, entry, texts->stranger);
	audit_add_text(entry, "terminal", login->call.terminal.name);
	audit_add_text(entry, "service", claims->service);
	if (claims->tty[0])
		audit_add_text(entry, "tty", claims->tty);
	if (claims->rhost[0])
		audit_add_text(entry, "rhost", claims->rhost);
	audit_add_text(
	    entry, "first_factor", claims->proven ? "proven" : "unproven");
	if (login->factor != FACTOR_NONE)
		audit_add_text(entry, "factor", factor_text(login->factor));
	add_verdict(decision, entry);
	if (decision->result == RESULT_EXEMPT)
		audit_add_text(entry, "rule", permit->rule);
	if (decision->result == RESULT_ACCEPT)
		describe_accept(login, texts, entry);
	audit_add_text(entry, "token", texts->token_serial);
	audit_add_text(entry, "out_of_step", texts->astray_serial);
	audit_add_text(entry, "card", login->card_note);
	if (login->card_note)
		audit_add_text(entry, "card_key", texts->card_key);
	if (login->card_replaced[0])
		audit_add_text(entry, "card_replaced", login->card_replaced);
}

/*
 * A service or an account is whatever a terminal says, so it could make each
 * of its refusals differ from the last. Beyond some in a minute they are
 * counted by terminal and reason alone.
 */
static enum err record_refusal(const struct login_call *login,
    struct store *store, const struct audit_entry *entry, const char *same)
{
	const struct terminal_call *call = &login->call;
	const char *reason = reason_text(login->decision.reason);
	struct audit_entry flood = {.kind = "login", .time_ms = call->now_ms};
	char flood_same[2 * (NAME_BYTES_MAX + 1)];
	unsigned char key[CERTIFICATE_HASH_BYTES];
	int64_t before = store->head.seq;
	enum err err;

	rate_terminal_key(RATE_RECORDS, call->terminal.id, key);
	if (rate_failures_allow(call->server->failures, key,
		LOGIN_REFUSALS_A_MINUTE, call->now_ms)) {
		err = audit_append_counted(store, entry, same);
		if (store->head.seq != before)
			rate_count_failure(
			    call->server->failures, key, call->now_ms);
		return err;
	}
	audit_add_text(&flood, "terminal", call->terminal.name);
	add_verdict(&login->decision, &flood);
	audit_add_text(&flood, "flood", "various users and services");
	snprintf(flood_same, sizeof(flood_same), "flood|%s|%s|%s",
	    call->terminal.name, reason, result_text(login->decision.result));
	return audit_append_counted(store, &flood, flood_same);
}

/* Graces cost no code, so whoever is root on a terminal could fill the disk
 * with them: beyond some in a minute those of one person there are counted. */
static enum err record_grace(const struct login_call *login,
    struct store *store, const struct audit_entry *entry, const char *same)
{
	const struct terminal_call *call = &login->call;
	struct rate_table *table = call->server->failures;
	unsigned char key[CERTIFICATE_HASH_BYTES];

	rate_terminal_key(RATE_GRACES, call->terminal.id, key);
	if (!rate_failures_allow(
		table, key, LOGIN_GRACES_A_MINUTE, call->now_ms))
		return audit_append_counted(store, entry, same);
	rate_count_failure(table, key, call->now_ms);
	return audit_append(store, entry, NULL);
}

/*
 * Accepts and evaluated failures are a record each: the throttle bounds
 * them. Everything else costs whoever sends it nothing and is counted.
 */
enum err login_record(struct login_call *login, struct store *store,
    const struct policy_answer *permit, const char *token_serial,
    const char *astray_serial)
{
	const struct decision *decision = &login->decision;
	struct audit_entry entry = {0};
	struct texts texts = {
	    .token_serial = token_serial, .astray_serial = astray_serial};
	char same[4 * (NAME_BYTES_MAX + 1) + 60];

	write_texts(login, &texts);
	describe(login, permit, &texts, &entry);
	if ((decision->result == RESULT_ACCEPT && !decision->by_grace) ||
	    (decision->evaluated && decision->reason == REASON_WRONG))
		return audit_append(store, &entry, NULL);
	/* A stranger by his hash, so that the first refusal of each costs as
	 * much as that of somebody known. */
	snprintf(same, sizeof(same), "login|%s%s|%s|%s|%s|%s%s%s%s%s",
	    login_knows(login) ? "" : "?",
	    login_knows(login) ? login->person.user : texts.stranger,
	    login->call.terminal.name, login->claims.service,
	    result_text(decision->result), reason_text(decision->reason),
	    login->card_note ? "|" : "",
	    login->card_note ? login->card_note : "",
	    decision->shadowed ? "|shadow|" : "",
	    decision->shadowed ? permit->rule : "");
	if (decision->by_grace)
		return record_grace(login, store, &entry, same);
	if (decision->result == RESULT_DENY || decision->shadowed)
		return record_refusal(login, store, &entry, same);
	return audit_append_counted(store, &entry, same);
}
