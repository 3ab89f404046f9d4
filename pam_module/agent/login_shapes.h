/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How challenges of late looked, by service, and which accounts were asked for
 * a staff number. A person who is refused before any challenge is asked like
 * everyone all the same, and everyone may be asked for a card. In memory, a
 * few.
 */
#ifndef SEKIMORI_AGENT_LOGIN_SHAPES_H
#define SEKIMORI_AGENT_LOGIN_SHAPES_H

#include <pthread.h>

#include "pam_module/agent/login_reply.h"
#include "shared/text.h"

enum {
	LOGIN_SHAPES_MAX = 16,
	LOGIN_SHAPES_SHARED_MAX = 16,
};

/* Zeroed memory with an initialised lock is empty. */
struct login_shapes {
	pthread_mutex_t lock;
	size_t next; /* the place to be overwritten */
	struct {
		char service[NAME_BYTES_MAX + 1]; /* empty: free */
		bool offers_codes, offers_card;
		size_t tag_count;
	} entries[LOGIN_SHAPES_MAX];
	size_t next_shared;
	char shared[LOGIN_SHAPES_SHARED_MAX][NAME_BYTES_MAX + 1];
};

/* user NULL: of somebody who may not learn whether the account is shared. */
void login_shapes_note(struct login_shapes *shapes, const char *service,
    const char *user, const struct login_challenge *challenge);

/* A challenge of that shape that no card answers; codes alone where none was
 * seen yet. user NULL as there. */
void login_shapes_pretend(struct login_shapes *shapes, const char *service,
    const char *user, struct login_challenge *out);

/* Makes challenge and tags some that no card answers, as many as it has. */
void login_shapes_scramble(struct login_challenge *challenge);

#endif
