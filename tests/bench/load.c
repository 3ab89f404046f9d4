/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One load generator for everything compared: one thread with kept TLS
 * connections, one operation under way on each, every operation one valid
 * code of another person, for the time it is sent at (the codes of the next
 * minutes are computed before the clock starts). What differs between the
 * peers is one table row. A single connection is a client that just waits;
 * with more the thread waits for all, since a thread for each would take the
 * processor from the server that is measured.
 *
 *	load sekimori|ldaps PORT DIR CONNECTIONS USERS OPS SECONDS [FIRST]
 *
 * DIR is a terminal's state folder, or that of slapd's ca.crt. People are
 * taken in scattered order; a second lap over them uses the next step's code,
 * which the window of one step allows, so OPS may be up to twice USERS. Ends
 * at OPS or after SECONDS, whichever is first, and prints one line.
 */
#include <ldap.h>
#include <math.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "tests/bench/client.h"
#include "tests/bench/code.h"
#include "tests/bench/figures.h"

enum {
	CONNECTIONS_MAX = 512,
	WARM_OPS = 512,
	STEPS = 6, /* computed beforehand; SECONDS are fewer */
	SECONDS_MAX = (STEPS - 3) * CODE_PERIOD_S,
};

struct run {
	const struct peer *peer;
	SSL_CTX *context;
	const char *port, *dir;
	long connections, users, ops, first;
	double seconds;
	struct connection *all;
	int epoll; /* -1 with a single connection */
	long next, under_way, done, refused;
	double *latencies; /* NULL while warming up */
	int64_t first_step;
	char (*codes)[STEPS][CODE_SIZE]; /* of each user */
};

struct connection {
	struct run *run;
	struct client client;
	LDAP *ldap;
	double sent;
};

enum answer {
	ANSWER_BROKEN = 0,
	ANSWER_PENDING, /* not all is here; only where nothing blocks */
	ANSWER_REFUSED,
	ANSWER_ACCEPTED,
};

/* unblock gives the descriptor to wait for, or -1. */
struct peer {
	const char *name;
	bool (*prepare)(struct run *run);
	bool (*open)(struct connection *connection);
	int (*unblock)(struct connection *connection);
	bool (*send)(struct connection *connection, long user, int64_t step);
	enum answer (*receive)(struct connection *connection);
	void (*close)(struct connection *connection);
};

static const char *find_code(const struct run *run, long user, int64_t step)
{
	return run->codes[user][step - run->first_step];
}

static bool sekimori_prepare(struct run *run)
{
	run->context = client_context(run->dir);
	return run->context != NULL;
}

static bool sekimori_open(struct connection *connection)
{
	return client_open(&connection->client, connection->run->context,
	    connection->run->port);
}

static int sekimori_unblock(struct connection *connection)
{
	return client_unblock(&connection->client) ? connection->client.fd : -1;
}

static bool sekimori_send(
    struct connection *connection, long user, int64_t step)
{
	char name[32];
	struct login login = {.user = name,
	    .code = find_code(connection->run, user, step),
	    .first_factor = "proven"};

	snprintf(name, sizeof(name), "u%ld", user);
	return client_send(&connection->client, &login);
}

static enum answer sekimori_receive(struct connection *connection)
{
	int status = client_receive(&connection->client);

	if (status < 0)
		return ANSWER_BROKEN;
	if (status == CLIENT_PENDING)
		return ANSWER_PENDING;
	if (status == 200 && client_was_accepted(&connection->client))
		return ANSWER_ACCEPTED;
	fprintf(stderr, "%d %s\n", status, connection->client.reply);
	return ANSWER_REFUSED;
}

static void sekimori_close(struct connection *connection)
{
	client_close(&connection->client);
}

static bool ldaps_prepare(struct run *run)
{
	char path[4096];
	int demand = LDAP_OPT_X_TLS_DEMAND;

	snprintf(path, sizeof(path), "%s/ca.crt", run->dir);
	return ldap_set_option(NULL, LDAP_OPT_X_TLS_CACERTFILE, path) == 0 &&
	       ldap_set_option(NULL, LDAP_OPT_X_TLS_REQUIRE_CERT, &demand) == 0;
}

