/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session that somebody unlocks by his card: who is watched from then on.
 */
#include "tests/unit/seat_world.h"

static void unlock_as(
    struct world *world, const char *session, unsigned char key)
{
	struct seat to = seat_of(session, CARD_REMOVED_LOCK);

	to.key[0] = key;
	snprintf(to.opened.person, sizeof(to.opened.person), "s%d", key);
	pthread_mutex_lock(&world->lock);
	world->card.key = key;
	world->card.refuses = false;
	world->card.is_there = true;
	pthread_mutex_unlock(&world->lock);
	seats_hand_over(world->seats, &to);
}

static void lose_card(struct world *world, unsigned told)
{
	set(world, &world->card.refuses, true);
	end_watcher(world, false, false);
	wait_until(world, &world->told, told);
}

/* A colleague who shares the account unlocks: his card counts from now on. */
static void whoever_unlocks_takes_over(void **state)
{
	struct world *world = *state;
	struct seat seats[SEATS_MAX];
	size_t read_count = 0;

	for (int by_greeter = 0; by_greeter < 2; by_greeter++) {
		const char *session = by_greeter ? "" : "c1";

		if (!by_greeter)
			bind_as(world, "c1", CARD_REMOVED_LOCK);
		wait_until(world, &world->card.open, 1);
		lose_card(world, 1 + 2 * (unsigned)by_greeter);
		unlock_as(world, session, 8 + (unsigned char)by_greeter);
		wait_until(world, &world->card.open, 1);
		beat_for(world, QUIET_MS);
		assert_int_equal(
		    seat_file_read(world->directory, seats, &read_count),
		    ERR_NONE);
		assert_int_equal(read_count, 1);
		assert_int_equal(seats[0].key[0], 8 + by_greeter);
		assert_string_equal(
		    seats[0].opened.person, by_greeter ? "s9" : "s8");
		lose_card(world, 2 + 2 * (unsigned)by_greeter);
		unlock_as(world, "c1", 8 + (unsigned char)by_greeter);
	}
}

/* Also where his card has left before it was ever seen. */
static void who_takes_over_and_leaves_at_once_leaves_it_locked(void **state)
{
	struct world *world = *state;

	bind_as(world, "c1", CARD_REMOVED_LOCK);
	wait_until(world, &world->card.open, 1);
	lose_card(world, 1);
	unlock_as(world, "c1", 8);
	set(world, &world->card.refuses, true);
	end_watcher(world, false, false);
	wait_until(world, &world->told, 2);
}

static void nothing_else_is_taken_over(void **state)
{
	struct world *world = *state;
	struct seat to = seat_of("c1", CARD_REMOVED_LOCK);

	bind_as(world, "c1", CARD_REMOVED_LOCK);
	wait_until(world, &world->card.open, 1);
	beat_for(world, QUIET_MS);
	to.key[0] = 8; /* which no watch may start for */
	snprintf(to.session, sizeof(to.session), "c2");
	seats_hand_over(world->seats, &to);
	to.session[0] = '\0'; /* the card of c1 is there */
	seats_hand_over(world->seats, &to);
	snprintf(to.session, sizeof(to.session), "c1");
	snprintf(to.opened.user, sizeof(to.opened.user), "bob");
	seats_hand_over(world->seats, &to);
	beat_for(world, QUIET_MS);
	assert_int_equal(count(world, &world->card.starts), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(whoever_unlocks_takes_over),
	    TEST(who_takes_over_and_leaves_at_once_leaves_it_locked),
	    TEST(nothing_else_is_taken_over),
	};

	return cmocka_run_group_tests_name("seat_handover", tests, NULL, NULL);
}
