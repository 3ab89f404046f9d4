/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One enrolment of a card at its person's seat: challenge, the card's dialogue
 * as at a login that demands a card, proof, verdict. It sees the server, the
 * person and the card through tables of functions. Who enrols is the code's
 * business and the server's; that the card is in these hands is proved by its
 * signature.
 */
#ifndef SEKIMORI_AGENT_ENROL_H
#define SEKIMORI_AGENT_ENROL_H

#include <stdint.h>

#include "pam_module/agent/card.h"
#include "pam_module/agent/card_terminal.h"
#include "pam_module/agent/login_turn.h"
#include "pam_module/agent/server_call.h"
#include "shared/text.h"

enum {
	ENROL_SERVER_WAIT_MS = 4000 /* each of the two calls */
};

/* All of it must live as long as the enrolment. */
struct enrol_means {
	struct server_call server;
	struct login_person person;
	struct card_reader cards;
	const struct card_terminal *terminal; /* NULL: no card can sign */
};

struct enrol_verdict {
	enum frame_result result; /* FRAME_ACCEPT: the card is bound */
	enum frame_message message;
	uint64_t number;      /* of the message; 0: none */
	uint64_t other_until; /* when another key of the person's ends; 0: he
				 has none */
	char user[NAME_BYTES_MAX + 1]; /* whose it is now; empty: refused */
	const char *reason;            /* for the log; a literal */
	int status;                    /* of the last reply; 0: none */
};

/* code: as it was typed. ERR_NONE: out is the verdict to tell. Otherwise the
 * person has gone. No child is left behind either way. */
enum err enrol_run(const struct secret *code, const struct enrol_means *means,
    struct enrol_verdict *out);

#endif
