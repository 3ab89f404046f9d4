/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches over transactions made for the test: a list of numbers that is
 * committed or not, and that notices when two threads touch it at once.
 * Instrument with SAN=thread as well.
 */
#include "server/batch.h"

#include <event2/event.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	NUMBERS_MAX = 65536
};

struct fake {
	atomic_int users; /* threads inside a transaction */
	bool was_shared;
	int numbers[NUMBERS_MAX];
	int count, committed;
	int transactions, commits;
	int begins_to_fail, commits_to_fail;
	int run_us, commit_us;
};

struct test {
	struct event_base *base;
	struct batch *batch;
	struct fake fake;
	int finished[NUMBERS_MAX];
	int finished_count;
	int failed_count;
};

struct number_job {
	struct job job;
	struct test *test;
	int number;
	int runs_to_fail;
	bool resubmit;
	pthread_t ran_on;
	enum err *out_err;
	pthread_t *out_thread;
};

static enum err fake_begin(struct store *store)
{
	struct fake *fake = (struct fake *)store;

	if (atomic_fetch_add(&fake->users, 1) != 0)
		fake->was_shared = true;
	fake->transactions++;
	if (fake->begins_to_fail > 0) {
		fake->begins_to_fail--;
		atomic_fetch_sub(&fake->users, 1);
		return ERR_BUSY;
	}
	return ERR_NONE;
}

static enum err fake_commit(struct store *store)
{
	struct fake *fake = (struct fake *)store;

	if (fake->commits_to_fail > 0) {
		fake->commits_to_fail--;
		return ERR_FULL;
	}
	if (fake->commit_us > 0)
		usleep((useconds_t)fake->commit_us);
	fake->commits++;
	fake->committed = fake->count;
	atomic_fetch_sub(&fake->users, 1);
	return ERR_NONE;
}

static void fake_rollback(struct store *store)
{
	struct fake *fake = (struct fake *)store;

	fake->count = fake->committed;
	atomic_fetch_sub(&fake->users, 1);
}

static const struct batch_transactions transactions = {
    fake_begin, fake_commit, fake_rollback};

static enum err add_number(struct job *job, struct store *store)
{
	struct number_job *number = (struct number_job *)job;
	struct fake *fake = (struct fake *)store;

	number->ran_on = pthread_self();
	if (fake->run_us > 0)
		usleep((useconds_t)fake->run_us);
	fake->numbers[fake->count++] = number->number;
	if (number->runs_to_fail > 0) {
		number->runs_to_fail--;
		return ERR_INVALID;
	}
	return ERR_NONE;
}

static void submit(struct test *test, int number, int runs_to_fail);

static void finish_number(struct job *job, enum err err)
{
	struct number_job *number = (struct number_job *)job;
	struct test *test = number->test;

	if (number->out_err)
		*number->out_err = err;
	if (number->out_thread)
		*number->out_thread = number->ran_on;
	if (err == ERR_NONE)
		test->finished[test->finished_count++] = number->number;
	else
		test->failed_count++;
	if (number->resubmit)
		submit(test, number->number + 1, 0);
	free(number);
}

static struct number_job *number_new(
    struct test *test, int number, int runs_to_fail)
{
	struct number_job *job = calloc(1, sizeof(*job));

	assert_non_null(job);
	job->job.run = add_number;
	job->job.finish = finish_number;
	job->test = test;
	job->number = number;
	job->runs_to_fail = runs_to_fail;
	return job;
}

static void submit(struct test *test, int number, int runs_to_fail)
{
	assert_int_equal(batch_submit(test->batch,
			     &number_new(test, number, runs_to_fail)->job),
	    ERR_NONE);
}

/* As main() turns the loop, until nothing waits. */
static void settle(struct test *test)
{
	batch_kick(test->batch);
	while (batch_health(test->batch).waiting > 0) {
		event_base_loop(test->base, EVLOOP_ONCE);
		batch_kick(test->batch);
	}
}

static int set_up(void **state)
{
	struct test *test = calloc(1, sizeof(*test));

	test->base = event_base_new();
	*state = test;
	return batch_new_over(&transactions, (struct store *)&test->fake,
		   test->base, &test->batch) == ERR_NONE
		   ? 0
		   : -1;
}

static int tear_down(void **state)
{
	struct test *test = *state;

	batch_free(test->batch);
	assert_int_equal(atomic_load(&test->fake.users), 0);
	assert_false(test->fake.was_shared);
	event_base_free(test->base);
	free(test);
	return 0;
}

