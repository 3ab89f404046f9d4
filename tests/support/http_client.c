/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/http_world.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int connect_tcp(const struct world *world)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)world->port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval wait = {15, 0};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	assert_int_equal(
	    connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

struct client connect_local(const struct world *world)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct timeval wait = {15, 0};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, world->socket_path);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	assert_int_equal(
	    connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return (struct client){fd, NULL};
}

bool try_connect(
    const struct world *world, const struct offer *offer, struct client *out)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
	struct client client = {connect_tcp(world), NULL};
	bool done = false;

	SSL_CTX_set_max_proto_version(
	    tls, offer->version ? offer->version : TLS1_3_VERSION);
	if (offer->identity) {
		SSL_CTX_use_certificate(tls, offer->identity->certificate);
		SSL_CTX_use_PrivateKey(tls, offer->identity->key);
	}
	if (offer->alpn)
		SSL_CTX_set_alpn_protos(tls, (const unsigned char *)offer->alpn,
		    (unsigned int)strlen(offer->alpn));
	client.ssl = SSL_new(tls);
	SSL_CTX_free(tls);
	SSL_set_fd(client.ssl, client.fd);
	done = SSL_connect(client.ssl) == 1;
	if (!done) {
		SSL_free(client.ssl);
		close(client.fd);
		return false;
	}
	*out = client;
	return true;
}

struct client connect_tls(
    const struct world *world, const struct identity *identity)
{
	struct client client = {-1, NULL};

	assert_true(
	    try_connect(world, &(struct offer){.identity = identity}, &client));
	return client;
}

void disconnect(struct client *client)
{
	SSL_free(client->ssl);
	close(client->fd);
	*client = (struct client){-1, NULL};
}

ssize_t client_read(struct client *client, char *out, size_t size)
{
	if (client->ssl)
		return SSL_read(client->ssl, out, (int)size);
	return read(client->fd, out, size);
}

bool client_write(struct client *client, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t sent = client->ssl
				   ? SSL_write(client->ssl, bytes, (int)length)
				   : write(client->fd, bytes, length);

		if (sent <= 0)
			return false;
		bytes += sent;
		length -= (size_t)sent;
	}
	return true;
}

void client_say(struct client *client, const char *text)
{
	assert_true(client_write(client, text, strlen(text)));
}

void client_hear(struct client *client, char *out, size_t size)
{
	size_t used = 0;
	char *end = NULL;
	const char *length = NULL;

	out[0] = '\0';
	while (!(end = strstr(out, "\r\n\r\n"))) {
		ssize_t got = 0;

		assert_true(used + 2 < size);
		got = client_read(client, out + used, 1);
		if (got <= 0)
			return;
		out[++used] = '\0';
	}
	length = strstr(out, "Content-Length: ");
	for (size_t left = length ? strtoul(length + 16, NULL, 10) : 0;
	     left > 0;) {
		ssize_t got = 0;

		assert_true(used + left + 1 < size);
		got = client_read(client, out + used, left);
		assert_true(got > 0);
		used += (size_t)got;
		left -= (size_t)got;
	}
	out[used] = '\0';
}

bool is_closed(struct client *client)
{
	char byte;

	return client_read(client, &byte, 1) <= 0;
}

void expect(struct client *client, const char *request, const char *first,
    const char *within)
{
	char reply[REPLY_SIZE];

	client_say(client, request);
	client_hear(client, reply, sizeof(reply));
	if (strncmp(reply, first, strlen(first)) != 0 || !strstr(reply, within))
		fail_msg("\"%s\" to \"%s\"", reply, request);
}
