/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Terminals that wait to be told that somebody was stopped, one call each.
 * They hold a number; as soon as a transaction that stops anybody is on disk
 * the number is another one and all are answered, and otherwise after a while.
 * Whom it concerns they ask then (api_stop.c): this file knows neither
 * persons nor the store but for its count of stops. Loop's thread only.
 */
#ifndef SEKIMORI_WAITING_H
#define SEKIMORI_WAITING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/err.h"

struct event_base;
struct terminal_call;

enum {
	WAITING_TERMINALS_MAX = 2048, /* others are answered at once */
	/* A call is held so long, and a random part of the spread longer, so
	 * that those answered together do not come back together for ever. */
	WAITING_HOLD_MS = 15000,
	WAITING_SPREAD_MS = 10000,
	WAITING_BACK_MS = 5000, /* from an answer to the next call */
	/* So many are told of news, then the next: 1,000 in 0.4 s. */
	WAITING_AT_ONCE = 50,
	WAITING_REST_MS = 20,
	WAITING_NUMBER_SIZE = 40,
};

struct waiting;

/* stops outlives it. */
enum err waiting_new(
    struct event_base *base, const atomic_ullong *stops, struct waiting **out);
/* NULL is fine, here and below. Nobody may wait any more: waiting_end(). */
void waiting_free(struct waiting *waiting);

/* The number now. Begins anew, at random, with each process. */
void waiting_number(
    const struct waiting *waiting, char out[WAITING_NUMBER_SIZE]);

/*
 * Takes a call of terminal call->terminal over until there is an answer; one
 * that the same terminal holds is answered. False if since is not the number
 * now or there is no room: the caller answers. An answer is `{"since"}`.
 */
bool waiting_keep(
    struct waiting *waiting, struct terminal_call *call, const char *since);

/* After each turn of the loop: answers everybody if there is news, and says
 * whether. */
bool waiting_look(struct waiting *waiting);

/* Answers everybody with 503 and keeps no call from now on. */
void waiting_end(struct waiting *waiting);

/* Notes that it asked, whether it waits or not. */
void waiting_note(struct waiting *waiting, int64_t terminal_id);

/* It waits, or was answered a moment ago: news reach it. */
bool waiting_has(const struct waiting *waiting, int64_t terminal_id);
size_t waiting_count(const struct waiting *waiting);

#endif
