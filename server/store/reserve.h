/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of nothing that holds room on the disk. When the disk is full and a
 * commit fails, the file goes, and logins go on while somebody is told; it
 * comes back when there is twice its size to spare.
 */
#ifndef SEKIMORI_RESERVE_H
#define SEKIMORI_RESERVE_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/err.h"

struct reserve;

/* Makes the file, or takes the one that is there. Without room for it all is
 * well but reserve_is_held(). bytes 0: no reserve. */
enum err reserve_new(const char *path, int64_t bytes, struct reserve **out);
/* The file stays. */
void reserve_free(struct reserve *reserve);

/* True if there was something to give up: try again. NULL is fine. */
bool reserve_release(struct reserve *reserve);
/* Call now and then. NULL is fine. */
void reserve_renew(struct reserve *reserve);
/* Any thread. */
bool reserve_is_held(const struct reserve *reserve);
/* Bytes free for us on that disk; -1 if nobody knows. */
int64_t reserve_disk_free(const struct reserve *reserve);

#endif
