/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/https.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pam_module/agent/http_reply.h"
#include "pam_module/agent/steady.h"
#include "shared/secret.h"

enum {
	KEEPALIVE_IDLE_S = 10, /* a call may wait for news: stop.h */
	KEEPALIVE_STEP_S = 3,
	KEEPALIVE_TRIES = 3,
	UNACKNOWLEDGED_MAX_MS = 15000,
};

struct https_connection {
	int socket;
	SSL *tls;
	bool usable;
	char authority[RESOLVE_HOST_SIZE + RESOLVE_PORT_SIZE + 3];
};

const char *https_fault_text(enum https_fault fault)
{
	switch (fault) {
	case HTTPS_FAULT_NONE:
		return "answers";
	case HTTPS_FAULT_UNKNOWN_HOST:
		return "has a name that cannot be looked up";
	case HTTPS_FAULT_UNREACHABLE:
		return "cannot be reached";
	case HTTPS_FAULT_NO_TLS:
		return "does not speak TLS 1.3";
	case HTTPS_FAULT_UNTRUSTED:
		return "shows a certificate of an unknown CA";
	case HTTPS_FAULT_WRONG_NAME:
		return "shows a certificate for another name";
	case HTTPS_FAULT_DATES:
		return "shows a certificate that is not valid today";
	case HTTPS_FAULT_GARBAGE:
		return "answers something else than HTTP";
	}
	return "fails";
}

static bool is_host(const char *host, size_t length, bool bracketed)
{
	static const char name[] = "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";

	if (length == 0 || length >= RESOLVE_HOST_SIZE)
		return false;
	return strspn(host, bracketed ? "0123456789abcdefABCDEF:." : name) >=
	       length;
}

static bool is_port(const char *port)
{
	size_t length = strlen(port);

	return length >= 1 && length < RESOLVE_PORT_SIZE &&
	       strspn(port, "0123456789") == length && atoi(port) >= 1 &&
	       atoi(port) <= 65535;
}

bool https_read_url(const char *url, struct https_server *out)
{
	static const char scheme[] = "https://";
	const char *host = url + strlen(scheme), *end, *port;
	bool bracketed;

	if (strncmp(url, scheme, strlen(scheme)) != 0)
		return false;
	bracketed = *host == '[';
	host += bracketed;
	end = strchr(host, bracketed ? ']' : ':');
	if (!end)
		return false;
	port = end + bracketed;
	if (*port++ != ':' || !is_port(port) ||
	    !is_host(host, (size_t)(end - host), bracketed))
		return false;
	memset(out, 0, sizeof(*out));
	memcpy(out->host, host, (size_t)(end - host));
	memcpy(out->port, port, strlen(port));
	return true;
}

static enum err wait_for(int socket, short events, int64_t deadline_ms)
{
	struct pollfd item = {.fd = socket, .events = events};
	int ready;

	do {
		int left_ms = steady_left_ms(deadline_ms);

		if (left_ms == 0)
			return ERR_TIMEOUT;
		ready = poll(&item, 1, left_ms);
	} while (ready == 0 || (ready < 0 && errno == EINTR));
	return ready > 0 ? ERR_NONE : ERR_IO;
}

static void tune(int socket)
{
	static const struct {
		int level, name, value;
	} options[] = {
	    {IPPROTO_TCP, TCP_NODELAY, 1},
	    {SOL_SOCKET, SO_KEEPALIVE, 1},
	    {IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S},
	    {IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_STEP_S},
	    {IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_TRIES},
	    {IPPROTO_TCP, TCP_USER_TIMEOUT, UNACKNOWLEDGED_MAX_MS},
	};

	/* Only speed and an earlier notice of a dead peer hang on these. */
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		(void)setsockopt(socket, options[i].level, options[i].name,
		    &options[i].value, sizeof(options[i].value));
}

static enum err connect_address(const struct sockaddr_storage *address,
    socklen_t length, int64_t deadline_ms, int *out)
{
	int failure = 0;
	socklen_t failure_size = sizeof(failure);
	int fd = socket(
	    address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	enum err err = ERR_UNREACHABLE;

	if (fd < 0)
		return ERR_UNREACHABLE;
	tune(fd);
	if (connect(fd, (const struct sockaddr *)address, length) == 0)
		err = ERR_NONE;
	else if (errno == EINPROGRESS)
		err = wait_for(fd, POLLOUT, deadline_ms);
	if (err == ERR_NONE && (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure,
				    &failure_size) != 0 ||
				   failure != 0))
		err = ERR_UNREACHABLE;
	if (err == ERR_NONE)
		*out = fd;
	else
		close(fd);
	return err;
}

static enum err connect_any(
    const struct resolve_addresses *addresses, int64_t deadline_ms, int *out)
{
	enum err err = ERR_UNREACHABLE;

	for (size_t i = 0; i < addresses->count && err != ERR_NONE; i++) {
		int64_t share_ms = steady_left_ms(deadline_ms) /
				   (int64_t)(addresses->count - i);

		err = connect_address(&addresses->items[i].address,
		    addresses->items[i].length, steady_ms() + share_ms, out);
	}
	return err;
}

