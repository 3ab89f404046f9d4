/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a machine becomes a terminal: a key made here, a certificate signed by
 * the server, trust from the join code alone. Runs once, in a terminal, for a
 * person: problem holds a sentence for him when it fails. Nothing is written
 * before everything is checked.
 */
#ifndef SEKIMORI_AGENT_JOIN_H
#define SEKIMORI_AGENT_JOIN_H

#include <stdbool.h>

#include "pam_module/agent/join_code.h"
#include "shared/text.h"

enum {
	JOIN_PROBLEM_SIZE = 512
};

struct join_request {
	const char *directory;
	const char *url;
	const struct join_code *code;
	bool replace; /* an earlier join may be overwritten */
};

struct join_result {
	char terminal[NAME_BYTES_MAX + 1];
	char problem[JOIN_PROBLEM_SIZE];
};

enum err join_run(const struct join_request *request, struct join_result *out);

#endif
