/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One authentication: challenge, questions, verdict. This file owns the order
 * of things. It sees the server, the person and the card through tables of
 * functions and knows neither sockets nor frames nor PKCS #11.
 */
#ifndef SEKIMORI_AGENT_LOGIN_H
#define SEKIMORI_AGENT_LOGIN_H

#include <stdbool.h>
#include <stdint.h>

#include "pam_module/agent/caller.h"
#include "pam_module/agent/card.h"
#include "pam_module/agent/card_terminal.h"
#include "pam_module/agent/login_shapes.h"
#include "pam_module/agent/login_turn.h"
#include "pam_module/agent/login_verdict.h"
#include "shared/text.h"

enum {
	LOGIN_SERVER_WAIT_MS = 4000 /* less after a card has taken its time */
};

struct login_subject {
	char user[NAME_BYTES_MAX + 1];
	char service[NAME_BYTES_MAX + 1];
	char tty[NAME_BYTES_MAX + 1];      /* empty: none */
	char rhost[NAME_BYTES_MAX + 1];    /* empty: none */
	char session[CALLER_SESSION_SIZE]; /* empty: none */
	char person[NAME_BYTES_MAX + 1];   /* empty: none was named yet */
	bool proven;
	bool own_account; /* whoever asks runs as this very account */
	bool once;        /* can be asked for nothing but a code */
};

/* All of it must live as long as the login. */
struct login_means {
	struct server_call server;
	struct login_person person;
	struct card_reader cards;
	const struct card_terminal *terminal; /* NULL: no card can sign */
	struct login_shapes *shapes;
};

/* ERR_NONE: out is the verdict to tell. Otherwise the person has gone. */
enum err login_run(const struct login_subject *subject,
    const struct login_means *means, struct login_verdict *out);

#endif
