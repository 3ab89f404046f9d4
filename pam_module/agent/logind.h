/* SPDX-License-Identifier: Apache-2.0 */
/*
 * systemd-logind, asked over the system bus: which session a process is in,
 * and to lock or end one. A connection for each question, so that neither a
 * restarted bus nor a restarted logind is noticed. Knows no cards.
 */
#ifndef SEKIMORI_AGENT_LOGIND_H
#define SEKIMORI_AGENT_LOGIND_H

#include <stdbool.h>
#include <sys/types.h>

#include "pam_module/agent/seat.h"

enum {
	LOGIND_WAIT_MS = 1000, /* for one answer */
};

struct logind_session {
	char id[SEAT_SESSION_SIZE];
	bool is_leader;       /* the process opened it, as login does; sudo and
				 su are in a session and lead none */
	bool is_text_console; /* nothing there listens for a lock */
};

/* By its control group alone, without the bus. ERR_NOT_FOUND: in none. */
enum err logind_session_id(pid_t pid, char out[SEAT_SESSION_SIZE]);

/* ERR_NOT_FOUND: the process is in no session. */
enum err logind_session_of(pid_t pid, struct logind_session *out);

/* Sits at a screen of this machine, in the foreground. Where there is no
 * logind, nobody can tell: true. */
bool logind_is_at_seat(uid_t uid);

struct seat_logind logind_calls(void);

#endif
