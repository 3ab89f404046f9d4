/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seats in the state directory, as JSON, so that a restarted agent knows which
 * sessions it has to watch. Those of an earlier boot are none: logind counts
 * its sessions anew. Knows no watchers.
 */
#ifndef SEKIMORI_AGENT_SEAT_FILE_H
#define SEKIMORI_AGENT_SEAT_FILE_H

#include "pam_module/agent/seat.h"

#define SEAT_FILE "seats"

enum err seat_file_write(
    const char *directory, const struct seat *seats, size_t count);

/* ERR_CORRUPT: not a file of ours; nothing is read. No file: none. */
enum err seat_file_read(
    const char *directory, struct seat out[SEATS_MAX], size_t *out_count);

#endif
