/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One login call as it goes through the server: filled by api_login.c on the
 * loop's thread, worked on by login_work.c inside the transaction.
 */
#ifndef SEKIMORI_LOGIN_CALL_H
#define SEKIMORI_LOGIN_CALL_H

#include "server/login_token.h"
#include "server/store/person.h"
#include "server/terminal_call.h"

enum {
	LOGIN_ATTEMPT_BYTES = 16,
	LOGIN_CODE_BYTES_MAX = 64,
	LOGIN_ATTEMPT_KEPT_S = 60,
};

struct login_call {
	struct terminal_call call;
	struct login_claims claims; /* what is asked; from body or token */
	bool by_token;              /* POST /v1/logins/{login} */
	bool has_attempt;
	unsigned char attempt[LOGIN_ATTEMPT_BYTES];
	enum factor factor;
	struct secret code; /* as typed; length 0: empty */

	/* Filled inside the transaction, for the log and the counts. */
	struct decision decision;
	bool decided;         /* a decision was made now; false: told again */
	struct person person; /* who asked, or his decoy */
	bool known;
	unsigned char stranger[PERSON_STRANGER_BYTES]; /* hash of the account */
};

/* The work of both forms of the login call. */
enum err login_work(struct terminal_call *call, struct store *store);

#endif
