/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/seat.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "pam_module/agent/seat_file.h"
#include "pam_module/agent/steady.h"
#include "shared/log.h"

enum {
	STACK_BYTES = 262144,
	FAILURES_A_LINE = 40, /* one line in the log for so many */
	LOOK_DOUBLINGS_MAX = 3,
};

struct slot {
	bool used;
	bool released; /* by who closed the session; the thread clears it */
	struct seat seat;
	struct card_watch *watch; /* the thread's own */
	bool is_handed_over;      /* the watch is over another card */
	int64_t silence_at_ms;    /* no beat by then: the watcher has failed */
	bool is_due;              /* something is to be done to the session */
	enum seat_reason reason;  /* why */
	int64_t again_ms;         /* due: next try. No watch: next look */
	int64_t gone_at_ms;       /* when to ask whether it still exists */
	unsigned failures;        /* of logind, in a row */
	unsigned looks;           /* in vain, in a row */
};

struct seats {
	struct seat_setup setup;
	pthread_t thread;
	pthread_mutex_t lock; /* over what follows; free during logind's calls
				 and poll() */
	int wake_fd;
	bool stopping;
	struct slot slots[SEATS_MAX];
	struct seat kept[SEATS_MAX]; /* room to write the file from */
};

static const char *reason_text(enum seat_reason reason)
{
	return reason == SEAT_CARD_REMOVED ? "card_removed" : "watcher_failed";
}

static enum err save(struct seats *seats)
{
	size_t count = 0;
	enum err err;

	for (size_t i = 0; i < SEATS_MAX; i++)
		if (seats->slots[i].used && !seats->slots[i].released)
			seats->kept[count++] = seats->slots[i].seat;
	err = seat_file_write(seats->setup.directory, seats->kept, count);
	if (err != ERR_NONE)
		log_line(LOG_ERR,
		    "which sessions are watched cannot be written down: a "
		    "restart of the agent would forget them",
		    LOG_TEXT("error", err_text(err)));
	return err;
}

static void end_watch(struct seats *seats, struct slot *slot)
{
	seats->setup.watcher.stop(slot->watch);
	slot->watch = NULL;
}

static void clear(struct seats *seats, struct slot *slot)
{
	if (slot->watch)
		end_watch(seats, slot);
	memset(slot, 0, sizeof(*slot));
	(void)save(seats);
}

static void become_due(
    struct slot *slot, enum seat_reason reason, int64_t now_ms)
{
	slot->is_due = true;
	slot->reason = reason;
	slot->again_ms = now_ms;
	slot->failures = 0;
}

static void set_away(struct seats *seats, struct slot *slot, bool away)
{
	if (slot->seat.is_away == away)
		return;
	slot->seat.is_away = away;
	(void)save(seats);
}

/* Each look reads the cards that are there, which may be other people's. */
static void look_later(struct seats *seats, struct slot *slot, int64_t now_ms)
{
	slot->again_ms =
	    now_ms + ((int64_t)seats->setup.watcher.look_ms << slot->looks);
	if (slot->looks < LOOK_DOUBLINGS_MAX)
		slot->looks++;
}

/* A watch that ends for a card that was away all the time says nothing new. */
static void watch_over(struct seats *seats, struct slot *slot,
    enum seat_reason reason, int64_t now_ms)
{
	end_watch(seats, slot);
	if (slot->seat.is_away)
		look_later(seats, slot, now_ms);
	else
		become_due(slot, reason, now_ms);
}

static void attend(struct seats *seats, struct slot *slot, int64_t now_ms)
{
	enum seat_reason reason = SEAT_WATCHER_FAILED;
	unsigned beats = 0;
	bool there = seats->setup.watcher.take(slot->watch, &beats, &reason);

	if (beats > 0) {
		slot->silence_at_ms = now_ms + seats->setup.watcher.silence_ms;
		set_away(seats, slot, false);
	}
	if (!there)
		watch_over(seats, slot, reason, now_ms);
	else if (now_ms >= slot->silence_at_ms)
		watch_over(seats, slot, SEAT_WATCHER_FAILED, now_ms);
}