/* Waits for what TLS wants next; result is of the call that just failed. */
static enum err tls_wait(
    struct https_connection *connection, int result, int64_t deadline_ms)
{
	switch (SSL_get_error(connection->tls, result)) {
	case SSL_ERROR_WANT_READ:
		return wait_for(connection->socket, POLLIN, deadline_ms);
	case SSL_ERROR_WANT_WRITE:
		return wait_for(connection->socket, POLLOUT, deadline_ms);
	default:
		return ERR_UNREACHABLE;
	}
}

static enum https_fault handshake_fault(SSL *tls, enum err err)
{
	switch (SSL_get_verify_result(tls)) {
	case X509_V_OK:
		break;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return HTTPS_FAULT_WRONG_NAME;
	case X509_V_ERR_CERT_NOT_YET_VALID:
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return HTTPS_FAULT_DATES;
	default:
		return HTTPS_FAULT_UNTRUSTED;
	}
	return err == ERR_TIMEOUT ? HTTPS_FAULT_UNREACHABLE
				  : HTTPS_FAULT_NO_TLS;
}

static bool expect_host(SSL *tls, const char *host)
{
	X509_VERIFY_PARAM *rules = SSL_get0_param(tls);
	unsigned char address[sizeof(struct in6_addr)];

	if (inet_pton(AF_INET, host, address) == 1 ||
	    inet_pton(AF_INET6, host, address) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(rules, host) == 1;
	SSL_set_hostflags(tls, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set1_host(tls, host) == 1 &&
	       SSL_set_tlsext_host_name(tls, host) == 1;
}

static enum err start_tls(struct https_connection *connection, const char *host,
    SSL_CTX *context, int64_t deadline_ms, enum https_fault *fault)
{
	enum err err = ERR_NONE;

	connection->tls = SSL_new(context);
	if (!connection->tls || !expect_host(connection->tls, host) ||
	    SSL_set_fd(connection->tls, connection->socket) != 1)
		return ERR_MEMORY;
	while (err == ERR_NONE) {
		int result;

		ERR_clear_error();
		result = SSL_connect(connection->tls);
		if (result == 1)
			return ERR_NONE;
		err = tls_wait(connection, result, deadline_ms);
	}
	*fault = handshake_fault(connection->tls, err);
	ERR_clear_error();
	return err;
}

static enum err find_addresses(const struct https_server *server,
    int64_t deadline_ms, struct resolve_addresses *known)
{
	/* Half the time, so that what was known is still tried. */
	int64_t until_ms = known->count == 0
			       ? deadline_ms
			       : steady_ms() + steady_left_ms(deadline_ms) / 2;
	struct resolve_addresses found = {0};
	enum err err =
	    resolve_name(server->host, server->port, until_ms, &found);

	if (err == ERR_NONE)
		*known = found;
	else if (known->count > 0)
		err = ERR_NONE;
	return err;
}

enum err https_open(const struct https_server *server, SSL_CTX *context,
    int64_t deadline_ms, struct resolve_addresses *addresses,
    struct https_connection **out, enum https_fault *fault)
{
	struct resolve_addresses own = {0};
	struct https_connection *connection = calloc(1, sizeof(*connection));
	bool is_v6 = strchr(server->host, ':') != NULL;
	enum err err;

	if (!connection)
		return ERR_MEMORY;
	connection->socket = -1;
	snprintf(connection->authority, sizeof(connection->authority),
	    is_v6 ? "[%s]:%s" : "%s:%s", server->host, server->port);
	if (!addresses)
		addresses = &own;
	*fault = HTTPS_FAULT_UNKNOWN_HOST;
	err = find_addresses(server, deadline_ms, addresses);
	if (err != ERR_NONE)
		goto out;
	*fault = HTTPS_FAULT_UNREACHABLE;
	err = connect_any(addresses, deadline_ms, &connection->socket);
	if (err != ERR_NONE)
		goto out;
	err = start_tls(connection, server->host, context, deadline_ms, fault);
	if (err != ERR_NONE)
		goto out;
	connection->usable = true;
	*fault = HTTPS_FAULT_NONE;
	*out = connection;
	connection = NULL;
out:
	https_close(connection);
	return err;
}

void https_close(struct https_connection *connection)
{
	if (!connection)
		return;
	if (connection->tls && connection->usable) {
		ERR_clear_error();
		(void)SSL_shutdown(connection->tls);
		ERR_clear_error();
	}
	SSL_free(connection->tls);
	if (connection->socket >= 0)
		close(connection->socket);
	free(connection);
}

void https_hang_up(struct https_connection *connection)
{
	(void)shutdown(connection->socket, SHUT_RDWR);
}

bool https_is_usable(struct https_connection *connection)
{
	struct pollfd item = {.fd = connection->socket, .events = POLLIN};
	char byte;
	int result;

	if (!connection->usable || poll(&item, 1, 0) == 0)
		return connection->usable;
	/* Either session tickets, which reading swallows, or the end. */
	ERR_clear_error();
	result = SSL_peek(connection->tls, &byte, 1);
	connection->usable = result <= 0 && SSL_get_error(connection->tls,
						result) == SSL_ERROR_WANT_READ;
	ERR_clear_error();
	return connection->usable;
}

static enum err send_all(struct https_connection *connection, const char *bytes,
    size_t length, int64_t deadline_ms)
{
	enum err err = ERR_NONE;
	size_t written = 0;

	while (err == ERR_NONE) {
		int result;

		ERR_clear_error();
		result = SSL_write_ex(connection->tls, bytes, length, &written);
		if (result == 1)
			return ERR_NONE;
		err = tls_wait(connection, result, deadline_ms);
	}
	return err;
}

/* Head and body in one buffer: one TLS record, one packet. */
static enum err send_request(struct https_connection *connection,
    const struct server_request *request, int64_t deadline_ms)
{
	char *text = NULL;
	size_t size = 0;
	int length;
	enum err err;

	if (strlen(request->path) > HTTPS_PATH_BYTES_MAX)
		return ERR_TOO_LONG;
	size = HTTPS_PATH_BYTES_MAX + RESOLVE_HOST_SIZE + 256 +
	       request->body_length;
	text = malloc(size);
	if (!text)
		return ERR_MEMORY;
	if (request->body)
		length = snprintf(text, size,
		    "POST %s HTTP/1.1\r\nHost: %s\r\n"
		    "Content-Type: application/json\r\n"
		    "Content-Length: %zu\r\n\r\n%s",
		    request->path, connection->authority, request->body_length,
		    request->body);
	else
		length =
		    snprintf(text, size, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n",
			request->path, connection->authority);
	err = length > 0 && (size_t)length < size ? ERR_NONE : ERR_TOO_LONG;
	if (err == ERR_NONE)
		err = send_all(connection, text, (size_t)length, deadline_ms);
	secret_wipe_bytes(text, size);
	free(text);
	return err;
}

struct incoming {
	char *bytes;
	size_t size, used;
};

static enum err receive_more(struct https_connection *connection,
    struct incoming *incoming, int64_t deadline_ms)
{
	enum err err = ERR_NONE;
	size_t got = 0;

	if (incoming->used == incoming->size)
		return ERR_TOO_LONG;
	while (err == ERR_NONE) {
		int result;

		/* A drip of bytes must not outlive the deadline. */
		if (steady_left_ms(deadline_ms) == 0)
			return ERR_TIMEOUT;
		ERR_clear_error();
		result = SSL_read_ex(connection->tls,
		    incoming->bytes + incoming->used,
		    incoming->size - incoming->used, &got);
		if (result == 1) {
			incoming->used += got;
			return ERR_NONE;
		}
		err = tls_wait(connection, result, deadline_ms);
	}
	return err;
}

static enum err receive_reply(struct https_connection *connection,
    struct incoming *incoming, int64_t deadline_ms,
    struct http_reply_head *head)
{
	enum err err = ERR_BUSY;
	size_t whole;
	char *grown;

	while (err == ERR_BUSY) {
		err = receive_more(connection, incoming, deadline_ms);
		if (err == ERR_NONE)
			err = http_reply_read_head(
			    incoming->bytes, incoming->used, head);
	}
	if (err != ERR_NONE)
		return err;
	whole = head->head_length + head->body_length;
	if (incoming->used > whole)
		return ERR_INVALID;
	if (whole > incoming->size) {
		grown = realloc(incoming->bytes, whole);
		if (!grown)
			return ERR_MEMORY;
		incoming->bytes = grown;
	}
	incoming->size = whole;
	while (err == ERR_NONE && incoming->used < whole)
		err = receive_more(connection, incoming, deadline_ms);
	return err;
}

static enum err take_body(const struct incoming *incoming,
    const struct http_reply_head *head, struct server_reply *out)
{
	char *body = malloc(head->body_length + 1);

	if (!body)
		return ERR_MEMORY;
	memcpy(body, incoming->bytes + head->head_length, head->body_length);
	body[head->body_length] = '\0';
	*out = (struct server_reply){
	    .status = head->status, .body = body, .length = head->body_length};
	return ERR_NONE;
}

enum err https_exchange(struct https_connection *connection,
    const struct server_request *request, int64_t deadline_ms,
    struct server_reply *out)
{
	struct incoming incoming = {.size = HTTP_REPLY_HEAD_BYTES_MAX};
	struct http_reply_head head = {0};
	enum err err;

	incoming.bytes = malloc(incoming.size);
	err = incoming.bytes ? ERR_NONE : ERR_MEMORY;
	if (err == ERR_NONE)
		err = send_request(connection, request, deadline_ms);
	if (err == ERR_NONE)
		err = receive_reply(connection, &incoming, deadline_ms, &head);
	if (err == ERR_NONE)
		err = take_body(&incoming, &head, out);
	if (err != ERR_NONE || head.close)
		connection->usable = false;
	if (incoming.bytes)
		secret_wipe_bytes(incoming.bytes, incoming.used);
	free(incoming.bytes);
	ERR_clear_error();
	return err;
}
