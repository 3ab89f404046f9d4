/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api_stop.h"

#include "server/rate.h"
#include "server/server.h"
#include "server/store/person.h"
#include "server/terminal_call.h"
#include "server/waiting.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct stop_call {
	struct terminal_call call;
	const char *since;
	json_t *sessions;
	char number[WAITING_NUMBER_SIZE]; /* before the transaction */
};

#define MEMBER(field) offsetof(struct stop_call, field)

static const struct json_member wait_members[] = {
    {"since", JSON_MEMBER_NAME, MEMBER(since), true, 0, WAITING_NUMBER_SIZE - 1,
	NULL},
};
static const struct json_member ask_members[] = {
    {"sessions", JSON_MEMBER_ARRAY, MEMBER(sessions), true, 0,
	STOP_SESSIONS_MAX, NULL},
};

struct stop_session {
	const char *user, *person;
};

static const struct json_member session_members[] = {
    {"user", JSON_MEMBER_NAME, offsetof(struct stop_session, user), true, 0, 0,
	NULL},
    {"person", JSON_MEMBER_NAME, offsetof(struct stop_session, person), false,
	0, 0, NULL},
};

/* A bucket of their own: neither can keep the other waiting. */
static bool may_ask(struct terminal_call *call)
{
	unsigned char key[CERTIFICATE_HASH_BYTES];

	rate_beside_key(RATE_WAITS, call->exchange->peer->fingerprint, key);
	if (rate_take(
		call->server->rates, key, STOP_ASKS_A_SECOND, call->now_ms))
		return true;
	call->server->counts.rate_limited++;
	terminal_call_refuse(call, 429, "This terminal asks too often.");
	return false;
}

static struct stop_call *begin(struct server *server,
    struct http_exchange *exchange, const struct json_member *members,
    size_t count,
    enum err (*work)(struct terminal_call *call, struct store *store))
{
	struct stop_call *asked = (struct stop_call *)terminal_call_new(
	    server, exchange, sizeof(struct stop_call));

	if (!asked)
		return NULL;
	asked->call.work = work;
	if (!terminal_call_take(&asked->call, members, count, asked) ||
	    !may_ask(&asked->call))
		return NULL;
	waiting_number(server->waiting, asked->number);
	return asked;
}

/* --- waiting -------------------------------------------------------------- */

/* Who it is has been asked already; that is all there is to do in a
 * transaction. */
static enum err work_wait(struct terminal_call *call, struct store *store)
{
	struct stop_call *asked = (struct stop_call *)call;

	(void)store;
	return terminal_call_answer(
	    call, json_pack("{s:s}", "since", asked->number));
}

static bool keep_waiting(struct terminal_call *call)
{
	const struct stop_call *asked = (struct stop_call *)call;

	return waiting_keep(call->server->waiting, call, asked->since);
}

void api_stop_wait(struct server *server, struct http_exchange *exchange)
{
	struct stop_call *asked = begin(
	    server, exchange, wait_members, COUNT(wait_members), work_wait);

	if (!asked)
		return;
	asked->call.keep = keep_waiting;
	terminal_call_submit(&asked->call);
}

/* --- asking --------------------------------------------------------------- */

static enum err judge(const struct terminal_call *call, struct store *store,
    json_t *item, json_t *answers)
{
	struct stop_session session = {0};
	struct json_problem problem = {""};
	bool stopped = store->all_frozen || call->terminal.frozen;
	enum err err = json_take(item, session_members, COUNT(session_members),
	    true, &session, &problem);

	if (err == ERR_NONE && !stopped)
		err = person_is_stopped(
		    store, session.user, session.person, &stopped);
	if (err != ERR_NONE)
		return err;
	return json_array_append_new(answers, json_boolean(stopped))
		   ? ERR_MEMORY
		   : ERR_NONE;
}

static enum err work_ask(struct terminal_call *call, struct store *store)
{
	struct stop_call *asked = (struct stop_call *)call;
	json_t *answers = json_array();
	enum err err = answers ? ERR_NONE : ERR_MEMORY;

	for (size_t i = 0; i < json_array_size(asked->sessions) && !err; i++)
		err = judge(
		    call, store, json_array_get(asked->sessions, i), answers);
	if (err == ERR_NONE)
		return terminal_call_answer(
		    call, json_pack("{s:s, s:o}", "since", asked->number,
			      "stopped", answers));
	json_decref(answers);
	if (err != ERR_INVALID)
		return err;
	terminal_call_problem(
	    call, 400, "A session is {\"user\"} and perhaps {\"person\"}.");
	return ERR_NONE;
}

static bool note_terminal(struct terminal_call *call)
{
	waiting_note(call->server->waiting, call->terminal.id);
	return false;
}

void api_stop_ask(struct server *server, struct http_exchange *exchange)
{
	struct stop_call *asked =
	    begin(server, exchange, ask_members, COUNT(ask_members), work_ask);

	if (!asked)
		return;
	asked->call.keep = note_terminal;
	terminal_call_submit(&asked->call);
}
