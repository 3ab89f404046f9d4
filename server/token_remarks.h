/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an officer should look at among tokens: not back, not used, old. Values
 * in, values out; must not know the store.
 */
#ifndef SEKIMORI_TOKEN_REMARKS_H
#define SEKIMORI_TOKEN_REMARKS_H

#include "server/store/token.h"

enum {
	TOKEN_UNUSED_DAYS = 14,
	TOKEN_OLD_YEARS = 3, /* what a battery is good for */
};

/* A spare past its day; a device that its holder should have brought back,
 * because it was revoked, or he has left or is suspended, as whoever leaves
 * by a staff list is. */
bool token_is_unreturned(const struct token *token, int64_t now_s);
/* Active, somebody's own, and not used for so many days since he got it. */
bool token_is_unused(const struct token *token, int64_t days, int64_t now_s);
/* Known for so many years, and not given up. */
bool token_is_older(const struct token *token, int64_t years, int64_t now_s);

/* Whether a stocktaking asks for it: not what is retired, and not what was
 * revoked on a telephone. */
bool token_is_to_be_there(const struct token *token);
/* The gravest of "lost", "overdue", "holder left", "holder
 * suspended", "revoked", "unused" and
 * "old", or NULL. */
const char *token_remark(const struct token *token, int64_t now_s);

#endif
