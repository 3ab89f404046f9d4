/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent asks about the emergency stop, and how it reads the answers:
 * only a 200 that says so in so many words stops anybody. Knows no sessions,
 * only who might be in one.
 */
#ifndef SEKIMORI_AGENT_STOP_ASK_H
#define SEKIMORI_AGENT_STOP_ASK_H

#include <stdbool.h>
#include <stddef.h>

#include "pam_module/agent/server_call.h"

enum {
	STOP_NUMBER_SIZE = 64,
	STOP_ASK_WAIT_MS = 4000,
	STOP_ASK_EACH_MAX = 256, /* in one request */
	/* Longer than the server holds a call, which is 25 s at most. */
	STOP_WAIT_MS = 35000,
};

struct stop_question {
	const char *user;
	const char *person; /* NULL: not known */
	bool stopped;       /* the answer */
};

/*
 * Who of these is stopped, and the number to wait with. In several requests
 * if need be. ERR_UNREACHABLE: no answer, or none that means anything;
 * ERR_NOT_ALLOWED: this terminal is none of the server's, or the server too
 * old. Then no answer is changed.
 */
enum err stop_ask(const struct server_call *server,
    struct stop_question *questions, size_t count,
    char out_number[STOP_NUMBER_SIZE]);

/* Until the server has another number, or answers for other reasons. The same
 * errors. */
enum err stop_wait(
    const struct server_call *server, const char *number, bool *out_news);

#endif
