/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/login_reply.h"

#include <stddef.h>
#include <string.h>

#include "shared/encode.h"
#include "shared/json.h"

static const char *const result_words[] = {
    "deny", "continue", "exempt", "accept", NULL};

static const char *const reason_words[] = {"", "wrong", "used", "throttled",
    "disabled", "suspended", "frozen", "not_enrolled", "not_permitted",
    "expired", "clock", NULL};

enum {
	FACTORS_MAX = 16,
	NOTICES_MAX = 16,
	WORD_BYTES_MAX = 64,
};

struct members {
	int result; /* index into result_words */
	int reason; /* index into reason_words */
	const char *user, *person;
	const char *login;
	const char *challenge, *card_removed, *ask, *by;
	int64_t retry_at;
	json_t *factors, *cards, *notices;
};

static const struct json_member member_table[] = {
    {.name = "result",
	.kind = JSON_MEMBER_CHOICE,
	.offset = offsetof(struct members, result),
	.required = true,
	.choices = result_words},
    {.name = "reason",
	.kind = JSON_MEMBER_CHOICE,
	.offset = offsetof(struct members, reason),
	.choices = reason_words},
    {.name = "user",
	.kind = JSON_MEMBER_NAME,
	.offset = offsetof(struct members, user)},
    {.name = "person",
	.kind = JSON_MEMBER_NAME,
	.offset = offsetof(struct members, person)},
    {.name = "login",
	.kind = JSON_MEMBER_TEXT,
	.offset = offsetof(struct members, login),
	.maximum = LOGIN_TOKEN_SIZE - 1},
    {.name = "retry_at",
	.kind = JSON_MEMBER_NUMBER,
	.offset = offsetof(struct members, retry_at),
	.minimum = 0,
	.maximum = INT64_MAX},
    {.name = "factors",
	.kind = JSON_MEMBER_ARRAY,
	.offset = offsetof(struct members, factors),
	.maximum = FACTORS_MAX},
    {.name = "challenge",
	.kind = JSON_MEMBER_TEXT,
	.offset = offsetof(struct members, challenge),
	.maximum = WORD_BYTES_MAX},
    {.name = "cards",
	.kind = JSON_MEMBER_ARRAY,
	.offset = offsetof(struct members, cards),
	.maximum = CARD_TAGS_SHARED},
    {.name = "ask",
	.kind = JSON_MEMBER_TEXT,
	.offset = offsetof(struct members, ask),
	.maximum = WORD_BYTES_MAX},
    {.name = "by",
	.kind = JSON_MEMBER_TEXT,
	.offset = offsetof(struct members, by),
	.maximum = WORD_BYTES_MAX},
    {.name = "card_removed",
	.kind = JSON_MEMBER_TEXT,
	.offset = offsetof(struct members, card_removed),
	.maximum = WORD_BYTES_MAX},
    {.name = "notices",
	.kind = JSON_MEMBER_ARRAY,
	.offset = offsetof(struct members, notices),
	.maximum = NOTICES_MAX},
};

const char *login_reason_text(enum login_reason reason)
{
	return reason_words[reason];
}

/* The token becomes part of a path and of a frame. */
static bool is_token(const char *text)
{
	size_t length = strlen(text);

	return length > 0 && length < LOGIN_TOKEN_SIZE &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyz"
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == length;
}

/* Factors that we have not heard of are others' business. */
static void read_factors(const json_t *factors, struct login_challenge *out)
{
	size_t count = json_array_size(factors);

	for (size_t i = 0; i < count; i++) {
		const char *word =
		    json_string_value(json_array_get(factors, i));

		if (!word)
			continue;
		if (strcmp(word, "card") == 0)
			out->offers_card = true;
		if (strcmp(word, "otp") == 0 || strcmp(word, "emergency") == 0)
			out->offers_codes = true;
	}
	/* Whoever demands nothing that we know is asked for a code. */
	if (!out->offers_card)
		out->offers_codes = true;
}

static bool decode_whole(const char *text, unsigned char *out, size_t size)
{
	size_t length = 0;

	return text &&
	       decode_base64url(text, strlen(text), out, size, &length) ==
		   ERR_NONE &&
	       length == size;
}

