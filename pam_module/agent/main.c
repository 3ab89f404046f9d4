/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sekimori-agent: the command line. Owns arguments, exit codes (0 done, 1
 * refused or failed, 2 usage) and the process's surroundings: environment
 * cleared, no core dumps, little memory. What the commands do is elsewhere.
 */
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "pam_module/agent/enrol_command.h"
#include "pam_module/agent/join.h"
#include "pam_module/agent/listener.h"
#include "pam_module/agent/run.h"
#include "pam_module/agent/state.h"
#include "pam_module/agent/status.h"
#include "shared/log.h"

enum {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2
};

static const char usage[] =
    "sekimori-agent join --server https://HOST:PORT --code - [--force]\n"
    "                    [--state-dir DIR]\n"
    "sekimori-agent run [--state-dir DIR] [--socket PATH]\n"
    "sekimori-agent status | doctor [--state-dir DIR] [--socket PATH]\n"
    "sekimori-agent enroll-card [--lang ja|en] [--socket PATH]\n"
    "sekimori-agent --help | --version\n"
    "\n"
    "join reads the code that `sekimorictl terminal add NAME` printed from\n"
    "standard input, or asks for it. enroll-card does the same with the code\n"
    "of `sekimorictl card invite ID`; whoever holds the card runs it.\n"
    "Defaults: --state-dir " STATE_DIRECTORY_DEFAULT ",\n"
    "--socket " LISTENER_PATH_DEFAULT ".\n";

struct arguments {
	const char *command;
	const char *server, *code;
	const char *directory, *socket;
	bool force;
	enum words_lang lang;
};

/* What systemd tells us, zone and language for the person, and where the card
 * child finds tokens and pcscd. The rest is not ours. */
static int clear_environment(void)
{
	static const char *const kept[] = {"NOTIFY_SOCKET", "LISTEN_FDS",
	    "LISTEN_PID", "LISTEN_FDNAMES", "JOURNAL_STREAM",
	    "CREDENTIALS_DIRECTORY", "WATCHDOG_USEC", "WATCHDOG_PID",
	    "INVOCATION_ID", "TZ", "LC_ALL", "LC_MESSAGES", "LANG",
	    "SOFTHSM2_CONF", "OPENSC_CONF", "PCSCLITE_CSOCK_NAME"};
	enum {
		KEPT = sizeof(kept) / sizeof(kept[0])
	};
	char *values[KEPT] = {NULL};
	int failed = 0;

	for (size_t i = 0; i < KEPT; i++) {
		const char *value = getenv(kept[i]);

		if (value && !(values[i] = strdup(value)))
			failed = -1;
	}
	if (failed == 0)
		failed = clearenv();
	for (size_t i = 0; i < KEPT; i++) {
		if (failed == 0 && values[i])
			failed = setenv(kept[i], values[i], 1);
		free(values[i]);
	}
	return failed;
}

static int complain(const char *what, const char *about)
{
	fprintf(stderr, "sekimori-agent: %s%s\n%s", what, about, usage);
	return EXIT_USAGE;
}

static bool read_language(const char *text, enum words_lang *out)
{
	if (strcmp(text, "ja") == 0)
		*out = WORDS_JAPANESE;
	else if (strcmp(text, "en") == 0)
		*out = WORDS_ENGLISH;
	else
		return false;
	return true;
}