static bool ldaps_open(struct connection *connection)
{
	int version = LDAP_VERSION3;
	char url[64];

	snprintf(
	    url, sizeof(url), "ldaps://127.0.0.1:%s", connection->run->port);
	if (ldap_initialize(&connection->ldap, url) != LDAP_SUCCESS ||
	    ldap_set_option(
		connection->ldap, LDAP_OPT_PROTOCOL_VERSION, &version) != 0)
		return false;
	int rc = ldap_connect(connection->ldap);

	if (rc != LDAP_SUCCESS)
		fprintf(stderr, "ldap_connect: %s\n", ldap_err2string(rc));
	return rc == LDAP_SUCCESS;
}

static int ldaps_unblock(struct connection *connection)
{
	int fd = -1;

	/* It is told below not to wait; the socket needs no change. */
	return ldap_get_option(connection->ldap, LDAP_OPT_DESC, &fd) == 0 ? fd
									  : -1;
}

/* The password of everybody is "x", as short as can be. */
static bool ldaps_send(struct connection *connection, long user, int64_t step)
{
	char name[64], secret[1 + CODE_SIZE] = "x";
	struct berval credentials = {.bv_len = CODE_SIZE, .bv_val = secret};
	int message = 0;

	snprintf(name, sizeof(name), "uid=u%ld,ou=u,dc=p", user);
	memcpy(secret + 1, find_code(connection->run, user, step), CODE_SIZE);
	return ldap_sasl_bind(connection->ldap, name, LDAP_SASL_SIMPLE,
		   &credentials, NULL, NULL, &message) == LDAP_SUCCESS;
}

static enum answer ldaps_receive(struct connection *connection)
{
	struct timeval at_once = {0, 0};
	LDAPMessage *message = NULL;
	int code = LDAP_OTHER;
	int type = ldap_result(connection->ldap, LDAP_RES_ANY, LDAP_MSG_ALL,
	    connection->run->epoll < 0 ? NULL : &at_once, &message);

	if (type == 0)
		return ANSWER_PENDING;
	if (type != LDAP_RES_BIND ||
	    ldap_parse_result(connection->ldap, message, &code, NULL, NULL,
		NULL, NULL, 1) != LDAP_SUCCESS)
		return ANSWER_BROKEN;
	if (code == LDAP_SUCCESS)
		return ANSWER_ACCEPTED;
	fprintf(stderr, "bind: %s\n", ldap_err2string(code));
	return code == LDAP_INVALID_CREDENTIALS ? ANSWER_REFUSED
						: ANSWER_BROKEN;
}

static void ldaps_close(struct connection *connection)
{
	ldap_unbind_ext_s(connection->ldap, NULL, NULL);
}

static const struct peer peers[] = {
    {"sekimori", sekimori_prepare, sekimori_open, sekimori_unblock,
	sekimori_send, sekimori_receive, sekimori_close},
    {"ldaps", ldaps_prepare, ldaps_open, ldaps_unblock, ldaps_send,
	ldaps_receive, ldaps_close},
};

/* A scattered order that meets everybody once a lap: 7919 is prime. */
static long pick_user(const struct run *run, long op)
{
	return (long)((unsigned long long)op * 7919u %
		      (unsigned long long)run->users);
}

static bool make_codes(struct run *run)
{
	run->first_step = code_step_now();
	run->codes = calloc((size_t)run->users, sizeof(*run->codes));
	for (long user = 0; run->codes && user < run->users; user++)
		for (int i = 0; i < STEPS; i++)
			code_make(
			    user, run->first_step + i, run->codes[user][i]);
	return run->codes != NULL;
}

static bool send_next(struct connection *connection)
{
	struct run *run = connection->run;
	long op = run->first + run->next++;

	connection->sent = bench_seconds();
	run->under_way++;
	return run->peer->send(
	    connection, pick_user(run, op), code_step_now() + op / run->users);
}

/* Takes an answer, if it is there, and sends the next unless time is up. */
static bool turn(struct connection *connection, long ops, double end)
{
	struct run *run = connection->run;
	enum answer answer = run->peer->receive(connection);
	double now = bench_seconds();

	if (answer == ANSWER_PENDING || answer == ANSWER_BROKEN)
		return answer == ANSWER_PENDING;
	run->under_way--;
	run->refused += answer == ANSWER_REFUSED;
	if (run->latencies)
		run->latencies[run->done++] = now - connection->sent;
	return run->next >= ops || now >= end || send_next(connection);
}

