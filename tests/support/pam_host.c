/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/pam_host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	perror(what);
	abort();
}

static void shown_add(struct pam_host *host, char kind, const char *text)
{
	size_t used = strlen(host->shown);

	(void)snprintf(host->shown + used, sizeof(host->shown) - used, "%c:%s|",
	    kind, text);
}

static const char *answer_next(struct pam_host *host)
{
	const char *const *answers = host->answers;

	if (!answers || !answers[0])
		return HOST_FAILS;
	for (unsigned i = 0; i < host->asked && answers[1]; i++)
		answers++;
	host->asked++;
	return answers[0];
}

static int prompt_answer(struct pam_host *host, struct pam_response **out)
{
	const char *answer = answer_next(host);
	struct pam_response *response;

	if (answer == HOST_FAILS)
		return PAM_CONV_ERR;
	if (answer == HOST_NO_RESPONSE)
		return PAM_SUCCESS;
	response = calloc(1, sizeof(*response));
	must(response, "calloc");
	if (answer == HOST_CHANGES_USER) {
		must(pam_set_item(host->pamh, PAM_USER, "root") == PAM_SUCCESS,
		    "pam_set_item");
		answer = "755224";
	}
	if (answer != HOST_NULL_ANSWER)
		response->resp = strdup(answer);
	*out = response;
	return PAM_SUCCESS;
}

static int host_converse(int count, const struct pam_message **messages,
    struct pam_response **out, void *context)
{
	struct pam_host *host = context;
	int style;

	if (count != 1)
		return PAM_CONV_ERR;
	style = messages[0]->msg_style;
	shown_add(host,
	    style == PAM_PROMPT_ECHO_OFF  ? 'P'
	    : style == PAM_TEXT_INFO      ? 'I'
	    : style == PAM_ERROR_MSG      ? 'E'
	    : style == PAM_PROMPT_ECHO_ON ? 'U'
					  : '?',
	    messages[0]->msg);
	if (style == PAM_PROMPT_ECHO_OFF || style == PAM_PROMPT_ECHO_ON)
		return prompt_answer(host, out);
	*out = calloc(1, sizeof(**out));
	return *out ? PAM_SUCCESS : PAM_CONV_ERR;
}

static void host_delay(int code, unsigned delay_us, void *context)
{
	struct pam_host *host = context;

	if (code != PAM_SUCCESS)
		host->delay_us = delay_us;
}

void host_module_path(const char *file, char out[HOST_PATH_MAX])
{
	char self[HOST_PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

	must(length > 0, "readlink");
	self[length] = '\0';
	for (int i = 0; i < 2; i++)
		*strrchr(self, '/') = '\0';
	(void)snprintf(out, HOST_PATH_MAX, "%.150s/%.40s", self, file);
}

static void service_write(
    const struct pam_host *host, const char *module, const char *lines)
{
	char path[HOST_PATH_MAX + 8];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/gate", host->dir);
	file = fopen(path, "we");
	must(file, path);
	for (const char *p = lines; *p; p++) {
		if (*p == '@')
			(void)fprintf(
			    file, "%s socket=%s", module, host->socket);
		else if (*p == '#')
			(void)fputs(module, file);
		else if (*p == '%')
			(void)fputs(host->dir, file);
		else
			(void)fputc(*p, file);
	}
	(void)fputc('\n', file);
	must(fclose(file) == 0, path);
}

static void pam_open(struct pam_host *host)
{
	const struct pam_conv conv = {host_converse, host};
	union {
		void (*function)(int, unsigned, void *);
		const void *item;
	} delay = {.function = host_delay};

	must(pam_start_confdir(
		 "gate", "alice", &conv, host->dir, &host->pamh) == PAM_SUCCESS,
	    "pam_start_confdir");
	must(
	    pam_set_item(host->pamh, PAM_FAIL_DELAY, delay.item) == PAM_SUCCESS,
	    "pam_set_item");
}

void host_open_as(struct pam_host *host, const char *module, const char *lines,
    uid_t owner, const struct fake_step *const scripts[FAKE_SCRIPTS_MAX],
    const char *const *answers)
{
	memset(host, 0, sizeof(*host));
	host->answers = answers;
	(void)snprintf(
	    host->dir, sizeof(host->dir), "/tmp/sekimori-test-XXXXXX");
	must(mkdtemp(host->dir), "mkdtemp");
	must(chmod(host->dir, 01777) == 0, "chmod");
	(void)snprintf(
	    host->socket, sizeof(host->socket), "%.100s/sock", host->dir);
	service_write(host, module, lines);
	host->agent_runs = scripts != NULL;
	if (scripts)
		fake_agent_start(&host->agent, host->socket, owner, scripts);
	pam_open(host);
}

void host_open(struct pam_host *host, const char *module, const char *lines,
    const struct fake_step *steps, const char *const *answers)
{
	const struct fake_step *const scripts[FAKE_SCRIPTS_MAX] = {steps};

	host_open_as(
	    host, module, lines, geteuid(), steps ? scripts : NULL, answers);
}

void host_close(struct pam_host *host)
{
	static const char *const names[] = {"gate", "sock", "script", "out"};
	char path[HOST_PATH_MAX + 8];

	(void)pam_end(host->pamh, PAM_SUCCESS);
	if (host->agent_runs)
		fake_agent_stop(&host->agent, host->socket, &host->seen);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(
		    path, sizeof(path), "%s/%s", host->dir, names[i]);
		(void)remove(path);
	}
	(void)rmdir(host->dir);
}
