/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An HTTPS connection to sekimorid, kept alive, with a terminal's
 * certificate: the login call as any other program would make it, in one
 * piece that waits or in two that do not. Knows nothing of the product's own
 * code.
 */
#ifndef SEKIMORI_BENCH_CLIENT_H
#define SEKIMORI_BENCH_CLIENT_H

#include <openssl/ssl.h>
#include <stdbool.h>

struct client {
	SSL *ssl;
	int fd;
	unsigned long long attempts; /* makes each `attempt` new */
	unsigned char salt[8];
	size_t have;
	char answer[8192];
	const char *reply; /* the last answer's body */
};

enum {
	CLIENT_PENDING = 0 /* in place of a status: not all is here */
};

struct login {
	const char *user;
	const char *code;
	const char *first_factor; /* proven, unproven */
};

/* TLS 1.3 with the CA, certificate and key of a terminal's state folder. */
SSL_CTX *client_context(const char *state_dir);
bool client_open(struct client *client, SSL_CTX *context, const char *port);
void client_close(struct client *client);

/* Asks once. The HTTP status, or -1 when the connection failed. */
int client_login(struct client *client, const struct login *login);

/* The same in two steps, for one thread with many connections: what is read
 * after client_unblock may be CLIENT_PENDING. */
bool client_unblock(struct client *client);
bool client_send(struct client *client, const struct login *login);
int client_receive(struct client *client);
bool client_was_accepted(const struct client *client);

#endif
