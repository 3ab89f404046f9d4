/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A watched card: beats while it is there, an end when it leaves, when it was
 * away for a moment, and when the module, the child or the agent's patience
 * ends. With the real sekimori-card and a scripted module.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <poll.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pam_module/agent/card_watch.h"
#include "pam_module/agent/steady.h"
#include "tests/support/card_world.h"

#define ALICE "token alice 1234 3\nobject 01 {}/alice.der {}/alice.pem\n"
#define AWAY "absent {}/away\n"

static struct card_world world;
static unsigned char key[CARD_HASH_BYTES];

static int open_world(void **state)
{
	(void)state;
	card_world_open(&world);
	card_world_make(
	    &world, "alice", &(struct card_made){.algorithm = "P-256"}, key);
	return 0;
}

static int close_world(void **state)
{
	(void)state;
	card_world_close(&world);
	return 0;
}

static void take_out(void)
{
	FILE *file = fopen(card_world_path(&world, "away"), "w");

	assert_non_null(file);
	fclose(file);
}

static void put_back(void)
{
	(void)unlink(card_world_path(&world, "away"));
}

static struct card_watch *start(const char *script)
{
	struct card_watch *watch = NULL;

	put_back();
	card_world_module(&world, "one", script);
	assert_int_equal(card_watch_start(&world.child, key, &watch), ERR_NONE);
	return watch;
}

static void stop(struct card_watch *watch)
{
	card_watch_stop(watch);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

/* False: gone. */
static bool next_beat(struct card_watch *watch, int wait_ms)
{
	struct pollfd item = {.fd = card_watch_fd(watch), .events = POLLIN};
	unsigned beats = 0;

	if (poll(&item, 1, wait_ms) != 1 || !card_watch_take(watch, &beats))
		return false;
	assert_int_equal(beats, 1);
	return true;
}

static void test_beats_while_it_is_there(void **state)
{
	struct card_watch *watch = start(ALICE);
	int64_t start_ms;

	(void)state;
	assert_true(next_beat(watch, CARD_FIND_WAIT_MS));
	start_ms = steady_ms();
	for (int i = 0; i < 3; i++)
		assert_true(next_beat(watch, CARD_WATCH_SILENCE_MS));
	assert_in_range(steady_ms() - start_ms, 2 * CARD_WATCH_BEAT_MS,
	    5 * CARD_WATCH_BEAT_MS);
	assert_true(card_watch_take(watch, NULL));
	stop(watch);
}

static void test_ends_when_it_leaves(void **state)
{
	struct card_watch *watch = start(ALICE AWAY);
	int64_t start_ms;

	(void)state;
	assert_true(next_beat(watch, CARD_FIND_WAIT_MS));
	take_out();
	start_ms = steady_ms();
	while (next_beat(watch, CARD_WATCH_SILENCE_MS))
		;
	assert_in_range(steady_ms() - start_ms, 0, 2 * CARD_WATCH_BEAT_MS);
	assert_true(card_watch_saw_it_leave(watch));
	/* For good. */
	put_back();
	usleep(1000 * CARD_WATCH_BEAT_MS);
	assert_false(card_watch_take(watch, NULL));
	stop(watch);
}

/* In its slot again at the next look, but its session was lost meanwhile. */
static void test_away_for_a_moment_is_gone(void **state)
{
	struct card_watch *watch = start(ALICE "fail C_GetSessionInfo 0xb3\n");

	(void)state;
	assert_false(next_beat(watch, CARD_FIND_WAIT_MS));
	assert_true(card_watch_saw_it_leave(watch));
	stop(watch);
}

static void test_what_is_not_there_never_beats(void **state)
{
	static const char *const scripts[] = {"", "token other 1234 3\n",
	    ALICE "fail C_GetSlotList 0x5\n", ALICE "crash C_GetTokenInfo\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		struct card_watch *watch = start(scripts[i]);

		assert_false(next_beat(watch, CARD_FIND_WAIT_MS));
		assert_false(card_watch_saw_it_leave(watch));
		stop(watch);
	}
}

static void test_a_failing_module_is_gone_but_was_not_seen_to_leave(
    void **state)
{
	static const char *const scripts[] = {ALICE
	    "fail C_GetSessionInfo 0x5\n",
	    ALICE "crash C_GetSessionInfo\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		struct card_watch *watch = start(scripts[i]);

		assert_false(next_beat(watch, CARD_FIND_WAIT_MS));
		assert_false(card_watch_saw_it_leave(watch));
		stop(watch);
	}
}

static void test_a_module_that_hangs_is_silent_and_stopped(void **state)
{
	struct card_watch *watch = start(ALICE "hang C_GetSessionInfo\n");
	int64_t start_ms = steady_ms();

	(void)state;
	assert_false(next_beat(watch, CARD_WATCH_SILENCE_MS));
	assert_in_range(steady_ms() - start_ms, CARD_WATCH_SILENCE_MS - 100,
	    CARD_WATCH_SILENCE_MS + 300);
	start_ms = steady_ms();
	stop(watch);
	assert_in_range(steady_ms() - start_ms, 0, 300);
}

static void test_what_is_no_beat_ends_it(void **state)
{
	const struct card_child liar = {.program = "/bin/cat"};
	struct card_watch *watch = NULL;

	(void)state;
	/* It sends the request back. */
	assert_int_equal(card_watch_start(&liar, key, &watch), ERR_NONE);
	assert_false(next_beat(watch, CARD_FIND_WAIT_MS));
	stop(watch);
}

static void test_no_program(void **state)
{
	const struct card_child none = {.program = "/nonexistent"};
	struct card_watch *watch = NULL;

	(void)state;
	assert_int_equal(card_watch_start(&none, key, &watch), ERR_IO);
	assert_null(watch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_beats_while_it_is_there),
	    cmocka_unit_test(test_ends_when_it_leaves),
	    cmocka_unit_test(test_away_for_a_moment_is_gone),
	    cmocka_unit_test(test_what_is_not_there_never_beats),
	    cmocka_unit_test(
		test_a_failing_module_is_gone_but_was_not_seen_to_leave),
	    cmocka_unit_test(test_a_module_that_hangs_is_silent_and_stopped),
	    cmocka_unit_test(test_what_is_no_beat_ends_it),
	    cmocka_unit_test(test_no_program),
	};

	return cmocka_run_group_tests(tests, open_world, close_world);
}
