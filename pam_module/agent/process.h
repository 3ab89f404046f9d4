/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel says of another process, by /proc: whose it is, who started
 * it, on which terminal line and in which audit session it is. All of it of
 * one process: a number that comes round in between is noticed.
 */
#ifndef SEKIMORI_AGENT_PROCESS_H
#define SEKIMORI_AGENT_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "shared/err.h"

enum {
	PROCESS_TTY_SIZE = 16,
	PROCESS_SESSION_SIZE = 16,
};

/* Its number comes round; its number and its beginning do not. Zero is none. */
struct process_id {
	pid_t pid;
	int64_t born; /* clock ticks since the machine was started */
};

struct process {
	struct process_id id;
	pid_t parent;
	uid_t uid;                          /* the real one */
	char tty[PROCESS_TTY_SIZE];         /* controlling: "pts/0"; or empty */
	char session[PROCESS_SESSION_SIZE]; /* audit session; empty: none */
};

/* ERR_NOT_FOUND: it is gone, or has no parent in sight. */
enum err process_read(pid_t pid, struct process *out);

/* Only which one it is: what a login's every caller is asked. */
enum err process_identify(pid_t pid, struct process_id *out);

bool process_is_same(
    const struct process_id *one, const struct process_id *other);

/* Its parent is in another audit session, or in none: it opened this one. */
bool process_leads_session(pid_t pid);

#endif
