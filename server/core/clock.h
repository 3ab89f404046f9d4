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

/*
 * One reading of the machine's clocks; also the mark, the last time believed.
 * A mark's boot_s is not when that was: it is the boot clock at which the
 * mark would have been due. What the wall clock gains stays in it until real
 * time makes up for it, so steps forward add up however small they are.
 */
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
 * judgement moves the mark to now_s in *out_mark; a doubtful one leaves it as
 * it was. Within one boot no now_s is more than ten minutes beyond the first
 * one and the time that has really passed since.
 */
struct clock_judgement clock_judge(const struct clock_reading *mark,
    const struct clock_reading *reading, struct clock_reading *out_mark);

/* The mark when the wall clock had moved on to wall_s and nothing is known of
 * the boot clock: taken to have moved on by as much. */
struct clock_reading clock_mark_at(
    const struct clock_reading *mark, int64_t wall_s);

#endif
