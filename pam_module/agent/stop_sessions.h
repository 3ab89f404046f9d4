/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sessions that are open and which of them are stopped: asks logind for
 * them and the server about them, and locks or ends. Of one thread, but for
 * stop_sessions_hold().
 */
#ifndef SEKIMORI_AGENT_STOP_SESSIONS_H
#define SEKIMORI_AGENT_STOP_SESSIONS_H

#include "pam_module/agent/stop.h"
#include "pam_module/agent/stop_ask.h"

struct stop_sessions;

/* setup is borrowed. */
enum err stop_sessions_new(
    const struct stop_setup *setup, struct stop_sessions **out);
void stop_sessions_free(struct stop_sessions *sessions);

/* Looks who is there and asks about all. Errors as of stop_ask(), and
 * ERR_NOT_FOUND: no logind; then all is as it was. */
enum err stop_sessions_ask(
    struct stop_sessions *sessions, char out_number[STOP_NUMBER_SIZE]);

/* logind lists a session that was not asked about. */
bool stop_sessions_are_others(struct stop_sessions *sessions);

/* Who was accepted a while ago and opened no session has unlocked the
 * account's only desktop, if it has one. True: somebody is somewhere new. */
bool stop_sessions_settle(struct stop_sessions *sessions);

/* Does what is due; what logind does not do stays due. */
void stop_sessions_act(struct stop_sessions *sessions);
/* When there is something to do again; INT64_MAX: nothing. */
int64_t stop_sessions_due_ms(const struct stop_sessions *sessions);

/* Some session is stopped: it is asked about, and locked, again and again.
 * Any thread. */
bool stop_sessions_hold(struct stop_sessions *sessions);

#endif
