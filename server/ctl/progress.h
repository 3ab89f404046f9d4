/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far something has got, on a line of its own that is drawn over: on
 * standard error, and only when that is a terminal.
 */
#ifndef SEKIMORI_CTL_PROGRESS_H
#define SEKIMORI_CTL_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	bool shown;      /* false: draws nothing */
	int drawn_parts; /* of the bar, so that it is drawn when it moves */
	uint64_t drawn_count;
};

/* wanted: false with --json, for instance. */
struct progress progress_begin(bool wanted);
/* done of total, and count of what (many things, "tokens"). */
void progress_show(struct progress *progress, uint64_t done, uint64_t total,
    uint64_t count, const char *what);
/* Leaves the line. */
void progress_end(struct progress *progress);

#endif
