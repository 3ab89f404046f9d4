/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a row of an import says of the token itself, whoever's it becomes. Knows
 * no store.
 */
#ifndef SEKIMORI_API_ADMIN_TOKEN_ROW_H
#define SEKIMORI_API_ADMIN_TOKEN_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/core/otp.h"

struct token_row {
	const char *secret;
	int type, algorithm;
	int64_t digits, period, counter;
};

extern const char *const TOKEN_ROW_TYPES[], *const TOKEN_ROW_ALGORITHMS[];

/* Entries of a table (shared/json.h) whose target has a struct token_row at
 * this offset. */
#define TOKEN_ROW_AT(offset, field) (offset) + offsetof(struct token_row, field)
#define TOKEN_ROW_MEMBERS(offset)                                              \
	{"type", JSON_MEMBER_CHOICE, TOKEN_ROW_AT(offset, type), true, 0, 0,   \
	    TOKEN_ROW_TYPES},                                                  \
	    {"algorithm", JSON_MEMBER_CHOICE, TOKEN_ROW_AT(offset, algorithm), \
		true, 0, 0, TOKEN_ROW_ALGORITHMS},                             \
	    {"digits", JSON_MEMBER_NUMBER, TOKEN_ROW_AT(offset, digits), true, \
		6, 8, NULL},                                                   \
	    {"period", JSON_MEMBER_NUMBER, TOKEN_ROW_AT(offset, period), true, \
		0, 60, NULL},                                                  \
	    {"secret", JSON_MEMBER_NAME, TOKEN_ROW_AT(offset, secret), true,   \
		0, 128, NULL},                                                 \
	{                                                                      \
		"counter", JSON_MEMBER_NUMBER, TOKEN_ROW_AT(offset, counter),  \
		    false, 0, (int64_t)1 << 50, NULL                           \
	}

/* False, and no secret kept: sekimorictl should never have sent it. The
 * counter is left to the caller. */
bool token_row_read(const struct token_row *row, struct otp_token *out);

#endif
