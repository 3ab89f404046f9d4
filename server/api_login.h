/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The login call's edge: strict JSON to struct login_call, and the one log
 * line per decision. What a login means is login_work.c's business.
 */
#ifndef SEKIMORI_API_LOGIN_H
#define SEKIMORI_API_LOGIN_H

#include "server/server.h"

/* POST /v1/logins */
void api_login_begin(struct server *server, struct http_exchange *exchange);
/* POST /v1/logins/{login} */
void api_login_finish(struct server *server, struct http_exchange *exchange);
/* GET /v1/capabilities */
void api_login_capabilities(
    struct server *server, struct http_exchange *exchange);

#endif
