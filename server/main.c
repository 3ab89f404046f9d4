/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sekimorid: arguments to subcommands. Knows nothing of what they do.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/commands.h"
#include "shared/log.h"

static const char usage[] =
    "Usage: sekimorid COMMAND --config FILE [options]\n"
    "\n"
    "  init     make database, keys, CA and server certificate\n"
    "           [--recovery-key FILE] write the key that opens backups\n"
    "  run      serve, in the foreground\n"
    "  check    read the configuration and say what is wrong\n"
    "  restore  --recovery-key FILE BACKUP [--yes]\n"
    "\n"
    "The configuration is described in sekimorid.conf(5).\n";

static const struct {
	const char *name;
	int (*run)(const struct command_options *options,
	    const struct settings *settings);
	bool takes_recovery_key, takes_backup;
} commands[] = {
    {"init", command_init, true, false},
    {"run", command_run, false, false},
    {"check", command_check, false, false},
    {"restore", command_restore, true, true},
};

static int bad_usage(const char *what)
{
	fprintf(stderr, "sekimorid: %s\n\n%s", what, usage);
	return EXIT_USAGE;
}

static bool parse_options(
    int argc, char **argv, struct command_options *out, bool *out_asked_help)
{
	static const struct option names[] = {
	    {"config", required_argument, NULL, 'c'},
	    {"recovery-key", required_argument, NULL, 'k'},
	    {"yes", no_argument, NULL, 'y'},
	    {"help", no_argument, NULL, 'h'},
	    {NULL, 0, NULL, 0},
	};
	int letter;

	while ((letter = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (letter == 'c')
			out->config = optarg;
		else if (letter == 'k')
			out->recovery_key = optarg;
		else if (letter == 'y')
			out->yes = true;
		else if (letter == 'h')
			*out_asked_help = true;
		else
			return false;
	}
	return true;
}

static int run_command(
    size_t index, const struct command_options *options, int extra)
{
	struct config_problem problem = {""};
	struct settings settings;

	if (extra != commands[index].takes_backup)
		return bad_usage(commands[index].takes_backup
				     ? "name the backup file"
				     : "too many arguments");
	if (options->recovery_key && !commands[index].takes_recovery_key)
		return bad_usage(
		    "--recovery-key does not go with this command");
	if (!options->config)
		return bad_usage("--config FILE is missing");
	if (settings_read(options->config, &settings, &problem) != ERR_NONE) {
		fprintf(stderr, "%s\n", problem.text);
		return EXIT_REFUSED;
	}
	/* Times that people write and read are in this zone. */
	setenv("TZ", settings.zone, 1);
	tzset();
	return commands[index].run(options, &settings);
}

int main(int argc, char **argv)
{
	struct command_options options = {0};
	bool asked_help = false;

	log_open("sekimorid");
	if (!parse_options(argc, argv, &options, &asked_help))
		return bad_usage("see above");
	if (asked_help) {
		fputs(usage, stdout);
		return EXIT_DONE;
	}
	if (optind == argc)
		return bad_usage("which command?");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(argv[optind], commands[i].name) != 0)
			continue;
		options.backup = argv[optind + 1];
		return run_command(i, &options, argc - optind - 1);
	}
	return bad_usage("unknown command");
}