/* -1: go on; otherwise the exit code. */
static int read_arguments(int argc, char **argv, struct arguments *out)
{
	static const struct option options[] = {
	    {"server", required_argument, NULL, 's'},
	    {"code", required_argument, NULL, 'c'},
	    {"state-dir", required_argument, NULL, 'd'},
	    {"socket", required_argument, NULL, 'S'},
	    {"force", no_argument, NULL, 'f'},
	    {"lang", required_argument, NULL, 'l'},
	    {"help", no_argument, NULL, 'h'},
	    {"version", no_argument, NULL, 'V'},
	    {NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (option) {
		case 's':
			out->server = optarg;
			break;
		case 'c':
			out->code = optarg;
			break;
		case 'd':
			out->directory = optarg;
			break;
		case 'S':
			out->socket = optarg;
			break;
		case 'f':
			out->force = true;
			break;
		case 'l':
			if (!read_language(optarg, &out->lang))
				return complain("no such language: ", optarg);
			break;
		case 'h':
			fputs(usage, stdout);
			return EXIT_DONE;
		case 'V':
			puts("sekimori-agent " SEKIMORI_VERSION);
			return EXIT_DONE;
		default:
			fputs(usage, stderr);
			return EXIT_USAGE;
		}
	if (optind == argc)
		return complain("no command", "");
	if (optind + 1 < argc)
		return complain("unexpected argument: ", argv[optind + 1]);
	out->command = argv[optind];
	return -1;
}

/* A line without its end; not more than size - 1 bytes. */
static size_t read_code(char *out, size_t size)
{
	struct termios before, silent;
	bool terminal = tcgetattr(STDIN_FILENO, &before) == 0;
	size_t used = 0;

	if (terminal) {
		fputs("Join code: ", stderr);
		silent = before;
		silent.c_lflag &= ~(tcflag_t)ECHO;
		(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
	}
	/* Byte by byte: stdio would keep a copy of the code. */
	while (used < size - 1 && read(STDIN_FILENO, out + used, 1) == 1 &&
	       out[used] != '\n')
		used++;
	if (terminal) {
		(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
		fputc('\n', stderr);
	}
	while (used > 0 && strchr(" \t\r", out[used - 1]))
		used--;
	return used;
}

static int command_join(const struct arguments *arguments)
{
	char typed[JOIN_CODE_TYPED_MAX + 2];
	struct join_code code = {0};
	struct join_request request = {.directory = arguments->directory,
	    .url = arguments->server,
	    .code = &code,
	    .replace = arguments->force};
	struct join_result result = {0};
	enum err err;

	if (!arguments->server)
		return complain("join needs --server https://HOST:PORT", "");
	if (!arguments->code || strcmp(arguments->code, "-") != 0)
		return complain("join needs --code - and reads the code from "
				"standard input: arguments are visible to all",
		    "");
	err = join_code_read(typed, read_code(typed, sizeof(typed)), &code);
	secret_wipe_bytes(typed, sizeof(typed));
	if (err != ERR_NONE) {
		fputs("sekimori-agent: This is not a join code: letters are "
		      "missing or mistyped.\n",
		    stderr);
		return EXIT_FAILED;
	}
	err = join_run(&request, &result);
	join_code_wipe(&code);
	if (err != ERR_NONE) {
		fprintf(stderr, "sekimori-agent: %s\n", result.problem);
		return EXIT_FAILED;
	}
	printf("This machine is now terminal %s of %s.\n"
	       "Next: systemctl %s sekimori-agent, then sekimori-agent "
	       "doctor.\n",
	    result.terminal, arguments->server,
	    arguments->force ? "restart" : "enable --now");
	return EXIT_DONE;
}

static int command_run(const struct arguments *arguments)
{
	return run_agent(arguments->directory, arguments->socket) == ERR_NONE
		   ? EXIT_DONE
		   : EXIT_FAILED;
}

static int command_status(const struct arguments *arguments)
{
	return status_print(arguments->directory, arguments->socket)
		   ? EXIT_DONE
		   : EXIT_FAILED;
}

static int command_doctor(const struct arguments *arguments)
{
	return doctor_print(arguments->directory, arguments->socket)
		   ? EXIT_DONE
		   : EXIT_FAILED;
}

static int command_enroll_card(const struct arguments *arguments)
{
	if (arguments->code)
		return complain("enroll-card asks for the code: arguments are "
				"visible to all",
		    "");
	return enrol_command(arguments->socket, arguments->lang) ? EXIT_DONE
								 : EXIT_FAILED;
}

static int dispatch(const struct arguments *arguments)
{
	static const struct {
		const char *name;
		int (*run)(const struct arguments *arguments);
	} commands[] = {
	    {"join", command_join},
	    {"run", command_run},
	    {"status", command_status},
	    {"doctor", command_doctor},
	    {"enroll-card", command_enroll_card},
	};

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(arguments->command, commands[i].name) == 0)
			return commands[i].run(arguments);
	return complain("unknown command: ", arguments->command);
}

int main(int argc, char **argv)
{
	struct arguments arguments = {.directory = STATE_DIRECTORY_DEFAULT,
	    .socket = LISTENER_PATH_DEFAULT};
	int code;

	/* Two arenas instead of one per thread. */
	(void)mallopt(M_ARENA_MAX, 2);
	(void)umask(077);
	log_open("sekimori-agent");
	if (clear_environment() != 0 || secret_forbid_dumps() != ERR_NONE ||
	    signal(SIGPIPE, SIG_IGN) == SIG_ERR) {
		fputs("sekimori-agent: cannot secure the process\n", stderr);
		return EXIT_FAILED;
	}
	code = read_arguments(argc, argv, &arguments);
	if (code < 0)
		code = dispatch(&arguments);
	if (fflush(stdout) != 0)
		code = EXIT_FAILED;
	return code;
}
