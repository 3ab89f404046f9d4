/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call from a terminal: parse the body on the loop's thread, identify the
 * terminal by its certificate inside the transaction, do the work there,
 * reply after the commit. Every handler for terminals is one of these, so
 * that none can forget the identification or reply too early.
 */
#ifndef SEKIMORI_TERMINAL_CALL_H
#define SEKIMORI_TERMINAL_CALL_H

#include "server/server.h"
#include "server/store/terminal.h"
#include "shared/json.h"

struct terminal_call {
	struct job job;
	struct server *server;
	struct http_exchange *exchange; /* until the reply */
	char request_id[HTTP_REQUEST_ID_SIZE];
	/* The body; strings taken from it point into one of these. */
	json_t *request;
	char *plain;
	size_t plain_length;
	int64_t now_s, now_ms;
	bool clock_trusted;
	bool is_public; /* no certificate asked for (join) */

	/* Filled inside the transaction, afresh on each run. */
	struct terminal terminal;
	int status;         /* of the reply; starts at 503 */
	const char *detail; /* of a problem; a literal */
	const char *reason; /* the same in a word, or NULL; a literal */
	char *reply;        /* JSON text of a 200; owned */

	/* The work. An error rolls back; a refusal sets status and detail
	 * and returns ERR_NONE. */
	enum err (*work)(struct terminal_call *call, struct store *store);
	/* On the loop's thread, instead of the reply of a 200: true if it
	 * keeps the call, which terminal_call_conclude() ends. May be NULL. */
	bool (*keep)(struct terminal_call *call);
	/* On the loop's thread, once the reply is on its way (nobody waits
	 * for a log); exchange is gone. May be NULL. */
	void (*told)(struct terminal_call *call);
	/* Frees what the embedding struct owns; may be NULL. */
	void (*wipe)(struct terminal_call *call);
};

/*
 * Begins a call of `size` bytes, whose first member is a struct
 * terminal_call. Replies by itself and returns NULL when memory is short.
 */
struct terminal_call *terminal_call_new(
    struct server *server, struct http_exchange *exchange, size_t size);

/* Takes members from the body; replies 400 and frees the call on failure. */
bool terminal_call_take(struct terminal_call *call,
    const struct json_member *members, size_t count, void *target);

/* Takes one from this certificate's terminal_rate; replies 429 and frees the
 * call when it is used up. */
bool terminal_call_may_ask(struct terminal_call *call);

/* Hands it to the batch; 503 when that is full. */
void terminal_call_submit(struct terminal_call *call);

/* Sends the reply of a call that was kept, and frees it. */
void terminal_call_conclude(struct terminal_call *call);

/* Ends a call that was not submitted with a problem reply. */
void terminal_call_refuse(
    struct terminal_call *call, int status, const char *detail);

/* Within work: a 200 with this object, which is released. */
enum err terminal_call_answer(struct terminal_call *call, json_t *object);
/* The same with an object that is text already. */
enum err terminal_call_answer_text(
    struct terminal_call *call, const char *text, size_t length);

/* Within work: a problem; a literal. */
void terminal_call_problem(
    struct terminal_call *call, int status, const char *detail);
/* The same with a word for programs. */
void terminal_call_problem_for(struct terminal_call *call, int status,
    const char *reason, const char *detail);

#endif
