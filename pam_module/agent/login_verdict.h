/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the module is told in the end: the table from the server's reasons to
 * the module's results, and what an unproven caller must not learn. Pure.
 */
#ifndef SEKIMORI_AGENT_LOGIN_VERDICT_H
#define SEKIMORI_AGENT_LOGIN_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#include "pam_module/agent/login_reply.h"
#include "shared/frame.h"
#include "shared/text.h"

/* Zeroed memory refuses. */
struct login_verdict {
	enum frame_result result;
	enum frame_message message;      /* 0: none */
	uint64_t number;                 /* 0: none */
	char login[LOGIN_TOKEN_SIZE];    /* of an accept; may be empty */
	char person[NAME_BYTES_MAX + 1]; /* the same */
	struct login_last last;          /* the same; at 0: not to be told */
	enum login_reason reason;        /* for the log, not for the person */
	int status;                      /* HTTP status seen last; 0: none */
	bool other_user;                 /* alert: see struct login_reply */
	bool pin_locked;                 /* for the log */
	bool needs_person; /* for the log: who it was could not be asked */
	bool by_grace;     /* of an accept, for the log: by no factor */
	bool by_card;      /* of an accept: by the card with this key */
	unsigned char key[CARD_HASH_BYTES];
	enum card_removed card_removed;
};

void login_verdict_unavailable(struct login_verdict *out);

/* The server's decision; continue is none. */
void login_verdict_set(
    const struct login_reply *reply, bool proven, struct login_verdict *out);

/* The card's PIN is locked; the server was not asked. */
void login_verdict_lock(bool proven, struct login_verdict *out);

/* Whether the answer to the challenge is told only after a prompt. */
bool login_verdict_is_hidden(const struct login_reply *reply, bool proven);

#endif
