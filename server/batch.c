/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which thread holds the store, and for which jobs. The store goes from one
 * thread to the other only through the lock: the loop uses it while nothing is
 * handed over, the committer while something is. Must not know what a job
 * does.
 */
#include "server/batch.h"

#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "server/store/store.h"

enum {
	/* A commit slower than this would hold up the network. */
	INLINE_COMMIT_US_MAX = 2000,
	/* Fewer than these are not worth a commit of their own. */
	SHARE_JOBS_MIN = 16,
};

struct job_queue {
	struct job *first, *last;
	long count;
};

struct batch {
	struct store *store;
	const struct batch_transactions *transactions;
	/* the loop's own */
	struct job_queue gathered;
	long handed_over; /* jobs the committer has, finished or not */
	struct event *wakeup;
	int wakeup_fd; /* the committer writes, the loop reads */
	atomic_long waiting;
	/* shared, under lock */
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct job_queue todo, done;
	bool stopping;
	bool commits_fast; /* the last one took less than its jobs */
	struct batch_health health;
	/* threads */
	pthread_t committer;
	bool has_committer;
};

static const struct batch_transactions store_transactions = {
    .begin = store_begin,
    .commit = store_commit,
    .rollback = store_rollback,
};

static void queue_append(struct job_queue *queue, struct job *job)
{
	job->next = NULL;
	if (queue->last)
		queue->last->next = job;
	else
		queue->first = job;
	queue->last = job;
	queue->count++;
}

static struct job *queue_take(struct job_queue *queue)
{
	struct job *job = queue->first;

	if (!job)
		return NULL;
	queue->first = job->next;
	if (!queue->first)
		queue->last = NULL;
	queue->count--;
	job->next = NULL;
	return job;
}

/* Moves up to count jobs, in order. */
static void queue_move(struct job_queue *from, struct job_queue *to, long count)
{
	struct job *job = NULL;

	while (count-- > 0 && (job = queue_take(from)))
		queue_append(to, job);
}

static int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* --- transactions: on whichever thread holds the store --- */

static void note_outcome(struct batch *batch, enum err err, long jobs,
    int64_t jobs_us, int64_t commit_us)
{
	struct batch_health *health = &batch->health;

	pthread_mutex_lock(&batch->lock);
	health->last_failed = err != ERR_NONE;
	health->last_err = err;
	if (err != ERR_NONE) {
		health->failures++;
	} else {
		health->commits++;
		health->jobs += (unsigned long long)jobs;
		health->last_commit_us = commit_us;
		batch->commits_fast = commit_us < jobs_us;
	}
	pthread_mutex_unlock(&batch->lock);
}

/* All jobs in one transaction, or none. */
static enum err commit_together(
    struct batch *batch, const struct job_queue *jobs)
{
	const struct batch_transactions *transactions = batch->transactions;
	int64_t start_us = now_us(), commit_us = start_us;
	enum err err = transactions->begin(batch->store);

	if (err != ERR_NONE)
		goto out;
	for (struct job *job = jobs->first; job; job = job->next) {
		err = job->run(job, batch->store);
		if (err != ERR_NONE)
			break;
	}
	if (err == ERR_NONE) {
		commit_us = now_us();
		err = transactions->commit(batch->store);
	}
	if (err != ERR_NONE)
		transactions->rollback(batch->store);
out:
	note_outcome(batch, err, jobs->count, commit_us - start_us,
	    now_us() - commit_us);
	return err;
}

/* One that fails must not take the others down with it. */
static void commit_each(struct batch *batch, struct job_queue *jobs)
{
	struct job_queue tried = {0};
	struct job *job = NULL;

	while ((job = queue_take(jobs))) {
		struct job_queue alone = {job, job, 1};

		job->err = commit_together(batch, &alone);
		queue_append(&tried, job);
	}
	*jobs = tried;
}

static void run_jobs(struct batch *batch, struct job_queue *jobs)
{
	enum err err = commit_together(batch, jobs);

	for (struct job *job = jobs->first; job; job = job->next)
		job->err = err;
	if (err != ERR_NONE && jobs->count > 1)
		commit_each(batch, jobs);
}

/* --- the committer --- */

/*
 * How many jobs to take. All that wait, where the disk is what takes time.
 * Otherwise no more than half of those under way, so that the loop replies to
 * one half while the other is decided; taken together they would come back
 * together, and each thread would wait for the other.
 */
static long share(struct batch *batch)
{
	long half = (atomic_load(&batch->waiting) + 1) / 2;

	if (!batch->commits_fast || half > BATCH_JOBS_MAX)
		return BATCH_JOBS_MAX;
	return half < SHARE_JOBS_MIN ? SHARE_JOBS_MIN : half;
}

/* Waits for jobs; false when there will be none. */
static bool take_todo(struct batch *batch, struct job_queue *out)
{
	pthread_mutex_lock(&batch->lock);
	while (batch->todo.count == 0 && !batch->stopping)
		pthread_cond_wait(&batch->work, &batch->lock);
	queue_move(&batch->todo, out, share(batch));
	pthread_mutex_unlock(&batch->lock);
	return out->count > 0;
}

static void hand_back(struct batch *batch, struct job_queue *jobs)
{
	const uint64_t one = 1;

	pthread_mutex_lock(&batch->lock);
	queue_move(jobs, &batch->done, jobs->count);
	pthread_mutex_unlock(&batch->lock);
	/* It fails only while the counter is not zero: then the loop wakes
	 * anyway. */
	if (write(batch->wakeup_fd, &one, sizeof(one)) < 0)
		return;
}

