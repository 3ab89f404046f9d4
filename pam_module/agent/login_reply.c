/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/login_reply.h"

#include <stddef.h>
#include <string.h>

#include "shared/json.h"

static const char *const result_words[] = {
    "deny", "continue", "exempt", "accept", NULL};

static const char *const reason_words[] = {"", "wrong", "used", "throttled",
    "disabled", "suspended", "frozen", "not_enrolled", "not_permitted",
    "expired", "clock", NULL};

struct members {
	int result; /* index into result_words */
	int reason; /* index into reason_words */
	const char *user;
	const char *login;
	int64_t retry_at;
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
    {.name = "login",
	.kind = JSON_MEMBER_TEXT,
	.offset = offsetof(struct members, login),
	.maximum = LOGIN_TOKEN_SIZE - 1},
    {.name = "retry_at",
	.kind = JSON_MEMBER_NUMBER,
	.offset = offsetof(struct members, retry_at),
	.minimum = 0,
	.maximum = INT64_MAX},
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

static void judge(
    const struct members *members, const char *user, struct login_reply *out)
{
	static const enum login_outcome outcomes[] = {
	    LOGIN_DENIED, LOGIN_CONTINUES, LOGIN_EXEMPTED, LOGIN_ACCEPTED};
	enum login_outcome outcome = outcomes[members->result];
	bool has_token = members->login && is_token(members->login);

	if (outcome == LOGIN_DENIED && members->reason == LOGIN_REASON_NONE)
		return;
	if (outcome == LOGIN_CONTINUES && !has_token)
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
