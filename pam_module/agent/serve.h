/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection of a module, from its first frame to the verdict: reads and
 * writes frames with deadlines, asks caller.h who may what and login.h what
 * comes of it, and writes the log's line. One thread each; what they share is
 * in struct serve and locked where it changes.
 */
#ifndef SEKIMORI_AGENT_SERVE_H
#define SEKIMORI_AGENT_SERVE_H

#include <stdatomic.h>

#include "pam_module/agent/caller.h"
#include "pam_module/agent/card.h"
#include "pam_module/agent/accepted_logins.h"
#include "pam_module/agent/login_places.h"
#include "pam_module/agent/login_shapes.h"
#include "pam_module/agent/seat.h"
#include "pam_module/agent/server_client.h"
#include "pam_module/agent/session_people.h"
#include "pam_module/agent/stop.h"

enum {
	SERVE_FIRST_FRAME_WAIT_MS = 5000,
	SERVE_PERSON_WAIT_MS = 130000,
	SERVE_WRITE_WAIT_MS = 2000,
};

struct serve {
	const struct config_list *user_services;
	struct server_client *client;
	struct server_call server; /* over client */
	struct card_reader cards;
	struct login_shapes shapes;
	struct login_places places;
	struct accepted_logins accepted_logins;
	struct seats *seats;
	struct session_people *people;
	struct stop *stop;
	struct caller_attempts attempts;
	struct secret session_key; /* new at every start of the agent */
};

/* Until the connection is over; does not close it. *begun is set once the
 * first frame is there. */
void serve_connection(struct serve *serve, const struct caller *caller,
    int socket, atomic_bool *begun);

#endif
