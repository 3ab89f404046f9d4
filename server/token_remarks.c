/* SPDX-License-Identifier: Apache-2.0 */
#include "server/token_remarks.h"

enum {
	DAY_S = 24 * 3600,
	YEAR_S = 31556952, /* 365.2425 days */
};

static bool has_left(const struct token *token, int64_t now_s)
{
	return token->person_id != 0 &&
	       (token->holder_removed ||
		   (token->holder_until != 0 && now_s >= token->holder_until));
}

/* A staff list suspends those who leave, and may be taken back. */
static bool is_away(const struct token *token, int64_t now_s)
{
	return token->person_id != 0 &&
	       (token->holder_suspended || has_left(token, now_s));
}

bool token_is_unreturned(const struct token *token, int64_t now_s)
{
	if (token->state == TOKEN_LOST)
		return false;
	if (token_is_due(token, now_s))
		return true;
	return token->device &&
	       (token->state == TOKEN_REVOKED || is_away(token, now_s));
}

bool token_is_unused(const struct token *token, int64_t days, int64_t now_s)
{
	int64_t last = token->last_used_at > token->confirmed_at
			   ? token->last_used_at
			   : token->confirmed_at;

	return token->state == TOKEN_ACTIVE && token->loan_until == 0 &&
	       now_s - last >= days * DAY_S;
}

bool token_is_older(const struct token *token, int64_t years, int64_t now_s)
{
	return token->state != TOKEN_RETIRED && token->state != TOKEN_REVOKED &&
	       now_s - token->created_at >= years * YEAR_S;
}

bool token_is_to_be_there(const struct token *token)
{
	return token->state != TOKEN_RETIRED &&
	       (token->state != TOKEN_REVOKED || token->device);
}

const char *token_remark(const struct token *token, int64_t now_s)
{
	if (token->state == TOKEN_LOST)
		return "lost";
	if (token_is_due(token, now_s))
		return "overdue";
	if (has_left(token, now_s))
		return "holder left";
	if (is_away(token, now_s))
		return "holder suspended";
	if (token->state == TOKEN_REVOKED)
		return "revoked";
	if (token_is_unused(token, TOKEN_UNUSED_DAYS, now_s))
		return "unused";
	if (token_is_older(token, TOKEN_OLD_YEARS, now_s))
		return "old";
	return NULL;
}
