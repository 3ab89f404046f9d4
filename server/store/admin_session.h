/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An administrator's password and the sessions it opens. A session is found by
 * the keyed hash of a token that only its holder has, belongs to where it was
 * opened, and ends by itself; it does not outlive a role, a freeze or a
 * suspension, nor a clock that was set back. What is judged, the password, is
 * hashed elsewhere (server/password.h).
 */
#ifndef SEKIMORI_ADMIN_SESSION_H
#define SEKIMORI_ADMIN_SESSION_H

#include "server/store/admin.h"

enum {
	ADMIN_TOKEN_BYTES = 32,
	ADMIN_ORIGIN_SIZE = 80,
	ADMIN_HASH_SIZE = 128, /* of crypt(3), NUL included */
	ADMIN_SESSION_IDLE_S = 600,
	ADMIN_SESSION_LIFE_S = 3600,
	ADMIN_SESSIONS_MAX = 4, /* of one person; the oldest makes room */
};

/* "" when there is none, or no such administrator. */
enum err admin_password_get(
    struct store *store, int64_t person_id, char out[ADMIN_HASH_SIZE]);
/* Ends the person's sessions. ERR_NOT_FOUND: administers nothing. */
enum err admin_password_set(
    struct store *store, int64_t person_id, const char *hash);

enum err admin_session_begin(struct store *store, int64_t person_id,
    const unsigned char token[ADMIN_TOKEN_BYTES], const char *origin,
    int64_t now_s);
/* Whose it is, and that it was used now. ERR_NOT_FOUND when it is over, of
 * another place, or was never one. */
enum err admin_session_use(struct store *store,
    const unsigned char token[ADMIN_TOKEN_BYTES], const char *origin,
    int64_t now_s, int64_t *out_person_id);
enum err admin_session_end(
    struct store *store, const unsigned char token[ADMIN_TOKEN_BYTES]);
/* All of one person, or everybody's with person_id 0. */
enum err admin_sessions_end(struct store *store, int64_t person_id);
/* Of whoever has this token. */
enum err admin_sessions_end_of_token(struct store *store, int64_t token_id);
enum err admin_sessions_count(
    struct store *store, int64_t person_id, int64_t now_s, int64_t *out_count);

#endif
