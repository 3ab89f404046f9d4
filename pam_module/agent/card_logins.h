/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logins that a card opened and whose session has not been reported yet: what
 * the watch over the seat needs to know of them when it is. In memory, a few,
 * for minutes; a login forgotten here is a session that no card's leaving
 * locks, so the oldest goes first. Knows no frames and no sessions.
 */
#ifndef SEKIMORI_AGENT_CARD_LOGINS_H
#define SEKIMORI_AGENT_CARD_LOGINS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "pam_module/agent/card.h"
#include "pam_module/agent/login_reply.h"

enum {
	CARD_LOGINS_MAX = 64,
	CARD_LOGINS_KEEP_MS = 300000, /* from verdict to session */
};

struct card_login {
	char login[LOGIN_TOKEN_SIZE]; /* its name, as in FRAME_LOGIN */
	unsigned char key[CARD_HASH_BYTES];
	enum card_removed removed;
	char user[NAME_BYTES_MAX + 1];
	pid_t parent; /* of the process that asked; 0: unknown */
};

/* Zeroed memory with an initialised lock is empty. */
struct card_logins {
	pthread_mutex_t lock;
	struct {
		struct card_login login; /* empty name: free */
		int64_t until_ms;
	} entries[CARD_LOGINS_MAX];
};

/* After an accept by card. A login without a name is not kept. */
void card_logins_put(
    struct card_logins *logins, const struct card_login *login, int64_t now_ms);

/* When its session opens; forgets it. False: no such login, or too old. */
bool card_logins_take(struct card_logins *logins, const char *name,
    int64_t now_ms, struct card_login *out);

/* The same for a program that asks in a child and opens the session itself, as
 * sshd does: what the child was told, name and all, ends with it. Only for the
 * user that was asked for: parent may be another process by now. */
bool card_logins_take_of_child(struct card_logins *logins, pid_t parent,
    const char *user, int64_t now_ms, struct card_login *out);

#endif
