/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands that wait for a second person: what was asked, by whom, until when,
 * and what became of it. Arguments hold no secrets (server/api_admin_hold.h)
 * and cannot be changed: a keyed hash binds them to their request. Must not
 * know what the commands do.
 */
#ifndef SEKIMORI_STORE_ADMIN_REQUEST_H
#define SEKIMORI_STORE_ADMIN_REQUEST_H

#include "server/store/store.h"
#include "shared/text.h"

enum {
	ADMIN_REQUEST_PATH_SIZE = 64,
	ADMIN_REQUEST_BYTES_MAX = 512 * 1024,
	ADMIN_REQUEST_WAITING_MAX = 20, /* of one person */
};

enum admin_request_state {
	ADMIN_REQUEST_OVER = 0, /* expired, or void by clock or restore */
	ADMIN_REQUEST_WAITING,
	ADMIN_REQUEST_APPROVED,
	ADMIN_REQUEST_REJECTED,
};

struct admin_request {
	int64_t id;
	char path[ADMIN_REQUEST_PATH_SIZE]; /* of the command */
	char rule[NAME_BYTES_MAX + 1];      /* by which it waits */
	int64_t requester_id, decider_id;   /* persons; decider 0: nobody */
	char requester[NAME_BYTES_MAX + 1]; /* their staff numbers */
	char decider[NAME_BYTES_MAX + 1];
	int64_t made_at, valid_until, decided_at;
	enum admin_request_state state;
	char *arguments; /* JSON */
};

const char *admin_request_state_text(enum admin_request_state state);
void admin_request_free(struct admin_request *request);

/* Keeps it as waiting and gives it its number. ERR_FULL: too many of this
 * requester wait already; ERR_TOO_LONG: the arguments are. */
enum err admin_request_add(struct store *store, struct admin_request *request);
/* ERR_NOT_FOUND; ERR_CORRUPT when it is not as it was kept. What waits longer
 * than it may is over. The caller frees. */
enum err admin_request_find(
    struct store *store, int64_t id, int64_t now_s, struct admin_request *out);
/* Approved or rejected, by somebody; ERR_NOT_FOUND when it does not wait. */
enum err admin_request_decide(struct store *store, int64_t id,
    enum admin_request_state state, int64_t decider_id, int64_t now_s);
/* What waits is over, whenever it would have been: the clock was set back, or
 * a backup was restored, which may not know that it was done. */
enum err admin_requests_void(struct store *store);
/* Ends what has waited too long, with a record each; for housekeeping. */
enum err admin_requests_expire(
    struct store *store, int64_t now_s, int64_t now_ms);
/* Newest first, without arguments; only those that wait, or all. */
enum err admin_request_each(struct store *store, bool all, int64_t now_s,
    enum err (*each)(void *context, const struct admin_request *request),
    void *context);

#endif
