/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See client.h. Reads just enough HTTP for the answers of a server that is
 * trusted to speak it properly.
 */
#include "tests/bench/client.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	REQUEST_SIZE = 1024
};

SSL_CTX *client_context(const char *state_dir)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	char path[4096];
	bool ok = context != NULL;

	ok = ok && SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1;
	snprintf(path, sizeof(path), "%s/ca.crt", state_dir);
	ok = ok && SSL_CTX_load_verify_locations(context, path, NULL) == 1;
	snprintf(path, sizeof(path), "%s/terminal.crt", state_dir);
	ok = ok && SSL_CTX_use_certificate_chain_file(context, path) == 1;
	snprintf(path, sizeof(path), "%s/terminal.key", state_dir);
	ok = ok &&
	     SSL_CTX_use_PrivateKey_file(context, path, SSL_FILETYPE_PEM) == 1;
	if (!ok) {
		ERR_print_errors_fp(stderr);
		SSL_CTX_free(context);
		return NULL;
	}
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	/* One system call for an answer, as libldap's TLS library has it. */
	SSL_CTX_set_read_ahead(context, 1);
	return context;
}

static int connect_loopback(const char *port)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	to.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
		close(fd);
		return -1;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

bool client_open(struct client *client, SSL_CTX *context, const char *port)
{
	memset(client, 0, sizeof(*client));
	if (RAND_bytes(client->salt, sizeof(client->salt)) != 1)
		return false;
	client->fd = connect_loopback(port);
	if (client->fd < 0) {
		perror("connect");
		return false;
	}
	client->ssl = SSL_new(context);
	if (client->ssl && SSL_set1_host(client->ssl, "localhost") == 1 &&
	    SSL_set_fd(client->ssl, client->fd) == 1 &&
	    SSL_connect(client->ssl) == 1)
		return true;
	ERR_print_errors_fp(stderr);
	client_close(client);
	return false;
}

void client_close(struct client *client)
{
	if (client->ssl)
		SSL_shutdown(client->ssl);
	SSL_free(client->ssl);
	if (client->fd >= 0)
		close(client->fd);
	client->ssl = NULL;
	client->fd = -1;
}

bool client_unblock(struct client *client)
{
	return fcntl(client->fd, F_SETFL, O_NONBLOCK) == 0;
}

/* Where the body begins if all of it is here, or NULL; false when this is no
 * answer. */
static bool find_body(const struct client *client, const char **out)
{
	const char *end = strstr(client->answer, "\r\n\r\n");
	const char *length = strcasestr(client->answer, "content-length:");
	size_t whole;

	*out = NULL;
	if (!end)
		return true;
	if (!length || length > end ||
	    strncmp(client->answer, "HTTP/1.1 ", 9) != 0)
		return false;
	whole =
	    (size_t)(end + 4 - client->answer) + strtoul(length + 15, NULL, 10);
	if (client->have >= whole)
		*out = end + 4;
	return true;
}

int client_receive(struct client *client)
{
	client->reply = NULL;
	while (!client->reply) {
		int n = SSL_read(client->ssl, client->answer + client->have,
		    (int)(sizeof(client->answer) - 1 - client->have));

		if (n <= 0)
			return SSL_get_error(client->ssl, n) ==
				       SSL_ERROR_WANT_READ
				   ? CLIENT_PENDING
				   : -1;
		client->have += (size_t)n;
		client->answer[client->have] = '\0';
		if (!find_body(client, &client->reply))
			return -1;
	}
	client->have = 0;
	return atoi(client->answer + 9);
}

/* 16 bytes in base64url: 22 characters, the last holding two bits. */
static void write_attempt(struct client *client, char out[23])
{
	unsigned char bytes[18] = {0};
	char text[25];

	memcpy(bytes, client->salt, sizeof(client->salt));
	client->attempts++;
	memcpy(bytes + 8, &client->attempts, sizeof(client->attempts));
	EVP_EncodeBlock((unsigned char *)text, bytes, sizeof(bytes));
	for (int i = 0; i < 22; i++)
		out[i] = text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i];
	out[22] = '\0';
}

bool client_send(struct client *client, const struct login *login)
{
	char body[512], request[REQUEST_SIZE], attempt[23];

	write_attempt(client, attempt);
	int body_length = snprintf(body, sizeof(body),
	    "{\"user\":\"%s\",\"service\":\"sshd\",\"tty\":\"pts/0\","
	    "\"rhost\":\"192.0.2.7\",\"first_factor\":\"%s\","
	    "\"attempt\":\"%s\",\"factor\":\"otp\",\"code\":\"%s\"}",
	    login->user, login->first_factor, attempt, login->code);
	int length = snprintf(request, sizeof(request),
	    "POST /v1/logins HTTP/1.1\r\nHost: localhost\r\n"
	    "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
	    body_length, body);

	return length < REQUEST_SIZE &&
	       SSL_write(client->ssl, request, length) == length;
}

int client_login(struct client *client, const struct login *login)
{
	return client_send(client, login) ? client_receive(client) : -1;
}

bool client_was_accepted(const struct client *client)
{
	return strstr(client->reply, "\"result\":\"accept\"") != NULL;
}
