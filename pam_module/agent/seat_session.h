/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the opening and closing of a session mean for the seats. Asks logind
 * about the process that reports it, which must still be connected; believes
 * nothing else about where it is.
 */
#ifndef SEKIMORI_AGENT_SEAT_SESSION_H
#define SEKIMORI_AGENT_SEAT_SESSION_H

#include <sys/types.h>

#include "pam_module/agent/accepted_logins.h"
#include "pam_module/agent/seat.h"

/* If a card opened it, and the process leads it: watched from here on. A
 * session is told who opened it, and its login's name if it has none. */
void seat_session_opened(struct seats *seats, struct accepted_logins *logins,
    struct session *session, pid_t caller);

/* A card has let somebody in who opens no session: a locker of the account's
 * own user, in the session that it locks, or by_root a greeter, which is in
 * none. sudo and su, root's too but in a session, hand nothing over. */
void seat_session_unlocked(struct seats *seats,
    const struct accepted_login *by_card, bool by_root, pid_t caller);

void seat_session_closed(struct seats *seats, pid_t caller);

#endif
