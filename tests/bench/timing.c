/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does the time of an answer tell what the answer hides? Pairs of calls that
 * must look alike, interleaved on one connection, each from another person,
 * so that no call is slower for what an earlier one left behind.
 *
 *	timing PORT DIR CALLS AFTER
 *
 * DIR is a terminal's state folder, AFTER the throttle's `after`. Uses users
 * u10000 up to u(10000 + 6 * CALLS). Prints one line for each pair.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/client.h"
#include "tests/bench/code.h"
#include "tests/bench/figures.h"

enum {
	FIRST_USER = 10000,
	WARM_CALLS = 200
};

enum who {
	KNOWN,
	STRANGER
};
enum what {
	RIGHT,
	WRONG
};

struct side {
	enum who who;
	enum what what;
	const char *expected; /* in the answer */
};

struct pair {
	const char *name;
	const char *first_factor;
	bool throttled;
	struct side sides[2];
};

static const struct pair pairs[] = {
    {"wrong-code-or-unknown-user/proven", "proven", false,
	{{KNOWN, WRONG, "\"wrong\""}, {STRANGER, WRONG, "\"wrong\""}}},
    {"wrong-code-or-unknown-user/unproven", "unproven", false,
	{{KNOWN, WRONG, "\"wrong\""}, {STRANGER, WRONG, "\"wrong\""}}},
    {"right-or-wrong-while-throttled", "proven", true,
	{{KNOWN, RIGHT, "\"throttled\""}, {KNOWN, WRONG, "\"throttled\""}}},
};

/* Seconds, or -1 when the answer is not what it must be. */
static double call_once(struct client *client, const char *first_factor,
    const struct side *side, long user)
{
	char name[32], code[CODE_SIZE];
	struct login login = {name, code, first_factor};

	snprintf(
	    name, sizeof(name), "%c%ld", side->who == KNOWN ? 'u' : 'v', user);
	if (side->what == RIGHT)
		code_make(user, code_step_now(), code);
	else
		code_make_wrong(user, code);
	double before = bench_seconds();
	int status = client_login(client, &login);
	double took = bench_seconds() - before;

	if (status == 200 && strstr(client->reply, side->expected))
		return took;
	fprintf(stderr, "timing: %s: %d %s\n", name, status, client->reply);
	return -1;
}

/* Failures until the next answer is a wait. */
static bool throttle_users(struct client *client, const char *first_factor,
    long first, long n, long after)
{
	const struct side wrong = {KNOWN, WRONG, "\"result\":\"deny\""};

	for (long i = 0; i < n; i++)
		for (long failure = 0; failure < after; failure++)
			if (call_once(client, first_factor, &wrong, first + i) <
			    0)
				return false;
	return true;
}

static bool measure_block(struct client *client, const struct pair *pair,
    long first, long calls, double *figures[2])
{
	for (long i = 0; i < calls; i++) {
		for (int turn = 0; turn < 2; turn++) {
			int which = (int)((i + turn) & 1);
			double took = call_once(client, pair->first_factor,
			    &pair->sides[which], first + 2 * i + which);

			if (took < 0)
				return false;
			figures[which][i] = took;
		}
	}
	return true;
}

/*
 * Throttled people wait 30 s at first: too short to put all of them into
 * that state beforehand, so it goes block by block.
 */
static bool measure_pair(struct client *client, const struct pair *pair,
    long first, long calls, long after, double *figures[2])
{
	enum {
		BLOCK = 250
	};

	for (long done = 0; done < calls; done += BLOCK) {
		long n = calls - done < BLOCK ? calls - done : BLOCK;
		double *at[2] = {figures[0] + done, figures[1] + done};

		if (pair->throttled &&
		    !throttle_users(client, pair->first_factor,
			first + 2 * done, 2 * n, after))
			return false;
		if (!measure_block(client, pair, first + 2 * done, n, at))
			return false;
	}
	double a = bench_quantile(figures[0], calls, 0.5);
	double b = bench_quantile(figures[1], calls, 0.5);

	printf("timing=%s calls=%ld a_ms=%.4f b_ms=%.4f ratio=%.4f\n",
	    pair->name, calls, a * 1e3, b * 1e3, a / b);
	return true;
}

static bool warm_up(struct client *client)
{
	const struct side stranger = {STRANGER, WRONG, "\"wrong\""};

	for (long i = 0; i < WARM_CALLS; i++)
		if (call_once(client, "proven", &stranger, i) < 0)
			return false;
	return true;
}

int main(int argc, char **argv)
{
	struct client client = {.fd = -1};
	double *figures[2] = {NULL};
	SSL_CTX *context = NULL;
	int rc = EXIT_FAILURE;

	if (argc != 5) {
		fprintf(stderr, "usage: timing PORT DIR CALLS AFTER\n");
		return EXIT_FAILURE;
	}
	long calls = strtol(argv[3], NULL, 10);
	long after = strtol(argv[4], NULL, 10);

	figures[0] = calloc((size_t)calls, sizeof(double));
	figures[1] = calloc((size_t)calls, sizeof(double));
	context = client_context(argv[2]);
	if (!figures[0] || !figures[1] || !context ||
	    !client_open(&client, context, argv[1]) || !warm_up(&client))
		goto out;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++)
		if (!measure_pair(&client, &pairs[i],
			FIRST_USER + (long)i * 2 * calls, calls, after,
			figures))
			goto out;
	rc = EXIT_SUCCESS;
out:
	client_close(&client);
	SSL_CTX_free(context);
	free(figures[0]);
	free(figures[1]);
	return rc;
}
