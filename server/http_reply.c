/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replies: the head, the body behind it in one piece of memory, so that a
 * reply is one TLS record and one system call, or a file in pieces, so that a
 * backup of any size takes 64 KiB. Bodies may hold secrets and are wiped as
 * soon as they are sent. Knows no path and no verdict.
 */
#include "server/http_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/secret.h"
#include "shared/text.h"

enum {
	REPLY_HEAD_SIZE = 512,
	DETAIL_SIZE = 512,
	PROBLEM_SIZE = 1024
};

static const struct {
	int status;
	const char *title;
} titles[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {400, "Bad Request"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {409, "Conflict"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {503, "Service Unavailable"},
};

static const char *title_of(int status)
{
	for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
		if (titles[i].status == status)
			return titles[i].title;
	return "Unknown";
}

void http_output_clear(struct http_output *output)
{
	secret_wipe_bytes(output->bytes, output->length);
	free(output->bytes);
	if (output->file_fd >= 0)
		close(output->file_fd);
	*output = (struct http_output){.file_fd = -1};
}

/* The next piece of the file takes the place of what was sent. */
static bool load_file_chunk(struct http_output *output)
{
	size_t size = HTTP_FILE_CHUNK_BYTES;
	ssize_t got = 0;

	if ((off_t)size > output->file_left)
		size = (size_t)output->file_left;
	secret_wipe_bytes(output->bytes, output->length);
	if (output->length < size) {
		free(output->bytes);
		output->length = 0;
		output->bytes = malloc(HTTP_FILE_CHUNK_BYTES);
		if (!output->bytes)
			return false;
	}
	got = read(output->file_fd, output->bytes, size);
	if (got <= 0)
		return false;
	output->length = (size_t)got;
	output->sent = 0;
	output->file_left -= got;
	return true;
}

static void wait_for_room(struct http_connection *connection)
{
	event_add(connection->writable, NULL);
	http_connection_set_deadline(connection, HTTP_REQUEST_DEADLINE_S);
}

void http_reply_flush(struct http_connection *connection)
{
	struct http_output *output = &connection->output;

	while (output->sent < output->length) {
		size_t sent = 0;

		switch (http_stream_write(&connection->stream,
		    output->bytes + output->sent, output->length - output->sent,
		    &sent)) {
		case HTTP_STREAM_DONE:
			output->sent += sent;
			continue;
		case HTTP_STREAM_WAIT_WRITE:
			wait_for_room(connection);
			return;
		case HTTP_STREAM_WAIT_READ: /* not in TLS 1.3 */
		case HTTP_STREAM_GONE:
			http_connection_close(connection);
			return;
		}
	}
	if (output->file_left == 0) {
		http_output_clear(output);
		http_connection_replied(connection);
		return;
	}
	/* One piece a turn: others are served while a backup leaves. */
	if (load_file_chunk(output))
		wait_for_room(connection);
	else
		http_connection_close(connection);
}

static char *put(char *at, const char *text)
{
	return stpcpy(at, text);
}

static char *put_number(char *at, int64_t number)
{
	return at + text_number(number, at);
}

/* By hand, because snprintf() takes longer than the rest of a reply. A content
 * type is one of ours and short. */
static size_t write_head(const struct http_connection *connection,
    const struct http_reply *reply, int64_t length, char head[REPLY_HEAD_SIZE])
{
	char *at = put_number(put(head, "HTTP/1.1 "), reply->status);

	at = put(put(at, " "), title_of(reply->status));
	at = put(at, "\r\nContent-Type: ");
	at = put(
	    at, reply->content_type ? reply->content_type : "application/json");
	at = put_number(put(at, "\r\nContent-Length: "), length);
	at = put(at, "\r\nCache-Control: no-store\r\n");
	if (reply->retry_after_s > 0) {
		at = put_number(put(at, "Retry-After: "), reply->retry_after_s);
		at = put(at, "\r\n");
	}
	if (connection->close_after)
		at = put(at, "Connection: close\r\n");
	return (size_t)(put(at, "\r\n") - head);
}

static bool set_output(struct http_connection *connection,
    const struct http_reply *reply, off_t file_length)
{
	struct http_output *output = &connection->output;
	char head[REPLY_HEAD_SIZE];
	bool is_head = strcmp(connection->message.method, "HEAD") == 0;
	size_t body_length = is_head ? 0 : reply->body_length;
	size_t length = write_head(
	    connection, reply, file_length + (int64_t)reply->body_length, head);

	output->bytes = malloc(length + body_length);
	if (!output->bytes)
		return false;
	memcpy(output->bytes, head, length);
	if (body_length > 0)
		memcpy(output->bytes + length, reply->body, body_length);
	output->length = length + body_length;
	output->file_left = is_head ? 0 : file_length;
	return true;
}

/* Size of the file, 0 without one, -1 if it cannot be sent. */
static off_t measure_file(int fd)
{
	struct stat file;

	if (fd < 0)
		return 0;
	if (fstat(fd, &file) != 0 || !S_ISREG(file.st_mode))
		return -1;
	return file.st_size;
}

void http_reply(struct http_exchange *exchange, const struct http_reply *reply)
{
	struct http_connection *connection = exchange->connection;
	/* 0 stands for none too, so that a zeroed reply closes nothing. */
	int file_fd = reply->body_fd > 0 ? reply->body_fd : -1;
	off_t file_length = measure_file(file_fd);

	connection->working = false;
	if (connection->state == HTTP_STATE_CLOSED) {
		if (file_fd >= 0)
			close(file_fd);
		http_connection_close(connection);
		return;
	}
	connection->state = HTTP_STATE_REPLYING;
	connection->output.file_fd = file_fd;
	connection->close_after = connection->close_after || reply->close;
	http_connection_touch(connection);
	if (file_length < 0 || !set_output(connection, reply, file_length)) {
		http_connection_close(connection);
		return;
	}
	http_reply_flush(connection);
}

bool http_is_abandoned(const struct http_exchange *exchange)
{
	const struct http_connection *connection = exchange->connection;

	return connection->state == HTTP_STATE_CLOSED ||
	       http_stream_is_abandoned(&connection->stream);
}

/* Text inside a JSON string. Our sentences need little, but they may quote. */
static void escape(const char *text, char *out, size_t out_size)
{
	size_t used = 0;

	for (; *text && used + 3 < out_size; text++) {
		if (*text == '"' || *text == '\\')
			out[used++] = '\\';
		out[used++] = (unsigned char)*text < 0x20 ? ' ' : *text;
	}
	out[used] = '\0';
}

void http_reply_refusal(struct http_exchange *exchange, int status,
    const char *reason, const char *detail)
{
	char escaped[DETAIL_SIZE];
	char body[PROBLEM_SIZE];
	int length = 0;

	escape(detail, escaped, sizeof(escaped));
	length = snprintf(body, sizeof(body),
	    "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,"
	    "%s%s%s\"detail\":\"%s\"}",
	    title_of(status), status, reason ? "\"reason\":\"" : "",
	    reason ? reason : "", reason ? "\"," : "", escaped);
	http_reply(exchange,
	    &(struct http_reply){
		.status = status,
		.content_type = "application/problem+json",
		.body = body,
		.body_length = (size_t)length,
		.body_fd = -1,
		.retry_after_s = status == 503 || status == 429 ? 1 : 0,
	    });
}

void http_reply_problem(
    struct http_exchange *exchange, int status, const char *detail)
{
	http_reply_refusal(exchange, status, NULL, detail);
}
