/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which call is whose. One table says for every path who may ask and which
 * function answers; nothing is reachable that has no row.
 */
#ifndef SEKIMORI_ROUTER_H
#define SEKIMORI_ROUTER_H

#include "server/http.h"

/* The http_handler; context is the struct server. */
void router_handle(void *context, struct http_exchange *exchange);

#endif
