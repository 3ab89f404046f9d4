/* SPDX-License-Identifier: Apache-2.0 */
/* core/clock.c: promise 7, at each of its boundaries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "server/core/clock.h"

enum {
	MARK_S = 1774915200,
	BOOT_S = 5000
};
#define DAY INT64_C(86400)

static const struct {
	const char *what;
	int64_t mark_s, wall_delta_s, boot_delta_s;
	bool same_boot, trusted;
	int64_t now_delta_s;
} rows[] = {
    {"no mark yet", 0, 0, 0, true, true, 0},
    {"same second", MARK_S, 0, 0, true, true, 0},
    {"a minute on", MARK_S, 60, 60, true, true, 60},
    {"five seconds back is the mark", MARK_S, -5, 1, true, true, 0},
    {"six seconds back", MARK_S, -6, 1, true, false, 0},
    {"ten minutes beyond the boot clock", MARK_S, 610, 10, true, true, 610},
    {"one second more", MARK_S, 611, 10, true, false, 0},
    {"a day asleep with the boot clock", MARK_S, DAY, DAY, true, true, DAY},
    {"thirty days across boots", MARK_S, 30 * DAY, -4000, false, true,
	30 * DAY},
    {"one second more across boots", MARK_S, 30 * DAY + 1, -4000, false, false,
	0},
    {"dead battery", MARK_S, 946684800 - MARK_S, -4000, false, false, 0},
    {"boot clock behind what was lent", MARK_S, 0, -600, true, true, 0},
    {"and nothing more is lent", MARK_S, 1, -600, true, false, 0},
    {"boot clock that ran back counts as another boot", MARK_S, DAY, -601, true,
	true, DAY},
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const int64_t base = rows[i].mark_s ? rows[i].mark_s : MARK_S;
		struct clock_reading mark = {rows[i].mark_s, BOOT_S, "boot-a"};
		struct clock_reading reading = {base + rows[i].wall_delta_s,
		    BOOT_S + rows[i].boot_delta_s, "boot-a"};
		struct clock_reading after = mark;
		struct clock_judgement judgement;

		if (!rows[i].same_boot)
			strcpy(reading.boot_id, "boot-b");
		judgement = clock_judge(&mark, &reading, &after);
		if (judgement.trusted != rows[i].trusted)
			fail_msg("row %zu: %s", i, rows[i].what);
		if (!judgement.trusted) {
			assert_memory_equal(&after, &mark, sizeof(mark));
			continue;
		}
		if (judgement.now_s != base + rows[i].now_delta_s ||
		    after.wall_s != judgement.now_s)
			fail_msg("row %zu: %s: now", i, rows[i].what);
	}
}

/* --- any sequence of steps ------------------------------------------------ */

/* A server's life: what the machine really does, what the wall clock says, and
 * the latest moment that may be believed, reckoned from outside. */
struct life {
	struct clock_reading mark, saved;
	int64_t boot_s;   /* real time of this boot */
	int64_t wall_s;   /* whatever the source of time makes of it */
	int64_t latest_s; /* base, time passed since, ten minutes */
	char boot_id[CLOCK_BOOT_ID_SIZE];
	unsigned random;
};

static int64_t pick(struct life *life, int64_t below)
{
	life->random = life->random * 1103515245u + 12345u;
	return (int64_t)(life->random >> 8) % below;
}

static struct life life_new(unsigned seed)
{
	struct life life = {
	    .mark = {MARK_S, BOOT_S, "boot-0"},
	    .saved = {MARK_S, BOOT_S, "boot-0"},
	    .boot_s = BOOT_S,
	    .wall_s = MARK_S,
	    .latest_s = MARK_S + CLOCK_FORWARD_TOLERATED_S,
	    .boot_id = "boot-0",
	    .random = seed,
	};

	return life;
}

static void pass_time(struct life *life, int64_t seconds)
{
	life->boot_s += seconds;
	life->wall_s += seconds;
	life->latest_s += seconds;
}

static struct clock_judgement ask(struct life *life)
{
	struct clock_reading reading = {life->wall_s, life->boot_s, ""};

	strcpy(reading.boot_id, life->boot_id);
	return clock_judge(&life->mark, &reading, &life->mark);
}

/* Steps of every size both ways, waits, standstills; the mark is saved now
 * and then, and after a crash only the time of the last record is left. */
