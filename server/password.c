/* SPDX-License-Identifier: Apache-2.0 */
#include "server/password.h"

#include <crypt.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static const char METHOD[] = "$y$"; /* yescrypt, at crypt(3)'s own cost */

/* --- one password --------------------------------------------------------- */

static enum err make_setting(char out[CRYPT_GENSALT_OUTPUT_SIZE])
{
	return crypt_gensalt_rn(
		   METHOD, 0, NULL, 0, out, CRYPT_GENSALT_OUTPUT_SIZE)
		   ? ERR_NONE
		   : ERR_CRYPTO;
}

static bool is_equal(const char *left, const char *right)
{
	struct secret a = {0}, b = {0};
	bool equal = secret_set(&a, left, strlen(left)) == ERR_NONE &&
		     secret_set(&b, right, strlen(right)) == ERR_NONE &&
		     secret_equal(&a, &b);

	secret_wipe(&a);
	secret_wipe(&b);
	return equal;
}

static enum err compute(struct password_work *work, struct crypt_data *data)
{
	char phrase[SECRET_BYTES_MAX + 1] = "";
	char setting[CRYPT_GENSALT_OUTPUT_SIZE] = "";
	bool compares = !work->makes && work->hash[0] != '\0';
	const char *hash = NULL;
	enum err err = compares ? ERR_NONE : make_setting(setting);

	if (err)
		return err;
	memcpy(phrase, work->text.bytes, work->text.length);
	hash = crypt_rn(
	    phrase, compares ? work->hash : setting, data, (int)sizeof(*data));
	secret_wipe_bytes(phrase, sizeof(phrase));
	if (!hash || strlen(hash) >= PASSWORD_HASH_SIZE)
		return ERR_CRYPTO;
	if (work->makes)
		memcpy(work->hash, hash, strlen(hash) + 1);
	else
		work->right = compares && is_equal(hash, work->hash);
	return ERR_NONE;
}

void password_do(struct password_work *work)
{
	struct crypt_data *data = calloc(1, sizeof(*data));

	work->right = false;
	work->err = data ? compute(work, data) : ERR_MEMORY;
	secret_wipe(&work->text);
	if (data)
		secret_wipe_bytes(data, sizeof(*data));
	free(data);
}

/* --- the thread ----------------------------------------------------------- */

struct queue {
	struct password_work *first, *last;
};

struct password_worker {
	/* under lock */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct queue todo, done;
	bool stopping;
	/* the loop's own */
	int waiting;
	struct event *wakeup;
	int wakeup_fd;
	pthread_t thread;
	bool has_thread;
};

static void append(struct queue *queue, struct password_work *work)
{
	work->next = NULL;
	if (queue->last)
		queue->last->next = work;
	else
		queue->first = work;
	queue->last = work;
}

static struct password_work *take(struct queue *queue)
{
	struct password_work *work = queue->first;

	if (!work)
		return NULL;
	queue->first = work->next;
	if (!queue->first)
		queue->last = NULL;
	return work;
}

/* What waits is done also when told to stop. */
static void *work_until_stopped(void *context)
{
	struct password_worker *worker = context;
	const uint64_t one = 1;

	pthread_mutex_lock(&worker->lock);
	for (;;) {
		struct password_work *work = take(&worker->todo);

		if (!work && worker->stopping)
			break;
		if (!work) {
			pthread_cond_wait(&worker->wake, &worker->lock);
			continue;
		}
		pthread_mutex_unlock(&worker->lock);
		password_do(work);
		pthread_mutex_lock(&worker->lock);
		append(&worker->done, work);
		/* Full means that the loop is awake already. */
		if (write(worker->wakeup_fd, &one, sizeof(one)) < 0)
			continue;
	}
	pthread_mutex_unlock(&worker->lock);
	return NULL;
}

static void finish_done(struct password_worker *worker)
{
	struct password_work *work;
	struct queue done;

	pthread_mutex_lock(&worker->lock);
	done = worker->done;
	worker->done = (struct queue){0};
	pthread_mutex_unlock(&worker->lock);
	while ((work = take(&done))) {
		worker->waiting--;
		work->done(work);
	}
}

static void on_wakeup(evutil_socket_t fd, short what, void *context)
{
	uint64_t count = 0;

	(void)what;
	if (read(fd, &count, sizeof(count)) == sizeof(count))
		finish_done(context);
}

/* Signals are the loop's business. */
static enum err start(struct password_worker *worker)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	worker->has_thread = pthread_create(&worker->thread, NULL,
				 work_until_stopped, worker) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return worker->has_thread ? ERR_NONE : ERR_MEMORY;
}

enum err password_worker_new(
    struct event_base *base, struct password_worker **out)
{
	struct password_worker *worker = calloc(1, sizeof(*worker));
	enum err err = ERR_MEMORY;

	if (!worker)
		return ERR_MEMORY;
	pthread_mutex_init(&worker->lock, NULL);
	pthread_cond_init(&worker->wake, NULL);
	worker->wakeup_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (worker->wakeup_fd >= 0)
		worker->wakeup = event_new(base, worker->wakeup_fd,
		    EV_READ | EV_PERSIST, on_wakeup, worker);
	if (worker->wakeup && event_add(worker->wakeup, NULL) == 0)
		err = start(worker);
	if (err) {
		password_worker_free(worker);
		return err;
	}
	*out = worker;
	return ERR_NONE;
}

void password_worker_free(struct password_worker *worker)
{
	if (!worker)
		return;
	if (worker->has_thread) {
		pthread_mutex_lock(&worker->lock);
		worker->stopping = true;
		pthread_cond_signal(&worker->wake);
		pthread_mutex_unlock(&worker->lock);
		pthread_join(worker->thread, NULL);
		finish_done(worker);
	}
	if (worker->wakeup)
		event_free(worker->wakeup);
	if (worker->wakeup_fd >= 0)
		close(worker->wakeup_fd);
	pthread_cond_destroy(&worker->wake);
	pthread_mutex_destroy(&worker->lock);
	free(worker);
}

enum err password_submit(
    struct password_worker *worker, struct password_work *work)
{
	if (!worker || worker->waiting >= PASSWORD_WAITING_MAX)
		return ERR_BUSY;
	worker->waiting++;
	pthread_mutex_lock(&worker->lock);
	append(&worker->todo, work);
	pthread_cond_signal(&worker->wake);
	pthread_mutex_unlock(&worker->lock);
	return ERR_NONE;
}
