/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names out of a module's frames: what is no name does not get further into
 * the agent. Knows no sockets.
 */
#ifndef SEKIMORI_AGENT_FRAME_NAME_H
#define SEKIMORI_AGENT_FRAME_NAME_H

#include "shared/frame.h"
#include "shared/text.h"

/* ERR_NOT_FOUND, ERR_INVALID or ERR_TOO_LONG: not there, or no name. */
enum err frame_get_name(const struct frame *frame, enum frame_tag tag,
    char out[NAME_BYTES_MAX + 1]);

/* tty and rhost are told by the network's other end or by odd programs; what
 * is no name is left out, as "", rather than made a reason to refuse. */
void frame_get_optional_name(const struct frame *frame, enum frame_tag tag,
    char out[NAME_BYTES_MAX + 1]);

/* tty alone, as the kernel calls it: some programs say /dev/pts/0, some
 * pts/0. */
void frame_get_tty(const struct frame *frame, char out[NAME_BYTES_MAX + 1]);

#endif
