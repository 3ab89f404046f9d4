/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of one connection: handshake, request, handler, reply, next
 * request. One request is in flight at a time; bytes behind it wait. Every
 * state but the handler's has a deadline, counted from where the peer began,
 * so that dripping buys nobody time. What a request means is not known here.
 */
#include "server/http_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/nonce.h"
#include "shared/encode.h"
#include "shared/secret.h"

enum request_state {
	REQUEST_PART = 0, /* more bytes are needed */
	REQUEST_WHOLE,
	REQUEST_REFUSED, /* and replied to */
};

static void set_queue(
    struct http_connection *connection, struct http_queue *queue)
{
	if (connection->queue)
		TAILQ_REMOVE(connection->queue, connection, link);
	connection->queue = queue;
	if (queue)
		TAILQ_INSERT_TAIL(queue, connection, link);
}

void http_connection_touch(struct http_connection *connection)
{
	enum http_rank rank = HTTP_RANK_STRANGER;

	if (connection->state == HTTP_STATE_WORKING)
		rank = HTTP_RANK_WORKING;
	else if (connection->peer.kind != HTTP_PEER_STRANGER)
		rank = HTTP_RANK_KNOWN;
	set_queue(connection, &connection->http->queues[rank]);
}

void http_connection_set_deadline(
    struct http_connection *connection, int seconds)
{
	struct timeval wait = {seconds, 0};

	evtimer_add(connection->deadline, &wait);
}

/* A stranger may call anything a bearer. What a few of them may send before
 * the server has looked at it is bounded by number. */
static bool take_large_body(struct http_connection *connection)
{
	if (connection->http->large_bodies >= HTTP_LARGE_BODIES_MAX)
		return false;
	connection->http->large_bodies++;
	connection->large_body = true;
	return true;
}

static void give_back_large_body(struct http_connection *connection)
{
	if (connection->large_body && connection->http)
		connection->http->large_bodies--;
	connection->large_body = false;
}

static void end_request(struct http_connection *connection)
{
	give_back_large_body(connection);
	secret_wipe_bytes(connection->body, connection->body_got);
	free(connection->body);
	connection->body = NULL;
	connection->body_got = 0;
	connection->has_head = false;
	connection->request_begun = false;
	secret_wipe_bytes(&connection->message, sizeof(connection->message));
}

static void free_input(struct http_connection *connection)
{
	secret_wipe_bytes(connection->input, connection->input_length);
	free(connection->input);
	connection->input = NULL;
	connection->input_length = 0;
}

static void free_if_unused(struct http_connection *connection)
{
	if (connection->state != HTTP_STATE_CLOSED || connection->advancing ||
	    connection->working)
		return;
	end_request(connection);
	free(connection);
}

static void free_event(struct event **event)
{
	if (*event)
		event_free(*event);
	*event = NULL;
}

void http_connection_close(struct http_connection *connection)
{
	if (connection->state != HTTP_STATE_CLOSED) {
		connection->state = HTTP_STATE_CLOSED;
		set_queue(connection, NULL);
		free_event(&connection->readable);
		free_event(&connection->writable);
		free_event(&connection->deadline);
		http_stream_close(&connection->stream);
		http_output_clear(&connection->output);
		free_input(connection);
		give_back_large_body(connection);
		connection->http->counts.connections--;
		connection->http = NULL;
	}
	free_if_unused(connection);
}

/* --- a request comes in --------------------------------------------------- */

/* Room for exactly what the current part of the request may still need. */
static bool find_room(
    struct http_connection *connection, char **out, size_t *out_size)
{
	if (connection->has_head) {
		*out = connection->body + connection->body_got;
		*out_size =
		    connection->message.body_length - connection->body_got;
		return true;
	}
	if (!connection->input)
		connection->input = malloc(HTTP_HEAD_BYTES_MAX);
	if (!connection->input)
		return false;
	*out = connection->input + connection->input_length;
	*out_size = HTTP_HEAD_BYTES_MAX - connection->input_length;
	return true;
}

