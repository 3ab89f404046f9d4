/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Backups: a copy of the database in one file, made while logins go on, with
 * the keyring wrapped to the recovery key inside, and the way back. A backup
 * opens nothing without the recovery key's private half, which is not here.
 */
#ifndef SEKIMORI_BACKUP_H
#define SEKIMORI_BACKUP_H

#include <stdbool.h>
#include <stdint.h>

#include "server/store/store.h"

struct backup;

/*
 * Start with *state NULL and call again while *out_more. SQLite copies
 * between transactions only: inside one, a call looks how far it is, and
 * each store_begin(), whoever calls it, copies a little more; so submit it as
 * a new job each time. Outside a transaction a call copies by itself.
 * ERR_NOT_ALLOWED: the store has no recovery key. ERR_EXISTS: path is taken.
 * At the end and on error *state is NULL again; on error nothing stays at
 * path.
 */
enum err backup_step(struct store *store, const char *path, int64_t now_ms,
    struct backup **state, bool *out_more);
/* Gives up a backup that was begun. */
void backup_cancel(struct store *store, struct backup **state);
/* For store_begin(). */
void backup_advance(struct store *store);

struct backup_restore {
	const char *backup_path;
	const char *recovery_key_path; /* private half */
	const char *db_path;
	const char *key_path;
	int64_t now_ms; /* confirmed by a person */
};

/*
 * Makes database and key file out of a backup. ERR_EXISTS: there is one, or a
 * WAL, already, and nothing was touched. ERR_CRYPTO: another recovery key.
 * ERR_INVALID: a database, but no backup. ERR_CORRUPT, ERR_VERSION.
 *
 * What was used since the backup is not known any more, so: no time-based
 * code that any token's clock may have shown until now is good, counter-based
 * tokens, emergency, join and enrolment codes are void, loans are over, and
 * the break is recorded.
 */
enum err backup_restore(const struct backup_restore *request);

#endif
