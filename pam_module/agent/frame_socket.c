/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/frame_socket.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "pam_module/agent/steady.h"

static enum err read_exactly(
    int socket, unsigned char *out, size_t length, int64_t deadline_ms)
{
	struct pollfd item = {.fd = socket, .events = POLLIN};
	size_t used = 0;

	while (used < length) {
		int left_ms = steady_left_ms(deadline_ms);
		ssize_t got;

		if (left_ms == 0)
			return ERR_TIMEOUT;
		if (poll(&item, 1, left_ms) <= 0)
			continue;
		got = recv(socket, out + used, length - used, MSG_DONTWAIT);
		if (got > 0)
			used += (size_t)got;
		else if (got == 0 || (errno != EAGAIN && errno != EINTR))
			return ERR_IO;
	}
	return ERR_NONE;
}

enum err frame_socket_receive(int socket, unsigned char bytes[FRAME_BYTES_MAX],
    int64_t deadline_ms, struct frame *out)
{
	size_t length = 0;
	enum err err =
	    read_exactly(socket, bytes, FRAME_HEADER_BYTES, deadline_ms);

	if (err == ERR_NONE)
		err = frame_measure(bytes, &length);
	if (err == ERR_NONE)
		err = read_exactly(socket, bytes + FRAME_HEADER_BYTES,
		    length - FRAME_HEADER_BYTES, deadline_ms);
	if (err == ERR_NONE)
		err = frame_parse(bytes, length, out);
	return err;
}

enum err frame_socket_send(int socket, struct frame_writer *writer, int wait_ms)
{
	int64_t deadline_ms = steady_ms() + wait_ms;
	struct pollfd item = {.fd = socket, .events = POLLOUT};
	size_t sent = 0;
	enum err err = frame_end(writer);

	while (err == ERR_NONE && sent < writer->length) {
		ssize_t got = send(socket, writer->bytes + sent,
		    writer->length - sent, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (got >= 0)
			sent += (size_t)got;
		else if (errno != EAGAIN && errno != EINTR)
			err = ERR_IO;
		else if (poll(&item, 1, steady_left_ms(deadline_ms)) == 0)
			err = ERR_TIMEOUT;
	}
	frame_writer_wipe(writer);
	return err;
}
