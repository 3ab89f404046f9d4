/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/server_client.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "pam_module/agent/steady.h"

enum {
	IDLE_MAX = 8,
	ROUNDS_UNSENT_MAX = 3, /* when no server took the request at all */
	PAUSE_FIRST_MS = 100,
	PAUSE_LONGEST_MS = 800,
};

struct idle {
	struct https_connection *connection;
	size_t server;
};

struct server_client {
	pthread_mutex_t lock; /* over everything below but servers' names */
	SSL_CTX *context;
	uint64_t generation;           /* of context */
	struct card_terminal terminal; /* of context; empty name: unknown */
	uint64_t opened;
	size_t last_good;
	size_t idle_count;
	struct idle idle[IDLE_MAX]; /* the one used last at the end */
	struct resolve_addresses addresses[CONFIG_LIST_MAX];
	size_t server_count;
	struct https_server servers[CONFIG_LIST_MAX];
};

enum err server_client_new(
    const struct config_list *urls, struct server_client **out)
{
	struct server_client *client = calloc(1, sizeof(*client));

	if (!client)
		return ERR_MEMORY;
	for (size_t i = 0; i < urls->count; i++)
		if (!https_read_url(urls->items[i], &client->servers[i])) {
			free(client);
			return ERR_INVALID;
		}
	client->server_count = urls->count;
	pthread_mutex_init(&client->lock, NULL);
	*out = client;
	return ERR_NONE;
}

/* Moves idle connections out, so that closing them holds no lock. */
static size_t take_all_idle(struct server_client *client, const size_t *server,
    struct https_connection *out[IDLE_MAX])
{
	size_t kept = 0, taken = 0;

	for (size_t i = 0; i < client->idle_count; i++)
		if (!server || client->idle[i].server == *server)
			out[taken++] = client->idle[i].connection;
		else
			client->idle[kept++] = client->idle[i];
	client->idle_count = kept;
	return taken;
}

static void close_all(struct https_connection *connections[], size_t count)
{
	for (size_t i = 0; i < count; i++)
		https_close(connections[i]);
}

void server_client_free(struct server_client *client)
{
	struct https_connection *stale[IDLE_MAX];

	if (!client)
		return;
	close_all(stale, take_all_idle(client, NULL, stale));
	SSL_CTX_free(client->context);
	pthread_mutex_destroy(&client->lock);
	free(client);
}

enum err server_client_use(
    struct server_client *client, const struct tls_identity *identity)
{
	struct https_connection *stale[IDLE_MAX];
	struct card_terminal terminal = {0};
	SSL_CTX *context = NULL, *old;
	size_t count;
	enum err err = tls_context_new(identity, &context);

	if (err != ERR_NONE)
		return err;
	/* If it says nothing of us, codes go on. */
	(void)card_terminal_read(
	    identity->certificate_pem, identity->ca_pem, &terminal);
	pthread_mutex_lock(&client->lock);
	old = client->context;
	client->context = context;
	client->terminal = terminal;
	client->generation++;
	count = take_all_idle(client, NULL, stale);
	pthread_mutex_unlock(&client->lock);
	close_all(stale, count);
	SSL_CTX_free(old);
	return ERR_NONE;
}

enum err server_client_terminal(
    struct server_client *client, struct card_terminal *out)
{
	pthread_mutex_lock(&client->lock);
	*out = client->terminal;
	pthread_mutex_unlock(&client->lock);
	return out->name[0] != '\0' ? ERR_NONE : ERR_NOT_FOUND;
}

uint64_t server_client_opened(struct server_client *client)
{
	uint64_t opened;

	pthread_mutex_lock(&client->lock);
	opened = client->opened;
	pthread_mutex_unlock(&client->lock);
	return opened;
}

/* One try at one server. */
struct attempt {
	size_t server;
	uint64_t generation;
	struct https_connection *connection;
	bool was_sent; /* the server may have acted on it */
	enum https_fault fault;
};

static struct https_connection *take_idle(
    struct server_client *client, struct attempt *attempt)
{
	struct https_connection *found = NULL;

