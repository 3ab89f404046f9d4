/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slips for the people whom a staff list concerns, as a page (HTML) that any
 * browser prints: a department begins on a sheet of its own, a slip is never
 * cut in two. Every text of the list is escaped. Must not know files or the
 * server.
 */
#ifndef SEKIMORI_CTL_STAFF_SLIPS_H
#define SEKIMORI_CTL_STAFF_SLIPS_H

#include <stdint.h>
#include <stdio.h>

#include "shared/err.h"
#include "shared/json.h"

/*
 * answer is that of user/import or user/import-check. Days are local ones:
 * effective_s is when the list takes effect. *out_count: how many slips there
 * are. Whether all of it was written, the stream knows.
 */
enum err staff_slips_write(
    FILE *to, json_t *answer, int64_t effective_s, size_t *out_count);

#endif