static void one_runs_on_the_loops_thread(void **state)
{
	struct test *test = *state;
	struct number_job *job = number_new(test, 7, 0);
	enum err err = ERR_IO;
	pthread_t thread;

	job->out_err = &err;
	job->out_thread = &thread;
	assert_int_equal(batch_submit(test->batch, &job->job), ERR_NONE);
	assert_int_equal(test->fake.transactions, 0);
	batch_kick(test->batch);
	assert_int_equal(err, ERR_NONE);
	assert_true(pthread_equal(thread, pthread_self()));
	assert_int_equal(test->fake.committed, 1);
}

static void a_long_one_does_not(void **state)
{
	struct test *test = *state;
	struct number_job *job = number_new(test, 7, 0);
	pthread_t thread = pthread_self();

	job->job.is_long = true;
	job->out_thread = &thread;
	assert_int_equal(batch_submit(test->batch, &job->job), ERR_NONE);
	settle(test);
	assert_int_equal(test->finished_count, 1);
	assert_false(pthread_equal(thread, pthread_self()));
}

static void after_a_slow_commit_nor_does_the_next(void **state)
{
	struct test *test = *state;
	struct number_job *job = number_new(test, 2, 0);
	pthread_t thread = pthread_self();

	test->fake.commit_us = 5000;
	submit(test, 1, 0);
	settle(test);
	assert_true(batch_health(test->batch).last_commit_us >= 5000);
	job->out_thread = &thread;
	assert_int_equal(batch_submit(test->batch, &job->job), ERR_NONE);
	settle(test);
	assert_false(pthread_equal(thread, pthread_self()));
	assert_int_equal(test->finished_count, 2);
}

static void many_share_one_commit_in_order(void **state)
{
	struct test *test = *state;

	for (int i = 0; i < 100; i++)
		submit(test, i, 0);
	settle(test);
	assert_int_equal(test->fake.commits, 1);
	assert_int_equal(test->finished_count, 100);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(test->fake.numbers[i], i);
		assert_int_equal(test->finished[i], i);
	}
}

static void a_transaction_has_a_limit(void **state)
{
	struct test *test = *state;

	for (int i = 0; i < BATCH_JOBS_MAX + 1; i++)
		submit(test, i, 0);
	settle(test);
	assert_int_equal(test->fake.commits, 2);
	assert_int_equal(test->finished_count, BATCH_JOBS_MAX + 1);
}

static void halves_where_commits_are_quick(void **state)
{
	struct test *test = *state;

	test->fake.run_us = 200;
	for (int i = 0; i < 4; i++)
		submit(test, i, 0);
	settle(test);
	assert_int_equal(test->fake.commits, 1);
	for (int i = 4; i < 68; i++)
		submit(test, i, 0);
	settle(test);
	assert_in_range(test->fake.commits, 3, 5);
	assert_int_equal(test->finished_count, 68);
	for (int i = 0; i < 68; i++)
		assert_int_equal(test->finished[i], i);
}

static void no_halves_where_the_disk_is_slow(void **state)
{
	struct test *test = *state;

	test->fake.commit_us = 20000;
	for (int i = 0; i < 4; i++)
		submit(test, i, 0);
	settle(test);
	for (int i = 4; i < 68; i++)
		submit(test, i, 0);
	settle(test);
	assert_int_equal(test->fake.commits, 2);
}

static void one_failure_leaves_the_others(void **state)
{
	struct test *test = *state;

	for (int i = 0; i < 10; i++)
		submit(test, i, i == 4 ? 2 : 0);
	settle(test);
	assert_int_equal(test->failed_count, 1);
	assert_int_equal(test->finished_count, 9);
	assert_int_equal(test->fake.committed, 9);
	for (int i = 0; i < 9; i++)
		assert_int_equal(test->fake.numbers[i], i < 4 ? i : i + 1);
	assert_int_equal(batch_health(test->batch).failures, 2);
}

static void a_failed_batch_is_retried_one_by_one(void **state)
{
	struct test *test = *state;

	test->fake.commits_to_fail = 1;
	for (int i = 0; i < 10; i++)
		submit(test, i, 0);
	settle(test);
	assert_int_equal(test->finished_count, 10);
	assert_int_equal(test->fake.commits, 10);
	assert_int_equal(test->fake.committed, 10);
	assert_false(batch_health(test->batch).last_failed);
}