/* Reads once. False when there is nothing, or the connection is closed. */
static bool fill(struct http_connection *connection)
{
	char *room = NULL;
	size_t size = 0, got = 0;

	if (!find_room(connection, &room, &size)) {
		http_connection_close(connection);
		return false;
	}
	switch (http_stream_read(&connection->stream, room, size, &got)) {
	case HTTP_STREAM_GONE:
		http_connection_close(connection);
		return false;
	case HTTP_STREAM_WAIT_WRITE:
		event_add(connection->writable, NULL);
		return false;
	case HTTP_STREAM_WAIT_READ:
		return false;
	case HTTP_STREAM_DONE:
		break;
	}
	if (connection->has_head)
		connection->body_got += got;
	else
		connection->input_length += got;
	return true;
}

/* Takes bytes off the front and leaves no copy of them behind. */
static void drop_input(struct http_connection *connection, size_t length)
{
	size_t left = connection->input_length - length;

	memmove(connection->input, connection->input + length, left);
	secret_wipe_bytes(connection->input + left, length);
	connection->input_length = left;
	if (left == 0)
		free_input(connection);
}

static enum request_state refuse_request(
    struct http_connection *connection, int status, const char *detail)
{
	connection->http->counts.malformed++;
	connection->close_after = true;
	connection->working = true; /* http_reply ends it */
	connection->state = HTTP_STATE_WORKING;
	connection->exchange.connection = connection;
	connection->exchange.message = &connection->message;
	http_reply_problem(&connection->exchange, status, detail);
	return REQUEST_REFUSED;
}

/* No other handler is made for it. */
static bool may_be_large(const struct http_message *message)
{
	static const char below[] = HTTP_LARGE_BODY_PATH;

	return message->bearer[0] != '\0' &&
	       strncmp(message->path, below, sizeof(below) - 1) == 0;
}

/* 0, or the status that refuses this head. */
static int judge_head(
    struct http_connection *connection, const char **out_detail)
{
	const struct http_message *message = &connection->message;
	bool local = connection->peer.kind == HTTP_PEER_LOCAL;
	size_t body_max = local || may_be_large(message)
			      ? HTTP_ADMIN_BODY_BYTES_MAX
			      : HTTP_BODY_BYTES_MAX;

	if (message->body_length > body_max) {
		*out_detail = "The request body is too large.";
		return 413;
	}
	if (strcmp(message->method, "POST") == 0 && !message->has_length) {
		*out_detail = "A POST needs a Content-Length.";
		return 400;
	}
	if (message->body_length > 0 && !message->is_json) {
		*out_detail = "The request body must be application/json.";
		return 415;
	}
	if (!local && message->body_length > HTTP_BODY_BYTES_MAX &&
	    !take_large_body(connection)) {
		*out_detail = "The server is busy. Try again.";
		return 503;
	}
	return 0;
}

/* The client waits for this before it sends the body. Twenty-five bytes that
 * do not fit into an empty socket are not worth waiting for. */
static bool send_continue(struct http_connection *connection)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
	size_t sent = 0;

	if (http_stream_write(&connection->stream, text, sizeof(text) - 1,
		&sent) == HTTP_STREAM_DONE &&
	    sent == sizeof(text) - 1)
		return true;
	http_connection_close(connection);
	return false;
}

/* The head is known; moves the part of the body that came with it. */
static bool begin_body(struct http_connection *connection)
{
	size_t length = connection->message.body_length;
	size_t here = connection->input_length;

	connection->body = malloc(length + 1);
	if (!connection->body) {
		http_connection_close(connection);
		return false;
	}
	if (here > length)
		here = length;
	if (here > 0) {
		memcpy(connection->body, connection->input, here);
		drop_input(connection, here);
	}
	connection->body_got = here;
	connection->body[length] = '\0';
	connection->has_head = true;
	if (connection->message.expects_continue && here < length)
		return send_continue(connection);
	return true;
}

static enum request_state take_head(struct http_connection *connection)
{
	const char *detail = "The request is malformed.";
	int status = 0;

	switch (http_message_parse(connection->input, connection->input_length,
	    &connection->message, &status)) {
	case HTTP_PARSE_BAD:
		return refuse_request(connection, status, detail);
	case HTTP_PARSE_MORE:
		return REQUEST_PART;
	case HTTP_PARSE_DONE:
		break;
	}
	status = judge_head(connection, &detail);
	if (status != 0)
		return refuse_request(connection, status, detail);
	drop_input(connection, connection->message.head_length);
	return begin_body(connection) ? REQUEST_WHOLE : REQUEST_REFUSED;
}

static enum request_state take_request(struct http_connection *connection)
{
	enum request_state state = REQUEST_WHOLE;

