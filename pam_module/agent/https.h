/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HTTPS connection to one server: TCP, TLS 1.3, the server's name checked
 * against its certificate, then requests one after another. Every call has a
 * deadline and nothing follows a redirect, a proxy or an environment
 * variable. Why OpenSSL and not libcurl: docs/decisions/agent-client.md. This
 * is the one file of the agent that talks TLS; it knows no JSON and no retry.
 */
#ifndef SEKIMORI_AGENT_HTTPS_H
#define SEKIMORI_AGENT_HTTPS_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "pam_module/agent/resolve.h"
#include "pam_module/agent/server_call.h"

enum {
	HTTPS_PATH_BYTES_MAX = 512
};

struct https_server {
	char host[RESOLVE_HOST_SIZE]; /* without the brackets of IPv6 */
	char port[RESOLVE_PORT_SIZE];
};

/* What stood between us and the server; for people. */
enum https_fault {
	HTTPS_FAULT_NONE = 0,
	HTTPS_FAULT_UNKNOWN_HOST,
	HTTPS_FAULT_UNREACHABLE, /* refused, no route, silent */
	HTTPS_FAULT_NO_TLS,      /* something answers, but not TLS 1.3 */
	HTTPS_FAULT_UNTRUSTED,   /* certificate of somebody else's CA */
	HTTPS_FAULT_WRONG_NAME,  /* certificate for another name */
	HTTPS_FAULT_DATES,       /* not valid yet, or no longer */
	HTTPS_FAULT_GARBAGE,     /* the reply is no HTTP of ours */
};

/* A phrase: "is unreachable". */
const char *https_fault_text(enum https_fault fault);

/* "https://HOST:PORT", HOST a name, an IPv4 or a bracketed IPv6 address. */
bool https_read_url(const char *url, struct https_server *out);

struct https_connection;

/* addresses: those known from earlier, used if the name cannot be looked up;
 * replaced by what was found. May be NULL. */
enum err https_open(const struct https_server *server, SSL_CTX *context,
    int64_t deadline_ms, struct resolve_addresses *addresses,
    struct https_connection **out, enum https_fault *fault);

/* Ends what another thread is doing with it, which fails. That thread must
 * not close it meanwhile. */
void https_hang_up(struct https_connection *connection);

/* NULL is fine. */
void https_close(struct https_connection *connection);

/* False once the server hung up or a request failed. */
bool https_is_usable(struct https_connection *connection);

/*
 * One request and its reply; the request's own deadline is not looked at.
 * After a failure the connection is of no use and the server may or may not
 * have acted.
 */
enum err https_exchange(struct https_connection *connection,
    const struct server_request *request, int64_t deadline_ms,
    struct server_reply *out);

#endif
