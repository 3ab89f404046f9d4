/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A blocking HTTPS connection to sekimorid, kept alive, with a terminal's
 * certificate: the login call as any other program would make it. One thread
 * per connection. Knows nothing of the product's own code.
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
	char reply[8192]; /* the last answer's body */
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
bool client_was_accepted(const struct client *client);

#endif
