/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything here is non-blocking with poll in between, because the host may
 * be sshd, sudo or a screen locker and must not hang with the agent. No
 * process-wide state is touched: no signals, no environment, descriptors
 * close on exec.
 */
#include "pam_module/agent_client.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
	BACKLOG_PAUSE_MS = 10,   /* between tries while the backlog is full */
	PASSWD_BYTES_MAX = 4096, /* of the agent's line in the user database */
	LOWEST_DESCRIPTOR = 3,
};

void agent_client_init(struct agent_client *client)
{
	memset(client, 0, sizeof(*client));
	client->socket = -1;
}

static enum err clock_read(int64_t *out_ms)
{
	struct timespec now;

	if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
		return ERR_CLOCK;
	*out_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	return ERR_NONE;
}

enum err agent_client_allow(struct agent_client *client, int wait_ms)
{
	int64_t now_ms;
	enum err err = clock_read(&now_ms);

	if (err == ERR_NONE)
		client->deadline_ms = now_ms + wait_ms;
	return err;
}

static enum err time_left(const struct agent_client *client, int *out_ms)
{
	int64_t now_ms, left_ms;
	enum err err = clock_read(&now_ms);

	if (err != ERR_NONE)
		return err;
	left_ms = client->deadline_ms - now_ms;
	if (left_ms <= 0)
		return ERR_TIMEOUT;
	*out_ms = left_ms > INT_MAX ? INT_MAX : (int)left_ms;
	return ERR_NONE;
}

static enum err wait_for(const struct agent_client *client, short events)
{
	struct pollfd one = {.fd = client->socket, .events = events};

	for (;;) {
		int left_ms, ready;
		enum err err = time_left(client, &left_ms);

		if (err != ERR_NONE)
			return err;
		ready = poll(&one, 1, left_ms);
		if (ready > 0)
			return ERR_NONE;
		if (ready < 0 && errno != EINTR)
			return ERR_IO;
	}
}

/* A host started without standard error would print into our socket. */
static int socket_open(void)
{
	int low =
	    socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int high;

	if (low < 0 || low >= LOWEST_DESCRIPTOR)
		return low;
	high = fcntl(low, F_DUPFD_CLOEXEC, LOWEST_DESCRIPTOR);
	(void)close(low);
	return high;
}

/* The kernel says EAGAIN when the agent's backlog is full, and offers
 * nothing to poll for. */
static enum err connect_patiently(
    struct agent_client *client, const struct sockaddr_un *address)
{
	for (;;) {
		int left_ms;
		enum err err = time_left(client, &left_ms);

		if (err != ERR_NONE)
			return err;
		if (connect(client->socket, (const struct sockaddr *)address,
			sizeof(*address)) == 0)
			return ERR_NONE;
		if (errno != EAGAIN && errno != EINTR)
			return ERR_UNREACHABLE;
		if (left_ms > BACKLOG_PAUSE_MS)
			left_ms = BACKLOG_PAUSE_MS;
		if (poll(NULL, 0, left_ms) < 0 && errno != EINTR)
			return ERR_IO;
	}
}

static bool uid_is_agent(uid_t uid)
{
	char buffer[PASSWD_BYTES_MAX];
	struct passwd entry, *found = NULL;

	if (uid == 0)
		return true;
	if (getpwnam_r(AGENT_CLIENT_USER, &entry, buffer, sizeof(buffer),
		&found) != 0 ||
	    !found)
		return false;
	return found->pw_uid == uid;
}

/* Anybody can listen on a path of his own: a link or a mistaken socket= must
 * not make his program the judge. */
static enum err peer_check(const struct agent_client *client)
{
	struct ucred peer = {.uid = (uid_t)-1};
	socklen_t length = sizeof(peer);

	if (getsockopt(
		client->socket, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0 ||
	    length != sizeof(peer))
		return ERR_IO;
	return uid_is_agent(peer.uid) ? ERR_NONE : ERR_NOT_ALLOWED;
}

enum err agent_client_connect(struct agent_client *client, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t length = strlen(path);
	enum err err;

	if (length >= sizeof(address.sun_path))
		return ERR_TOO_LONG;
	memcpy(address.sun_path, path, length);
	client->socket = socket_open();
	if (client->socket < 0)
		return ERR_IO;
	err = connect_patiently(client, &address);
	if (err == ERR_NONE)
		err = peer_check(client);
	if (err != ERR_NONE)
		agent_client_close(client);
	return err;
}

static enum err bytes_send(const struct agent_client *client,
    const unsigned char *bytes, size_t length)
{
	while (length > 0) {
		enum err err = wait_for(client, POLLOUT);
		ssize_t sent;

		if (err != ERR_NONE)
			return err;
		sent = send(
		    client->socket, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (sent <= 0)
			return ERR_UNREACHABLE;
		bytes += sent;
		length -= (size_t)sent;
	}
	return ERR_NONE;
}

enum err agent_client_send(
    struct agent_client *client, struct frame_writer *writer)
{
	enum err err = frame_end(writer);

	if (err == ERR_NONE && client->socket < 0)
		err = ERR_UNREACHABLE;
	if (err == ERR_NONE)
		err = bytes_send(client, writer->bytes, writer->length);
	frame_writer_wipe(writer);
	return err;
}

static enum err bytes_receive(
    const struct agent_client *client, unsigned char *bytes, size_t length)
{
	while (length > 0) {
		enum err err = wait_for(client, POLLIN);
		ssize_t got;

		if (err != ERR_NONE)
			return err;
		got = recv(client->socket, bytes, length, MSG_DONTWAIT);
		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (got <= 0)
			return ERR_UNREACHABLE;
		bytes += got;
		length -= (size_t)got;
	}
	return ERR_NONE;
}

enum err agent_client_receive(struct agent_client *client, struct frame *out)
{
	size_t length;
	enum err err;

	if (client->socket < 0)
		return ERR_UNREACHABLE;
	err = bytes_receive(client, client->bytes, FRAME_HEADER_BYTES);
	if (err == ERR_NONE)
		err = frame_measure(client->bytes, &length);
	if (err == ERR_NONE)
		err = bytes_receive(client, client->bytes + FRAME_HEADER_BYTES,
		    length - FRAME_HEADER_BYTES);
	if (err == ERR_NONE)
		err = frame_parse(client->bytes, length, out);
	return err;
}

void agent_client_close(struct agent_client *client)
{
	if (client->socket >= 0)
		(void)close(client->socket);
	explicit_bzero(client, sizeof(*client));
	client->socket = -1;
}
