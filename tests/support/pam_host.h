/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A PAM application for tests: its own configuration folder, a conversation
 * that answers from a script and keeps what it was shown, a fake agent
 * beside it. Holds for one test; nothing outside its folder is touched.
 */
#ifndef SEKIMORI_PAM_HOST_H
#define SEKIMORI_PAM_HOST_H

#include <security/pam_appl.h>
#include <stdbool.h>

#include "tests/support/fake_agent.h"

/* What a scripted conversation does instead of answering. */
#define HOST_NULL_ANSWER ((const char *)1)  /* response without text */
#define HOST_NO_RESPONSE ((const char *)2)  /* success, no response */
#define HOST_FAILS ((const char *)3)        /* PAM_CONV_ERR */
#define HOST_CHANGES_USER ((const char *)4) /* PAM_USER becomes "root" */

enum {
	HOST_SHOWN_BYTES_MAX = 8192,
	HOST_PATH_MAX = 200
};

struct pam_host {
	char dir[HOST_PATH_MAX], socket[HOST_PATH_MAX];
	const char *const *answers;       /* NULL ends; the last one repeats */
	unsigned asked;                   /* prompts so far */
	char shown[HOST_SHOWN_BYTES_MAX]; /* "P:text|", "I:text|", "E:text|" */
	unsigned delay_us;
	pam_handle_t *pamh;
	struct fake_agent agent;
	bool agent_runs;
	struct fake_seen seen; /* after host_close */
};

/* The module under test, beside the test programs' folder; file is
 * "pam_sekimori.so" or another build of it. */
void host_module_path(const char *file, char out[HOST_PATH_MAX]);

/* Writes the service file; in lines, @ stands for "MODULE socket=SOCKET" and
 * # for MODULE alone. Starts the agent unless steps is NULL, and PAM. */
void host_open(struct pam_host *host, const char *module, const char *lines,
    const struct fake_step *steps, const char *const *answers);
/* The same with one script per connection, and the owner of the socket. */
void host_open_as(struct pam_host *host, const char *module, const char *lines,
    uid_t owner, const struct fake_step *const scripts[FAKE_SCRIPTS_MAX],
    const char *const *answers);
/* Ends PAM and the agent; fills seen, removes the folder. */
void host_close(struct pam_host *host);

#endif
