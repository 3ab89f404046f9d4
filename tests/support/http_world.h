/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A world for tests of the network side: certificates good and bad, a child
 * process that serves a handler made for the test, and blocking clients. The
 * child must end cleanly, so leaks show under a sanitizer.
 */
#ifndef SEKIMORI_TESTS_HTTP_WORLD_H
#define SEKIMORI_TESTS_HTTP_WORLD_H

#include <openssl/ssl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <sys/resource.h>
#include <sys/types.h>

#include <cmocka.h>

#include "server/http.h"

enum {
	FILE_BYTES = 20 << 20,
	BIG_BYTES = 1 << 20,
	REPLY_SIZE = 4096,
};

struct identity {
	X509 *certificate;
	EVP_PKEY *key;
	char *pem, *key_pem;
};

struct world {
	struct identity authority, other_authority;
	struct identity server, other_server;
	struct identity terminal, foreign, expired, wrong_use;
	char directory[64];
	char socket_path[96];
	pid_t server_pid;
	int port;
};

/* cmocka fixtures: *state is a struct world with a running server, which at
 * the end must exit with 0 and have removed its socket. */
int world_start(void **state);
int world_start_few_files(void **state);
int world_stop(void **state);

/* What the server does with anything it gets. */
void world_handle(void *context, struct http_exchange *exchange);

struct client {
	int fd;
	SSL *ssl;
};

struct offer {
	const struct identity *identity; /* NULL: no certificate */
	int version;                     /* 0: TLS 1.3 */
	const char *alpn;                /* with its length before it */
};

int connect_tcp(const struct world *world);
struct client connect_local(const struct world *world);
/* identity NULL: without a certificate. */
struct client connect_tls(
    const struct world *world, const struct identity *identity);
/* False if the server refuses the handshake. */
bool try_connect(
    const struct world *world, const struct offer *offer, struct client *out);
void disconnect(struct client *client);

ssize_t client_read(struct client *client, char *out, size_t size);
bool client_write(struct client *client, const char *bytes, size_t length);
void client_say(struct client *client, const char *text);
/* Reads head and body of one reply as a string that fits size; "" when the
 * server hangs up first. */
void client_hear(struct client *client, char *out, size_t size);
bool is_closed(struct client *client);
/* The reply to request begins with first and has within in it. */
void expect(struct client *client, const char *request, const char *first,
    const char *within);

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define POST_HEAD(path, length)                                                \
	"POST " path " HTTP/1.1\r\nHost: a\r\n"                                \
	"Content-Type: application/json\r\nContent-Length: " length "\r\n\r\n"

#endif