static void disturb(struct life *life)
{
	switch (pick(life, 8)) {
	case 0:
		life->wall_s += pick(life, 700);
		break;
	case 1:
		life->wall_s -= pick(life, 7);
		break;
	case 2: /* the right time again, as an attacker's patience has it */
		life->wall_s = life->mark.wall_s + pick(life, 600);
		break;
	case 3: /* time passes and the wall clock stands */
		life->boot_s += 60;
		life->latest_s += 60;
		break;
	case 4:
		life->saved = life->mark;
		break;
	case 5:
		life->mark = clock_mark_at(&life->saved, life->mark.wall_s);
		break;
	default:
		pass_time(life, pick(life, 90));
	}
}

static void test_no_steps_add_up(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 300; seed++) {
		struct life life = life_new(seed);

		for (int step = 0; step < 500; step++) {
			const struct clock_reading before = life.mark;
			struct clock_judgement judgement;

			disturb(&life);
			judgement = ask(&life);
			assert_true(judgement.now_s >= before.wall_s);
			if (judgement.now_s > life.latest_s)
				fail_msg("seed %u, step %d: %d s too far", seed,
				    step,
				    (int)(judgement.now_s - life.latest_s));
		}
	}
}

/* Nine minutes, again and again. */
static void test_small_steps_forward_do_not_add_up(void **state)
{
	struct life life = life_new(1);

	(void)state;
	life.wall_s += 540;
	assert_true(ask(&life).trusted);
	for (int i = 0; i < 100; i++) {
		pass_time(&life, 10);
		assert_true(ask(&life).trusted);
		life.wall_s += 540;
		assert_false(ask(&life).trusted);
		life.wall_s -= 540;
	}
	/* Only the real time makes up for it. */
	life.boot_s += 3600;
	assert_true(ask(&life).trusted);
	life.wall_s += 600;
	assert_true(ask(&life).trusted);
	life.wall_s += 1;
	assert_false(ask(&life).trusted);
}

/* Corrections to and fro, as an honest source of time makes them. */
static void test_small_corrections_do_not_use_it_up(void **state)
{
	struct life life = life_new(1);

	(void)state;
	for (int day = 0; day < 1000; day++) {
		life.wall_s += 5;
		assert_true(ask(&life).trusted);
		pass_time(&life, 86400);
		assert_true(ask(&life).trusted);
		life.wall_s -= 5;
		assert_true(ask(&life).trusted);
		pass_time(&life, 86400);
		assert_true(ask(&life).trusted);
	}
}

/* Small steps back, or a clock that stands, earn no large one forward. */
static void test_standing_still_earns_nothing(void **state)
{
	struct life life = life_new(1);

	(void)state;
	life.wall_s -= 5;
	for (int i = 0; i < 100; i++) {
		life.boot_s++;
		assert_true(ask(&life).trusted);
	}
	life.wall_s = MARK_S + 601;
	assert_false(ask(&life).trusted);
	life.wall_s = MARK_S + 600;
	assert_true(ask(&life).trusted);
}

/* The thirty days are for the time between two boots, once. */
static void test_a_boot_is_believed_once(void **state)
{
	const int64_t wall_s[] = {MARK_S + 30 * DAY, MARK_S + DAY, MARK_S - 3};

	(void)state;
	for (size_t i = 0; i < sizeof(wall_s) / sizeof(wall_s[0]); i++) {
		struct life life = life_new(1);

		strcpy(life.boot_id, "boot-1");
		life.boot_s = 20;
		life.wall_s = wall_s[i];
		assert_true(ask(&life).trusted);
		life.wall_s = life.mark.wall_s + 601;
		assert_false(ask(&life).trusted);
		life.wall_s = life.mark.wall_s + 600;
		assert_true(ask(&life).trusted);
	}
}

static void test_nonsense_is_not_time(void **state)
{
	struct clock_reading mark = {0};
	struct clock_reading reading = {-1, 5, "boot-a"};

	(void)state;
	assert_false(clock_judge(&mark, &reading, &mark).trusted);
	assert_int_equal(mark.wall_s, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_no_steps_add_up),
	    cmocka_unit_test(test_small_steps_forward_do_not_add_up),
	    cmocka_unit_test(test_small_corrections_do_not_use_it_up),
	    cmocka_unit_test(test_standing_still_earns_nothing),
	    cmocka_unit_test(test_a_boot_is_believed_once),
	    cmocka_unit_test(test_nonsense_is_not_time),
	};

	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