/* A session that was to be ended and still exists is ended again. */
static void look(struct seats *seats, struct slot *slot, int64_t now_ms)
{
	const struct seat_watcher *watcher = &seats->setup.watcher;

	if (slot->seat.is_away && slot->seat.removed == CARD_REMOVED_LOGOUT) {
		become_due(slot, slot->reason, now_ms);
		return;
	}
	if (watcher->start(watcher->context, slot->seat.key, &slot->watch) ==
	    ERR_NONE) {
		slot->silence_at_ms = now_ms + watcher->first_beat_ms;
		return;
	}
	slot->watch = NULL;
	if (slot->seat.is_away)
		look_later(seats, slot, now_ms);
	else
		become_due(slot, SEAT_WATCHER_FAILED, now_ms);
}

static void log_done(const struct slot *slot)
{
	log_line(LOG_NOTICE,
	    slot->seat.removed == CARD_REMOVED_LOGOUT ? "session ended"
						      : "session locked",
	    LOG_TEXT("session", slot->seat.session),
	    LOG_TEXT("user", slot->seat.opened.user),
	    LOG_TEXT("service", slot->seat.opened.service),
	    LOG_TEXT("reason", reason_text(slot->reason)));
}

static void done(struct seats *seats, struct slot *slot)
{
	slot->is_due = false;
	slot->failures = slot->looks = 0;
	slot->again_ms = steady_ms() + seats->setup.watcher.look_ms;
	if (slot->seat.is_away)
		return;
	log_done(slot);
	seats->setup.report.tell(
	    seats->setup.report.context, &slot->seat, slot->reason);
	set_away(seats, slot, true);
}

static void not_done(struct slot *slot, enum err err)
{
	slot->again_ms = steady_ms() + SEAT_RETRY_MS;
	if (slot->failures++ % FAILURES_A_LINE == 0)
		log_line(LOG_ALERT,
		    "the card is gone and logind does not act on the session; "
		    "trying again",
		    LOG_TEXT("session", slot->seat.session),
		    LOG_TEXT("user", slot->seat.opened.user),
		    LOG_TEXT("reason", reason_text(slot->reason)),
		    LOG_TEXT("error", err_text(err)));
}

/* Called with the lock, which is free while logind is asked. */
static void act(struct seats *seats, struct slot *slot)
{
	const struct seat_logind *logind = &seats->setup.logind;
	const bool ends = slot->seat.removed == CARD_REMOVED_LOGOUT;
	char session[SEAT_SESSION_SIZE];
	enum err err;

	memcpy(session, slot->seat.session, sizeof(session));
	pthread_mutex_unlock(&seats->lock);
	err = ends ? logind->end(logind->context, session)
		   : logind->lock(logind->context, session);
	pthread_mutex_lock(&seats->lock);
	if (err == ERR_NONE)
		done(seats, slot);
	else if (err == ERR_NOT_FOUND)
		clear(seats, slot);
	else
		not_done(slot, err);
}

static bool is_over(struct seats *seats, struct slot *slot, int64_t now_ms)
{
	const struct seat_logind *logind = &seats->setup.logind;

	if (slot->released)
		return true;
	if (now_ms < slot->gone_at_ms)
		return false;
	slot->gone_at_ms = now_ms + SEAT_GONE_MS;
	return !logind->exists(logind->context, slot->seat.session);
}

static void step(struct seats *seats, struct slot *slot)
{
	int64_t now_ms = steady_ms();

	if (is_over(seats, slot, now_ms)) {
		clear(seats, slot);
		return;
	}
	if (slot->is_handed_over && slot->watch)
		end_watch(seats, slot);
	slot->is_handed_over = false;
	if (slot->watch)
		attend(seats, slot, now_ms);
	else if (!slot->is_due && now_ms >= slot->again_ms)
		look(seats, slot, now_ms);
	if (slot->is_due && now_ms >= slot->again_ms)
		act(seats, slot);
}

