/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logins that were accepted and whose session has not been reported yet: who
 * the person was, and what the watch over the seat needs to know where a card
 * let him in. In memory, a few, for minutes; a login forgotten here is a
 * session of nobody in particular, one by card a session that no card's
 * leaving locks, so those go last and the oldest first. Knows no frames and no
 * sessions.
 */
#ifndef SEKIMORI_AGENT_ACCEPTED_LOGINS_H
#define SEKIMORI_AGENT_ACCEPTED_LOGINS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "pam_module/agent/card.h"
#include "pam_module/agent/login_asker.h"
#include "pam_module/agent/login_reply.h"

enum {
	ACCEPTED_LOGINS_MAX = 128,
	ACCEPTED_LOGINS_KEEP_MS = 300000, /* from verdict to session */
};

struct accepted_login {
	char login[LOGIN_TOKEN_SIZE]; /* its name, as in FRAME_LOGIN */
	char user[NAME_BYTES_MAX + 1];
	char person[NAME_BYTES_MAX + 1]; /* empty: the server did not say */
	struct login_asker asker;
	bool by_card; /* then: */
	unsigned char key[CARD_HASH_BYTES];
	enum card_removed removed;
};

/* Zeroed memory with an initialised lock is empty. */
struct accepted_logins {
	pthread_mutex_t lock;
	struct {
		struct accepted_login login; /* empty name: free */
		int64_t until_ms;
	} entries[ACCEPTED_LOGINS_MAX];
};

/* After an accept. A login without a name is not kept. */
void accepted_logins_put(struct accepted_logins *logins,
    const struct accepted_login *login, int64_t now_ms);

/* When its session opens; forgets it. False: no such login, or too old. */
bool accepted_logins_take(struct accepted_logins *logins, const char *name,
    int64_t now_ms, struct accepted_login *out);

/* The same for a program that asks in a child and opens the session itself, as
 * sshd does: what the child was told, name and all, ends with it. Only for the
 * user that was asked for. The latest of several. */
bool accepted_logins_take_of_child(struct accepted_logins *logins,
    const struct process_id *parent, const char *user, int64_t now_ms,
    struct accepted_login *out);

#endif
