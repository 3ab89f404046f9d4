/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One PAM conversation, told by its arguments, every return code printed:
 *
 *	pam_probe CONFDIR SERVICE USER [ITEM=VALUE]... STEP...
 *
 * Steps: auth, silent, acct, setcred, open, close, repeat:N (the steps after
 * it N times in new handles, then facts about descriptors and memory),
 * user:NAME (PAM_USER changes), sleep:MS. Items: tty, rhost, ruser. Each line
 * of standard input answers a prompt; "!fail" fails the conversation, "!null"
 * answers with nothing, "!none" leaves out the answers altogether, and
 * "!long:N" answers with N bytes. Delays after a failure are told, not slept.
 */
#include <dirent.h>
#include <security/pam_appl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct name {
	int code;
	const char *text;
};

#define NAME(c)                                                                \
	{                                                                      \
		c, #c                                                          \
	}
static const struct name names[] = {
    NAME(PAM_SUCCESS),
    NAME(PAM_OPEN_ERR),
    NAME(PAM_SYMBOL_ERR),
    NAME(PAM_SERVICE_ERR),
    NAME(PAM_SYSTEM_ERR),
    NAME(PAM_BUF_ERR),
    NAME(PAM_PERM_DENIED),
    NAME(PAM_AUTH_ERR),
    NAME(PAM_CRED_INSUFFICIENT),
    NAME(PAM_AUTHINFO_UNAVAIL),
    NAME(PAM_USER_UNKNOWN),
    NAME(PAM_MAXTRIES),
    NAME(PAM_NEW_AUTHTOK_REQD),
    NAME(PAM_ACCT_EXPIRED),
    NAME(PAM_SESSION_ERR),
    NAME(PAM_CRED_UNAVAIL),
    NAME(PAM_CRED_EXPIRED),
    NAME(PAM_CRED_ERR),
    NAME(PAM_CONV_ERR),
    NAME(PAM_IGNORE),
    NAME(PAM_ABORT),
    NAME(PAM_MODULE_UNKNOWN),
    NAME(PAM_CONV_AGAIN),
    NAME(PAM_INCOMPLETE),
};

static const char *code_name(int code)
{
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i].code == code)
			return names[i].text;
	return "PAM_?";
}

static char *read_answer(void)
{
	char line[2048];

	if (!fgets(line, sizeof line, stdin))
		return strdup("");
	line[strcspn(line, "\n")] = '\0';
	return strdup(line);
}

static char *answer_of(char *line)
{
	size_t length;
	char *text;

	if (strncmp(line, "!long:", 6) != 0)
		return line;
	length = strtoul(line + 6, NULL, 10);
	text = malloc(length + 1);
	memset(text, '7', length);
	text[length] = '\0';
	free(line);
	return text;
}

static int converse(int count, const struct pam_message **messages,
    struct pam_response **responses, void *context)
{
	struct pam_response *all = calloc((size_t)count, sizeof *all);

	(void)context;
	for (int i = 0; i < count; i++) {
		int style = messages[i]->msg_style;
		bool asks =
		    style == PAM_PROMPT_ECHO_OFF || style == PAM_PROMPT_ECHO_ON;
		char *line;

		printf("%s %d %s\n", asks ? "prompt" : "message", style,
		    messages[i]->msg);
		fflush(stdout);
		if (!asks)
			continue;
		line = read_answer();
		if (strcmp(line, "!fail") == 0 || strcmp(line, "!none") == 0) {
			bool fails = line[1] == 'f';

			free(line);
			free(all);
			*responses = NULL;
			return fails ? PAM_CONV_ERR : PAM_SUCCESS;
		}
		if (strcmp(line, "!null") == 0)
			free(line);
		else
			all[i].resp = answer_of(line);
	}
	*responses = all;
	return PAM_SUCCESS;
}

static void tell_delay(int result, unsigned delay_us, void *context)
{
	(void)result;
	(void)context;
	if (delay_us > 0)
		printf("fact delay_us %u\n", delay_us);
}

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int do_step(pam_handle_t *pamh, const char *step)
{
	if (strcmp(step, "auth") == 0)
		return pam_authenticate(pamh, 0);
	if (strcmp(step, "silent") == 0)
		return pam_authenticate(pamh, PAM_SILENT);
	if (strcmp(step, "acct") == 0)
		return pam_acct_mgmt(pamh, 0);
	if (strcmp(step, "setcred") == 0)
		return pam_setcred(pamh, PAM_ESTABLISH_CRED);
	if (strcmp(step, "open") == 0)
		return pam_open_session(pamh, 0);
	if (strcmp(step, "close") == 0)
		return pam_close_session(pamh, 0);
	if (strncmp(step, "user:", 5) == 0)
		return pam_set_item(pamh, PAM_USER, step + 5);
	if (strncmp(step, "sleep:", 6) == 0) {
		usleep((useconds_t)atoi(step + 6) * 1000);
		return PAM_SUCCESS;
	}
	fprintf(stderr, "unknown step %s\n", step);
	exit(2);
}

static void set_item(pam_handle_t *pamh, const char *argument)
{
	const char *value = strchr(argument, '=') + 1;
	int item = strncmp(argument, "tty=", 4) == 0     ? PAM_TTY
		   : strncmp(argument, "rhost=", 6) == 0 ? PAM_RHOST
							 : PAM_RUSER;

	pam_set_item(pamh, item, value);
}

static int run_once(char **argv, char **steps)
{
	struct pam_conv conversation = {converse, NULL};
	pam_handle_t *pamh = NULL;
	int code =
	    pam_start_confdir(argv[2], argv[3], &conversation, argv[1], &pamh);

	if (code != PAM_SUCCESS) {
		fprintf(stderr, "pam_start: %s\n", code_name(code));
		return 2;
	}
	pam_set_item(pamh, PAM_FAIL_DELAY, (const void *)&tell_delay);
	for (char **item = argv + 4; item < steps; item++)
		if (strchr(*item, '='))
			set_item(pamh, *item);
	for (char **step = steps; *step; step++) {
		double start = now_s();

		code = do_step(pamh, *step);
		printf("code %s %s %.3f\n", *step, code_name(code),
		    now_s() - start);
	}
	pam_end(pamh, code);
	return 0;
}

static long count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	long count = 0;

	while (dir && readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static long resident_kb(void)
{
	long size = 0, resident = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	if (!file || fscanf(file, "%ld %ld", &size, &resident) != 2)
		exit(2);
	fclose(file);
	return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static int repeat(char **argv, char **steps, long times)
{
	for (long i = 0; i < times; i++) {
		if (i == times / 10)
			printf("fact descriptors_early %ld\nfact "
			       "resident_early_kb %ld\n",
			    count_descriptors(), resident_kb());
		if (run_once(argv, steps) != 0)
			return 2;
	}
	printf("fact descriptors %ld\nfact resident_kb %ld\n",
	    count_descriptors(), resident_kb());
	return 0;
}

int main(int argc, char **argv)
{
	char **steps = argv + 4;

	if (argc < 5) {
		fprintf(stderr, "usage: pam_probe CONFDIR SERVICE USER ...\n");
		return 2;
	}
	while (*steps && strchr(*steps, '='))
		steps++;
	if (*steps && strncmp(*steps, "repeat:", 7) == 0)
		return repeat(argv, steps + 1, strtol(*steps + 7, NULL, 10));
	return run_once(argv, steps);
}
