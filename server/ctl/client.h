/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way to the server: HTTP over its Unix socket, or over TLS 1.3 to an
 * address whose certificate one given CA has signed, by libcurl, which is
 * included in client.c only. Whoever asks is checked by the server. Must not
 * know what a path means.
 */
#ifndef SEKIMORI_CTL_CLIENT_H
#define SEKIMORI_CTL_CLIENT_H

#include <stddef.h>

#include "shared/err.h"
#include "shared/secret.h"

enum {
	CLIENT_CONNECT_MS = 5000,
	CLIENT_REPLY_BYTES_MAX = 256 * 1024 * 1024,
};

struct client;

struct client_reply {
	long status;
	char *body; /* NUL-terminated beyond length; may be NULL */
	size_t length;
};

struct client_way {
	const char *socket_path;
	const char *server, *ca;    /* instead, unless NULL */
	const struct secret *token; /* of a session; empty: none */
};

/* The texts are borrowed, the token is not. */
enum err client_new(const struct client_way *way, struct client **out);
void client_free(struct client *client);

/*
 * POSTs JSON to /v1/admin/PATH. ERR_UNREACHABLE: nobody answers;
 * ERR_NOT_ALLOWED: the socket may not be opened; ERR_CRYPTO: whoever answers
 * is not the server; ERR_NOT_FOUND: the CA cannot be read; ERR_IO: the answer
 * broke off; ERR_TOO_LONG. The caller frees with client_reply_free.
 */
enum err client_post(struct client *client, const char *path, const char *body,
    struct client_reply *out);

/* The same, but the body of a 200 goes to fd (out->body is then NULL). */
enum err client_download(struct client *client, const char *path,
    const char *body, int fd, struct client_reply *out);

/* Wipes and frees: answers hold seeds and codes. */
void client_reply_free(struct client_reply *reply);

#endif
