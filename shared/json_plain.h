/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The short way through JSON: one object of texts without a single escape or
 * byte beyond ASCII, as every login call in practice is. What it takes,
 * json_read and json_take would take with the same result; whatever else it
 * leaves to them, wrong documents included. It exists because building a tree
 * cost a sixth of a decision (docs/PERFORMANCE.md).
 */
#ifndef SEKIMORI_JSON_PLAIN_H
#define SEKIMORI_JSON_PLAIN_H

#include "shared/json.h"

enum {
	JSON_PLAIN_MEMBERS_MAX = 16
};

/*
 * text is length bytes and a NUL behind them; it is cut into pieces, to which
 * target then points. False leaves target alone (text is spoilt all the same).
 * Unknown members are not taken.
 */
bool json_plain_take(char *text, size_t length,
    const struct json_member *members, size_t member_count, void *target);

#endif
