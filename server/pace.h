/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When the loop waits awake. Being put to sleep and woken takes a seventh of
 * the time of a client that asks again as soon as it is answered. Where
 * decisions come one at a time and a thousand times a second or more, the
 * loop looks for the next one for a moment before it sleeps. At any slower
 * pace it always sleeps, and several decisions at once do not count.
 */
#ifndef SEKIMORI_PACE_H
#define SEKIMORI_PACE_H

#include <stdbool.h>
#include <stdint.h>

enum {
	PACE_BRISK_US = 1000, /* from decision to decision, at most */
	PACE_AWAKE_US = 150,  /* after each, at most */
};

struct pace {
	int64_t last_us; /* when the last decision was over */
	bool brisk;
};

/* Whether to look again rather than sleep. Asked after every turn of the
 * loop; decided_one: in this turn one decision was made, all by itself.
 * now_us is of a clock that only goes forward. */
bool pace_stay_awake(struct pace *pace, bool decided_one, int64_t now_us);

#endif
