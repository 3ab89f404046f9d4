/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/stop.h"

#include <openssl/crypto.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "pam_module/agent/steady.h"
#include "pam_module/agent/stop_ask.h"
#include "pam_module/agent/stop_sessions.h"
#include "shared/log.h"

enum {
	STACK_BYTES = 262144,
	QUICK_MS = 1000, /* an answer that soon was not waited for */
};

struct stop {
	struct stop_setup setup;
	struct stop_sessions *sessions; /* the asking thread's own */
	pthread_t asking, waiting;
	bool is_asking, is_waiting;
	int wake_fd;          /* of the asking thread */
	pthread_mutex_t lock; /* over what follows */
	pthread_cond_t turn;  /* of the waiting thread */
	bool ending;
	bool must_ask;
	char number[STOP_NUMBER_SIZE]; /* to wait with; empty: ask first */
};

static void wake(struct stop *stop)
{
	(void)eventfd_write(stop->wake_fd, 1);
}

void stop_look(struct stop *stop)
{
	pthread_mutex_lock(&stop->lock);
	stop->must_ask = true;
	pthread_mutex_unlock(&stop->lock);
	wake(stop);
}

/* --- the waiting thread --------------------------------------------------- */

/* Until then, or the end. With the lock. */
static void pause_until(struct stop *stop, int64_t until_ms)
{
	const struct timespec until = {
	    .tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
	int failed = 0;

	while (!stop->ending && failed == 0)
		failed =
		    pthread_cond_timedwait(&stop->turn, &stop->lock, &until);
}

/* False: the end. */
static bool take_number(struct stop *stop, char out[STOP_NUMBER_SIZE])
{
	bool ending;

	pthread_mutex_lock(&stop->lock);
	while (!stop->ending && stop->number[0] == '\0')
		pthread_cond_wait(&stop->turn, &stop->lock);
	memcpy(out, stop->number, STOP_NUMBER_SIZE);
	ending = stop->ending;
	pthread_mutex_unlock(&stop->lock);
	return !ending;
}

/* What was known is to be asked for again. */
static void forget_number(struct stop *stop)
{
	pthread_mutex_lock(&stop->lock);
	stop->number[0] = '\0';
	stop->must_ask = true;
	pthread_mutex_unlock(&stop->lock);
	wake(stop);
}

static void rest(struct stop *stop)
{
	pthread_mutex_lock(&stop->lock);
	pause_until(stop, steady_ms() + STOP_PAUSE_MS);
	pthread_mutex_unlock(&stop->lock);
}

/*
 * A call that ends after a while, with news or without, is followed by the
 * next at once. One that ends at once without news, as of a server that holds
 * none, or that is going, is not.
 */
static void *wait_for_news(void *argument)
{
	struct stop *stop = argument;
	char number[STOP_NUMBER_SIZE];
	bool rested = true;

	while (take_number(stop, number)) {
		int64_t start_ms = steady_ms();
		bool news = false, quick;
		enum err err = stop_wait(&stop->setup.wait, number, &news);

		quick = steady_ms() - start_ms < QUICK_MS;
		if (quick && (err == ERR_NONE ? !news : !rested))
			rest(stop);
		rested = !quick || err == ERR_NONE;
		if (err != ERR_NONE || news)
			forget_number(stop);
		else if (stop_sessions_hold(stop->sessions))
			stop_look(stop);
	}
	OPENSSL_thread_stop();
	return NULL;
}

/* --- the asking thread ---------------------------------------------------- */

/* Terminals are told together, and need not ask together. */
static int64_t spread(int64_t wait_ms)
{
	unsigned int random = 0;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return wait_ms;
	return wait_ms + random % (wait_ms / 4 + 1);
}

static void set_number(struct stop *stop, const char *number)
{
	pthread_mutex_lock(&stop->lock);
	snprintf(stop->number, sizeof(stop->number), "%s", number);
	pthread_cond_signal(&stop->turn);
	pthread_mutex_unlock(&stop->lock);
}

struct asking {
	int64_t again_ms; /* not before, after a failure */
	int64_t retry_ms;
};

static void log_failure(enum err err, const struct asking *asking)
{
	if (asking->retry_ms == STOP_ASK_RETRY_MS)
		log_line(LOG_NOTICE,
		    err == ERR_NOT_FOUND
			? "no logind runs here: no session can be locked"
			: "the server does not say whether anybody is frozen",
		    LOG_TEXT("error", err_text(err)));
}

static void put_off(struct asking *asking, enum err err)
{
	int64_t wait_ms = spread(asking->retry_ms);
	int64_t longest_ms =
	    err == ERR_NOT_FOUND ? STOP_LOOK_MS_MAX : STOP_ASK_RETRY_MS_MAX;

	log_failure(err, asking);
	if (err == ERR_NOT_ALLOWED)
		wait_ms = STOP_REFUSED_MS;
	asking->again_ms = steady_ms() + wait_ms;
	asking->retry_ms *= 2;
	if (asking->retry_ms > longest_ms)
		asking->retry_ms = longest_ms;
}

static bool take_ask(struct stop *stop, const struct asking *asking)
{
	bool must = false;

	pthread_mutex_lock(&stop->lock);
	if (stop->must_ask && steady_ms() >= asking->again_ms) {
		must = true;
		stop->must_ask = false;
	}
	pthread_mutex_unlock(&stop->lock);
	return must;
}

static void ask(struct stop *stop, struct asking *asking)
{
	char number[STOP_NUMBER_SIZE];
	enum err err = stop_sessions_ask(stop->sessions, number);

	if (err == ERR_NONE) {
		asking->again_ms = steady_ms() + STOP_ASK_EVERY_MS;
		asking->retry_ms = STOP_ASK_RETRY_MS;
		set_number(stop, number);
		return;
	}
	put_off(asking, err);
	pthread_mutex_lock(&stop->lock);
	stop->must_ask = true;
	pthread_mutex_unlock(&stop->lock);
}

/* Waits for a word, for other sessions, or until something is due. */
static void wait_for_work(struct stop *stop, const struct asking *asking)
{
	struct pollfd items[2] = {{.fd = stop->wake_fd, .events = POLLIN},
	    {.fd = stop->setup.news_fd(stop->setup.news_context),
		.events = POLLIN}};
	int64_t until_ms = stop_sessions_due_ms(stop->sessions);
	eventfd_t unused;

	pthread_mutex_lock(&stop->lock);
	if (stop->must_ask && asking->again_ms < until_ms)
		until_ms = asking->again_ms;
	pthread_mutex_unlock(&stop->lock);
	(void)poll(items, 2, steady_left_ms(until_ms));
	(void)eventfd_read(stop->wake_fd, &unused);
	if (items[1].revents == 0)
		return;
	stop->setup.seen(stop->setup.news_context);
	if (stop_sessions_are_others(stop->sessions))
		stop_look(stop);
}

static bool is_ending(struct stop *stop)
{
	bool ending;

	pthread_mutex_lock(&stop->lock);
	ending = stop->ending;
	pthread_mutex_unlock(&stop->lock);
	return ending;
}

static void *ask_and_act(void *argument)
{
	struct stop *stop = argument;
	struct asking asking = {.retry_ms = STOP_ASK_RETRY_MS};

	while (!is_ending(stop)) {
		if (stop_sessions_settle(stop->sessions))
			stop_look(stop);
		if (take_ask(stop, &asking))
			ask(stop, &asking);
		stop_sessions_act(stop->sessions);
		wait_for_work(stop, &asking);
	}
	OPENSSL_thread_stop();
	return NULL;
}

/* --- beginning and end ---------------------------------------------------- */

static bool start_thread(
    pthread_t *out, void *(*work)(void *argument), struct stop *stop)
{
	pthread_attr_t attributes;
	int failed;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	failed = pthread_create(out, &attributes, work, stop);
	pthread_attr_destroy(&attributes);
	return failed == 0;
}

static void init(struct stop *stop)
{
	pthread_condattr_t attributes;

	pthread_mutex_init(&stop->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&stop->turn, &attributes);
	pthread_condattr_destroy(&attributes);
}

enum err stop_start(const struct stop_setup *setup, struct stop **out)
{
	struct stop *stop = calloc(1, sizeof(*stop));

	if (!stop)
		return ERR_MEMORY;
	init(stop);
	stop->setup = *setup;
	stop->must_ask = true;
	stop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (stop->wake_fd >= 0 &&
	    stop_sessions_new(&stop->setup, &stop->sessions) == ERR_NONE) {
		stop->is_asking =
		    start_thread(&stop->asking, ask_and_act, stop);
		stop->is_waiting =
		    stop->is_asking &&
		    start_thread(&stop->waiting, wait_for_news, stop);
	}
	if (stop->is_waiting) {
		*out = stop;
		return ERR_NONE;
	}
	stop_end(stop);
	return ERR_MEMORY;
}

void stop_end(struct stop *stop)
{
	if (!stop)
		return;
	pthread_mutex_lock(&stop->lock);
	stop->ending = true;
	pthread_cond_signal(&stop->turn);
	pthread_mutex_unlock(&stop->lock);
	stop->setup.end_wait(stop->setup.end_wait_context);
	if (stop->wake_fd >= 0)
		wake(stop);
	if (stop->is_asking)
		pthread_join(stop->asking, NULL);
	if (stop->is_waiting)
		pthread_join(stop->waiting, NULL);
	stop_sessions_free(stop->sessions);
	if (stop->wake_fd >= 0)
		close(stop->wake_fd);
	pthread_cond_destroy(&stop->turn);
	pthread_mutex_destroy(&stop->lock);
	free(stop);
}
