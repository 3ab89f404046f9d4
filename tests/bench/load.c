/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One load generator for everything compared: a blocking thread and a kept
 * TLS connection each, every operation one valid code of another person, for
 * the time it is sent at (the codes of the next minutes are computed before
 * the clock starts). What differs between the peers is one table row.
 *
 *	load sekimori|ldaps PORT DIR CONNECTIONS USERS OPS SECONDS
 *
 * DIR is a terminal's state folder, or that of slapd's ca.crt. People are
 * taken in scattered order; a second lap over them uses the next step's code,
 * which the window of one step allows, so OPS may be up to twice USERS. Ends
 * at OPS or after SECONDS, whichever is first, and prints one line.
 */
#include <ldap.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/client.h"
#include "tests/bench/code.h"

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
	long connections, users, ops;
	double seconds;
	pthread_barrier_t ready, warm;
	atomic_long next, done, refused;
	atomic_bool broken;
	double *latencies;
	double start, end;
	int64_t first_step;
	char (*codes)[STEPS][CODE_SIZE]; /* of each user */
};

struct connection {
	struct run *run;
	struct client client;
	LDAP *ldap;
	pthread_t thread;
};

/* open and close a connection; login returns 1 accepted, 0 refused, -1. */
struct peer {
	const char *name;
	bool (*prepare)(struct run *run);
	bool (*open)(struct connection *connection);
	int (*login)(struct connection *connection, long user, int64_t step);
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

static int sekimori_login(
    struct connection *connection, long user, int64_t step)
{
	char name[32];
	struct login login = {.user = name,
	    .code = find_code(connection->run, user, step),
	    .first_factor = "proven"};

	snprintf(name, sizeof(name), "u%ld", user);
	int status = client_login(&connection->client, &login);

	if (status < 0)
		return -1;
	if (status == 200 && client_was_accepted(&connection->client))
		return 1;
	fprintf(
	    stderr, "u%ld: %d %s\n", user, status, connection->client.reply);
	return 0;
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

/* The password of everybody is "x", as short as can be. */
static int ldaps_login(struct connection *connection, long user, int64_t step)
{
	char name[64], secret[1 + CODE_SIZE] = "x";
	struct berval credentials = {.bv_len = CODE_SIZE, .bv_val = secret};

	snprintf(name, sizeof(name), "uid=u%ld,ou=u,dc=p", user);
	memcpy(secret + 1, find_code(connection->run, user, step), CODE_SIZE);
	int rc = ldap_sasl_bind_s(connection->ldap, name, LDAP_SASL_SIMPLE,
	    &credentials, NULL, NULL, NULL);

	if (rc == LDAP_SUCCESS || rc == LDAP_INVALID_CREDENTIALS)
		return rc == LDAP_SUCCESS;
	fprintf(stderr, "bind: %s\n", ldap_err2string(rc));
	return -1;
}

static void ldaps_close(struct connection *connection)
{
	ldap_unbind_ext_s(connection->ldap, NULL, NULL);
}

static const struct peer peers[] = {
    {"sekimori", sekimori_prepare, sekimori_open, sekimori_login,
	sekimori_close},
    {"ldaps", ldaps_prepare, ldaps_open, ldaps_login, ldaps_close},
};

/* A scattered order that meets everybody once a lap: 7919 is prime. */
static long pick_user(const struct run *run, long op)
{
	return (long)((unsigned long long)op * 7919u %
		      (unsigned long long)run->users);
}

static bool login_once(struct connection *connection, long op)
{
	struct run *run = connection->run;
	int64_t step = code_step_now() + op / run->users;
	int answer = run->peer->login(connection, pick_user(run, op), step);

	if (answer < 0)
		run->broken = true;
	if (answer == 0)
		run->refused++;
	return answer >= 0;
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

/* The first operations are not timed: caches fill, connections settle. */
static void warm_up(struct connection *connection, long share)
{
	for (long i = 0; i < share && !connection->run->broken; i++)
		login_once(connection, connection->run->next++);
}

static void *drive(void *argument)
{
	struct connection *connection = argument;
	struct run *run = connection->run;
	bool open = run->peer->open(connection);

	if (!open)
		run->broken = true;
	else
		warm_up(connection, WARM_OPS / run->connections);
	pthread_barrier_wait(&run->ready);
	pthread_barrier_wait(&run->warm);
	while (!run->broken) {
		long op = run->next++;
		double before = bench_seconds();

		if (op >= run->ops || before >= run->end ||
		    !login_once(connection, op))
			break;
		run->latencies[run->done++] = bench_seconds() - before;
	}
	if (open)
		run->peer->close(connection);
	return NULL;
}

static void start_clock(struct run *run)
{
	pthread_barrier_wait(&run->ready);
	run->start = bench_seconds();
	run->end = run->start + run->seconds;
	pthread_barrier_wait(&run->warm);
}

static void report(struct run *run, double seconds)
{
	long done = run->done;

	printf("peer=%s connections=%ld ops=%ld seconds=%.3f rate=%.1f "
	       "p50_ms=%.3f p99_ms=%.3f refused=%ld\n",
	    run->peer->name, run->connections, done, seconds,
	    (double)done / seconds,
	    bench_quantile(run->latencies, done, 0.50) * 1e3,
	    bench_quantile(run->latencies, done, 0.99) * 1e3,
	    (long)run->refused);
}

static int run_load(struct run *run)
{
	struct connection *all = calloc((size_t)run->connections, sizeof(*all));

	run->latencies = calloc((size_t)run->ops, sizeof(double));
	if (!all || !run->latencies || !make_codes(run) ||
	    !run->peer->prepare(run))
		return EXIT_FAILURE;
	pthread_barrier_init(
	    &run->ready, NULL, (unsigned int)run->connections + 1);
	pthread_barrier_init(
	    &run->warm, NULL, (unsigned int)run->connections + 1);
	for (long i = 0; i < run->connections; i++) {
		all[i].run = run;
		if (pthread_create(&all[i].thread, NULL, drive, &all[i]) != 0)
			return EXIT_FAILURE;
	}
	start_clock(run);
	for (long i = 0; i < run->connections; i++)
		pthread_join(all[i].thread, NULL);
	double seconds = bench_seconds() - run->start;

	if (run->broken)
		fprintf(stderr, "load: a connection failed\n");
	else
		report(run, seconds);
	free(run->latencies);
	free(run->codes);
	free(all);
	SSL_CTX_free(run->context);
	return run->broken ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct run run = {0};

	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; argc == 8 && i < sizeof(peers) / sizeof(*peers); i++)
		if (strcmp(argv[1], peers[i].name) == 0)
			run.peer = &peers[i];
	if (!run.peer) {
		fprintf(stderr, "usage: load sekimori|ldaps PORT DIR "
				"CONNECTIONS USERS OPS SECONDS\n");
		return EXIT_FAILURE;
	}
	run.port = argv[2];
	run.dir = argv[3];
	run.connections = strtol(argv[4], NULL, 10);
	run.users = strtol(argv[5], NULL, 10);
	run.ops = strtol(argv[6], NULL, 10);
	run.seconds = strtod(argv[7], NULL);
	if (run.connections < 1 || run.connections > CONNECTIONS_MAX ||
	    run.seconds > SECONDS_MAX || run.users < 1 || run.ops <= WARM_OPS ||
	    run.ops > 2 * run.users) {
		fprintf(stderr, "load: numbers out of range\n");
		return EXIT_FAILURE;
	}
	return run_load(&run);
}
