/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is at the other end of a login and what it opens: which process asked, in
 * which audit session, and whether a session that is reported later is this
 * login's own. The server grants a grace by it (core/grace.h there), so
 * everything here is the kernel's word, nothing the module's. Knows no frames.
 */
#ifndef SEKIMORI_AGENT_LOGIN_ASKER_H
#define SEKIMORI_AGENT_LOGIN_ASKER_H

#include "pam_module/agent/caller.h"
#include "pam_module/agent/process.h"

/* Zeroed memory is nobody. */
struct login_asker {
	struct process_id self, parent;
	char session[CALLER_SESSION_SIZE]; /* then; empty: none */
};

/* As soon as the caller has connected: later its number may be another's.
 * Nobody, if it has gone. */
void login_asker_note(const struct caller *caller,
    const struct secret *session_key, struct login_asker *out);

/*
 * Whether the server may be told which session a login is begun in: root's
 * programs only (a locker runs as its user), on the terminal line that the
 * caller is really on, and for the account of whoever started it. Somebody
 * else who came to be in a session, by su or sudo, has no part in its grace.
 */
bool login_asker_may_have_grace(
    const struct caller *caller, const char *user, const char *tty);

/*
 * Whether `now` is in a session that was opened for the login of `then`: the
 * process that asked or its parent (sshd asks in a child), which was in
 * another session, or in none, when it asked. sudo and su stay in theirs.
 */
bool login_asker_has_opened(
    const struct login_asker *then, const struct login_asker *now);

#endif
