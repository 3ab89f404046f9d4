/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What opening, closing and unlocking a session mean for the emergency stop:
 * who is in which one. Asks logind about the process that reports it, which
 * must still be connected; believes nothing else about where it is.
 */
#ifndef SEKIMORI_AGENT_STOP_SESSION_H
#define SEKIMORI_AGENT_STOP_SESSION_H

#include <sys/types.h>

#include "pam_module/agent/accepted_logins.h"
#include "pam_module/agent/caller.h"
#include "pam_module/agent/session.h"
#include "pam_module/agent/session_people.h"
#include "pam_module/agent/stop.h"

/* By whoever session names, if it does: its opener if the process is its
 * account's login, a guest if it is su or sudo within it. */
void stop_session_opened(struct stop *stop, struct session_people *people,
    const struct session *session, pid_t caller);

/* Whoever that was is told to session, for its record. */
void stop_session_closed(
    struct session_people *people, struct session *session, pid_t caller);

/* Before its session opens, or none does: a locker that runs as the account's
 * own user has unlocked his session, and one of root's, outside of any, the
 * account's only desktop. */
void stop_session_accepted(struct stop *stop, struct session_people *people,
    const struct accepted_login *login, const struct caller *caller);

#endif