static void nothing_is_told_without_a_disk(void **state)
{
	struct test *test = *state;
	struct batch_health health;

	test->fake.commits_to_fail = 11;
	for (int i = 0; i < 10; i++)
		submit(test, i, 0);
	settle(test);
	assert_int_equal(test->finished_count, 0);
	assert_int_equal(test->failed_count, 10);
	assert_int_equal(test->fake.count, 0);
	health = batch_health(test->batch);
	assert_true(health.last_failed);
	assert_int_equal(health.last_err, ERR_FULL);
	/* and it goes on when the cause is gone */
	submit(test, 1, 0);
	settle(test);
	assert_int_equal(test->finished_count, 1);
	assert_false(batch_health(test->batch).last_failed);
}

static void a_single_failure_is_not_retried(void **state)
{
	struct test *test = *state;
	struct number_job *job = number_new(test, 1, 1);
	enum err err = ERR_NONE;

	job->out_err = &err;
	assert_int_equal(batch_submit(test->batch, &job->job), ERR_NONE);
	settle(test);
	assert_int_equal(err, ERR_INVALID);
	assert_int_equal(test->fake.transactions, 1);
	assert_int_equal(test->fake.count, 0);
}

static void a_transaction_that_does_not_begin(void **state)
{
	struct test *test = *state;

	test->fake.begins_to_fail = 1;
	submit(test, 1, 0);
	settle(test);
	assert_int_equal(test->failed_count, 1);
	test->fake.begins_to_fail = 3;
	submit(test, 1, 0);
	submit(test, 2, 0);
	settle(test);
	assert_int_equal(test->failed_count, 3);
	assert_int_equal(test->finished_count, 0);
}

static void too_many_are_turned_away(void **state)
{
	struct test *test = *state;
	struct number_job *job = number_new(test, 0, 0);

	for (int i = 0; i < BATCH_WAITING_MAX; i++)
		submit(test, i, 0);
	assert_int_equal(batch_submit(test->batch, &job->job), ERR_BUSY);
	free(job);
	settle(test);
	assert_int_equal(test->finished_count, BATCH_WAITING_MAX);
	assert_int_equal(batch_health(test->batch).waiting, 0);
}

/* finish() may submit; the loop must not fall asleep over it. */
static void finishing_may_submit(void **state)
{
	struct test *test = *state;
	struct number_job *job = number_new(test, 1, 0);

	job->resubmit = true;
	assert_int_equal(batch_submit(test->batch, &job->job), ERR_NONE);
	settle(test);
	assert_int_equal(test->finished_count, 2);
}

static void the_end_finishes_what_waits(void **state)
{
	struct test *test = *state;

	submit(test, 1, 0);
	submit(test, 2, 0);
	batch_kick(test->batch);
	submit(test, 3, 0);
	batch_free(test->batch);
	test->batch = NULL;
	assert_int_equal(test->finished_count, 3);
	assert_int_equal(test->fake.committed, 3);
}

/* Both threads in turns, with failures in between. */
static void under_load_nothing_is_lost(void **state)
{
	struct test *test = *state;
	unsigned int seed = 1;
	int submitted = 0;

	for (int turn = 0; turn < 2000; turn++) {
		int count = rand_r(&seed) % 4;

		test->fake.commits_to_fail = 0;
		for (int i = 0; i < count; i++)
			submit(test, submitted++, rand_r(&seed) % 50 == 0);
		batch_kick(test->batch);
		if (turn % 3 == 0)
			settle(test);
		else
			event_base_loop(test->base, EVLOOP_NONBLOCK);
		if (turn % 3 != 0)
			settle(test);
	}
	settle(test);
	assert_int_equal(test->finished_count + test->failed_count, submitted);
	assert_int_equal(test->fake.committed, test->finished_count);
	for (int i = 1; i < test->fake.committed; i++)
		assert_true(test->fake.numbers[i - 1] < test->fake.numbers[i]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(one_runs_on_the_loops_thread),
	    TEST(a_long_one_does_not),
	    TEST(after_a_slow_commit_nor_does_the_next),
	    TEST(many_share_one_commit_in_order),
	    TEST(a_transaction_has_a_limit),
	    TEST(halves_where_commits_are_quick),
	    TEST(no_halves_where_the_disk_is_slow),
	    TEST(one_failure_leaves_the_others),
	    TEST(a_failed_batch_is_retried_one_by_one),
	    TEST(nothing_is_told_without_a_disk),
	    TEST(a_single_failure_is_not_retried),
	    TEST(a_transaction_that_does_not_begin),
	    TEST(too_many_are_turned_away),
	    TEST(finishing_may_submit),
	    TEST(the_end_finishes_what_waits),
	    TEST(under_load_nothing_is_lost),
	};

	return cmocka_run_group_tests_name("batch", tests, NULL, NULL);
}
