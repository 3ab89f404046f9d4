/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/seat_report.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pam_module/agent/steady.h"
#include "shared/log.h"

enum {
	STACK_BYTES = 262144
};

struct report {
	struct session session;
	const char *event, *reason; /* literals */
};

struct seat_reporter {
	struct server_call server;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stopping;
	int64_t retry_ms;
	uint64_t dropped;
	size_t count;
	struct report waiting[SEAT_REPORTS_MAX]; /* the oldest first */
};

static void drop_first(struct seat_reporter *reporter)
{
	reporter->count--;
	reporter->dropped++;
	memmove(reporter->waiting, reporter->waiting + 1,
	    reporter->count * sizeof(reporter->waiting[0]));
}

void seat_reporter_tell(struct seat_reporter *reporter,
    const struct session *session, const char *event, const char *reason)
{
	pthread_mutex_lock(&reporter->lock);
	if (reporter->count == SEAT_REPORTS_MAX) {
		log_line(LOG_WARNING, "a report of a session is given up",
		    LOG_TEXT("user", reporter->waiting[0].session.user));
		drop_first(reporter);
	}
	reporter->waiting[reporter->count++] = (struct report){
	    .session = *session, .event = event, .reason = reason};
	pthread_cond_signal(&reporter->wake);
	pthread_mutex_unlock(&reporter->lock);
}

static void tell(
    void *context, const struct seat *seat, enum seat_reason reason)
{
	seat_reporter_tell(context, &seat->opened,
	    seat->removed == CARD_REMOVED_LOGOUT ? "logged_out" : "locked",
	    reason == SEAT_CARD_REMOVED ? "card_removed" : "watcher_failed");
}

static void pause_until(struct seat_reporter *reporter, int64_t until_ms)
{
	const struct timespec until = {
	    .tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
	int failed = 0;

	while (!reporter->stopping && failed == 0)
		failed = pthread_cond_timedwait(
		    &reporter->wake, &reporter->lock, &until);
}

/* The first stays in its place until it is told or refused for good; if the
 * queue overflows meanwhile, another is in that place. */
static void send_first(struct seat_reporter *reporter)
{
	const struct report report = reporter->waiting[0];
	const uint64_t dropped = reporter->dropped;
	enum err err;

	pthread_mutex_unlock(&reporter->lock);
	err = session_report(
	    &reporter->server, &report.session, report.event, report.reason);
	pthread_mutex_lock(&reporter->lock);
	if (err == ERR_UNREACHABLE) {
		pause_until(reporter, steady_ms() + reporter->retry_ms);
		if (reporter->retry_ms < SEAT_REPORT_RETRY_MS_MAX)
			reporter->retry_ms *= 2;
		return;
	}
	reporter->retry_ms = SEAT_REPORT_RETRY_MS;
	if (reporter->dropped == dropped)
		drop_first(reporter);
}

static void *work(void *argument)
{
	struct seat_reporter *reporter = argument;

	pthread_mutex_lock(&reporter->lock);
	while (!reporter->stopping)
		if (reporter->count > 0)
			send_first(reporter);
		else
			pthread_cond_wait(&reporter->wake, &reporter->lock);
	pthread_mutex_unlock(&reporter->lock);
	OPENSSL_thread_stop();
	return NULL;
}

static void init(struct seat_reporter *reporter)
{
	pthread_condattr_t attributes;

	pthread_mutex_init(&reporter->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&reporter->wake, &attributes);
	pthread_condattr_destroy(&attributes);
}

static void take_apart(struct seat_reporter *reporter)
{
	pthread_cond_destroy(&reporter->wake);
	pthread_mutex_destroy(&reporter->lock);
	free(reporter);
}

enum err seat_reporter_start(
    const struct server_call *server, struct seat_reporter **out)
{
	struct seat_reporter *reporter = calloc(1, sizeof(*reporter));
	pthread_attr_t attributes;
	int failed;

	if (!reporter)
		return ERR_MEMORY;
	reporter->server = *server;
	reporter->retry_ms = SEAT_REPORT_RETRY_MS;
	init(reporter);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	failed = pthread_create(&reporter->thread, &attributes, work, reporter);
	pthread_attr_destroy(&attributes);
	if (failed) {
		take_apart(reporter);
		return ERR_MEMORY;
	}
	*out = reporter;
	return ERR_NONE;
}

struct seat_report seat_reporter_report(struct seat_reporter *reporter)
{
	return (struct seat_report){.tell = tell, .context = reporter};
}

void seat_reporter_stop(struct seat_reporter *reporter)
{
	if (!reporter)
		return;
	pthread_mutex_lock(&reporter->lock);
	reporter->stopping = true;
	pthread_cond_signal(&reporter->wake);
	pthread_mutex_unlock(&reporter->lock);
	pthread_join(reporter->thread, NULL);
	take_apart(reporter);
}