/* False: tags, or the challenge that they belong to, are malformed. */
static bool read_challenge(
    const struct members *members, struct login_challenge *out)
{
	size_t count = json_array_size(members->cards);

	read_factors(members->factors, out);
	out->asks_person = members->ask && strcmp(members->ask, "person") == 0;
	out->cards_later = out->offers_card && members->cards && count == 0;
	if (!out->offers_card || count == 0)
		return true;
	if (!decode_whole(
		members->challenge, out->challenge, CARD_CHALLENGE_BYTES))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!decode_whole(
			json_string_value(json_array_get(members->cards, i)),
			out->tags[i], CARD_TAG_BYTES))
			return false;
	out->tag_count = count;
	return true;
}

/* A word that we do not know locks: whatever it means, that is no less. */
static enum card_removed read_removed(const char *word)
{
	if (word && strcmp(word, "logout") == 0)
		return CARD_REMOVED_LOGOUT;
	if (word && strcmp(word, "nothing") == 0)
		return CARD_REMOVED_NOTHING;
	return CARD_REMOVED_LOCK;
}

static void read_last(const json_t *notice, struct login_last *out)
{
	const char *terminal =
	    json_string_value(json_object_get(notice, "terminal"));
	json_int_t at = json_integer_value(json_object_get(notice, "at"));
	json_int_t failures =
	    json_integer_value(json_object_get(notice, "failures"));

	if (at <= 0 || failures < 0 || !terminal ||
	    !text_is_identifier(terminal, strlen(terminal)))
		return;
	out->at = at;
	out->failures = (uint64_t)failures;
	memcpy(out->terminal, terminal, strlen(terminal) + 1);
}

static void read_notice(
    const json_t *notice, const char *kind, struct login_reply *out)
{
	json_int_t until = json_integer_value(json_object_get(notice, "until"));

	if (out->outcome == LOGIN_EXEMPTED) {
		if (strcmp(kind, "shadow") == 0 && until > 0)
			out->shadow_until = until;
		return;
	}
	if (strcmp(kind, "card_expires") == 0 && until > 0 &&
	    out->card_expires == 0)
		out->card_expires = until;
	if (strcmp(kind, "last_login") == 0)
		read_last(notice, &out->last);
	if (strcmp(kind, "new_authenticator") == 0)
		out->last.bound = true;
}

/* Those that we have not heard of, or not of this outcome, are others'
 * business. */
static void read_notices(const json_t *notices, struct login_reply *out)
{
	size_t count = json_array_size(notices);

	for (size_t i = 0; i < count; i++) {
		const json_t *notice = json_array_get(notices, i);
		const char *kind =
		    json_string_value(json_object_get(notice, "kind"));

		if (kind)
			read_notice(notice, kind, out);
	}
}

static void judge(
    const struct members *members, const char *user, struct login_reply *out)
{
	static const enum login_outcome outcomes[] = {
	    LOGIN_DENIED, LOGIN_CONTINUES, LOGIN_EXEMPTED, LOGIN_ACCEPTED};
	enum login_outcome outcome = outcomes[members->result];
	bool has_token = members->login && is_token(members->login);

	if (outcome == LOGIN_DENIED && members->reason == LOGIN_REASON_NONE)
		return;
	if (outcome == LOGIN_CONTINUES &&
	    (!has_token || !read_challenge(members, &out->challenge)))
		return;
	if (outcome == LOGIN_ACCEPTED &&
	    (!members->user || strcmp(members->user, user) != 0)) {
		out->other_user = members->user != NULL;
		return;
	}
	out->outcome = outcome;
	if (outcome == LOGIN_DENIED) {
		out->reason = (enum login_reason)members->reason;
		out->retry_at = members->retry_at;
	}
	if (outcome == LOGIN_ACCEPTED) {
		if (members->person)
			memcpy(out->person, members->person,
			    strlen(members->person) + 1);
		out->by_grace =
		    members->by && strcmp(members->by, "grace") == 0;
		out->card_removed = read_removed(members->card_removed);
		read_notices(members->notices, out);
	}
	if (outcome == LOGIN_EXEMPTED)
		read_notices(members->notices, out);
	if (has_token)
		memcpy(out->login, members->login, strlen(members->login) + 1);
}

void login_reply_read(
    const struct server_reply *reply, const char *user, struct login_reply *out)
{
	struct members members = {0};
	struct json_problem problem;
	json_t *object = NULL;

	memset(out, 0, sizeof(*out));
	if (reply->status != 200 || !reply->body)
		return;
	if (json_read(reply->body, reply->length, &object, &problem) !=
	    ERR_NONE)
		return;
	if (json_take(object, member_table,
		sizeof(member_table) / sizeof(member_table[0]), false, &members,
		&problem) == ERR_NONE)
		judge(&members, user, out);
	json_decref(object);
}
