/* SPDX-License-Identifier: Apache-2.0 */
#include "server/login_phrase.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/login_card.h"
#include "server/store/last_login.h"
#include "server/shadow.h"
#include "server/store/record.h"
#include "server/store/store.h"
#include "shared/encode.h"

static bool is_card_ending(const struct login_call *login)
{
	return login->factor == FACTOR_CARD &&
	       login->card.valid_until - login->call.now_s <=
		   LOGIN_CARD_NOTICE_S;
}

static void put_card_ending(
    const struct login_call *login, struct record_writer *reply)
{
	int64_t until = login->card.valid_until;

	record_open(reply);
	record_put_text(reply, "kind", "card_expires");
	record_put_number(reply, "until", until);
	record_put_number(reply, "days", (until - login->call.now_s) / 86400);
	record_close(reply);
}

static void put_last_login(
    const struct last_login *last, struct record_writer *reply)
{
	record_open(reply);
	record_put_text(reply, "kind", "last_login");
	record_put_number(reply, "at", last->at);
	record_put_text(reply, "terminal", last->terminal);
	record_put_number(reply, "failures", last->failures);
	record_close(reply);
}

/* What the person should know, beside being let in. */
static void put_notices(const struct login_call *login,
    const struct store *store, struct record_writer *reply)
{
	static const char opening[] = "\"notices\":[";
	struct last_login last = last_login_of(store, login->person.id);
	bool tells_last = last.at != 0 && !login->decision.by_grace;

	record_put_members(reply, opening, sizeof(opening) - 1);
	if (is_card_ending(login))
		put_card_ending(login, reply);
	if (is_card_ending(login) && tells_last)
		record_put_plain(reply, ",");
	if (tells_last)
		put_last_login(&last, reply);
	if (tells_last && last.bound)
		record_put_plain(reply, ",{\"kind\":\"new_authenticator\"}");
	record_put_plain(reply, "]");
}

static void phrase_accept(const struct login_call *login,
    const struct store *store, const struct policy_answer *permit,
    struct record_writer *reply)
{
	unsigned char name[LOGIN_NAME_BYTES];
	char text[ENCODE_BASE64_SIZE(sizeof(name))];

	/* The challenge is random already, and of this login alone. */
	memcpy(name, login->claims.challenge, sizeof(name));
	encode_base64url(name, sizeof(name), text);
	record_put_text(reply, "result", "accept");
	record_put_text(reply, "user", login->claims.user);
	record_put_text(reply, "person", login->person.user);
	record_put_text(reply, "by",
	    login->decision.by_grace ? "grace" : factor_text(login->factor));
	record_put_text(reply, "login", text);
	if (login->factor == FACTOR_CARD)
		record_put_text(reply, "card_removed",
		    policy_card_removed_text(permit->card_removed));
	put_notices(login, store, reply);
}

/* In shadow mode he should hear of it while there is time; which refusal it
 * would have been is not said. */
static void phrase_exempt(const struct login_call *login,
    const struct policy_answer *permit, struct record_writer *reply)
{
	char text[96];

	record_put_text(reply, "result", "exempt");
	record_put_text(reply, "rule", permit->rule);
	if (!login->decision.shadowed)
		return;
	snprintf(text, sizeof(text),
	    "\"notices\":[{\"kind\":\"shadow\",\"until\":%" PRId64 "}]",
	    shadow_end(permit->shadow_until));
	record_put_members(reply, text, strlen(text));
}

static void phrase_deny(
    const struct decision *decision, struct record_writer *reply)
{
	record_put_text(reply, "result", "deny");
	record_put_text(reply, "reason", reason_text(decision->reason));
	if (decision->reason == REASON_THROTTLED)
		record_put_number(reply, "retry_at", decision->retry_at);
}

/* In the order in which a terminal should ask. */
static void put_factors(unsigned int offered, struct record_writer *reply)
{
	static const enum factor order[] = {
	    FACTOR_CARD, FACTOR_OTP, FACTOR_EMERGENCY};
	char text[64] = "\"factors\":[";

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		size_t used = strlen(text);

		if (offered & 1u << order[i])
			snprintf(text + used, sizeof(text) - used, "%s\"%s\"",
			    text[used - 1] == '[' ? "" : ",",
			    factor_text(order[i]));
	}
	strcat(text, "]");
	record_put_members(reply, text, strlen(text));
}

static void put_tags(
    const struct login_call *login, struct record_writer *reply)
{
	char text[32 + CARD_TAGS_SHARED * (ENCODE_BASE64_SIZE(CARD_TAG_BYTES) +
					      3)] = "\"cards\":[";

	if (!login->names_keys)
		return;
	for (size_t i = 0; i < login->tag_count; i++) {
		size_t used = strlen(text);
		char tag[ENCODE_BASE64_SIZE(CARD_TAG_BYTES)];

		encode_base64url(login->tags[i], CARD_TAG_BYTES, tag);
		snprintf(text + used, sizeof(text) - used, "%s\"%s\"",
		    i == 0 ? "" : ",", tag);
	}
	strcat(text, "]");
	record_put_members(reply, text, strlen(text));
}

static enum err phrase_continue(struct login_call *login,
    const struct store *store, unsigned int offered,
    struct record_writer *reply)
{
	char token[LOGIN_TOKEN_SIZE];
	char challenge[ENCODE_BASE64_SIZE(LOGIN_CHALLENGE_BYTES)];
	enum err err;

	login->claims.until = login->call.now_s + LOGIN_LIFETIME_S;
	login->claims.epoch = store->login_epoch;
	err = login_token_write(&login->claims, &store->login_key,
	    login->call.exchange->peer->fingerprint, token);
	if (err != ERR_NONE)
		return err;
	encode_base64url(
	    login->claims.challenge, LOGIN_CHALLENGE_BYTES, challenge);
	record_put_text(reply, "result", "continue");
	record_put_text(reply, "login", token);
	if (login->asks_person)
		record_put_text(reply, "ask", "person");
	put_factors(offered, reply);
	record_put_text(reply, "challenge", challenge);
	put_tags(login, reply);
	record_put_number(reply, "expires_in", LOGIN_LIFETIME_S);
	return ERR_NONE;
}

static enum err phrase(struct login_call *login, const struct store *store,
    const struct policy_answer *permit, struct record_writer *reply)
{
	switch (login->decision.result) {
	case RESULT_ACCEPT:
		phrase_accept(login, store, permit, reply);
		return ERR_NONE;
	case RESULT_EXEMPT:
		phrase_exempt(login, permit, reply);
		return ERR_NONE;
	case RESULT_CONTINUE:
		return phrase_continue(login, store, permit->factors, reply);
	case RESULT_DENY:
		break;
	}
	phrase_deny(&login->decision, reply);
	return ERR_NONE;
}

enum err login_phrase(struct login_call *login, const struct store *store,
    const struct policy_answer *permit)
{
	struct record_writer reply RECORD_UNINITIALIZED;
	enum err err;

	reply.length = 0;
	reply.failed = false;
	record_open(&reply);
	err = phrase(login, store, permit, &reply);
	record_close(&reply);
	if (err == ERR_NONE && reply.failed)
		err = ERR_TOO_LONG;
	if (err == ERR_NONE)
		err = terminal_call_answer_text(
		    &login->call, reply.bytes, reply.length);
	return err;
}
