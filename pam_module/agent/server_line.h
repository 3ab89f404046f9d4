/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection of one thread's own, for a call whose answer is long in
 * coming: the pool of server_client.h would take its silence for a dead
 * server. Made again when it broke, or when the terminal has another
 * certificate. One try at a time: whoever uses it says when to try again.
 */
#ifndef SEKIMORI_AGENT_SERVER_LINE_H
#define SEKIMORI_AGENT_SERVER_LINE_H

#include "pam_module/agent/server_client.h"

enum {
	SERVER_LINE_OPEN_MS = 3000,
};

struct server_line;

enum err server_line_new(
    struct server_client *client, struct server_line **out);

/* A struct server_call over the line, from one thread at a time. The deadline
 * is the answer's. */
struct server_call server_line_call(struct server_line *line);

/* From another thread: what is under way fails, and whatever comes. */
void server_line_end(struct server_line *line);

/* Nobody uses it any more. NULL is fine. */
void server_line_free(struct server_line *line);

#endif
