/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells the server what was done to sessions, from a thread of its own: a
 * server that is away must not keep the next session open. What could not be
 * told is tried again until it is, or the agent ends.
 */
#ifndef SEKIMORI_AGENT_SEAT_REPORT_H
#define SEKIMORI_AGENT_SEAT_REPORT_H

#include "pam_module/agent/seat.h"

enum {
	SEAT_REPORTS_MAX = 32,       /* waiting; then the oldest is given up */
	SEAT_REPORT_RETRY_MS = 2000, /* the first wait; each doubles */
	SEAT_REPORT_RETRY_MS_MAX = 120000,
};

struct seat_reporter;

enum err seat_reporter_start(
    const struct server_call *server, struct seat_reporter **out);

/* Something else that was done to a session: "locked" or "logged_out", and
 * why; literals. Does not block. */
void seat_reporter_tell(struct seat_reporter *reporter,
    const struct session *session, const char *event, const char *reason);

struct seat_report seat_reporter_report(struct seat_reporter *reporter);

/* Waits for a call that is under way, SESSION_REPORT_WAIT_MS at most. NULL is
 * fine. */
void seat_reporter_stop(struct seat_reporter *reporter);

#endif
