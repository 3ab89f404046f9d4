/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is at the other end of the socket and what he may ask: the kernel's
 * word (SO_PEERCRED) against the table of docs/PROTOCOL.md, section 1, and
 * five attempts a minute for everyone but root. Also the session he is in,
 * read from the calling process, never told by the module. Knows no frames
 * and no server.
 */
#ifndef SEKIMORI_AGENT_CALLER_H
#define SEKIMORI_AGENT_CALLER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "pam_module/agent/process.h"
#include "shared/config.h"
#include "shared/encode.h"
#include "shared/err.h"
#include "shared/secret.h"

enum {
	CALLER_ATTEMPTS_MAX = 5, /* in CALLER_WINDOW_MS, per uid */
	CALLER_WINDOW_MS = 60000,
	CALLER_UIDS_MAX = 256, /* seen within one window */
	CALLER_SESSION_BYTES = 32,
	CALLER_SESSION_SIZE = ENCODE_BASE64_SIZE(32),
};

struct caller {
	uid_t uid;
	pid_t pid;
	bool is_root;
};

enum err caller_identify(int socket, struct caller *out);

enum caller_ruling {
	CALLER_NOT_ALLOWED = 0, /* not for him: another user or service */
	CALLER_TOO_OFTEN,
	CALLER_ALLOWED,
};

/* Attempts of the last minute. Zeroed memory with an initialised lock. */
struct caller_attempts {
	pthread_mutex_t lock;
	struct {
		uid_t uid;
		size_t next;                            /* the oldest stamp */
		int64_t stamps_ms[CALLER_ATTEMPTS_MAX]; /* 0: never */
	} entries[CALLER_UIDS_MAX];
	size_t count;
};

/* Rules on a BEGIN, and counts it if it is allowed but for its number. */
enum caller_ruling caller_rule(const struct caller *caller,
    const struct config_list *user_services, const char *user,
    const char *service, struct caller_attempts *attempts, int64_t now_ms);

/* Whether this account is uid's own. */
bool caller_is_account(uid_t uid, const char *user);

/* Counts one attempt; false beyond the limit, or if too many uids ask. */
bool caller_count_attempt(
    struct caller_attempts *attempts, uid_t uid, int64_t now_ms);

/*
 * Keyed hash over boot id and audit session of a process, as base64url.
 * ERR_NOT_FOUND: it is in no audit session.
 */
enum err caller_session(const struct process *process, const struct secret *key,
    char out[CALLER_SESSION_SIZE]);

/* The hash itself, as base64url. */
enum err caller_hash_session(const char *boot, const char *session,
    const struct secret *key, char out[CALLER_SESSION_SIZE]);

#endif
