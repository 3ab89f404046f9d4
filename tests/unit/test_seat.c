/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of seats: what becomes of a session when its watcher ends, falls
 * silent or never starts, when logind does not listen, and over a restart.
 * Watcher and logind are made here.
 */
#include "tests/unit/seat_world.h"

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
