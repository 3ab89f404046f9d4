/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watches over cards for the table of seats, by children of card_watch.h.
 */
#ifndef SEKIMORI_AGENT_SEAT_WATCHER_H
#define SEKIMORI_AGENT_SEAT_WATCHER_H

#include "pam_module/agent/card_child.h"
#include "pam_module/agent/seat.h"

enum {
	/* A slow card is read through before the first beat. */
	SEAT_FIRST_BEAT_MS = 4000,
	SEAT_LOOK_MS = 5000,
};

/* child must live as long as the watches. */
struct seat_watcher seat_watcher_of(const struct card_child *child);

#endif
