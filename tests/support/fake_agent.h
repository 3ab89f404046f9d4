/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An agent that does what a table of steps says, well or badly, in a child
 * process, and tells the test what it saw. Knows frames and sockets; must
 * not know PAM.
 */
#ifndef SEKIMORI_FAKE_AGENT_H
#define SEKIMORI_FAKE_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "shared/frame.h"

enum fake_action {
	FAKE_END = 0, /* read on until the module closes */
	FAKE_READ,    /* one frame from the module */
	FAKE_ASK,
	FAKE_TELL,
	FAKE_VERDICT,
	FAKE_DONE,
	FAKE_RAW,   /* text, length bytes as they are */
	FAKE_DRIP,  /* the same, a byte every 0.7 s */
	FAKE_CLOSE, /* at once */
	FAKE_AGAIN, /* the steps from the first one on, without end */
};

struct fake_step {
	enum fake_action action;
	unsigned value; /* prompt, or result; for FAKE_TELL unused */
	unsigned message;
	uint64_t number;
	const char *text; /* login of a verdict, bytes of FAKE_RAW */
	size_t length;
};

/* Steps, to be written in tables. */
#define READ                                                                   \
	{                                                                      \
		.action = FAKE_READ                                            \
	}
#define ASK                                                                    \
	{                                                                      \
		.action = FAKE_ASK, .value = FRAME_PROMPT_CODE                 \
	}
#define ASK_SAYING(words)                                                      \
	{                                                                      \
		.action = FAKE_ASK, .value = FRAME_PROMPT_CODE,                \
		.message = (words)                                             \
	}
#define ASK_FOR(prompt)                                                        \
	{                                                                      \
		.action = FAKE_ASK, .value = (prompt)                          \
	}
#define TELL(words)                                                            \
	{                                                                      \
		.action = FAKE_TELL, .message = (words)                        \
	}
#define VERDICT(result)                                                        \
	{                                                                      \
		.action = FAKE_VERDICT, .value = (result)                      \
	}
#define RAW(bytes)                                                             \
	{                                                                      \
		.action = FAKE_RAW, .text = (bytes),                           \
		.length = sizeof(bytes) - 1                                    \
	}
#define DONE                                                                   \
	{                                                                      \
		.action = FAKE_DONE                                            \
	}
#define CLOSE                                                                  \
	{                                                                      \
		.action = FAKE_CLOSE                                           \
	}
#define AGAIN                                                                  \
	{                                                                      \
		.action = FAKE_AGAIN                                           \
	}
#define END                                                                    \
	{                                                                      \
		.action = FAKE_END                                             \
	}

enum {
	FAKE_ANSWERS_MAX = 16,
	FAKE_TEXT_MAX = 300,
	FAKE_SCRIPTS_MAX = 4
};

struct fake_seen {
	unsigned connections, begins, answers, cancels, sessions, bad;
	char user[FAKE_TEXT_MAX], service[FAKE_TEXT_MAX];
	char tty[FAKE_TEXT_MAX], rhost[FAKE_TEXT_MAX], login[FAKE_TEXT_MAX];
	uint8_t first_factor, event, once;
	char answer[FAKE_ANSWERS_MAX][FAKE_TEXT_MAX];
};

struct fake_agent {
	pid_t pid;
	int leash; /* closing it ends the child */
	struct fake_seen *seen;
};

/* Listens on path as owner, connection n following script n, the last one
 * repeated. */
void fake_agent_start(struct fake_agent *agent, const char *path, uid_t owner,
    const struct fake_step *const scripts[FAKE_SCRIPTS_MAX]);
/* Waits until every connection is over; what was seen is copied out. */
void fake_agent_stop(
    struct fake_agent *agent, const char *path, struct fake_seen *out);

/* The module believes sockets of root only, so a test that is not root
 * becomes it in a user namespace of its own. False if that is forbidden. */
bool fake_become_root(void);
/* Whether this process can give its children that uid. */
bool fake_may_become(uid_t uid);

#endif
