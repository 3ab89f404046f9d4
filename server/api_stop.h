/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The emergency stop as terminals see it: waiting for news, and asking which
 * of the sessions that are open there are to be locked. Neither counts
 * against a terminal's rate of logins, nor needs a clock that is believed.
 */
#ifndef SEKIMORI_API_STOP_H
#define SEKIMORI_API_STOP_H

#include "server/http.h"

struct server;

enum {
	STOP_SESSIONS_MAX = 512, /* in one question */
	STOP_ASKS_A_SECOND = 10, /* of one terminal, bursts of ten times that */
};

/* `POST /v1/terminals/wait` */
void api_stop_wait(struct server *server, struct http_exchange *exchange);
/* `POST /v1/terminals/stops` */
void api_stop_ask(struct server *server, struct http_exchange *exchange);

#endif
