/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "pam_module/agent/steady.h"
#include "shared/log.h"

enum {
	BACKLOG = 512,
	EVICT_WAIT_MS = 200,
	STACK_BYTES = 262144,
	/* A thread may be waiting for a server. */
	END_WAIT_MS = 5000,
	PAUSE_MS = 50, /* when the system is out of descriptors */
	/* Threads that wait for their turn rather than end: to start one takes
	 * a login longer than to wake one. */
	WAITING_MAX = 3,
};

_Static_assert((int)LOGIN_PLACES_MAX == (int)LISTENER_CONNECTIONS_MAX,
    "a login has a connection");

static enum err address_of(const char *path, struct sockaddr_un *out)
{
	*out = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(out->sun_path))
		return ERR_TOO_LONG;
	memcpy(out->sun_path, path, strlen(path) + 1);
	return ERR_NONE;
}

/* Nothing there, or a socket on which nobody listens any more. */
static enum err check_vacant(const char *path)
{
	struct sockaddr_un address;
	struct stat status;
	bool refused;
	int fd;
	enum err err = address_of(path, &address);

	if (err != ERR_NONE)
		return err;
	if (lstat(path, &status) != 0)
		return errno == ENOENT ? ERR_NONE : ERR_IO;
	if (!S_ISSOCK(status.st_mode))
		return ERR_EXISTS;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return ERR_IO;
	refused = connect(fd, (const struct sockaddr *)&address,
		      sizeof(address)) != 0 &&
		  errno == ECONNREFUSED;
	close(fd);
	return refused ? ERR_NONE : ERR_EXISTS;
}

/* Bound beside and renamed: a module never meets a socket that does not
 * listen yet or has another mode. */
enum err listener_bind(const char *path, int *out)
{
	struct sockaddr_un address;
	char beside[sizeof(address.sun_path)];
	int fd = -1;
	enum err err = check_vacant(path);

	if (err != ERR_NONE)
		return err;
	if (snprintf(beside, sizeof(beside), "%s.new", path) >=
	    (int)sizeof(beside))
		return ERR_TOO_LONG;
	err = address_of(beside, &address);
	if (err != ERR_NONE)
		return err;
	(void)unlink(beside);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return ERR_IO;
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
	    chmod(beside, 0666) != 0 || listen(fd, BACKLOG) != 0 ||
	    rename(beside, path) != 0) {
		(void)unlink(beside);
		close(fd);
		return ERR_IO;
	}
	*out = fd;
	return ERR_NONE;
}

struct slot {
	struct listener *listener;
	struct caller caller;
	bool used;
	atomic_bool begun; /* it has sent a frame */
	uint64_t serial;   /* the lower the older */
	int socket;
};

/*
 * Threads take turns: one accepts, hands its turn to another and serves what
 * came itself, so that a login is not passed from thread to thread.
 */
struct listener {
	struct serve *serve;
	int socket, stop_fd;
	pthread_attr_t thread_attributes;
	pthread_mutex_t lock; /* over all below */
	pthread_cond_t ended; /* a connection or a thread */
	pthread_cond_t turn;  /* is free, or there will be none */
	bool stopping;
	bool taken;     /* the turn: a thread accepts */
	size_t threads; /* all there are */
	size_t waiting; /* of these, for the turn */
	size_t count;   /* slots used */
	uint64_t accepted;
	struct slot slots[LISTENER_CONNECTIONS_MAX];
};

static bool has_room(struct listener *listener, const struct caller *caller)
{
	size_t users = 0, same = 0;

	if (listener->count == LISTENER_CONNECTIONS_MAX)
		return false;
	if (caller->is_root)
		return true;
	for (size_t i = 0; i < LISTENER_CONNECTIONS_MAX; i++) {
		const struct slot *slot = &listener->slots[i];

		users += slot->used && !slot->caller.is_root;
		same += slot->used && slot->caller.uid == caller->uid;
	}
	return users < LISTENER_USERS_MAX && same < LISTENER_USER_MAX;
}

