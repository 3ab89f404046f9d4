/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether one card is still there, told by a child of its own: it finds the
 * token that holds a key, writes a byte again and again while it is present,
 * and ends when it is gone or anything fails. A card taken out and put back
 * between two looks counts as gone. Asks for no PIN and knows no sessions.
 */
#ifndef SEKIMORI_AGENT_CARD_WATCH_H
#define SEKIMORI_AGENT_CARD_WATCH_H

#include <stdbool.h>

#include "pam_module/agent/card_child.h"

enum {
	CARD_WATCH_BEAT_MS = 300,
	/* Longer without a beat is gone: the child, a reader or a driver
	 * hangs. The first beat may take CARD_FIND_WAIT_MS. */
	CARD_WATCH_SILENCE_MS = 1200,
};

struct card_watch;

/* Returns at once; child NULL: the installed program and p11-kit's modules.
 * What is not found is gone. The caller stops it. */
enum err card_watch_start(const struct card_child *child,
    const unsigned char key[CARD_HASH_BYTES], struct card_watch **out);

/* To poll: readable at a beat and when the child ends. Non-blocking; owned by
 * the watch. */
int card_watch_fd(const struct card_watch *watch);

/* Takes the beats that are there. False: gone, for good. *out_beats may be
 * NULL. */
bool card_watch_take(struct card_watch *watch, unsigned *out_beats);

/* After that: the child saw it leave, and did not merely fail. */
bool card_watch_saw_it_leave(const struct card_watch *watch);

/* Kills and reaps the child. NULL is fine. */
void card_watch_stop(struct card_watch *watch);

#endif
