/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Unix socket: made in one step under its final name, or taken over from
 * a dead agent, never from a live one. Then the threads: one for each
 * connection and a few that wait, so many connections and no more, so that no
 * user can use up what root's logins need.
 * Knows no frame.
 */
#ifndef SEKIMORI_AGENT_LISTENER_H
#define SEKIMORI_AGENT_LISTENER_H

#include "pam_module/agent/serve.h"

#define LISTENER_PATH_DEFAULT "/run/sekimori/agent.sock"

enum {
	LISTENER_CONNECTIONS_MAX = 64,
	LISTENER_USERS_MAX = 24, /* of these, for all but root together */
	LISTENER_USER_MAX = 4,   /* and for one of them */
};

/*
 * Binds a socket of mode 0666 at path. ERR_EXISTS: somebody listens there, or
 * it is no socket. ERR_TOO_LONG: no room in a socket address.
 */
enum err listener_bind(const char *path, int *out);

/*
 * Accepts on socket until stop_fd is readable; then ends the connections and
 * waits for their threads. ERR_TIMEOUT: some did not end in time.
 */
enum err listener_run(int socket, int stop_fd, struct serve *serve);

#endif
