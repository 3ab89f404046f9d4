/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which texts a staff list has, and in which row each stands first: what is
 * there twice, and who is not on it. Must not know what they mean.
 */
#ifndef SEKIMORI_STAFF_MENTIONS_H
#define SEKIMORI_STAFF_MENTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/json.h"

struct staff_mention {
	const char *text; /* lives as long as the list */
	int64_t row;
	json_t *item; /* the row itself */
};

struct staff_mentions {
	struct staff_mention *items; /* sorted by text, then row; to be freed */
	size_t count;
};

/* Every text that is the rows' member; malformed rows are left out, and
 * refused when their turn comes. */
enum err staff_mentions_note(
    json_t *rows, const char *member, struct staff_mentions *out);
/* Whether it stands there more than once. */
bool staff_mention_is_repeated(
    const struct staff_mentions *mentions, const char *text);
/* The first mention of text; NULL: none. */
const struct staff_mention *staff_mention_find(
    const struct staff_mentions *mentions, const char *text);

#endif
