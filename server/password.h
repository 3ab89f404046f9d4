/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passwords of administrators: crypt(3) with yescrypt, which takes tens of
 * milliseconds and megabytes on purpose, so it is done by a thread of its own
 * while logins go on. A few may wait; beyond that it is busy, so that nobody
 * fills the memory. Must not know whose password it is.
 */
#ifndef SEKIMORI_PASSWORD_H
#define SEKIMORI_PASSWORD_H

#include <stdbool.h>

#include "shared/err.h"
#include "shared/secret.h"

enum {
	PASSWORD_HASH_SIZE = 128, /* what crypt(3) writes; kept ones too */
	PASSWORD_WAITING_MAX = 16,
};

struct event_base;
struct password_worker;

/* One password to be judged or hashed; belongs to the worker until done(). */
struct password_work {
	struct secret text; /* without NUL */
	bool makes; /* a new hash; otherwise it is compared with `hash` */
	char hash[PASSWORD_HASH_SIZE]; /* in or out; empty in: nobody's, never
					  right but as slow as any */
	bool right;
	enum err err;
	void (*done)(struct password_work *work); /* on the loop's thread */
	struct password_work *next;
};

enum err password_worker_new(
    struct event_base *base, struct password_worker **out);
/* Does what waits, calls every done(), and stops. */
void password_worker_free(struct password_worker *worker);

/* From the loop's thread. On ERR_BUSY it stays the caller's. */
enum err password_submit(
    struct password_worker *worker, struct password_work *work);

/* The same at once, on this thread. Wipes text; never calls done(). */
void password_do(struct password_work *work);

#endif
