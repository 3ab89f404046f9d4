/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session as modules speak of it, and what the server is told of it for the
 * audit chain. Knows neither sockets nor logind.
 */
#ifndef SEKIMORI_AGENT_SESSION_H
#define SEKIMORI_AGENT_SESSION_H

#include "pam_module/agent/login_asker.h"
#include "pam_module/agent/login_reply.h"
#include "pam_module/agent/server_call.h"
#include "shared/frame.h"
#include "shared/text.h"

enum {
	SESSION_REPORT_WAIT_MS = 2000
};

struct session {
	char user[NAME_BYTES_MAX + 1];
	char person[NAME_BYTES_MAX + 1]; /* who it is; empty: unknown */
	char service[NAME_BYTES_MAX + 1];
	char tty[NAME_BYTES_MAX + 1];      /* may be empty */
	char login[LOGIN_TOKEN_SIZE];      /* may be empty */
	char session[CALLER_SESSION_SIZE]; /* that was opened or ends; empty:
					      not by this report */
	struct login_asker asker;          /* of the login, if it is known */
};

enum err session_read(const struct frame *frame, struct session *out,
    enum frame_event *out_event);

/* reason NULL: none. ERR_UNREACHABLE: the server did not write it down;
 * ERR_NOT_ALLOWED: and never will. */
enum err session_report(const struct server_call *server,
    const struct session *session, const char *event, const char *reason);

#endif