	pthread_mutex_lock(&client->lock);
	for (size_t i = client->idle_count; i > 0 && !found; i--) {
		if (client->idle[i - 1].server != attempt->server)
			continue;
		found = client->idle[i - 1].connection;
		memmove(&client->idle[i - 1], &client->idle[i],
		    (client->idle_count - i) * sizeof(client->idle[0]));
		client->idle_count--;
	}
	attempt->generation = client->generation;
	pthread_mutex_unlock(&client->lock);
	return found;
}

static void give_back(
    struct server_client *client, struct attempt *attempt, bool good)
{
	struct https_connection *spare = attempt->connection;

	attempt->connection = NULL;
	pthread_mutex_lock(&client->lock);
	if (good)
		client->last_good = attempt->server;
	if (attempt->generation == client->generation &&
	    client->idle_count < IDLE_MAX && https_is_usable(spare)) {
		client->idle[client->idle_count++] = (struct idle){
		    .connection = spare, .server = attempt->server};
		spare = NULL;
	}
	pthread_mutex_unlock(&client->lock);
	https_close(spare);
}

static enum err open_fresh(
    struct server_client *client, struct attempt *attempt, int64_t deadline_ms)
{
	const struct https_server *server = &client->servers[attempt->server];
	struct resolve_addresses addresses;
	SSL_CTX *context;
	enum err err;

	pthread_mutex_lock(&client->lock);
	context = client->context;
	attempt->generation = client->generation;
	addresses = client->addresses[attempt->server];
	if (context)
		SSL_CTX_up_ref(context);
	pthread_mutex_unlock(&client->lock);
	if (!context)
		return ERR_NOT_FOUND;
	err = https_open(server, context, deadline_ms, &addresses,
	    &attempt->connection, &attempt->fault);
	SSL_CTX_free(context);
	if (err != ERR_NONE)
		return err;
	pthread_mutex_lock(&client->lock);
	client->addresses[attempt->server] = addresses;
	client->opened++;
	pthread_mutex_unlock(&client->lock);
	return ERR_NONE;
}

static bool is_retired(struct server_client *client,
    const struct attempt *attempt, const struct server_reply *reply)
{
	bool retired;

	/* A certificate renewed under a request in flight makes it 403. */
	pthread_mutex_lock(&client->lock);
	retired =
	    reply->status == 403 && attempt->generation != client->generation;
	pthread_mutex_unlock(&client->lock);
	return retired;
}

static enum err exchange(struct server_client *client, struct attempt *attempt,
    const struct server_request *request, int64_t deadline_ms,
    struct server_reply *out)
{
	enum err err;

	attempt->was_sent = true;
	err = https_exchange(attempt->connection, request, deadline_ms, out);
	if (err == ERR_NONE && is_retired(client, attempt, out)) {
		server_reply_free(out);
		err = ERR_UNREACHABLE;
	}
	if (err == ERR_NONE) {
		give_back(client, attempt, out->status < 500);
		return ERR_NONE;
	}
	https_close(attempt->connection);
	attempt->connection = NULL;
	if (err == ERR_INVALID || err == ERR_TOO_LONG)
		attempt->fault = HTTPS_FAULT_GARBAGE;
	return err;
}

/* What is idle to a server that just broke a connection is broken too. */
static void forget_idle(struct server_client *client, size_t server)
{
	struct https_connection *stale[IDLE_MAX];
	size_t count;

	pthread_mutex_lock(&client->lock);
	count = take_all_idle(client, &server, stale);
	pthread_mutex_unlock(&client->lock);
	close_all(stale, count);
}

/* A warm connection gets half the time: it may lead nowhere any more. */
static enum err ask_warm(struct server_client *client, struct attempt *attempt,
    const struct server_request *request, int64_t deadline_ms,
    struct server_reply *out)
{
	int64_t half_ms = steady_ms() + steady_left_ms(deadline_ms) / 2;
	struct server_reply reply = {0};

	attempt->connection = take_idle(client, attempt);
	while (attempt->connection && !https_is_usable(attempt->connection)) {
		https_close(attempt->connection);
		attempt->connection = take_idle(client, attempt);
	}
	if (!attempt->connection)
		return ERR_NOT_FOUND;
	if (exchange(client, attempt, request, half_ms, &reply) != ERR_NONE) {
		forget_idle(client, attempt->server);
		return ERR_UNREACHABLE;
	}
	*out = reply;
	return ERR_NONE;
}

