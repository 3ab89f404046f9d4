/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accepts that a program of root's got outside of any session, for a moment:
 * mostly a login, whose session opens then; if none does, somebody unlocked a
 * desktop through its display manager, as GNOME does it. In memory, a few. Any
 * thread. Knows no sessions.
 */
#ifndef SEKIMORI_AGENT_UNLOCKINGS_H
#define SEKIMORI_AGENT_UNLOCKINGS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "pam_module/agent/login_reply.h"
#include "shared/text.h"

enum {
	UNLOCKINGS_MAX = 16, /* then the oldest is forgotten */
	UNLOCKING_WAIT_MS = 3000,
};

struct unlocking {
	char login[LOGIN_TOKEN_SIZE];
	char user[NAME_BYTES_MAX + 1];
	char person[NAME_BYTES_MAX + 1];
};

/* Zeroed memory with an initialised lock is empty. */
struct unlockings {
	pthread_mutex_t lock;
	size_t count;
	struct {
		struct unlocking unlocking;
		int64_t due_ms;
	} entries[UNLOCKINGS_MAX]; /* the oldest first */
};

void unlockings_put(struct unlockings *unlockings,
    const struct unlocking *unlocking, int64_t now_ms);

/* It was a login. */
void unlockings_drop(struct unlockings *unlockings, const char *login);

/* The oldest that no session opened for. False: none is due. */
bool unlockings_take(
    struct unlockings *unlockings, int64_t now_ms, struct unlocking *out);

/* When the next is; INT64_MAX: there is none. */
int64_t unlockings_due_ms(struct unlockings *unlockings);

#endif
