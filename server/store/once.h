/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may happen once: attempts with their verdicts (so that a lost answer
 * can be asked for again) and finished logins. Rows are appended, found
 * through an index in memory that is rebuilt at start, and dropped when
 * their time is over. Keys are keyed hashes; no code is kept.
 */
#ifndef SEKIMORI_ONCE_H
#define SEKIMORI_ONCE_H

#include "server/core/verdict.h"
#include "server/store/store.h"

enum {
	ONCE_KEY_BYTES = 16,
	ONCE_VERDICT_BYTES_MAX = 2048
};

struct once {
	unsigned char key[ONCE_KEY_BYTES];  /* of terminal and attempt, or of
					       the login */
	unsigned char body[ONCE_KEY_BYTES]; /* of path and body */
	int64_t person_id, token_id, terminal_id; /* 0: none */
	int64_t until;                            /* unix seconds, exclusive */
	enum result result;
	size_t verdict_length;
	char verdict[ONCE_VERDICT_BYTES_MAX]; /* the reply's JSON */
};

/* Makes store->once from the table; for store_open(). */
enum err once_load(struct store *store);

/* ERR_NOT_FOUND also when its time is over. */
enum err once_find(struct store *store, const unsigned char key[ONCE_KEY_BYTES],
    int64_t now_s, struct once *out);
enum err once_add(struct store *store, const struct once *once);
/* Ends the time of everything (clock accepted backwards). */
enum err once_end_all(struct store *store);
/* Drops what is over; bounded work per call. */
enum err once_drop_old(struct store *store, int64_t now_s);

#endif
