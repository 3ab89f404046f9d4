/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of seats: what becomes of a session when its watcher ends, falls
 * silent or never starts, when logind does not listen, and over a restart.
 * Watcher and logind are made here.
 */
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

static enum err watch_start(void *context,
    const unsigned char key[CARD_HASH_BYTES], struct card_watch **out)
{
	struct world *world = context;
	struct card_watch *watch;

	assert_int_equal(key[0], 7);
	pthread_mutex_lock(&world->lock);
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

static int watch_fd(const struct card_watch *watch)
{
	return watch->pipe[0];
}

static bool watch_take(
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

static void watch_stop(struct card_watch *watch)
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

static bool exists(void *context, const char *session)
{
	struct world *world = context;
	bool found;

	(void)session;
	pthread_mutex_lock(&world->lock);
	found = world->exists;
	pthread_mutex_unlock(&world->lock);
	return found;
}

static enum err lock_session(void *context, const char *session)
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

static enum err end_session(void *context, const char *session)
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

static void told(
    void *context, const struct seat *seat, enum seat_reason reason)
{
	struct world *world = context;

	assert_string_equal(seat->opened.user, "alice");
	pthread_mutex_lock(&world->lock);
	world->told++;
	world->reason = reason;
	pthread_mutex_unlock(&world->lock);
}

static void start(struct world *world)
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

static void restart(struct world *world)
{
	seats_stop(world->seats);
	assert_int_equal(world->card.open, 0);
	start(world);
}

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	snprintf(world->directory, sizeof(world->directory),
	    "/tmp/test-seat-XXXXXX");
	assert_non_null(mkdtemp(world->directory));
	pthread_mutex_init(&world->lock, NULL);
	world->exists = world->card.is_there = true;
	the_world = world;
	start(world);
	*state = world;
	return 0;
}

static int teardown(void **state)
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

static struct seat seat_of(const char *session, enum card_removed removed)
{
	struct seat seat = {.key = {7}, .removed = removed};

	snprintf(seat.session, sizeof(seat.session), "%s", session);
	snprintf(seat.opened.user, sizeof(seat.opened.user), "alice");
	snprintf(seat.opened.service, sizeof(seat.opened.service), "login");
	return seat;
}

static enum err bind_as(
    struct world *world, const char *session, enum card_removed removed)
{
	struct seat seat = seat_of(session, removed);

	return seats_bind(world->seats, &seat);
}

/* Reads one number of the world under its lock. */
static unsigned count(struct world *world, const unsigned *number)
{
	unsigned value;

	pthread_mutex_lock(&world->lock);
	value = *number;
	pthread_mutex_unlock(&world->lock);
	return value;
}

static void wait_until(struct world *world, const unsigned *number, unsigned is)
{
	int64_t end_ms = steady_ms() + WAIT_MS;

	while (count(world, number) != is) {
		assert_true(steady_ms() < end_ms);
		(void)poll(NULL, 0, 2);
	}
}

static void wait_at_least(
    struct world *world, const unsigned *number, unsigned least)
{
	int64_t end_ms = steady_ms() + WAIT_MS;

	while (count(world, number) < least) {
		assert_true(steady_ms() < end_ms);
		(void)poll(NULL, 0, 2);
	}
}

static void beat(struct world *world)
{
	pthread_mutex_lock(&world->lock);
	if (world->card.watch)
		(void)!write(world->card.watch->pipe[1], "b", 1);
	pthread_mutex_unlock(&world->lock);
}

/* Beats for a while; the session must be left alone. */
static void beat_for(struct world *world, int ms)
{
	int64_t end_ms = steady_ms() + ms;
	unsigned locks = count(world, &world->locks);

	while (steady_ms() < end_ms) {
		beat(world);
		(void)poll(NULL, 0, 20);
	}
	assert_int_equal(count(world, &world->locks), locks);
}

static void end_watcher(struct world *world, bool failed, bool is_there)
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

static void set(struct world *world, bool *what, bool value)
{
	pthread_mutex_lock(&world->lock);
	*what = value;
	pthread_mutex_unlock(&world->lock);
}

static void the_card_s_leaving_locks(void **state)
{
	struct world *world = *state;
	int64_t start_ms;

	assert_int_equal(bind_as(world, "c1", CARD_REMOVED_LOCK), ERR_NONE);
	wait_until(world, &world->card.open, 1);
	beat_for(world, QUIET_MS * 2);
	start_ms = steady_ms();
	end_watcher(world, false, false);
	wait_until(world, &world->told, 1);
	assert_true(steady_ms() - start_ms < 100);
	assert_string_equal(world->locked, "c1");
	assert_int_equal(world->reason, SEAT_CARD_REMOVED);
	(void)poll(NULL, 0, QUIET_MS);
	assert_int_equal(count(world, &world->locks), 1);
	assert_int_equal(count(world, &world->ends), 0);
}

static void a_watcher_that_fails_locks(void **state)
{
	struct world *world = *state;

	bind_as(world, "c1", CARD_REMOVED_LOCK);
	wait_until(world, &world->card.open, 1);
	beat(world);
	end_watcher(world, true, false);
	wait_until(world, &world->told, 1);
	assert_int_equal(world->reason, SEAT_WATCHER_FAILED);
}

static void a_watcher_that_falls_silent_locks(void **state)
{
	struct world *world = *state;

	bind_as(world, "c1", CARD_REMOVED_LOCK);
	wait_until(world, &world->card.open, 1);
	beat_for(world, QUIET_MS);
	set(world, &world->card.is_there, false);
	wait_until(world, &world->told, 1);
	assert_int_equal(world->reason, SEAT_WATCHER_FAILED);
	wait_until(world, &world->locks, 1);
}

static void a_watcher_that_never_beats_locks(void **state)
{
	struct world *world = *state;

	set(world, &world->card.is_there, false);
	bind_as(world, "c1", CARD_REMOVED_LOCK);
	wait_until(world, &world->told, 1);
	assert_int_equal(world->reason, SEAT_WATCHER_FAILED);
}

static void a_watcher_that_does_not_start_locks(void **state)
{
	struct world *world = *state;

	set(world, &world->card.refuses, true);
	bind_as(world, "c1", CARD_REMOVED_LOCK);
	wait_until(world, &world->told, 1);
	assert_int_equal(world->reason, SEAT_WATCHER_FAILED);
	assert_int_equal(world->locks, 1);
}

static void what_logind_refuses_is_tried_until_it_is_done(void **state)
{
	struct world *world = *state;

	world->answer = ERR_NOT_ALLOWED;
	bind_as(world, "c1", CARD_REMOVED_LOCK);
	wait_until(world, &world->card.open, 1);
	end_watcher(world, false, false);
	wait_at_least(world, &world->locks, 3);
	assert_int_equal(count(world, &world->told), 0);
	pthread_mutex_lock(&world->lock);
	world->answer = ERR_NONE;
	pthread_mutex_unlock(&world->lock);
	wait_until(world, &world->told, 1);
}

static void what_is_gone_is_not_locked(void **state)
{
	struct world *world = *state;

	world->answer = ERR_NOT_FOUND;
	bind_as(world, "c1", CARD_REMOVED_LOCK);
	wait_until(world, &world->card.open, 1);
	end_watcher(world, false, false);
	wait_until(world, &world->locks, 1);
	(void)poll(NULL, 0, QUIET_MS);
	assert_int_equal(count(world, &world->told), 0);
	assert_false(seats_watch(world->seats, "c1"));
	assert_false(state_has(world->directory, SEAT_FILE));
}

static void a_session_that_ends_is_no_longer_watched(void **state)
{
	struct world *world = *state;
	int64_t end_ms = steady_ms() + WAIT_MS;

	bind_as(world, "c1", CARD_REMOVED_LOCK);
	wait_until(world, &world->card.open, 1);
	set(world, &world->exists, false);
	while (seats_watch(world->seats, "c1")) {
		assert_true(steady_ms() < end_ms);
		beat(world);
		(void)poll(NULL, 0, 20);
	}
	assert_int_equal(count(world, &world->locks), 0);
	assert_int_equal(count(world, &world->card.open), 0);
}

static void a_session_that_is_closed_is_no_longer_watched(void **state)
{
	struct world *world = *state;

	bind_as(world, "c1", CARD_REMOVED_LOCK);
	wait_until(world, &world->card.open, 1);
	seats_release(world->seats, "another");
	seats_release(world->seats, "c1");
	wait_until(world, &world->card.open, 0);
	assert_false(seats_watch(world->seats, "c1"));
	assert_int_equal(count(world, &world->locks), 0);
}

static void the_first_binds_and_nobody_after_it(void **state)
{
	struct world *world = *state;

	assert_int_equal(bind_as(world, "c1", CARD_REMOVED_LOGOUT), ERR_NONE);
	assert_int_equal(bind_as(world, "c1", CARD_REMOVED_LOCK), ERR_EXISTS);
	wait_until(world, &world->card.open, 1);
	end_watcher(world, false, false);
	wait_at_least(world, &world->ends, 1);
	assert_int_equal(count(world, &world->locks), 0);
}

static void a_session_to_be_ended_is_ended_until_it_is_gone(void **state)
{
	struct world *world = *state;

	bind_as(world, "c1", CARD_REMOVED_LOGOUT);
	wait_until(world, &world->card.open, 1);
	end_watcher(world, false, false);
	wait_at_least(world, &world->ends, 3);
	assert_int_equal(count(world, &world->told), 1);
	assert_int_equal(world->reason, SEAT_CARD_REMOVED);
	set(world, &world->exists, false);
	(void)poll(NULL, 0, SEAT_GONE_MS + QUIET_MS);
	assert_false(seats_watch(world->seats, "c1"));
	assert_int_equal(count(world, &world->locks), 0);
}

static void the_card_that_comes_back_is_watched_again(void **state)
{
	struct world *world = *state;

	bind_as(world, "c1", CARD_REMOVED_LOCK);
	wait_until(world, &world->card.open, 1);
	end_watcher(world, false, false);
	wait_until(world, &world->told, 1);
	/* Looks that find nothing change nothing. */
	wait_at_least(world, &world->card.starts, 3);
	assert_int_equal(count(world, &world->locks), 1);
	set(world, &world->card.is_there, true);
	wait_at_least(
	    world, &world->card.starts, count(world, &world->card.starts) + 1);
	beat_for(world, QUIET_MS);
	end_watcher(world, false, false);
	wait_until(world, &world->told, 2);
	assert_int_equal(count(world, &world->locks), 2);
}

static void whoever_proves_to_hold_the_card_is_watched_at_once(void **state)
{
	struct world *world = *state;
	const unsigned char key[CARD_HASH_BYTES] = {7};
	const unsigned char other[CARD_HASH_BYTES] = {8};
	unsigned starts;

	bind_as(world, "c1", CARD_REMOVED_LOCK);
	wait_until(world, &world->card.open, 1);
	set(world, &world->card.refuses, true);
	end_watcher(world, false, false);
	wait_until(world, &world->told, 1);
	starts = count(world, &world->card.starts);
	seats_look(world->seats, other);
	(void)poll(NULL, 0, LOOK_MS / 2);
	assert_int_equal(count(world, &world->card.starts), starts);
	seats_look(world->seats, key);
	(void)poll(NULL, 0, LOOK_MS / 4);
	assert_int_equal(count(world, &world->card.starts), starts + 1);
}

static void seats_outlive_a_restart(void **state)
{
	struct world *world = *state;

	bind_as(world, "c1", CARD_REMOVED_LOCK);
	wait_until(world, &world->card.open, 1);
	restart(world);
	wait_until(world, &world->card.open, 1);
	assert_int_equal(bind_as(world, "c1", CARD_REMOVED_LOCK), ERR_EXISTS);
	beat_for(world, QUIET_MS);
	end_watcher(world, false, false);
	wait_until(world, &world->told, 1);
	assert_string_equal(world->locked, "c1");
}

static void a_card_that_left_during_a_restart_locks(void **state)
{
	struct world *world = *state;

	bind_as(world, "c1", CARD_REMOVED_LOCK);
	wait_until(world, &world->card.open, 1);
	world->card.is_there = false;
	world->card.refuses = true;
	restart(world);
	wait_until(world, &world->told, 1);
	assert_int_equal(count(world, &world->locks), 1);
}

static void what_was_locked_before_a_restart_is_not_locked_by_it(void **state)
{
	struct world *world = *state;

	bind_as(world, "c1", CARD_REMOVED_LOCK);
	wait_until(world, &world->card.open, 1);
	end_watcher(world, false, false);
	wait_until(world, &world->told, 1);
	(void)poll(NULL, 0, LOOK_MS / 2);
	set(world, &world->card.refuses, true);
	restart(world);
	(void)poll(NULL, 0, QUIET_MS);
	assert_int_equal(count(world, &world->locks), 1);
	assert_true(seats_watch(world->seats, "c1"));
}

/* Whoever opens many sessions leaves room for those of others. */
static void more_than_there_is_room_for_are_refused(void **state)
{
	struct world *world = *state;
	struct seat seat = seat_of("", CARD_REMOVED_LOCK);

	for (int i = 0; i < SEATS_MAX + SEATS_MAX / SEATS_CARD_MAX; i++) {
		snprintf(seat.session, sizeof(seat.session), "c%d", i);
		seat.key[1] = (unsigned char)(i / (SEATS_CARD_MAX + 1));
		assert_int_equal(seats_bind(world->seats, &seat) == ERR_FULL,
		    i % (SEATS_CARD_MAX + 1) == SEATS_CARD_MAX);
	}
	seat.key[1] = 99;
	assert_int_equal(seats_bind(world->seats, &seat), ERR_FULL);
	wait_until(world, &world->card.open, SEATS_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(the_card_s_leaving_locks),
	    TEST(a_watcher_that_fails_locks),
	    TEST(a_watcher_that_falls_silent_locks),
	    TEST(a_watcher_that_never_beats_locks),
	    TEST(a_watcher_that_does_not_start_locks),
	    TEST(what_logind_refuses_is_tried_until_it_is_done),
	    TEST(what_is_gone_is_not_locked),
	    TEST(a_session_that_ends_is_no_longer_watched),
	    TEST(a_session_that_is_closed_is_no_longer_watched),
	    TEST(the_first_binds_and_nobody_after_it),
	    TEST(a_session_to_be_ended_is_ended_until_it_is_gone),
	    TEST(the_card_that_comes_back_is_watched_again),
	    TEST(whoever_proves_to_hold_the_card_is_watched_at_once),
	    TEST(seats_outlive_a_restart),
	    TEST(a_card_that_left_during_a_restart_locks),
	    TEST(what_was_locked_before_a_restart_is_not_locked_by_it),
	    TEST(more_than_there_is_room_for_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
