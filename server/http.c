/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listeners and the bounds on what they let in: how many connections there
 * may be, who makes room for a new one, and what happens when the process has
 * no file left to accept with. What a connection does then is
 * http_connection.c's business.
 */
#include "server/http_private.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	BACKLOG = 512,
	ROOMY_CONNECTIONS = 256, /* those beyond are sparing with memory */
	REST_MS = 100,
	KEEPALIVE_IDLE_S = 10,
	KEEPALIVE_STEP_S = 3,
	KEEPALIVE_TRIES = 3,
};

_Static_assert(sizeof(((struct http_listener *)NULL)->path) ==
		   sizeof(((struct sockaddr_un *)NULL)->sun_path),
    "the listener keeps any path a socket may have");

enum err http_new(struct event_base *base, http_handler *handler, void *context,
    struct http **out)
{
	struct http *http = calloc(1, sizeof(*http));

	if (!http)
		return ERR_MEMORY;
	/* A peer that has gone is an error of one write, not of us all. */
	signal(SIGPIPE, SIG_IGN);
	http->base = base;
	http->handler = handler;
	http->context = context;
	for (int rank = 0; rank < HTTP_RANK_COUNT; rank++)
		TAILQ_INIT(&http->queues[rank]);
	*out = http;
	return ERR_NONE;
}

static void free_listener(struct http_listener *listener)
{
	if (listener->listener)
		evconnlistener_free(listener->listener);
	if (listener->rest)
		event_free(listener->rest);
	if (listener->path[0])
		unlink(listener->path);
}

void http_free(struct http *http)
{
	struct http_connection *connection = NULL;

	if (!http)
		return;
	for (size_t i = 0; i < http->listener_count; i++)
		free_listener(&http->listeners[i]);
	for (int rank = 0; rank < HTTP_RANK_COUNT; rank++)
		while ((connection = TAILQ_FIRST(&http->queues[rank])))
			http_connection_close(connection);
	SSL_CTX_free(http->tls);
	free(http);
}

enum err http_set_identity(struct http *http, const char *chain_pem,
    const char *key_pem, const char *ca_pem)
{
	SSL_CTX *tls = NULL;
	enum err err = http_tls_context_new(chain_pem, key_pem, ca_pem, &tls);

	if (err != ERR_NONE)
		return err;
	SSL_CTX_free(http->tls); /* connections hold it while they live */
	http->tls = tls;
	return ERR_NONE;
}

struct http_counts http_counts(const struct http *http)
{
	return http->counts;
}

int http_port(const struct http *http)
{
	return http->port;
}

/* Closes the connection that has been quiet longest: strangers first, so that
 * they cannot push out terminals; never one that a handler works for. */
static bool make_room(struct http *http)
{
	for (int rank = 0; rank < HTTP_RANK_WORKING; rank++) {
		struct http_connection *oldest =
		    TAILQ_FIRST(&http->queues[rank]);

		if (oldest) {
			http_connection_close(oldest);
			return true;
		}
	}
	return false;
}

static void describe_address(
    const struct sockaddr *address, struct http_peer *out)
{
	if (address->sa_family == AF_INET) {
		const struct sockaddr_in *v4 = (const void *)address;

		inet_ntop(
		    AF_INET, &v4->sin_addr, out->address, sizeof(out->address));
		out->loopback = ntohl(v4->sin_addr.s_addr) >> 24 == 127;
	}
	if (address->sa_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const void *)address;

		inet_ntop(AF_INET6, &v6->sin6_addr, out->address,
		    sizeof(out->address));
		out->loopback = IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
	}
}

/* A terminal that went without a word is noticed while it waits: nobody
 * should be thought to hear of a freeze who does not. */
static void tune(int fd)
{
	static const struct {
		int level, name, value;
	} options[] = {
	    {IPPROTO_TCP, TCP_NODELAY, 1},
	    {SOL_SOCKET, SO_KEEPALIVE, 1},
	    {IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S},
	    {IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_STEP_S},
	    {IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_TRIES},
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		(void)setsockopt(fd, options[i].level, options[i].name,
		    &options[i].value, sizeof(options[i].value));
}

static void accept_tls(struct http *http, int fd, const struct sockaddr *from)
{
	struct http_peer peer = {.kind = HTTP_PEER_STRANGER};
	bool sparing = http->counts.connections >= ROOMY_CONNECTIONS;
	SSL *ssl = http->tls ? http_tls_accept(http->tls, fd, sparing) : NULL;

	if (!ssl) {
		close(fd);
		return;
	}
	describe_address(from, &peer);
	tune(fd);
	http_connection_new(http, fd, ssl, &peer);
}

static void accept_local(struct http *http, int fd)
{
	struct http_peer peer = {.kind = HTTP_PEER_LOCAL, .address = "local"};
	struct ucred credentials;
	socklen_t length = sizeof(credentials);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) !=
	    0) {
		close(fd);
		return;
	}
	peer.uid = credentials.uid;
	peer.pid = credentials.pid;
	http_connection_new(http, fd, NULL, &peer);
}

static void on_accept(struct evconnlistener *event, evutil_socket_t fd,
    struct sockaddr *from, int from_length, void *context)
{
	struct http_listener *listener = context;
	struct http *http = listener->http;

	(void)event;
	(void)from_length;
	if (http->counts.connections >= HTTP_CONNECTIONS_MAX &&
	    !make_room(http)) {
		close(fd);
		return;
	}
	if (listener->is_local)
		accept_local(http, fd);
	else
		accept_tls(http, fd, from);
}

