/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory of what happened once: from the first bytes of a key to the
 * number of its row, in 16 bytes each. Additions and removals since the last
 * once_index_settle() can be taken back. Knows no database.
 */
#ifndef SEKIMORI_ONCE_INDEX_H
#define SEKIMORI_ONCE_INDEX_H

#include <stdint.h>

#include "shared/err.h"

struct once_index;

enum err once_index_new(struct once_index **out);
void once_index_free(struct once_index *index);

/* Row numbers must grow from call to call and stay within 2^31 of each other.
 */
enum err once_index_add(
    struct once_index *index, const unsigned char *key, int64_t id);
/* Missing ones are ignored. */
enum err once_index_remove(
    struct once_index *index, const unsigned char *key, int64_t id);
/* Next row that may have this key, newest first is not promised: start with
 * *cursor 0, go on until the answer is 0. */
int64_t once_index_next(
    const struct once_index *index, const unsigned char *key, uint64_t *cursor);
/* The highest number given so far. */
int64_t once_index_last(const struct once_index *index);

/* Keeps, or takes back, everything since the last of these two. */
void once_index_settle(struct once_index *index);
void once_index_undo(struct once_index *index);

#endif