static enum err ask_server(struct server_client *client,
    struct attempt *attempt, const struct server_request *request,
    int64_t deadline_ms, struct server_reply *out)
{
	enum err err = ask_warm(client, attempt, request, deadline_ms, out);

	if (err == ERR_NONE)
		return ERR_NONE;
	err = open_fresh(client, attempt, deadline_ms);
	if (err == ERR_NONE)
		err = exchange(client, attempt, request, deadline_ms, out);
	return err;
}

static size_t last_good(struct server_client *client)
{
	size_t server;

	pthread_mutex_lock(&client->lock);
	server = client->last_good;
	pthread_mutex_unlock(&client->lock);
	return server;
}

/* The turn-th server beginning with the first; until_ms: when its even share
 * of what time is left is over. */
static struct attempt attempt_of(const struct server_client *client,
    size_t first, size_t turn, int64_t deadline_ms, int64_t *until_ms)
{
	*until_ms = steady_ms() + steady_left_ms(deadline_ms) /
				      (int64_t)(client->server_count - turn);
	return (struct attempt){
	    .server = (first + turn) % client->server_count};
}

/* Each server once. A 5xx is kept in case nobody does better. */
static enum err ask_round(struct server_client *client,
    const struct server_request *request, bool *was_sent,
    struct server_reply *out)
{
	struct server_reply reply = {0};
	enum err err = ERR_UNREACHABLE;
	size_t first = last_good(client);
	int64_t until_ms;

	for (size_t i = 0; i < client->server_count; i++) {
		struct attempt attempt = attempt_of(
		    client, first, i, request->deadline_ms, &until_ms);

		err = ask_server(client, &attempt, request, until_ms, &reply);
		*was_sent |= attempt.was_sent;
		if (err != ERR_NONE)
			continue;
		server_reply_free(out);
		*out = reply;
		if (reply.status < 500)
			return ERR_NONE;
	}
	return out->body ? ERR_NONE : err;
}

/*
 * Rounds go on to the deadline while an answer may have been lost: the server
 * may have decided and we would never know. If none took the request a few
 * rounds bridge a restart, and the person is not kept waiting for long.
 */
static enum err perform(void *context, const struct server_request *request,
    struct server_reply *out)
{
	struct server_client *client = context;
	struct server_reply reply = {0};
	bool was_sent = false;
	int pause_ms = PAUSE_FIRST_MS;
	enum err err;

	for (int round = 1;; round++) {
		err = ask_round(client, request, &was_sent, &reply);
		if (err == ERR_NONE) {
			*out = reply;
			return ERR_NONE;
		}
		if ((!was_sent && round == ROUNDS_UNSENT_MAX) ||
		    steady_left_ms(request->deadline_ms) <= pause_ms)
			return err;
		(void)poll(NULL, 0, pause_ms);
		if (pause_ms < PAUSE_LONGEST_MS)
			pause_ms *= 2;
	}
}

struct server_call server_client_call(struct server_client *client)
{
	return (struct server_call){.perform = perform, .context = client};
}

enum err server_client_probe(struct server_client *client, size_t server,
    const struct server_request *request, struct server_reply *out,
    enum https_fault *fault)
{
	struct attempt attempt = {.server = server};
	enum err err = open_fresh(client, &attempt, request->deadline_ms);

	if (err == ERR_NONE)
		err = exchange(
		    client, &attempt, request, request->deadline_ms, out);
	*fault = attempt.fault;
	return err;
}

enum err server_client_open(struct server_client *client, int64_t deadline_ms,
    struct https_connection **out, uint64_t *out_generation)
{
	enum err err = ERR_UNREACHABLE;
	size_t first = last_good(client);
	int64_t until_ms;

	for (size_t i = 0; i < client->server_count; i++) {
		struct attempt attempt =
		    attempt_of(client, first, i, deadline_ms, &until_ms);

		err = open_fresh(client, &attempt, until_ms);
		if (err != ERR_NONE)
			continue;
		*out = attempt.connection;
		*out_generation = attempt.generation;
		return ERR_NONE;
	}
	return err;
}

uint64_t server_client_generation(struct server_client *client)
{
	uint64_t generation;

	pthread_mutex_lock(&client->lock);
	generation = client->generation;
	pthread_mutex_unlock(&client->lock);
	return generation;
}