static bool turn_all(struct run *run, long ops, double end)
{
	struct epoll_event ready[CONNECTIONS_MAX];
	int count = epoll_wait(run->epoll, ready, CONNECTIONS_MAX, -1);

	for (int i = 0; i < count; i++)
		if (!turn(ready[i].data.ptr, ops, end))
			return false;
	return count >= 0;
}

/* Keeps every connection busy until operation number `ops` or the end. */
static bool drive(struct run *run, long ops, double end)
{
	for (long i = 0; i < run->connections && run->next < ops; i++)
		if (!send_next(&run->all[i]))
			return false;
	while (run->under_way > 0)
		if (run->epoll < 0 ? !turn(run->all, ops, end)
				   : !turn_all(run, ops, end))
			return false;
	return true;
}

static bool watch(struct connection *connection)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
	int fd = connection->run->peer->unblock(connection);

	return fd >= 0 && epoll_ctl(connection->run->epoll, EPOLL_CTL_ADD, fd,
			      &event) == 0;
}

static bool open_all(struct run *run)
{
	run->all = calloc((size_t)run->connections, sizeof(*run->all));
	run->epoll = run->connections > 1 ? epoll_create1(0) : -1;
	for (long i = 0; run->all && i < run->connections; i++) {
		run->all[i].run = run;
		if (!run->peer->open(&run->all[i]) ||
		    (run->epoll >= 0 && !watch(&run->all[i])))
			return false;
	}
	return run->all != NULL;
}

static void report(struct run *run, double seconds)
{
	long done = run->done;

	printf("peer=%s connections=%ld ops=%ld seconds=%.3f rate=%.1f "
	       "p50_ms=%.3f p99_ms=%.3f refused=%ld\n",
	    run->peer->name, run->connections, done, seconds,
	    (double)done / seconds,
	    bench_quantile(run->latencies, done, 0.50) * 1e3,
	    bench_quantile(run->latencies, done, 0.99) * 1e3, run->refused);
}

static bool run_load(struct run *run)
{
	double *latencies = calloc((size_t)run->ops, sizeof(double));
	double start;

	if (!latencies || !make_codes(run) || !run->peer->prepare(run) ||
	    !open_all(run))
		return false;
	/* These are not timed: caches fill, connections settle. */
	if (!drive(run, WARM_OPS, INFINITY))
		return false;
	run->latencies = latencies;
	start = bench_seconds();
	if (!drive(run, run->ops, start + run->seconds))
		return false;
	report(run, bench_seconds() - start);
	for (long i = 0; i < run->connections; i++)
		run->peer->close(&run->all[i]);
	SSL_CTX_free(run->context);
	free(run->all);
	free(run->codes);
	free(latencies);
	return true;
}

int main(int argc, char **argv)
{
	struct run run = {0};

	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0;
	     (argc == 8 || argc == 9) && i < sizeof(peers) / sizeof(*peers);
	     i++)
		if (strcmp(argv[1], peers[i].name) == 0)
			run.peer = &peers[i];
	if (!run.peer) {
		fprintf(stderr, "usage: load sekimori|ldaps PORT DIR "
				"CONNECTIONS USERS OPS SECONDS [FIRST]\n");
		return EXIT_FAILURE;
	}
	run.port = argv[2];
	run.dir = argv[3];
	run.connections = strtol(argv[4], NULL, 10);
	run.users = strtol(argv[5], NULL, 10);
	run.ops = strtol(argv[6], NULL, 10);
	run.seconds = strtod(argv[7], NULL);
	run.first = argc == 9 ? strtol(argv[8], NULL, 10) : 0;
	if (run.connections < 1 || run.connections > CONNECTIONS_MAX ||
	    run.seconds > SECONDS_MAX || run.users < 1 || run.ops <= WARM_OPS ||
	    run.first < 0 || run.first + run.ops > 2 * run.users) {
		fprintf(stderr, "load: numbers out of range\n");
		return EXIT_FAILURE;
	}
	if (run_load(&run))
		return EXIT_SUCCESS;
	fprintf(stderr, "load: a connection failed\n");
	return EXIT_FAILURE;
}
