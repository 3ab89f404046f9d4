/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leaving the seat: which logind session was opened with which card, and what
 * happens when that card is gone. One thread looks after all seats. Whatever
 * cannot be known - the watcher ends, hangs or never starts - counts as gone.
 * Sessions are locked or ended here, never unlocked: there is no call for it.
 * Seats outlive the agent in its state directory. Knows cards, logind and the
 * server through tables of functions only.
 */
#ifndef SEKIMORI_AGENT_SEAT_H
#define SEKIMORI_AGENT_SEAT_H

#include <stdbool.h>

#include "pam_module/agent/card.h"
#include "pam_module/agent/session.h"

enum {
	SEATS_MAX = 24, /* sessions opened by card at one time */
	/* Of these by one card: nobody uses up the places of the others. */
	SEATS_CARD_MAX = 8,
	SEAT_SESSION_SIZE = 64,
	SEAT_RETRY_MS = 250, /* when logind does not do as it was told */
	SEAT_GONE_MS = 1000, /* how often ended sessions are looked for */
};

/* What is known of one, also after a restart. */
struct seat {
	char session[SEAT_SESSION_SIZE]; /* as logind calls it */
	unsigned char key[CARD_HASH_BYTES];
	enum card_removed removed;
	bool is_away; /* acted on; the card was not seen since */
	struct session opened;
};

enum seat_reason {
	SEAT_WATCHER_FAILED = 0,
	SEAT_CARD_REMOVED,
};

struct card_watch;

/* A watch over one card. All calls come from one thread. */
struct seat_watcher {
	enum err (*start)(void *context,
	    const unsigned char key[CARD_HASH_BYTES], struct card_watch **out);
	int (*fd)(const struct card_watch *watch);
	/* Takes what is there. False: it is over, for out_reason. */
	bool (*take)(struct card_watch *watch, unsigned *out_beats,
	    enum seat_reason *out_reason);
	void (*stop)(struct card_watch *watch);
	void *context;
	int first_beat_ms; /* no beat for longer: the watcher has failed */
	int silence_ms;
	int look_ms; /* from a card's leaving to a look for it; doubles a few
			times */
};

/* ERR_NOT_FOUND: no such session any more. */
struct seat_logind {
	bool (*exists)(void *context, const char *session);
	enum err (*lock)(void *context, const char *session);
	enum err (*end)(void *context, const char *session);
	void *context;
};

/* Told once for each time something was done to a session; must not block. */
struct seat_report {
	void (*tell)(
	    void *context, const struct seat *seat, enum seat_reason reason);
	void *context;
};

struct seat_setup {
	const char *directory; /* of the state */
	struct seat_watcher watcher;
	struct seat_logind logind;
	struct seat_report report;
};

struct seats;

/* Resumes what the state directory holds of this boot. setup is copied; what
 * it points to must live as long as *out. */
enum err seats_start(const struct seat_setup *setup, struct seats **out);

/* The first to open a session binds it: ERR_EXISTS for any other. ERR_FULL:
 * too many, of this card or in all; not watched. On ERR_IO the seat is watched
 * but would not outlive the agent.
 */
enum err seats_bind(struct seats *seats, const struct seat *seat);

/* The session was closed. */
void seats_release(struct seats *seats, const char *session);

/* Somebody proved to hold this card: if a seat misses it, look now. */
void seats_look(struct seats *seats, const unsigned char key[CARD_HASH_BYTES]);

/*
 * Somebody has unlocked a session by his card, which may be another one's than
 * opened it where several share the account: its leaving is what locks from
 * here on. to->session empty: whichever of to->opened.user's have lost their
 * card. Its `removed` is to->removed; nothing to be done ends the watch.
 */
void seats_hand_over(struct seats *seats, const struct seat *to);

bool seats_watch(struct seats *seats, const char *session);

/* The seats stay in the state directory. NULL is fine. */
void seats_stop(struct seats *seats);

#endif
