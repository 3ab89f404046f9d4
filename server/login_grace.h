/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grace around a login's decision, and at the report of the session that it
 * opened. An accept by a factor begins one, the session's report ties it, an
 * accept by grace ties it to its terminal line. What is decided is
 * core/grace.c's business, what is kept store/grace_store.c's.
 */
#ifndef SEKIMORI_LOGIN_GRACE_H
#define SEKIMORI_LOGIN_GRACE_H

#include "server/core/decide.h"
#include "server/login_call.h"

/* Fills subject and question for who asks without a factor, in a session, on a
 * terminal line. */
enum err login_grace_load(struct login_call *login, struct store *store,
    struct subject *subject, struct question *question);

/* After the decision: begins one, or notes its use. */
enum err login_grace_keep(struct login_call *login, struct store *store,
    const struct subject *subject);

/* The session of the accepted login of this name was opened, left by its card
 * or otherwise stopped, closed. login may be NULL or a name that is none. */
enum err login_grace_opened(struct store *store, int64_t terminal_id,
    const char *login, const char *session, bool *out_tied);
enum err login_grace_left(
    struct store *store, int64_t terminal_id, const char *login);
enum err login_grace_closed(
    struct store *store, int64_t terminal_id, const char *session);

#endif
