/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network side of sekimorid: listeners, TLS 1.3, connections, deadlines,
 * replies, all on one event loop (libevent, OpenSSL). What is a well-formed
 * request is http_message.h's business; what a path means is the router's.
 * This file knows neither JSON nor the store.
 */
#ifndef SEKIMORI_HTTP_H
#define SEKIMORI_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "server/http_message.h"
#include "shared/certificate.h"
#include "shared/err.h"

enum {
	HTTP_CONNECTIONS_MAX = 4096, /* beyond it the longest idle is closed */
	/* of one certificate; beyond it its own longest idle is closed */
	HTTP_TERMINAL_CONNECTIONS_MAX = 512,
	HTTP_LISTENERS_MAX = 17,
	HTTP_REQUEST_DEADLINE_S = 10,
	HTTP_HANDSHAKE_DEADLINE_S = 10,
	HTTP_IDLE_DEADLINE_S = 600,
	HTTP_BODY_BYTES_MAX = 16384,
	/* of those that come from another machine */
	HTTP_LARGE_BODIES_MAX = 4,
	HTTP_ADMIN_BODY_BYTES_MAX = 12 * 1048576, /* a CRL of 8 MiB as text */
	HTTP_REQUEST_ID_SIZE = 17,
};

/* Below it, and with a bearer, bodies may be an administrator's. */
#define HTTP_LARGE_BODY_PATH "/v1/admin/"

enum http_peer_kind {
	HTTP_PEER_STRANGER = 0, /* TLS without a certificate, or one that does
				   not verify */
	HTTP_PEER_TERMINAL,     /* TLS, certificate chains to our CA */
	HTTP_PEER_LOCAL,        /* the admin socket */
};

struct http_peer {
	enum http_peer_kind kind;
	bool loopback;              /* the address is 127.0.0.0/8 or ::1 */
	bool presented_certificate; /* also a bad one */
	unsigned char fingerprint[CERTIFICATE_HASH_BYTES];
	unsigned char issuer_spki[CERTIFICATE_HASH_BYTES];
	int64_t certificate_from, certificate_until; /* unix seconds */
	uid_t uid;                                   /* HTTP_PEER_LOCAL */
	pid_t pid;
	char address[64];
};

struct http_connection;

/* One request, until it is replied to. The handler gets it once and replies
 * exactly once, now or later, from the loop's thread. */
struct http_exchange {
	const struct http_message *message; /* lives until the reply */
	const struct http_peer *peer;
	const char *body; /* message body, NUL-terminated beyond length */
	size_t body_length;
	char request_id[HTTP_REQUEST_ID_SIZE]; /* random hex, for logs and
						  audit */
	struct http_connection *connection;
};

typedef void http_handler(void *context, struct http_exchange *exchange);

struct http_reply {
	int status;
	const char *content_type; /* NULL: application/json */
	const char *body;         /* copied */
	size_t body_length;
	int body_fd;       /* or a whole file, closed afterwards; -1 */
	int retry_after_s; /* 0: no header */
	bool close;
};

/*
 * Sends the reply and ends the exchange. A connection that has gone in the
 * meantime swallows it. Bodies may hold secrets and are wiped once sent. */
void http_reply(struct http_exchange *exchange, const struct http_reply *reply);

/* RFC 9457 problem details with this status. detail is a sentence. */
void http_reply_problem(
    struct http_exchange *exchange, int status, const char *detail);
/* The same with a member "reason", a word for programs; NULL: none. */
void http_reply_refusal(struct http_exchange *exchange, int status,
    const char *reason, const char *detail);

/* The client has hung up, as far as can be known: nobody waits for a reply. */
bool http_is_abandoned(const struct http_exchange *exchange);

struct http;
struct event_base;

/* handler gets every well-formed request. From here on the process ignores
 * SIGPIPE. */
enum err http_new(struct event_base *base, http_handler *handler, void *context,
    struct http **out);
void http_free(struct http *http);

/* Adds a listener; "192.0.2.1:8443", "[::]:8443" (IPv6 only). ERR_INVALID,
 * ERR_IO with errno, ERR_FULL beyond HTTP_LISTENERS_MAX. */
enum err http_listen_tls(struct http *http, const char *address);
/* The port of the newest TLS listener, for whoever asked for port 0. */
int http_port(const struct http *http);
/* A Unix socket, mode 0600; replaces a dead one. ERR_BUSY when somebody
 * listens there, ERR_EXISTS when it is something else, ERR_IO with errno. */
enum err http_listen_local(struct http *http, const char *path);
/* The certificate with its chain, its key and the CAs that terminals may
 * chain to; later calls replace it for new connections. Borrows nothing. */
enum err http_set_identity(struct http *http, const char *chain_pem,
    const char *key_pem, const char *ca_pem);

struct http_counts {
	long connections;
	unsigned long long requests, malformed, timeouts, handshakes_failed;
};
struct http_counts http_counts(const struct http *http);

#endif
