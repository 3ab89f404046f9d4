/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When and where each person was let in last, and what has happened since:
 * shown to him at his next login, so that he notices what he did not do
 * himself. Kept in memory and written down by housekeeping, because no login
 * should wait for it; a crash loses the last seconds. Nothing is decided by it.
 * Belongs to whichever thread holds the store.
 */
#ifndef SEKIMORI_LAST_LOGIN_H
#define SEKIMORI_LAST_LOGIN_H

#include <stdint.h>

#include "server/store/store.h"

enum {
	LAST_LOGIN_SAVED_MAX = 1000 /* rows in one transaction */
};

struct last_login {
	int64_t at;           /* unix seconds; 0: never */
	int64_t failures;     /* evaluated ones since */
	bool bound;           /* a token or card became his since */
	const char *terminal; /* as it was called; "" with never. Valid until
				 the next is noted */
};

/* What was written down; for store_open(). */
enum err last_logins_load(struct store *store);
void last_logins_free(struct last_logins *logins);

struct last_login last_login_of(const struct store *store, int64_t person_id);

/* That there is no memory for it is nobody's trouble. */
/* was_told: what there was to be shown could be. */
void last_login_note(struct store *store, int64_t person_id,
    const char *terminal, int64_t now_s, bool was_told);
void last_login_note_failure(struct store *store, int64_t person_id);
/* He got a token or card. */
void last_login_note_binding(struct store *store, int64_t person_id);

/* Writes down what has changed, at most LAST_LOGIN_SAVED_MAX of them; *out_more
 * says that there are others. */
enum err last_logins_save(struct store *store, bool *out_more);

/* For the end of a transaction: what was noted and saved in it is as it was
 * before, or stays. NULL is none. */
void last_logins_undo(struct last_logins *logins);
void last_logins_settle(struct last_logins *logins);

#endif