static struct timespec after_ms(int64_t wait_ms)
{
	int64_t at_ms = steady_ms() + wait_ms;

	return (struct timespec){
	    .tv_sec = at_ms / 1000, .tv_nsec = at_ms % 1000 * 1000000};
}

/* Who connects and says nothing gives way to root's next login, the oldest
 * first. */
static void evict_silent(struct listener *listener)
{
	const struct timespec until = after_ms(EVICT_WAIT_MS);
	struct slot *oldest = NULL;
	int failed = 0;

	for (size_t i = 0; i < LISTENER_CONNECTIONS_MAX; i++) {
		struct slot *slot = &listener->slots[i];

		if (slot->used && !atomic_load(&slot->begun) &&
		    (!oldest || slot->serial < oldest->serial))
			oldest = slot;
	}
	if (!oldest)
		return;
	(void)shutdown(oldest->socket, SHUT_RDWR);
	while (listener->count == LISTENER_CONNECTIONS_MAX && failed == 0)
		failed = pthread_cond_timedwait(
		    &listener->ended, &listener->lock, &until);
}

static struct slot *take_slot(
    struct listener *listener, const struct caller *caller, int socket)
{
	struct slot *slot = NULL;

	pthread_mutex_lock(&listener->lock);
	if (caller->is_root && !has_room(listener, caller))
		evict_silent(listener);
	if (has_room(listener, caller))
		for (slot = listener->slots; slot->used;)
			slot++;
	if (slot) {
		slot->listener = listener;
		slot->caller = *caller;
		slot->used = true;
		slot->serial = listener->accepted++;
		slot->socket = socket;
		atomic_store(&slot->begun, false);
		listener->count++;
	}
	pthread_mutex_unlock(&listener->lock);
	return slot;
}

static void give_slot_back(struct slot *slot)
{
	struct listener *listener = slot->listener;

	pthread_mutex_lock(&listener->lock);
	close(slot->socket);
	slot->used = false;
	listener->count--;
	pthread_cond_broadcast(&listener->ended);
	pthread_mutex_unlock(&listener->lock);
}

static struct slot *slot_for(struct listener *listener, int fd)
{
	struct caller caller;
	struct slot *slot = NULL;

	if (caller_identify(fd, &caller) == ERR_NONE)
		slot = take_slot(listener, &caller, fd);
	if (!slot)
		close(fd);
	return slot;
}

/* The next connection that there is room for; NULL when it is time to end. */
static struct slot *accept_next(struct listener *listener)
{
	struct pollfd items[] = {{.fd = listener->stop_fd, .events = POLLIN},
	    {.fd = listener->socket, .events = POLLIN}};
	struct slot *slot = NULL;

	while (!slot) {
		int fd = accept4(
		    listener->socket, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			slot = slot_for(listener, fd);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
		    errno == ENOBUFS)
			(void)poll(NULL, 0, PAUSE_MS);
		if (poll(items, 2, -1) > 0 && items[0].revents != 0)
			return NULL;
	}
	return slot;
}

static void *take_turns(void *argument);

/* With the lock held. */
static bool start_thread(struct listener *listener)
{
	pthread_t thread;

	if (pthread_create(&thread, &listener->thread_attributes, take_turns,
		listener) != 0)
		return false;
	listener->threads++;
	return true;
}

/* False when there is nobody to hand it to. */
static bool hand_turn_on(struct listener *listener)
{
	bool handed = true;

	pthread_mutex_lock(&listener->lock);
	listener->taken = false;
	if (listener->waiting > 0)
		pthread_cond_signal(&listener->turn);
	else
		handed = start_thread(listener);
	listener->taken = !handed;
	pthread_mutex_unlock(&listener->lock);
	return handed;
}

