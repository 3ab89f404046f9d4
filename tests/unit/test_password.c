/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passwords: what crypt(3) makes is compared right, nobody's takes as long,
 * the thread answers on the loop, a few may wait, and what waits is answered
 * when it stops.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <event2/event.h>
#include <event2/thread.h>

#include "server/password.h"

static struct password_work work_of(
    const char *text, bool makes, const char *hash)
{
	struct password_work work = {.makes = makes};

	assert_int_equal(secret_set(&work.text, text, strlen(text)), ERR_NONE);
	strcpy(work.hash, hash);
	return work;
}

static bool fits(const char *text, const char *hash)
{
	struct password_work work = work_of(text, false, hash);

	password_do(&work);
	assert_int_equal(work.err, ERR_NONE);
	assert_int_equal(work.text.length, 0);
	assert_string_equal(work.hash, hash);
	return work.right;
}

static void made_and_compared(void **state)
{
	struct password_work made = work_of("kiso no asahi", true, "");
	struct password_work again = work_of("kiso no asahi", true, "");

	(void)state;
	password_do(&made);
	password_do(&again);
	assert_int_equal(made.err, ERR_NONE);
	assert_memory_equal(made.hash, "$y$", 3);
	assert_string_not_equal(made.hash, again.hash);
	assert_false(made.right);
	assert_true(fits("kiso no asahi", made.hash));
	assert_true(fits("kiso no asahi", again.hash));
	assert_false(fits("kiso no asah", made.hash));
	assert_false(fits("kiso no asahi ", made.hash));
	assert_false(fits("", made.hash));
	/* Nobody's. */
	assert_false(fits("kiso no asahi", ""));
	assert_false(fits("", ""));
}

static void what_is_no_hash_is_an_error(void **state)
{
	static const char *const rows[] = {"*0", "x", "$y$", "$9$abc$def"};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct password_work work = work_of("password", false, rows[i]);

		password_do(&work);
		assert_false(work.right);
	}
}

/* --- the thread ------------------------------------------------------------
 */

static int done_count, right_count;

static void on_done(struct password_work *work)
{
	done_count++;
	right_count += work->right;
}

static void answered_on_the_loop(void **state)
{
	struct event_base *base = event_base_new();
	struct password_worker *worker = NULL;
	struct password_work made = work_of("right one", true, "");
	struct password_work works[PASSWORD_WAITING_MAX + 1];

	(void)state;
	password_do(&made);
	assert_int_equal(password_worker_new(base, &worker), ERR_NONE);
	for (size_t i = 0; i <= PASSWORD_WAITING_MAX; i++) {
		works[i] = work_of(
		    i % 2 ? "right one" : "wrong one", false, made.hash);
		works[i].done = on_done;
		assert_int_equal(password_submit(worker, &works[i]),
		    i < PASSWORD_WAITING_MAX ? ERR_NONE : ERR_BUSY);
	}
	done_count = right_count = 0;
	while (done_count < PASSWORD_WAITING_MAX)
		assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
	assert_int_equal(right_count, PASSWORD_WAITING_MAX / 2);
	/* There is room again. */
	works[0] = work_of("right one", false, made.hash);
	works[0].done = on_done;
	assert_int_equal(password_submit(worker, &works[0]), ERR_NONE);
	password_worker_free(worker);
	assert_int_equal(done_count, PASSWORD_WAITING_MAX + 1);
	assert_int_equal(right_count, PASSWORD_WAITING_MAX / 2 + 1);
	event_base_free(base);
}

static void after_the_end_it_is_busy(void **state)
{
	struct password_work work = work_of("x", true, "");

	(void)state;
	assert_int_equal(password_submit(NULL, &work), ERR_BUSY);
	password_worker_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(made_and_compared),
	    cmocka_unit_test(what_is_no_hash_is_an_error),
	    cmocka_unit_test(answered_on_the_loop),
	    cmocka_unit_test(after_the_end_it_is_busy),
	};
	int failed;

	evthread_use_pthreads();
	failed = cmocka_run_group_tests_name("password", tests, NULL, NULL);
	libevent_global_shutdown();
	return failed;
}
