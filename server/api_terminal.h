/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What terminals do besides logging people in: join, renew, look after
 * themselves, report what they saw of the audit chain. Sessions: api_session.h.
 */
#ifndef SEKIMORI_API_TERMINAL_H
#define SEKIMORI_API_TERMINAL_H

#include "server/server.h"

void api_terminal_join(struct server *server, struct http_exchange *exchange);
void api_terminal_self(struct server *server, struct http_exchange *exchange);
void api_terminal_renew(struct server *server, struct http_exchange *exchange);
void api_terminal_audit_hash(
    struct server *server, struct http_exchange *exchange);
void api_terminal_report(struct server *server, struct http_exchange *exchange);

#endif