static int64_t next_ms(const struct slot *slot)
{
	int64_t at_ms = slot->watch ? slot->silence_at_ms : slot->again_ms;

	if (slot->released || slot->is_handed_over)
		return 0;
	return at_ms < slot->gone_at_ms ? at_ms : slot->gone_at_ms;
}

/* Waits for a beat, an end, a deadline or a word. */
static void wait_for_news(struct seats *seats)
{
	struct pollfd items[SEATS_MAX + 1] = {
	    {.fd = seats->wake_fd, .events = POLLIN}};
	int64_t until_ms = INT64_MAX;
	eventfd_t unused;
	nfds_t count = 1;

	for (size_t i = 0; i < SEATS_MAX; i++) {
		const struct slot *slot = &seats->slots[i];

		if (!slot->used)
			continue;
		if (next_ms(slot) < until_ms)
			until_ms = next_ms(slot);
		if (slot->watch)
			items[count++] = (struct pollfd){
			    .fd = seats->setup.watcher.fd(slot->watch),
			    .events = POLLIN};
	}
	pthread_mutex_unlock(&seats->lock);
	(void)poll(items, count, steady_left_ms(until_ms));
	(void)eventfd_read(seats->wake_fd, &unused);
	pthread_mutex_lock(&seats->lock);
}

static void *work(void *argument)
{
	struct seats *seats = argument;

	pthread_mutex_lock(&seats->lock);
	while (!seats->stopping) {
		for (size_t i = 0; i < SEATS_MAX; i++)
			if (seats->slots[i].used)
				step(seats, &seats->slots[i]);
		if (!seats->stopping)
			wait_for_news(seats);
	}
	for (size_t i = 0; i < SEATS_MAX; i++)
		if (seats->slots[i].watch)
			end_watch(seats, &seats->slots[i]);
	pthread_mutex_unlock(&seats->lock);
	return NULL;
}

static void wake(struct seats *seats)
{
	(void)eventfd_write(seats->wake_fd, 1);
}

static struct slot *find(struct seats *seats, const char *session)
{
	for (size_t i = 0; i < SEATS_MAX; i++)
		if (seats->slots[i].used && !seats->slots[i].released &&
		    strcmp(seats->slots[i].seat.session, session) == 0)
			return &seats->slots[i];
	return NULL;
}

static struct slot *find_place(
    struct seats *seats, const unsigned char key[CARD_HASH_BYTES])
{
	struct slot *place = NULL;
	size_t same = 0;

	for (size_t i = 0; i < SEATS_MAX; i++) {
		struct slot *slot = &seats->slots[i];

		if (!slot->used)
			place = slot;
		else if (memcmp(slot->seat.key, key, CARD_HASH_BYTES) == 0)
			same++;
	}
	return same < SEATS_CARD_MAX ? place : NULL;
}

enum err seats_bind(struct seats *seats, const struct seat *seat)
{
	struct slot *slot = NULL;
	enum err err;

	pthread_mutex_lock(&seats->lock);
	err = find(seats, seat->session) ? ERR_EXISTS : ERR_FULL;
	if (err == ERR_FULL)
		slot = find_place(seats, seat->key);
	if (slot) {
		slot->used = true;
		slot->seat = *seat;
		slot->gone_at_ms = steady_ms() + SEAT_GONE_MS;
		err = save(seats) == ERR_NONE ? ERR_NONE : ERR_IO;
		wake(seats);
	}
	pthread_mutex_unlock(&seats->lock);
	return err;
}

void seats_release(struct seats *seats, const char *session)
{
	struct slot *slot;

	pthread_mutex_lock(&seats->lock);
	slot = find(seats, session);
	if (slot) {
		slot->released = true;
		wake(seats);
	}
	pthread_mutex_unlock(&seats->lock);
}

void seats_look(struct seats *seats, const unsigned char key[CARD_HASH_BYTES])
{
	pthread_mutex_lock(&seats->lock);
	for (size_t i = 0; i < SEATS_MAX; i++) {
		struct slot *slot = &seats->slots[i];

		if (slot->used && !slot->watch && !slot->is_due &&
		    slot->seat.removed == CARD_REMOVED_LOCK &&
		    memcmp(slot->seat.key, key, CARD_HASH_BYTES) == 0)
			slot->again_ms = 0;
	}
	wake(seats);
	pthread_mutex_unlock(&seats->lock);
}

