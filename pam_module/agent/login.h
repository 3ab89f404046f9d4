/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One authentication: challenge, one question, verdict. This file owns the
 * order of things, what an unproven caller must not learn, and the table from
 * the server's reasons to the module's results. It sees the server and the
 * person through two function pointers and knows neither sockets nor frames.
 */
#ifndef SEKIMORI_AGENT_LOGIN_H
#define SEKIMORI_AGENT_LOGIN_H

#include <stdbool.h>
#include <stdint.h>

#include "pam_module/agent/caller.h"
#include "pam_module/agent/login_reply.h"
#include "shared/frame.h"
#include "shared/text.h"

enum {
	LOGIN_SERVER_WAIT_MS = 4000
};

struct login_subject {
	char user[NAME_BYTES_MAX + 1];
	char service[NAME_BYTES_MAX + 1];
	char tty[NAME_BYTES_MAX + 1];      /* empty: none */
	char rhost[NAME_BYTES_MAX + 1];    /* empty: none */
	char session[CALLER_SESSION_SIZE]; /* empty: none */
	bool proven;
};

struct login_person {
	/* Asks and waits. out_typed holds what was typed. Any error: the
	 * conversation is over and nobody is there to tell a verdict. */
	enum err (*ask)(void *context, enum frame_prompt prompt,
	    unsigned char *typed, size_t typed_size, size_t *out_length);
	void *context;
};

/* Zeroed memory refuses. */
struct login_verdict {
	enum frame_result result;
	enum frame_message message;   /* 0: none */
	uint64_t number;              /* 0: none */
	char login[LOGIN_TOKEN_SIZE]; /* of an accept; may be empty */
	enum login_reason reason;     /* for the log, not for the person */
	int status;                   /* HTTP status seen last; 0: none */
	bool other_user;              /* alert: see struct login_reply */
};

/* ERR_NONE: out is the verdict to tell. Otherwise the person has gone. */
enum err login_run(const struct login_subject *subject,
    const struct server_call *server, const struct login_person *person,
    struct login_verdict *out);

#endif
