/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many proven logins of one account may be under way at a time. sudo asks
 * as root for whoever runs it: without a bound, one person's prompts that
 * nobody answers would take every connection from all others.
 */
#ifndef SEKIMORI_AGENT_LOGIN_PLACES_H
#define SEKIMORI_AGENT_LOGIN_PLACES_H

#include <pthread.h>
#include <stdbool.h>

#include "shared/text.h"

enum {
	LOGIN_PLACES_MAX = 64, /* as many as connections */
	LOGIN_PLACES_USER_MAX = LOGIN_PLACES_MAX / 2,
};

/* Zeroed memory with an initialised lock is empty. */
struct login_places {
	pthread_mutex_t lock;
	char users[LOGIN_PLACES_MAX][NAME_BYTES_MAX + 1];
};

/* False: no place for this one. Otherwise the caller gives it back. */
bool login_places_take(struct login_places *places, const char *user);
void login_places_give_back(struct login_places *places, const char *user);

#endif