static bool is_unlocked_by(const struct slot *slot, const struct seat *to)
{
	if (!slot->used || slot->released ||
	    slot->seat.removed != CARD_REMOVED_LOCK ||
	    strcmp(slot->seat.opened.user, to->opened.user) != 0)
		return false;
	if (to->session[0] == '\0')
		return slot->seat.is_away;
	return strcmp(slot->seat.session, to->session) == 0;
}

/* As if it had been opened now: a card that leaves before it was seen locks
 * too. */
static void hand_over(struct slot *slot, const struct seat *to)
{
	if (memcmp(slot->seat.key, to->key, sizeof(to->key)) == 0 &&
	    !slot->seat.is_away)
		return;
	memcpy(slot->seat.key, to->key, sizeof(to->key));
	memcpy(slot->seat.opened.person, to->opened.person,
	    sizeof(to->opened.person));
	memcpy(slot->seat.opened.login, to->opened.login,
	    sizeof(to->opened.login));
	slot->seat.removed = to->removed;
	slot->seat.is_away = false;
	slot->released = to->removed == CARD_REMOVED_NOTHING;
	slot->is_handed_over = true;
	slot->looks = 0;
	if (!slot->is_due)
		slot->again_ms = 0;
}

void seats_hand_over(struct seats *seats, const struct seat *to)
{
	bool changed = false;

	pthread_mutex_lock(&seats->lock);
	for (size_t i = 0; i < SEATS_MAX; i++) {
		if (!is_unlocked_by(&seats->slots[i], to))
			continue;
		hand_over(&seats->slots[i], to);
		changed = true;
	}
	if (changed) {
		(void)save(seats);
		wake(seats);
	}
	pthread_mutex_unlock(&seats->lock);
}

bool seats_watch(struct seats *seats, const char *session)
{
	bool watched;

	pthread_mutex_lock(&seats->lock);
	watched = find(seats, session) != NULL;
	pthread_mutex_unlock(&seats->lock);
	return watched;
}

/* What the file says of sessions that have ended is dropped by the thread. */
static void resume(struct seats *seats)
{
	size_t count = 0;
	enum err err =
	    seat_file_read(seats->setup.directory, seats->kept, &count);

	if (err != ERR_NONE)
		log_line(LOG_ERR,
		    "which sessions were opened by card cannot be read: those "
		    "that are open are not watched",
		    LOG_TEXT("error", err_text(err)));
	for (size_t i = 0; i < count; i++) {
		seats->slots[i].used = true;
		seats->slots[i].seat = seats->kept[i];
	}
}

static enum err start_thread(struct seats *seats)
{
	pthread_attr_t attributes;
	int failed;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	failed = pthread_create(&seats->thread, &attributes, work, seats);
	pthread_attr_destroy(&attributes);
	return failed ? ERR_MEMORY : ERR_NONE;
}

enum err seats_start(const struct seat_setup *setup, struct seats **out)
{
	struct seats *seats = calloc(1, sizeof(*seats));
	enum err err = ERR_IO;

	if (!seats)
		return ERR_MEMORY;
	seats->setup = *setup;
	pthread_mutex_init(&seats->lock, NULL);
	seats->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (seats->wake_fd >= 0) {
		resume(seats);
		err = start_thread(seats);
	}
	if (err == ERR_NONE) {
		*out = seats;
		return ERR_NONE;
	}
	if (seats->wake_fd >= 0)
		close(seats->wake_fd);
	pthread_mutex_destroy(&seats->lock);
	free(seats);
	return err;
}

void seats_stop(struct seats *seats)
{
	if (!seats)
		return;
	pthread_mutex_lock(&seats->lock);
	seats->stopping = true;
	wake(seats);
	pthread_mutex_unlock(&seats->lock);
	pthread_join(seats->thread, NULL);
	close(seats->wake_fd);
	pthread_mutex_destroy(&seats->lock);
	free(seats);
}
