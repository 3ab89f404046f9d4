/* SPDX-License-Identifier: Apache-2.0 */
#include "server/waiting.h"

#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/nonce.h"
#include "server/terminal_call.h"

struct place {
	struct waiting *waiting;
	int64_t terminal_id;        /* 0: free */
	struct terminal_call *call; /* NULL: between two calls */
	unsigned long long stops;   /* known to it */
	struct event *over;         /* made when the place is first used */
	int64_t seen_ms;            /* when it asked or was answered last */
};

struct waiting {
	struct event_base *base;
	const atomic_ullong *stops;
	uint64_t process; /* at random */
	unsigned long long told;
	struct event *rest; /* until the next are told */
	bool ended;
	size_t used; /* places beyond were never taken */
	struct place places[WAITING_TERMINALS_MAX];
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void on_rest(evutil_socket_t fd, short what, void *context);

enum err waiting_new(
    struct event_base *base, const atomic_ullong *stops, struct waiting **out)
{
	struct waiting *waiting = calloc(1, sizeof(*waiting));
	enum err err;

	if (!waiting)
		return ERR_MEMORY;
	waiting->base = base;
	waiting->stops = stops;
	waiting->told = atomic_load(stops);
	waiting->rest = evtimer_new(base, on_rest, waiting);
	err = waiting->rest
		  ? nonce_take(&waiting->process, sizeof(waiting->process))
		  : ERR_MEMORY;
	if (err != ERR_NONE) {
		waiting_free(waiting);
		return err;
	}
	*out = waiting;
	return ERR_NONE;
}

void waiting_free(struct waiting *waiting)
{
	if (!waiting)
		return;
	for (size_t i = 0; i < waiting->used; i++)
		if (waiting->places[i].over)
			event_free(waiting->places[i].over);
	if (waiting->rest)
		event_free(waiting->rest);
	free(waiting);
}

void waiting_number(
    const struct waiting *waiting, char out[WAITING_NUMBER_SIZE])
{
	snprintf(out, WAITING_NUMBER_SIZE, "%016" PRIx64 ".%llu",
	    waiting->process, atomic_load(waiting->stops));
}

static void answer(struct place *place)
{
	struct terminal_call *call = place->call;
	char number[WAITING_NUMBER_SIZE];

	place->call = NULL;
	place->seen_ms = now_ms();
	event_del(place->over);
	waiting_number(place->waiting, number);
	free(call->reply);
	call->reply = NULL;
	if (terminal_call_answer(call, json_pack("{s:s}", "since", number)) !=
	    ERR_NONE)
		terminal_call_problem(call, 503, "The server is busy.");
	terminal_call_conclude(call);
}

static void on_over(evutil_socket_t fd, short what, void *context)
{
	struct place *place = context;

	(void)fd;
	(void)what;
	if (place->call)
		answer(place);
}

static bool is_there(const struct place *place, int64_t at_ms)
{
	if (place->call)
		return !http_is_abandoned(place->call->exchange);
	return at_ms - place->seen_ms < WAITING_BACK_MS;
}

static const struct place *find(
    const struct waiting *waiting, int64_t terminal_id)
{
	for (size_t i = 0; i < waiting->used; i++)
		if (waiting->places[i].terminal_id == terminal_id)
			return &waiting->places[i];
	return NULL;
}

/* Its own, or one whose terminal has not come back, or a new one. */
static struct place *find_place(struct waiting *waiting, int64_t terminal_id)
{
	struct place *place = NULL;
	int64_t at_ms = now_ms();

	for (size_t i = 0; i < waiting->used; i++) {
		if (waiting->places[i].terminal_id == terminal_id)
			return &waiting->places[i];
		if (!place && !waiting->places[i].call &&
		    !is_there(&waiting->places[i], at_ms))
			place = &waiting->places[i];
	}
	if (!place && waiting->used < WAITING_TERMINALS_MAX)
		place = &waiting->places[waiting->used];
	if (!place)
		return NULL;
	if (!place->over)
		place->over = evtimer_new(waiting->base, on_over, place);
	if (!place->over)
		return NULL;
	if (place == &waiting->places[waiting->used])
		waiting->used++;
	place->waiting = waiting;
	place->terminal_id = terminal_id;
	return place;
}

static struct timeval hold(void)
{
	uint16_t random = 0;
	int ms = WAITING_HOLD_MS;

	if (nonce_take(&random, sizeof(random)) == ERR_NONE)
		ms += random % WAITING_SPREAD_MS;
	return (struct timeval){ms / 1000, ms % 1000 * 1000};
}

bool waiting_keep(
    struct waiting *waiting, struct terminal_call *call, const char *since)
{
	char number[WAITING_NUMBER_SIZE];
	const struct timeval wait = hold();
	struct place *place;

	if (!waiting || waiting->ended)
		return false;
	place = find_place(waiting, call->terminal.id);
	if (!place)
		return false;
	/* Of an agent that was restarted, or of a connection that broke. */
	if (place->call)
		answer(place);
	place->seen_ms = now_ms();
	waiting_number(waiting, number);
	if (strcmp(since, number) != 0 || evtimer_add(place->over, &wait) != 0)
		return false;
	place->call = call;
	place->stops = atomic_load(waiting->stops);
	return true;
}

/* Some at a time: they all come back to ask, and logins go on meanwhile. */
static void answer_some(struct waiting *waiting)
{
	const struct timeval rest = {0, WAITING_REST_MS * 1000};
	unsigned long long stops = atomic_load(waiting->stops);
	int answered = 0;

	for (size_t i = 0; i < waiting->used; i++) {
		struct place *place = &waiting->places[i];

		if (!place->call || place->stops == stops)
			continue;
		if (answered == WAITING_AT_ONCE &&
		    evtimer_add(waiting->rest, &rest) == 0)
			return;
		answer(place);
		answered++;
	}
}

static void on_rest(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	answer_some(context);
}

bool waiting_look(struct waiting *waiting)
{
	unsigned long long stops = atomic_load(waiting->stops);

	if (stops == waiting->told)
		return false;
	waiting->told = stops;
	answer_some(waiting);
	return true;
}

void waiting_end(struct waiting *waiting)
{
	if (!waiting)
		return;
	waiting->ended = true;
	for (size_t i = 0; i < waiting->used; i++) {
		struct terminal_call *call = waiting->places[i].call;

		if (!call)
			continue;
		waiting->places[i].call = NULL;
		event_del(waiting->places[i].over);
		terminal_call_problem(call, 503, "The server is stopping.");
		terminal_call_conclude(call);
	}
}

void waiting_note(struct waiting *waiting, int64_t terminal_id)
{
	struct place *place = waiting ? find_place(waiting, terminal_id) : NULL;

	if (place)
		place->seen_ms = now_ms();
}

bool waiting_has(const struct waiting *waiting, int64_t terminal_id)
{
	const struct place *place = waiting ? find(waiting, terminal_id) : NULL;

	return place && is_there(place, now_ms());
}

size_t waiting_count(const struct waiting *waiting)
{
	int64_t at_ms = now_ms();
	size_t count = 0;

	for (size_t i = 0; waiting && i < waiting->used; i++)
		count += is_there(&waiting->places[i], at_ms);
	return count;
}
