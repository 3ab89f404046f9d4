/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The servers as one: a pool of warm connections that threads take and give
 * back, several servers tried in turn (the one that answered last first), a
 * request whose answer was lost sent again. It repeats only what is safe to
 * repeat: GETs, and POSTs, which carry an attempt or are idempotent by
 * design. Every call ends by its deadline. It judges no reply but for 5xx,
 * after which another server is asked.
 */
#ifndef SEKIMORI_AGENT_SERVER_CLIENT_H
#define SEKIMORI_AGENT_SERVER_CLIENT_H

#include "pam_module/agent/card_terminal.h"
#include "pam_module/agent/https.h"
#include "pam_module/agent/server_call.h"
#include "pam_module/agent/tls_context.h"
#include "shared/config.h"

struct server_client;

/* urls as https_read_url() takes them; ERR_INVALID otherwise. */
enum err server_client_new(
    const struct config_list *urls, struct server_client **out);
void server_client_free(struct server_client *client);

/* Replaces key, certificate and trust; connections made before are given up.
 * Must be called once before the first request. */
enum err server_client_use(
    struct server_client *client, const struct tls_identity *identity);

/* Who we are on the connections opened from now on. ERR_NOT_FOUND: the
 * certificate in use does not say, so that no card can sign here. */
enum err server_client_terminal(
    struct server_client *client, struct card_terminal *out);

/* A struct server_call that goes over client. */
struct server_call server_client_call(struct server_client *client);

/* A fresh connection to the first server that takes one, the one that answered
 * last first, for a caller who keeps it: server_line.h. It is out of date when
 * the generation is another one. */
enum err server_client_open(struct server_client *client, int64_t deadline_ms,
    struct https_connection **out, uint64_t *out_generation);
uint64_t server_client_generation(struct server_client *client);

/* How many connections were opened so far: a change means that the server
 * was away, or that we were. */
uint64_t server_client_opened(struct server_client *client);

/* Asks one server, on a connection of its own; for doctor. */
enum err server_client_probe(struct server_client *client, size_t server,
    const struct server_request *request, struct server_reply *out,
    enum https_fault *fault);

#endif
