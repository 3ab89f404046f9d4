/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module's end of the socket to sekimori-agent: connect, check who
 * listens, send and receive whole frames, all within one deadline. Owns the
 * descriptor and the time; must not know what frames mean. Whatever the
 * other end does, no call lasts beyond the deadline or raises a signal in
 * the program that loaded the module.
 */
#ifndef SEKIMORI_AGENT_CLIENT_H
#define SEKIMORI_AGENT_CLIENT_H

#include <stdint.h>

#include "shared/err.h"
#include "shared/frame.h"

#define AGENT_CLIENT_USER "sekimori-agent"

struct agent_client {
	int socket;          /* -1: closed */
	int64_t deadline_ms; /* of CLOCK_MONOTONIC; starts in the past */
	unsigned char bytes[FRAME_BYTES_MAX]; /* the frame received last */
};

void agent_client_init(struct agent_client *client);

/* Sets the deadline wait_ms from now. If the clock cannot be read it stays
 * where it was. */
enum err agent_client_allow(struct agent_client *client, int wait_ms);

/* ERR_UNREACHABLE, ERR_TIMEOUT, ERR_TOO_LONG for the path, ERR_NOT_ALLOWED
 * if the peer is neither root nor AGENT_CLIENT_USER. */
enum err agent_client_connect(struct agent_client *client, const char *path);

/* Ends the frame and sends it whole. The writer is wiped in any case. */
enum err agent_client_send(
    struct agent_client *client, struct frame_writer *writer);

/* One whole frame, which points into client->bytes until the next call. */
enum err agent_client_receive(struct agent_client *client, struct frame *out);

/* Closes and wipes. Fine on one that was never connected. */
void agent_client_close(struct agent_client *client);

#endif
