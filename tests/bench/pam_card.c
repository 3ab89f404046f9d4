/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logins by card through PAM modules in turn: a fork for each, as sshd, sudo
 * and login are a process for each, and in it pam_start_confdir,
 * pam_authenticate and pam_end, so that what a module loads is counted. Links
 * libc and libpam only, as sudo and login do.
 *
 *	pam_card CONFDIR USER PIN ROUNDS LOGINS SERVICE...
 *
 * Every secret prompt gets the PIN. One line for each round and service; a
 * few logins go before, unless only one is asked for.
 */
#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/figures.h"
#include "tests/bench/log_sink.h"

enum {
	WARM_LOGINS = 3,
	SERVICES_MAX = 8,
};

struct person {
	const char *confdir, *name;
	char *pin;
};

static int answer_pin(int count, const struct pam_message **messages,
    struct pam_response **out, void *context)
{
	struct pam_response *answers = calloc((size_t)count, sizeof(*answers));

	if (!answers)
		return PAM_BUF_ERR;
	for (int i = 0; i < count; i++)
		if (messages[i]->msg_style == PAM_PROMPT_ECHO_OFF)
			answers[i].resp = strdup(context);
		else if (messages[i]->msg_style == PAM_PROMPT_ECHO_ON)
			answers[i].resp = strdup("");
	*out = answers;
	return PAM_SUCCESS;
}

/* Seconds that a login took in this process, or -1 if it was refused. */
static double login_here(const struct person *person, const char *service)
{
	struct pam_conv conversation = {answer_pin, person->pin};
	pam_handle_t *pam = NULL;
	double before = bench_seconds();
	int rc = pam_start_confdir(
	    service, person->name, &conversation, person->confdir, &pam);

	if (rc == PAM_SUCCESS)
		rc = pam_authenticate(pam, 0);
	pam_end(pam, rc);
	if (rc == PAM_SUCCESS)
		return bench_seconds() - before;
	fprintf(stderr, "pam_card: %s refused %s: %s\n", service, person->name,
	    pam_strerror(NULL, rc));
	return -1;
}

static double login_apart(const struct person *person, const char *service)
{
	double took = -1;
	int ends[2];
	pid_t child;

	if (pipe(ends) != 0)
		return -1;
	child = fork();
	if (child == 0) {
		took = login_here(person, service);
		_exit(write(ends[1], &took, sizeof(took)) != sizeof(took));
	}
	close(ends[1]);
	if (read(ends[0], &took, sizeof(took)) != sizeof(took))
		took = -1;
	close(ends[0]);
	waitpid(child, NULL, 0);
	return took;
}

/* Who goes first rotates. */
static bool run_round(const struct person *person, char **services, int count,
    long logins, double *figures[SERVICES_MAX])
{
	for (long i = 0; i < logins; i++) {
		for (int turn = 0; turn < count; turn++) {
			int which = (int)((i + turn) % count);
			double took = login_apart(person, services[which]);

			if (took < 0)
				return false;
			figures[which][i] = took;
		}
	}
	return true;
}

int main(int argc, char **argv)
{
	double *figures[SERVICES_MAX] = {NULL};
	int count = argc - 6;

	if (count < 1 || count > SERVICES_MAX) {
		fprintf(stderr,
		    "usage: pam_card CONFDIR USER PIN ROUNDS LOGINS "
		    "SERVICE...\n");
		return EXIT_FAILURE;
	}
	struct person person = {argv[1], argv[2], argv[3]};
	long rounds = strtol(argv[4], NULL, 10);
	long logins = strtol(argv[5], NULL, 10);
	long warm = logins > 1 ? WARM_LOGINS : 0;
	long room = logins > warm ? logins : warm;

	for (int i = 0; i < count; i++)
		if (!(figures[i] = calloc((size_t)room, sizeof(double))))
			return EXIT_FAILURE;
	if (!log_sink_start() ||
	    !run_round(&person, argv + 6, count, warm, figures))
		return EXIT_FAILURE;
	for (long round = 0; round < rounds; round++) {
		if (!run_round(&person, argv + 6, count, logins, figures))
			return EXIT_FAILURE;
		for (int i = 0; i < count; i++)
			printf("card=%s logins=%ld p50_ms=%.4f p99_ms=%.4f\n",
			    argv[6 + i], logins,
			    bench_quantile(figures[i], logins, 0.50) * 1e3,
			    bench_quantile(figures[i], logins, 0.99) * 1e3);
		fflush(stdout);
	}
	for (int i = 0; i < count; i++)
		free(figures[i]);
	return EXIT_SUCCESS;
}