	if (!connection->has_head && connection->input_length == 0)
		return REQUEST_PART;
	if (!connection->has_head)
		state = take_head(connection);
	if (state == REQUEST_WHOLE &&
	    connection->body_got < connection->message.body_length)
		return REQUEST_PART;
	return state;
}

static void dispatch(struct http_connection *connection)
{
	struct http *http = connection->http;
	struct http_exchange *exchange = &connection->exchange;
	unsigned char id[8] = {0};

	http->counts.requests++;
	connection->state = HTTP_STATE_WORKING;
	connection->working = true;
	connection->close_after = connection->message.wants_close;
	http_connection_touch(connection);
	*exchange = (struct http_exchange){
	    .message = &connection->message,
	    .peer = &connection->peer,
	    .body = connection->body,
	    .body_length = connection->message.body_length,
	    .connection = connection,
	};
	/* Only a name for logs: short of entropy it may be zeros. */
	if (nonce_take(id, sizeof(id)) != ERR_NONE)
		memset(id, 0, sizeof(id));
	encode_hex(id, sizeof(id), exchange->request_id);
	http->handler(http->context, exchange);
}

/* The clock of a request starts with its first byte, and is not wound again
 * by the next. */
static void watch_request(struct http_connection *connection)
{
	if (connection->request_begun)
		return;
	if (!connection->has_head && connection->input_length == 0 &&
	    !http_stream_holds_bytes(&connection->stream))
		return;
	connection->request_begun = true;
	http_connection_set_deadline(connection, HTTP_REQUEST_DEADLINE_S);
}

/* readable: the kernel has said that there are bytes. */
static void advance(struct http_connection *connection, bool readable)
{
	int requests = 0;

	connection->advancing = true;
	while (connection->state == HTTP_STATE_READING) {
		enum request_state state = take_request(connection);

		if (state == REQUEST_WHOLE) {
			dispatch(connection);
			if (++requests == HTTP_REQUESTS_PER_TURN)
				break;
			continue;
		}
		if (state == REQUEST_REFUSED)
			continue;
		if (!readable && !http_stream_holds_bytes(&connection->stream))
			break;
		readable = false;
		if (!fill(connection))
			break;
	}
	connection->advancing = false;
	if (connection->state == HTTP_STATE_READING) {
		watch_request(connection);
		if (requests == HTTP_REQUESTS_PER_TURN)
			event_active(connection->readable, EV_READ, 0);
	}
	free_if_unused(connection);
}

/* --- what the loop tells -------------------------------------------------- */

static void start_reading(struct http_connection *connection)
{
	connection->state = HTTP_STATE_READING;
	http_connection_set_deadline(connection, HTTP_IDLE_DEADLINE_S);
	http_connection_touch(connection);
}

/* A terminal with too many connections loses its own longest idle one: it
 * may not have all the places, because only strangers make room for others,
 * and everybody is one until his handshake is over. */
static void bound_terminal(const struct http_connection *connection)
{
	struct http_queue *known = &connection->http->queues[HTTP_RANK_KNOWN];
	struct http_connection *other = NULL, *oldest = NULL;
	int others = 0;

	if (connection->peer.kind != HTTP_PEER_TERMINAL)
		return;
	TAILQ_FOREACH(other, known, link)
	{
		if (other == connection || memcmp(other->peer.fingerprint,
					       connection->peer.fingerprint,
					       CERTIFICATE_HASH_BYTES) != 0)
			continue;
		others++;
		if (!oldest)
			oldest = other;
	}
	if (others >= HTTP_TERMINAL_CONNECTIONS_MAX)
		http_connection_close(oldest);
}

static void handshake(struct http_connection *connection)
{
	switch (http_stream_handshake(&connection->stream)) {
	case HTTP_STREAM_GONE:
		connection->http->counts.handshakes_failed++;
		http_connection_close(connection);
		return;
	case HTTP_STREAM_WAIT_WRITE:
		event_add(connection->writable, NULL);
		return;
	case HTTP_STREAM_WAIT_READ:
		return;
	case HTTP_STREAM_DONE:
		break;
	}
	http_tls_read_peer(connection);
	start_reading(connection);
	bound_terminal(connection);
	advance(connection, false);
}

/* Until the peer has seen the last reply and closes, or for a little while:
 * closing with unread bytes would make the kernel drop the reply. */