static void *commit_until_stopped(void *context)
{
	struct batch *batch = context;
	struct job_queue jobs = {0};

	while (take_todo(batch, &jobs)) {
		run_jobs(batch, &jobs);
		hand_back(batch, &jobs);
		jobs = (struct job_queue){0};
	}
	return NULL;
}

/* --- the loop's thread --- */

static void finish_jobs(struct batch *batch, struct job_queue *jobs)
{
	struct job *job = NULL;

	while ((job = queue_take(jobs))) {
		atomic_fetch_sub(&batch->waiting, 1);
		job->finish(job, job->err);
	}
}

static void finish_done(struct batch *batch)
{
	struct job_queue done = {0};

	pthread_mutex_lock(&batch->lock);
	queue_move(&batch->done, &done, batch->done.count);
	pthread_mutex_unlock(&batch->lock);
	batch->handed_over -= done.count;
	finish_jobs(batch, &done);
}

static void on_wakeup(evutil_socket_t fd, short what, void *context)
{
	uint64_t count = 0;

	(void)what;
	if (read(fd, &count, sizeof(count)) == sizeof(count))
		finish_done(context);
}

static void hand_over(struct batch *batch)
{
	batch->handed_over += batch->gathered.count;
	pthread_mutex_lock(&batch->lock);
	queue_move(&batch->gathered, &batch->todo, batch->gathered.count);
	pthread_cond_signal(&batch->work);
	pthread_mutex_unlock(&batch->lock);
}

static bool may_run_here(struct batch *batch)
{
	return batch->gathered.count == 1 && batch->handed_over == 0 &&
	       !batch->gathered.first->is_long &&
	       batch_health(batch).last_commit_us < INLINE_COMMIT_US_MAX;
}

static void run_here(struct batch *batch)
{
	struct job_queue jobs = {0};

	queue_move(&batch->gathered, &jobs, batch->gathered.count);
	run_jobs(batch, &jobs);
	finish_jobs(batch, &jobs);
}

bool batch_kick(struct batch *batch)
{
	bool here = batch->gathered.count > 0 && may_run_here(batch);

	if (batch->gathered.count == 0)
		return false;
	if (here)
		run_here(batch);
	else
		hand_over(batch);
	/* What a finished job submitted must not wait for the network. */
	if (batch->gathered.count > 0)
		event_active(batch->wakeup, EV_READ, 0);
	return here;
}

enum err batch_submit(struct batch *batch, struct job *job)
{
	if (atomic_load(&batch->waiting) >= BATCH_WAITING_MAX)
		return ERR_BUSY;
	atomic_fetch_add(&batch->waiting, 1);
	queue_append(&batch->gathered, job);
	return ERR_NONE;
}

struct batch_health batch_health(struct batch *batch)
{
	struct batch_health health;

	pthread_mutex_lock(&batch->lock);
	health = batch->health;
	pthread_mutex_unlock(&batch->lock);
	health.waiting = atomic_load(&batch->waiting);
	return health;
}

/* --- beginning and end --- */

/* Signals are the loop's business. */
static enum err start_committer(struct batch *batch)
{
	sigset_t all, before;
	int failed = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	failed = pthread_create(
	    &batch->committer, NULL, commit_until_stopped, batch);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	batch->has_committer = failed == 0;
	return failed ? ERR_MEMORY : ERR_NONE;
}

static void stop_committer(struct batch *batch)
{
	if (!batch->has_committer)
		return;
	pthread_mutex_lock(&batch->lock);
	batch->stopping = true;
	pthread_cond_signal(&batch->work);
	pthread_mutex_unlock(&batch->lock);
	pthread_join(batch->committer, NULL);
	batch->has_committer = false;
}

void batch_free(struct batch *batch)
{
	if (!batch)
		return;
	stop_committer(batch);
	finish_done(batch);
	/* Also what finishing the others submits. */
	while (batch->gathered.count > 0)
		run_here(batch);
	if (batch->wakeup)
		event_free(batch->wakeup);
	if (batch->wakeup_fd >= 0)
		close(batch->wakeup_fd);
	pthread_cond_destroy(&batch->work);
	pthread_mutex_destroy(&batch->lock);
	free(batch);
}

enum err batch_new_over(const struct batch_transactions *transactions,
    struct store *store, struct event_base *base, struct batch **out)
{
	struct batch *batch = calloc(1, sizeof(*batch));
	enum err err = ERR_MEMORY;

	if (!batch)
		return ERR_MEMORY;
	batch->store = store;
	batch->transactions = transactions;
	pthread_mutex_init(&batch->lock, NULL);
	pthread_cond_init(&batch->work, NULL);
	batch->wakeup_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (batch->wakeup_fd < 0)
		goto out;
	batch->wakeup = event_new(
	    base, batch->wakeup_fd, EV_READ | EV_PERSIST, on_wakeup, batch);
	if (!batch->wakeup || event_add(batch->wakeup, NULL) != 0)
		goto out;
	err = start_committer(batch);
	if (err != ERR_NONE)
		goto out;
	*out = batch;
	batch = NULL;
out:
	batch_free(batch);
	return err;
}

enum err batch_new(
    struct store *store, struct event_base *base, struct batch **out)
{
	return batch_new_over(&store_transactions, store, base, out);
}