/* False when the thread is not needed any more. */
static bool wait_for_turn(struct listener *listener)
{
	bool mine;

	pthread_mutex_lock(&listener->lock);
	if (listener->waiting < WAITING_MAX) {
		listener->waiting++;
		while (listener->taken && !listener->stopping)
			pthread_cond_wait(&listener->turn, &listener->lock);
		listener->waiting--;
	}
	mine = !listener->taken && !listener->stopping;
	if (mine)
		listener->taken = true;
	pthread_mutex_unlock(&listener->lock);
	return mine;
}

/* Accepts one that somebody else can accept behind, and serves it. */
static bool take_turn(struct listener *listener)
{
	struct slot *slot = accept_next(listener);

	while (slot && !hand_turn_on(listener)) {
		log_plain(LOG_ERR, "no thread for a connection");
		give_slot_back(slot);
		slot = accept_next(listener);
	}
	if (!slot)
		return false;
	serve_connection(
	    listener->serve, &slot->caller, slot->socket, &slot->begun);
	give_slot_back(slot);
	return true;
}

static void *take_turns(void *argument)
{
	struct listener *listener = argument;

	while (wait_for_turn(listener) && take_turn(listener))
		continue;
	/* Before it is counted as gone: the process may end right after, and
	 * what OpenSSL keeps for this thread would be left behind. */
	OPENSSL_thread_stop();
	pthread_mutex_lock(&listener->lock);
	listener->threads--;
	pthread_cond_broadcast(&listener->ended);
	pthread_mutex_unlock(&listener->lock);
	return NULL;
}

static enum err end_connections(struct listener *listener)
{
	const struct timespec until = after_ms(END_WAIT_MS);
	int failed = 0;

	pthread_mutex_lock(&listener->lock);
	listener->stopping = true;
	pthread_cond_broadcast(&listener->turn);
	for (size_t i = 0; i < LISTENER_CONNECTIONS_MAX; i++)
		if (listener->slots[i].used)
			(void)shutdown(listener->slots[i].socket, SHUT_RDWR);
	while (listener->threads > 0 && failed == 0)
		failed = pthread_cond_timedwait(
		    &listener->ended, &listener->lock, &until);
	failed = listener->threads > 0;
	pthread_mutex_unlock(&listener->lock);
	return failed ? ERR_TIMEOUT : ERR_NONE;
}

static void listener_init(struct listener *listener, struct serve *serve)
{
	pthread_condattr_t attributes;

	listener->serve = serve;
	pthread_mutex_init(&listener->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&listener->ended, &attributes);
	pthread_cond_init(&listener->turn, NULL);
	pthread_condattr_destroy(&attributes);
	pthread_attr_init(&listener->thread_attributes);
	pthread_attr_setdetachstate(
	    &listener->thread_attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&listener->thread_attributes, STACK_BYTES);
}

enum err listener_run(int socket, int stop_fd, struct serve *serve)
{
	struct listener *listener = calloc(1, sizeof(*listener));
	struct pollfd stop = {.fd = stop_fd, .events = POLLIN};
	enum err err = ERR_MEMORY;

	if (!listener)
		return ERR_MEMORY;
	listener_init(listener, serve);
	listener->socket = socket;
	listener->stop_fd = stop_fd;
	pthread_mutex_lock(&listener->lock);
	if (start_thread(listener))
		err = ERR_NONE;
	pthread_mutex_unlock(&listener->lock);
	while (err == ERR_NONE && (stop.revents & POLLIN) == 0)
		(void)poll(&stop, 1, -1);
	if (err == ERR_NONE)
		err = end_connections(listener);
	/* Threads that did not end still use it. */
	if (err == ERR_TIMEOUT)
		return err;
	pthread_attr_destroy(&listener->thread_attributes);
	pthread_cond_destroy(&listener->turn);
	pthread_cond_destroy(&listener->ended);
	pthread_mutex_destroy(&listener->lock);
	free(listener);
	return err;
}