static void linger(struct http_connection *connection)
{
	char scrap[4096];
	ssize_t got = recv(connection->stream.fd, scrap, sizeof(scrap), 0);

	secret_wipe_bytes(scrap, got > 0 ? (size_t)got : 0);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got > 0)
		connection->lingered += (size_t)got;
	if (got <= 0 || connection->lingered > HTTP_LINGER_BYTES_MAX)
		http_connection_close(connection);
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
	struct http_connection *connection = context;

	(void)fd;
	(void)what;
	switch (connection->state) {
	case HTTP_STATE_CLOSED:
		break;
	case HTTP_STATE_HANDSHAKE:
		handshake(connection);
		break;
	case HTTP_STATE_READING:
		advance(connection, true);
		break;
	case HTTP_STATE_WORKING:
	case HTTP_STATE_REPLYING:
		event_del(connection->readable);
		connection->read_paused = true;
		break;
	case HTTP_STATE_LINGERING:
		linger(connection);
		break;
	}
}

static void on_writable(evutil_socket_t fd, short what, void *context)
{
	struct http_connection *connection = context;

	(void)fd;
	(void)what;
	switch (connection->state) {
	case HTTP_STATE_HANDSHAKE:
		handshake(connection);
		break;
	case HTTP_STATE_READING:
		advance(connection, true);
		break;
	case HTTP_STATE_REPLYING:
		http_reply_flush(connection);
		break;
	case HTTP_STATE_CLOSED:
	case HTTP_STATE_WORKING:
	case HTTP_STATE_LINGERING:
		break;
	}
}

static void on_deadline(evutil_socket_t fd, short what, void *context)
{
	struct http_connection *connection = context;
	struct http_counts *counts = &connection->http->counts;

	(void)fd;
	(void)what;
	switch (connection->state) {
	case HTTP_STATE_CLOSED:
	case HTTP_STATE_WORKING: /* a handler always replies */
		return;
	case HTTP_STATE_HANDSHAKE:
		counts->handshakes_failed++;
		counts->timeouts++;
		break;
	case HTTP_STATE_READING:
		if (connection->request_begun)
			counts->timeouts++;
		break;
	case HTTP_STATE_REPLYING:
		counts->timeouts++;
		break;
	case HTTP_STATE_LINGERING:
		break;
	}
	http_connection_close(connection);
}

static void resume_reading(struct http_connection *connection)
{
	if (connection->read_paused)
		event_add(connection->readable, NULL);
	connection->read_paused = false;
}

void http_connection_replied(struct http_connection *connection)
{
	end_request(connection);
	resume_reading(connection);
	if (connection->close_after) {
		connection->state = HTTP_STATE_LINGERING;
		http_connection_touch(connection);
		http_stream_end(&connection->stream);
		http_connection_set_deadline(
		    connection, HTTP_LINGER_DEADLINE_S);
		return;
	}
	start_reading(connection);
	if (!connection->advancing)
		advance(connection, false);
}

enum err http_connection_new(
    struct http *http, int fd, SSL *ssl, const struct http_peer *peer)
{
	struct http_connection *connection = calloc(1, sizeof(*connection));
	struct http_stream stream = {fd, ssl};

	if (!connection) {
		http_stream_close(&stream);
		return ERR_MEMORY;
	}
	connection->http = http;
	connection->state = ssl ? HTTP_STATE_HANDSHAKE : HTTP_STATE_READING;
	connection->stream = stream;
	connection->peer = *peer;
	connection->output.file_fd = -1;
	http->counts.connections++;
	connection->readable = event_new(
	    http->base, fd, EV_READ | EV_PERSIST, on_readable, connection);
	connection->writable =
	    event_new(http->base, fd, EV_WRITE, on_writable, connection);
	connection->deadline = evtimer_new(http->base, on_deadline, connection);
	if (!connection->readable || !connection->writable ||
	    !connection->deadline ||
	    event_add(connection->readable, NULL) != 0) {
		http_connection_close(connection);
		return ERR_MEMORY;
	}
	if (ssl)
		http_tls_bind(ssl, connection);
	http_connection_set_deadline(
	    connection, ssl ? HTTP_HANDSHAKE_DEADLINE_S : HTTP_IDLE_DEADLINE_S);
	http_connection_touch(connection);
	return ERR_NONE;
}
