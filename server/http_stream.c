/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes in and out of one non-blocking socket, through TLS or not. Turns what
 * OpenSSL and the kernel say into four results. Must not know what the bytes
 * mean, nor wait.
 */
#include "server/http_private.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/* An error left in OpenSSL's queue would pass for one of the next call's.
 * There hardly ever is one, and clearing an empty queue takes its time. */
static void forget_errors(void)
{
	if (ERR_peek_error() != 0)
		ERR_clear_error();
}

static enum http_stream_result tls_result(const SSL *ssl, int returned)
{
	switch (SSL_get_error(ssl, returned)) {
	case SSL_ERROR_NONE:
		return HTTP_STREAM_DONE;
	case SSL_ERROR_WANT_READ:
		return HTTP_STREAM_WAIT_READ;
	case SSL_ERROR_WANT_WRITE:
		return HTTP_STREAM_WAIT_WRITE;
	default:
		return HTTP_STREAM_GONE;
	}
}

static enum http_stream_result plain_result(
    ssize_t moved, enum http_stream_result wait)
{
	if (moved > 0)
		return HTTP_STREAM_DONE;
	if (moved < 0 && (errno == EAGAIN || errno == EINTR))
		return wait;
	return HTTP_STREAM_GONE;
}

enum http_stream_result http_stream_handshake(struct http_stream *stream)
{
	if (!stream->ssl)
		return HTTP_STREAM_DONE;
	forget_errors();
	return tls_result(stream->ssl, SSL_do_handshake(stream->ssl));
}

enum http_stream_result http_stream_read(
    struct http_stream *stream, void *out, size_t size, size_t *out_length)
{
	enum http_stream_result result = HTTP_STREAM_GONE;
	ssize_t got = 0;

	if (stream->ssl) {
		forget_errors();
		return tls_result(stream->ssl,
		    SSL_read_ex(stream->ssl, out, size, out_length));
	}
	got = read(stream->fd, out, size);
	result = plain_result(got, HTTP_STREAM_WAIT_READ);
	if (result == HTTP_STREAM_DONE)
		*out_length = (size_t)got;
	return result;
}

enum http_stream_result http_stream_write(struct http_stream *stream,
    const void *bytes, size_t length, size_t *out_length)
{
	enum http_stream_result result = HTTP_STREAM_GONE;
	ssize_t sent = 0;

	if (stream->ssl) {
		forget_errors();
		return tls_result(stream->ssl,
		    SSL_write_ex(stream->ssl, bytes, length, out_length));
	}
	sent = write(stream->fd, bytes, length);
	result = plain_result(sent, HTTP_STREAM_WAIT_WRITE);
	if (result == HTTP_STREAM_DONE)
		*out_length = (size_t)sent;
	return result;
}

bool http_stream_holds_bytes(const struct http_stream *stream)
{
	return stream->ssl && SSL_has_pending(stream->ssl);
}

bool http_stream_is_abandoned(const struct http_stream *stream)
{
	struct pollfd item = {.fd = stream->fd, .events = POLLRDHUP};

	return poll(&item, 1, 0) > 0;
}

void http_stream_end(struct http_stream *stream)
{
	if (stream->ssl) {
		forget_errors();
		SSL_shutdown(stream->ssl);
	}
	shutdown(stream->fd, SHUT_WR);
}

void http_stream_close(struct http_stream *stream)
{
	if (stream->ssl) {
		forget_errors();
		SSL_free(stream->ssl);
		stream->ssl = NULL;
	}
	if (stream->fd >= 0)
		close(stream->fd);
	stream->fd = -1;
}
