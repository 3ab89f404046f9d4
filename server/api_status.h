/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seen from outside: is it alive, can it decide and write, and figures for
 * Prometheus (text format 0.0.4). No names, no thresholds.
 */
#ifndef SEKIMORI_API_STATUS_H
#define SEKIMORI_API_STATUS_H

#include "server/server.h"

void api_status_health(struct server *server, struct http_exchange *exchange);
void api_status_ready(struct server *server, struct http_exchange *exchange);
void api_status_metrics(struct server *server, struct http_exchange *exchange);

#endif
