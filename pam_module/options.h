/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words behind pam_sekimori.so in a PAM line, parsed strictly: what is
 * not understood is an error, because a misspelt option silently ignored is
 * how a gate ends up open. Knows no PAM: the caller logs what is reported.
 */
#ifndef SEKIMORI_OPTIONS_H
#define SEKIMORI_OPTIONS_H

#include <stdbool.h>

#include "pam_module/words.h"
#include "shared/err.h"

#define OPTIONS_SOCKET_DEFAULT "/run/sekimori/agent.sock"

/* Which line the words stand on; an option on a line where it can do nothing
 * is an error like an unknown one. */
enum options_place {
	OPTIONS_AUTH = 1,
	OPTIONS_ACCOUNT = 2,
	OPTIONS_SESSION = 4,
};

/* Texts point into argv. */
struct options {
	const char *socket;       /* absolute path */
	const char *prompt;       /* NULL: ours */
	const char *without_auth; /* services, comma between; NULL: none */
	unsigned appended_digits; /* 0: the code has its own prompt */
	enum words_lang lang;
	bool explain;
	bool nullok;
};

/* Called once per mistake, so that one reading of the log mends them all. */
typedef void options_reporter(
    void *context, const char *argument, const char *reason);

/* ERR_INVALID after the last mistake was reported; out is then untouched. */
enum err options_parse(int argc, const char *const *argv,
    enum options_place place, options_reporter *report, void *context,
    struct options *out);

/* Whether without_auth= names this service. */
bool options_lists_service(const struct options *options, const char *service);

#endif
