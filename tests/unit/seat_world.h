/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A world for tests of seats: watcher and logind are made here, and what they
 * were told is counted.
 */
#ifndef SEKIMORI_SEAT_WORLD_H
#define SEKIMORI_SEAT_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pam_module/agent/seat.h"
#include "pam_module/agent/seat_file.h"
#include "pam_module/agent/state.h"
#include "pam_module/agent/steady.h"

enum {
	FIRST_BEAT_MS = 300,
	SILENCE_MS = 200,
	LOOK_MS = 100,
	WAIT_MS = 3000,
	QUIET_MS = 250, /* longer than any of the deadlines above it */
};

/* Written by the test, read by the watchers it stands for. */
struct card {
	bool refuses;  /* no watch starts */
	bool is_there; /* a watch that starts beats at once */
	bool failed;   /* what ends, ends by failure */
	unsigned starts, open;
	unsigned char key;        /* of the card that is watched */
	struct card_watch *watch; /* the newest */
};

struct card_watch {
	struct card *card;
	int pipe[2];
};

/* One world a test; the seats' thread and the test meet here. */
struct world {
	char directory[64];
	pthread_mutex_t lock;
	struct card card;
	char locked[SEAT_SESSION_SIZE], ended[SEAT_SESSION_SIZE];
	unsigned locks, ends, told;
	enum seat_reason reason;
	enum err answer;
	bool exists;
	struct seats *seats;
};

/* The watcher's functions get a watch only, so its world is found here. */
static struct world *the_world;

static inline enum err watch_start(void *context,
    const unsigned char key[CARD_HASH_BYTES], struct card_watch **out)
{
	struct world *world = context;
	struct card_watch *watch;

	pthread_mutex_lock(&world->lock);
	assert_int_equal(key[0], world->card.key);
	world->card.starts++;
	if (world->card.refuses) {
		pthread_mutex_unlock(&world->lock);
		return ERR_IO;
	}
	watch = calloc(1, sizeof(*watch));
	assert_non_null(watch);
	assert_int_equal(pipe2(watch->pipe, O_CLOEXEC | O_NONBLOCK), 0);
	watch->card = &world->card;
	world->card.open++;
	world->card.watch = watch;
	if (world->card.is_there)
		assert_int_equal(write(watch->pipe[1], "b", 1), 1);
	pthread_mutex_unlock(&world->lock);
	*out = watch;
	return ERR_NONE;
}

static inline int watch_fd(const struct card_watch *watch)
{
	return watch->pipe[0];
}

static inline bool watch_take(
    struct card_watch *watch, unsigned *out_beats, enum seat_reason *out_reason)
{
	char byte;
	ssize_t got;

	while ((got = read(watch->pipe[0], &byte, 1)) == 1)
		(*out_beats)++;
	pthread_mutex_lock(&the_world->lock);
	*out_reason =
	    watch->card->failed ? SEAT_WATCHER_FAILED : SEAT_CARD_REMOVED;
	pthread_mutex_unlock(&the_world->lock);
	return got < 0 && errno == EAGAIN;
}

static inline void watch_stop(struct card_watch *watch)
{
	pthread_mutex_lock(&the_world->lock);
	watch->card->open--;
	if (watch->card->watch == watch)
		watch->card->watch = NULL;
	close(watch->pipe[0]);
	if (watch->pipe[1] >= 0)
		close(watch->pipe[1]);
	free(watch);
	pthread_mutex_unlock(&the_world->lock);
}

static inline bool exists(void *context, const char *session)
{
	struct world *world = context;
	bool found;

	(void)session;
	pthread_mutex_lock(&world->lock);
	found = world->exists;
	pthread_mutex_unlock(&world->lock);
	return found;
}

static inline enum err lock_session(void *context, const char *session)
{
	struct world *world = context;
	enum err err;

	pthread_mutex_lock(&world->lock);
	world->locks++;
	snprintf(world->locked, sizeof(world->locked), "%s", session);
	err = world->answer;
	pthread_mutex_unlock(&world->lock);
	return err;
}

static inline enum err end_session(void *context, const char *session)
{
	struct world *world = context;
	enum err err;

	pthread_mutex_lock(&world->lock);
	world->ends++;
	snprintf(world->ended, sizeof(world->ended), "%s", session);
	err = world->answer;
	pthread_mutex_unlock(&world->lock);
	return err;
}

