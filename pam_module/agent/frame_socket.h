/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole frames over a connected socket, within a deadline, without waiting for
 * anybody longer than that. Knows not what they mean.
 */
#ifndef SEKIMORI_AGENT_FRAME_SOCKET_H
#define SEKIMORI_AGENT_FRAME_SOCKET_H

#include <stdint.h>

#include "shared/frame.h"

/* out points into bytes. ERR_TIMEOUT, ERR_IO, or that it is no frame. */
enum err frame_socket_receive(int socket, unsigned char bytes[FRAME_BYTES_MAX],
    int64_t deadline_ms, struct frame *out);

/* Ends the frame and wipes it in any case. ERR_TIMEOUT, ERR_IO. */
enum err frame_socket_send(
    int socket, struct frame_writer *writer, int wait_ms);

#endif
