/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What terminals report of sessions: opened, closed, locked, logged out. It is
 * written to the audit chain, and a grace begins and ends by it
 * (login_grace.h). Whoever is root on a terminal may report what he likes.
 */
#ifndef SEKIMORI_API_SESSION_H
#define SEKIMORI_API_SESSION_H

#include "server/server.h"

void api_session_report(struct server *server, struct http_exchange *exchange);

#endif
