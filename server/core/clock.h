/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time is doubted (CONTRACT promise 7). From the last mark and two readings
 * this decides what time it is, or that nobody knows. Pure: readings are
 * arguments. All times are unix or boot-clock seconds.
 */
#ifndef SEKIMORI_CLOCK_H
#define SEKIMORI_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

enum {
	CLOCK_BACK_TOLERATED_S = 5,
	CLOCK_FORWARD_TOLERATED_S = 600,                 /* within one boot */
	CLOCK_ACROSS_BOOTS_TOLERATED_S = 30 * 24 * 3600, /* between two */
	CLOCK_BOOT_ID_SIZE = 40,
};

/* One reading of the machine's clocks, and also the last one believed. */
struct clock_reading {
	int64_t wall_s; /* CLOCK_REALTIME */
	int64_t boot_s; /* CLOCK_BOOTTIME */
	char boot_id[CLOCK_BOOT_ID_SIZE];
};

struct clock_judgement {
	bool trusted;  /* false: the verdict of everything is `clock` */
	int64_t now_s; /* the time to decide by; never before the mark */
};

/*
 * Judges reading against mark; mark.wall_s == 0 means no mark yet. A trusted
 * judgement moves the mark to {now_s, reading's boot clock and id} in
 * *out_mark; a doubtful one leaves it as it was.
 */
struct clock_judgement clock_judge(const struct clock_reading *mark,
    const struct clock_reading *reading, struct clock_reading *out_mark);

#endif