static inline void told(
    void *context, const struct seat *seat, enum seat_reason reason)
{
	struct world *world = context;

	assert_string_equal(seat->opened.user, "alice");
	pthread_mutex_lock(&world->lock);
	world->told++;
	world->reason = reason;
	pthread_mutex_unlock(&world->lock);
}

static inline void start(struct world *world)
{
	const struct seat_setup setup = {.directory = world->directory,
	    .watcher = {.start = watch_start,
		.fd = watch_fd,
		.take = watch_take,
		.stop = watch_stop,
		.context = world,
		.first_beat_ms = FIRST_BEAT_MS,
		.silence_ms = SILENCE_MS,
		.look_ms = LOOK_MS},
	    .logind = {.exists = exists,
		.lock = lock_session,
		.end = end_session,
		.context = world},
	    .report = {.tell = told, .context = world}};

	assert_int_equal(seats_start(&setup, &world->seats), ERR_NONE);
}

static inline void restart(struct world *world)
{
	seats_stop(world->seats);
	assert_int_equal(world->card.open, 0);
	start(world);
}

static inline int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	snprintf(world->directory, sizeof(world->directory),
	    "/tmp/test-seat-XXXXXX");
	assert_non_null(mkdtemp(world->directory));
	pthread_mutex_init(&world->lock, NULL);
	world->exists = world->card.is_there = true;
	world->card.key = 7;
	the_world = world;
	start(world);
	*state = world;
	return 0;
}

static inline int teardown(void **state)
{
	struct world *world = *state;

	seats_stop(world->seats);
	assert_int_equal(world->card.open, 0);
	(void)state_remove(world->directory, SEAT_FILE);
	assert_int_equal(rmdir(world->directory), 0);
	pthread_mutex_destroy(&world->lock);
	free(world);
	return 0;
}

static inline struct seat seat_of(
    const char *session, enum card_removed removed)
{
	struct seat seat = {.key = {7}, .removed = removed};

	snprintf(seat.session, sizeof(seat.session), "%s", session);
	snprintf(seat.opened.user, sizeof(seat.opened.user), "alice");
	snprintf(seat.opened.service, sizeof(seat.opened.service), "login");
	return seat;
}

static inline enum err bind_as(
    struct world *world, const char *session, enum card_removed removed)
{
	struct seat seat = seat_of(session, removed);

	return seats_bind(world->seats, &seat);
}

/* Reads one number of the world under its lock. */
static inline unsigned count(struct world *world, const unsigned *number)
{
	unsigned value;

	pthread_mutex_lock(&world->lock);
	value = *number;
	pthread_mutex_unlock(&world->lock);
	return value;
}

static inline void wait_until(
    struct world *world, const unsigned *number, unsigned is)
{
	int64_t end_ms = steady_ms() + WAIT_MS;

	while (count(world, number) != is) {
		assert_true(steady_ms() < end_ms);
		(void)poll(NULL, 0, 2);
	}
}

static inline void wait_at_least(
    struct world *world, const unsigned *number, unsigned least)
{
	int64_t end_ms = steady_ms() + WAIT_MS;

	while (count(world, number) < least) {
		assert_true(steady_ms() < end_ms);
		(void)poll(NULL, 0, 2);
	}
}

static inline void beat(struct world *world)
{
	pthread_mutex_lock(&world->lock);
	if (world->card.watch)
		(void)!write(world->card.watch->pipe[1], "b", 1);
	pthread_mutex_unlock(&world->lock);
}

/* Beats for a while; the session must be left alone. */
static inline void beat_for(struct world *world, int ms)
{
	int64_t end_ms = steady_ms() + ms;
	unsigned locks = count(world, &world->locks);

	while (steady_ms() < end_ms) {
		beat(world);
		(void)poll(NULL, 0, 20);
	}
	assert_int_equal(count(world, &world->locks), locks);
}

static inline void end_watcher(struct world *world, bool failed, bool is_there)
{
	pthread_mutex_lock(&world->lock);
	world->card.failed = failed;
	world->card.is_there = is_there;
	if (world->card.watch) {
		close(world->card.watch->pipe[1]);
		world->card.watch->pipe[1] = -1;
	}
	pthread_mutex_unlock(&world->lock);
}

static inline void set(struct world *world, bool *what, bool value)
{
	pthread_mutex_lock(&world->lock);
	*what = value;
	pthread_mutex_unlock(&world->lock);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
