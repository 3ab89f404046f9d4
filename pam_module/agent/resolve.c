/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lookup belongs to two: who asks and the thread that works. Whoever is
 * last frees it, so that neither waits for the other.
 */
#include "pam_module/agent/resolve.h"

#include <netdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	RESOLVE_STACK_BYTES = 262144
};

struct lookup {
	pthread_mutex_t lock;
	pthread_cond_t done_signal;
	bool done;
	bool abandoned;
	enum err err;
	char host[RESOLVE_HOST_SIZE];
	char port[RESOLVE_PORT_SIZE];
	struct resolve_addresses addresses;
};

static enum err ask(const char *host, const char *port, int flags,
    struct resolve_addresses *out)
{
	const struct addrinfo hints = {.ai_family = AF_UNSPEC,
	    .ai_socktype = SOCK_STREAM,
	    .ai_flags = flags | AI_NUMERICSERV};
	struct addrinfo *list = NULL;
	struct resolve_addresses found = {0};

	if (getaddrinfo(host, port, &hints, &list) != 0)
		return ERR_NOT_FOUND;
	for (struct addrinfo *item = list;
	     item && found.count < RESOLVE_ADDRESSES_MAX;
	     item = item->ai_next) {
		memcpy(&found.items[found.count].address, item->ai_addr,
		    item->ai_addrlen);
		found.items[found.count++].length = item->ai_addrlen;
	}
	freeaddrinfo(list);
	if (found.count == 0)
		return ERR_NOT_FOUND;
	*out = found;
	return ERR_NONE;
}

static void lookup_free(struct lookup *lookup)
{
	pthread_cond_destroy(&lookup->done_signal);
	pthread_mutex_destroy(&lookup->lock);
	free(lookup);
}

static void *lookup_work(void *argument)
{
	struct lookup *lookup = argument;
	struct resolve_addresses found = {0};
	enum err err = ask(lookup->host, lookup->port, 0, &found);
	bool abandoned;

	pthread_mutex_lock(&lookup->lock);
	lookup->err = err;
	lookup->addresses = found;
	lookup->done = true;
	abandoned = lookup->abandoned;
	pthread_cond_signal(&lookup->done_signal);
	pthread_mutex_unlock(&lookup->lock);
	if (abandoned)
		lookup_free(lookup);
	return NULL;
}

static struct lookup *lookup_new(const char *host, const char *port)
{
	struct lookup *lookup = calloc(1, sizeof(*lookup));
	pthread_condattr_t attributes;

	if (!lookup)
		return NULL;
	snprintf(lookup->host, sizeof(lookup->host), "%s", host);
	snprintf(lookup->port, sizeof(lookup->port), "%s", port);
	lookup->err = ERR_TIMEOUT;
	pthread_mutex_init(&lookup->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&lookup->done_signal, &attributes);
	pthread_condattr_destroy(&attributes);
	return lookup;
}

static enum err lookup_start(struct lookup *lookup)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int failed;

	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, RESOLVE_STACK_BYTES);
	failed = pthread_create(&thread, &attributes, lookup_work, lookup);
	pthread_attr_destroy(&attributes);
	return failed ? ERR_MEMORY : ERR_NONE;
}

static enum err lookup_wait(
    struct lookup *lookup, int64_t deadline_ms, struct resolve_addresses *out)
{
	const struct timespec until = {.tv_sec = deadline_ms / 1000,
	    .tv_nsec = deadline_ms % 1000 * 1000000};
	enum err err = ERR_TIMEOUT;
	int failed = 0;
	bool done;

	pthread_mutex_lock(&lookup->lock);
	while (!lookup->done && failed == 0)
		failed = pthread_cond_timedwait(
		    &lookup->done_signal, &lookup->lock, &until);
	done = lookup->done;
	lookup->abandoned = !done;
	if (done)
		err = lookup->err;
	if (err == ERR_NONE)
		*out = lookup->addresses;
	pthread_mutex_unlock(&lookup->lock);
	if (done)
		lookup_free(lookup);
	return err;
}

enum err resolve_name(const char *host, const char *port, int64_t deadline_ms,
    struct resolve_addresses *out)
{
	struct lookup *lookup = NULL;
	enum err err;

	if (ask(host, port, AI_NUMERICHOST, out) == ERR_NONE)
		return ERR_NONE;
	lookup = lookup_new(host, port);
	if (!lookup)
		return ERR_MEMORY;
	err = lookup_start(lookup);
	if (err != ERR_NONE) {
		lookup_free(lookup);
		return err;
	}
	return lookup_wait(lookup, deadline_ms, out);
}
