/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cards by way of a child: starts sekimori-card, writes one request at a time
 * to its pipe, reads answers with a deadline, kills and reaps it. This file
 * knows processes and bytes; it loads no PKCS #11 library and believes nothing
 * of an answer but its shape. Whatever the child does, no process, descriptor
 * or PIN is left behind.
 */
#ifndef SEKIMORI_AGENT_CARD_CHILD_H
#define SEKIMORI_AGENT_CARD_CHILD_H

#include "pam_module/agent/card.h"
#include "shared/config.h"

/* Must outlive every reader and session made from it. */
struct card_child {
	/* NULL: the one beside this program, or else the installed one. */
	const char *program;
	/* The only PKCS #11 modules it loads; NULL or none: those of p11-kit's
	 * configuration. */
	const struct config_list *modules;
	/* The agent's own, which it is to be kept out of; NULL: none. */
	const char *state_directory;
};

/* The functions of card.h over this child. Callers ignore SIGPIPE; find(),
 * sign() and close() of one session belong to one thread, which lives as long
 * as the session: the child goes with it. */
struct card_reader card_child_reader(const struct card_child *child);

#endif
