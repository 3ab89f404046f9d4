/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The emergency stop: what was frozen, suspended or removed loses its open
 * sessions. One thread holds a call that the server answers when it stops
 * somebody; another asks then, and whenever a session has opened or the
 * server is back, whose sessions are meant, and locks a desktop's or ends any
 * other's until that is done. A server that is away, refuses or talks nonsense
 * stops nobody. Nothing is unlocked here. Knows logind and the server through
 * tables of functions only.
 */
#ifndef SEKIMORI_AGENT_STOP_H
#define SEKIMORI_AGENT_STOP_H

#include "pam_module/agent/logind_list.h"
#include "pam_module/agent/seat.h"
#include "pam_module/agent/server_call.h"
#include "pam_module/agent/session_people.h"

enum {
	STOP_ASK_EVERY_MS = 120,  /* the server takes ten a second */
	STOP_RETRY_MS = 250,      /* when logind does not do as it was told */
	STOP_ASK_RETRY_MS = 1000, /* the first wait; each doubles */
	STOP_ASK_RETRY_MS_MAX = 8000,
	STOP_REFUSED_MS = 60000,  /* after 403 or 404 */
	STOP_LOOK_MS_MAX = 30000, /* for a logind, where none runs */
	STOP_PAUSE_MS = 2000,     /* after a wait that was none */
};

/* What becomes of a stopped session that nothing can lock. */
enum stop_text_sessions {
	STOP_TEXT_END = 0,
	STOP_TEXT_LEAVE,
};

struct stop_setup {
	struct server_call ask;  /* short calls */
	struct server_call wait; /* the long one, from a thread of its own */
	/* Has the call that is under way fail, and any that comes. */
	void (*end_wait)(void *context);
	void *end_wait_context;
	struct seat_logind logind;
	enum err (*list)(
	    struct logind_open **out, size_t *out_count, bool *out_more);
	/* Readable: there may be other sessions; -1: nobody says so. */
	int (*news_fd)(void *context);
	void (*seen)(void *context); /* what was readable has been seen */
	void *news_context;
	struct session_people *people;
	enum stop_text_sessions text;
	/* Told once for each session, what was done: see POST /v1/sessions. */
	void (*tell)(
	    void *context, const struct session *session, const char *event);
	void *tell_context;
};

struct stop;

/* setup is copied; what it points to outlives *out. */
enum err stop_start(const struct stop_setup *setup, struct stop **out);

/* Somebody may be in a session who was not before. Any thread. */
void stop_look(struct stop *stop);

/* NULL is fine. */
void stop_end(struct stop *stop);

#endif
