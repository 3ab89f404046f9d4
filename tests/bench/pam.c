/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logins through PAM modules in turn, in one process: pam_start_confdir,
 * pam_authenticate, pam_end, once for each service of the table, then again
 * with the next person. Every login is another person's unspent code.
 *
 *	pam CONFDIR ROUNDS LOGINS
 *
 * Answers as a log daemon at /dev/log meanwhile (run.sh gives it a /dev of its
 * own): without one each line that a module logs waits for the console.
 * Prints one line for each round and service; LOGINS are those of a round.
 */
#include <security/pam_appl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/code.h"
#include "tests/bench/figures.h"
#include "tests/bench/log_sink.h"

enum {
	WARM_LOGINS = 20
};

/* Which counter a service expects of a person who never logged in. */
struct service {
	const char *name;
	bool is_totp;
	int64_t counter;
};

static const struct service services[] = {
    {"permit", false, 0},
    {"oath", false, 0},
    {"google", false, 1},
    {"sekimori", true, 0},
};

enum {
	SERVICES = sizeof(services) / sizeof(*services)
};

static int answer_code(int count, const struct pam_message **messages,
    struct pam_response **out, void *context)
{
	struct pam_response *answers = calloc((size_t)count, sizeof(*answers));

	if (!answers)
		return PAM_BUF_ERR;
	for (int i = 0; i < count; i++)
		if (messages[i]->msg_style == PAM_PROMPT_ECHO_OFF ||
		    messages[i]->msg_style == PAM_PROMPT_ECHO_ON)
			answers[i].resp = strdup(context);
	*out = answers;
	return PAM_SUCCESS;
}

/* Seconds that one login took, or -1 if it was refused. */
static double login_once(
    const char *confdir, const struct service *service, long user)
{
	char name[32], code[CODE_SIZE];
	struct pam_conv conversation = {answer_code, code};
	pam_handle_t *pam = NULL;

	snprintf(name, sizeof(name), "u%ld", user);
	code_make(
	    user, service->is_totp ? code_step_now() : service->counter, code);
	double before = bench_seconds();
	int rc = pam_start_confdir(
	    service->name, name, &conversation, confdir, &pam);

	if (rc == PAM_SUCCESS)
		rc = pam_authenticate(pam, 0);
	pam_end(pam, rc);
	double after = bench_seconds();

	if (rc == PAM_SUCCESS)
		return after - before;
	fprintf(stderr, "pam: %s refused %s: %s\n", service->name, name,
	    pam_strerror(NULL, rc));
	return -1;
}

/* Each person logs in everywhere; who goes first rotates. */
static bool run_round(
    const char *confdir, long first, long logins, double *figures[SERVICES])
{
	for (long i = 0; i < logins; i++) {
		for (int turn = 0; turn < SERVICES; turn++) {
			int which = (int)((i + turn) % SERVICES);
			double took =
			    login_once(confdir, &services[which], first + i);

			if (took < 0)
				return false;
			figures[which][i] = took;
		}
	}
	return true;
}

static void report_round(double *figures[SERVICES], long logins)
{
	for (int i = 0; i < SERVICES; i++)
		printf("pam=%s logins=%ld p50_ms=%.4f p99_ms=%.4f\n",
		    services[i].name, logins,
		    bench_quantile(figures[i], logins, 0.50) * 1e3,
		    bench_quantile(figures[i], logins, 0.99) * 1e3);
}

int main(int argc, char **argv)
{
	double *figures[SERVICES] = {NULL};
	int rc = EXIT_FAILURE;

	if (argc != 4) {
		fprintf(stderr, "usage: pam CONFDIR ROUNDS LOGINS\n");
		return EXIT_FAILURE;
	}
	long rounds = strtol(argv[2], NULL, 10);
	long logins = strtol(argv[3], NULL, 10);
	long room = logins > WARM_LOGINS ? logins : WARM_LOGINS;

	for (int i = 0; i < SERVICES; i++)
		if (!(figures[i] = calloc((size_t)room, sizeof(double))))
			goto out;
	if (!log_sink_start() || !run_round(argv[1], 0, WARM_LOGINS, figures))
		goto out;
	for (long round = 0; round < rounds; round++) {
		if (!run_round(
			argv[1], WARM_LOGINS + round * logins, logins, figures))
			goto out;
		report_round(figures, logins);
	}
	rc = EXIT_SUCCESS;
out:
	for (int i = 0; i < SERVICES; i++)
		free(figures[i]);
	return rc;
}