static void end_rest(evutil_socket_t fd, short what, void *context)
{
	struct http_listener *listener = context;

	(void)fd;
	(void)what;
	evconnlistener_enable(listener->listener);
}

/* No file left, most likely: the kernel would wake us again at once for the
 * same client, so somebody makes room and the listener rests. */
static void on_accept_error(struct evconnlistener *event, void *context)
{
	struct http_listener *listener = context;
	struct timeval rest = {0, REST_MS * 1000};

	make_room(listener->http);
	evconnlistener_disable(event);
	if (evtimer_add(listener->rest, &rest) != 0)
		evconnlistener_enable(event);
}

static enum err listen_on(struct http *http, int fd, const char *path)
{
	struct http_listener *listener = NULL;

	if (http->listener_count == HTTP_LISTENERS_MAX) {
		close(fd);
		return ERR_FULL;
	}
	listener = &http->listeners[http->listener_count];
	*listener = (struct http_listener){.http = http, .is_local = path};
	listener->rest = evtimer_new(http->base, end_rest, listener);
	listener->listener = evconnlistener_new(http->base, on_accept, listener,
	    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, BACKLOG, fd);
	if (!listener->listener || !listener->rest) {
		if (!listener->listener)
			close(fd);
		free_listener(listener);
		return ERR_IO;
	}
	if (path)
		strncpy(listener->path, path, sizeof(listener->path) - 1);
	evconnlistener_set_error_cb(listener->listener, on_accept_error);
	http->listener_count++;
	return ERR_NONE;
}

static int open_tcp(const struct sockaddr *address, socklen_t length)
{
	int on = 1;
	int fd = socket(
	    address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
	    (address->sa_family != AF_INET6 ||
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) ==
		    0) &&
	    bind(fd, address, length) == 0)
		return fd;
	on = errno;
	close(fd);
	errno = on;
	return -1;
}

static int port_of(int fd)
{
	struct sockaddr_storage bound = {0};
	socklen_t length = sizeof(bound);

	if (getsockname(fd, (struct sockaddr *)&bound, &length) != 0)
		return 0;
	if (bound.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)&bound)->sin6_port);
	return ntohs(((struct sockaddr_in *)&bound)->sin_port);
}

/* libevent's own parser takes an address without a port, and no port 0. */
static bool parse_port(const char *text, in_port_t *out)
{
	char *end = NULL;
	long port = strtol(text, &end, 10);

	if (!isdigit((unsigned char)text[0]) || *end != '\0' || port > 65535)
		return false;
	*out = htons((uint16_t)port);
	return true;
}

static bool parse_address(
    const char *text, struct sockaddr_storage *out, socklen_t *out_length)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	char host[INET6_ADDRSTRLEN + 2] = "";
	const char *colon = strrchr(text, ':');
	size_t length = colon ? (size_t)(colon - text) : 0;

	if (length == 0 || length >= sizeof(host) ||
	    !parse_port(colon + 1, &v4.sin_port))
		return false;
	memcpy(host, text, length);
	v6.sin6_port = v4.sin_port;
	if (inet_pton(AF_INET, host, &v4.sin_addr) == 1) {
		memcpy(out, &v4, sizeof(v4));
		*out_length = sizeof(v4);
		return true;
	}
	if (host[0] != '[' || host[length - 1] != ']')
		return false;
	host[length - 1] = '\0';
	if (inet_pton(AF_INET6, host + 1, &v6.sin6_addr) != 1)
		return false;
	memcpy(out, &v6, sizeof(v6));
	*out_length = sizeof(v6);
	return true;
}

enum err http_listen_tls(struct http *http, const char *address)
{
	struct sockaddr_storage parsed = {0};
	socklen_t length = 0;
	int fd = -1;
	int port = 0;
	enum err err = ERR_IO;

	if (!parse_address(address, &parsed, &length))
		return ERR_INVALID;
	fd = open_tcp((struct sockaddr *)&parsed, length);
	if (fd < 0)
		return ERR_IO;
	port = port_of(fd);
	err = listen_on(http, fd, NULL);
	if (err == ERR_NONE)
		http->port = port;
	return err;
}

/* A socket that a dead server left behind may be replaced, nothing else. */
static enum err clear_path(const struct sockaddr_un *address)
{
	struct stat file;
	int fd = -1;
	int connected = 0;

	if (lstat(address->sun_path, &file) != 0)
		return errno == ENOENT ? ERR_NONE : ERR_IO;
	if (!S_ISSOCK(file.st_mode))
		return ERR_EXISTS;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return ERR_IO;
	connected =
	    connect(fd, (const struct sockaddr *)address, sizeof(*address));
	if (connected != 0 && errno != ECONNREFUSED)
		connected = 0; /* full, or not ours to try: somebody lives */
	close(fd);
	if (connected == 0)
		return ERR_BUSY;
	return unlink(address->sun_path) == 0 ? ERR_NONE : ERR_IO;
}

enum err http_listen_local(struct http *http, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	mode_t mask = 0;
	int fd = -1;
	int bound = -1;
	enum err err = ERR_INVALID;

	if (strlen(path) >= sizeof(address.sun_path))
		return ERR_TOO_LONG;
	strcpy(address.sun_path, path);
	err = clear_path(&address);
	if (err != ERR_NONE)
		return err;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return ERR_IO;
	/* Closed from its first moment, not by a later chmod. */
	mask = umask(0177);
	bound = bind(fd, (struct sockaddr *)&address, sizeof(address));
	umask(mask);
	if (bound != 0) {
		close(fd);
		return ERR_IO;
	}
	return listen_on(http, fd, path);
}
