/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The subcommands of sekimorid. Each gets its options read, talks to the
 * person on stderr and returns the exit code.
 */
#ifndef SEKIMORI_COMMANDS_H
#define SEKIMORI_COMMANDS_H

#include "server/settings.h"

enum {
	EXIT_DONE = 0,
	EXIT_REFUSED = 1,
	EXIT_USAGE = 2
};

struct command_options {
	const char *config;       /* path */
	const char *recovery_key; /* path or NULL */
	const char *backup;       /* path; restore only */
	bool yes;
};

int command_init(
    const struct command_options *options, const struct settings *settings);
int command_run(
    const struct command_options *options, const struct settings *settings);
int command_check(
    const struct command_options *options, const struct settings *settings);
int command_restore(
    const struct command_options *options, const struct settings *settings);

/* The key file's path: state_dir/kek, key_file, or the credential's. False
 * when a credential is named that systemd did not hand over. */
bool command_key_path(
    const struct settings *settings, char *out, size_t out_size);

/* What root makes belongs to whom the state directory belongs, so that the
 * server, which is not root, can open it. A path that is not there is fine. */
bool command_hand_over(const struct settings *settings, const char *path);

/* "sekimorid: what. mend" on stderr; returns EXIT_REFUSED. */
int command_fail(const char *what, const char *mend);

/* Why a store does not open, as a sentence with its mend. */
int command_fail_store(const char *path, enum err err);

#endif
