/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the network side share. A connection is moved by
 * http_connection.c, its bytes by http_stream.c, its replies by http_reply.c;
 * http.c accepts, counts and evicts; http_tls.c knows certificates. Included
 * by those five only.
 */
#ifndef SEKIMORI_HTTP_PRIVATE_H
#define SEKIMORI_HTTP_PRIVATE_H

#include "server/http.h"

#include <event2/event.h>
#include <openssl/ssl.h>
#include <sys/queue.h>
#include <sys/types.h>

enum {
	HTTP_LINGER_DEADLINE_S = 2,
	HTTP_LINGER_BYTES_MAX = 1 << 20,
	HTTP_FILE_CHUNK_BYTES = 65536,
	HTTP_REQUESTS_PER_TURN = 16, /* pipelined, before others get a turn */
};

/* --- bytes of one socket, with or without TLS (http_stream.c) ----------- */

struct http_stream {
	int fd;
	SSL *ssl; /* NULL: plain */
};

enum http_stream_result {
	HTTP_STREAM_GONE = 0, /* closed by the peer, or broken */
	HTTP_STREAM_WAIT_READ,
	HTTP_STREAM_WAIT_WRITE,
	HTTP_STREAM_DONE, /* some bytes moved; the handshake is over */
};

enum http_stream_result http_stream_handshake(struct http_stream *stream);
enum http_stream_result http_stream_read(
    struct http_stream *stream, void *out, size_t size, size_t *out_length);
enum http_stream_result http_stream_write(struct http_stream *stream,
    const void *bytes, size_t length, size_t *out_length);
/* Bytes have left the socket that http_stream_read has not handed out. */
bool http_stream_holds_bytes(const struct http_stream *stream);
/* The peer has said that nothing more will come, or the network has. */
bool http_stream_is_abandoned(const struct http_stream *stream);
/* Says that nothing more will be written. */
void http_stream_end(struct http_stream *stream);
void http_stream_close(struct http_stream *stream);

/* --- connections -------------------------------------------------------- */

enum http_state {
	HTTP_STATE_CLOSED = 0,
	HTTP_STATE_HANDSHAKE,
	HTTP_STATE_READING, /* idle, or a request is coming in */
	HTTP_STATE_WORKING, /* the handler has the exchange */
	HTTP_STATE_REPLYING,
	HTTP_STATE_LINGERING, /* so that the last reply arrives although the
				 peer is still sending */
};

/* Oldest first; who is evicted first comes first. */
enum http_rank {
	HTTP_RANK_STRANGER = 0,
	HTTP_RANK_KNOWN,
	HTTP_RANK_WORKING, /* never evicted */
	HTTP_RANK_COUNT,
};

TAILQ_HEAD(http_queue, http_connection);

struct http_output {
	char *bytes; /* wiped when sent */
	size_t length, sent;
	int file_fd; /* what follows bytes, or -1 */
	off_t file_left;
};

struct http_connection {
	TAILQ_ENTRY(http_connection) link;
	struct http_queue *queue;
	struct http *http;
	enum http_state state;
	struct http_stream stream;
	struct event *readable, *writable, *deadline;
	bool read_paused;   /* bytes wait in the kernel for their turn */
	bool advancing;     /* inside connection_advance(): do not free */
	bool working;       /* the handler has the exchange: do not free */
	bool close_after;   /* the reply */
	bool request_begun; /* the deadline is that of a request */
	bool has_head;
	bool certificate_verified;
	bool large_body; /* one of HTTP_LARGE_BODIES_MAX */
	struct http_peer peer;
	char *input; /* HTTP_HEAD_BYTES_MAX, while there are bytes in it */
	size_t input_length;
	struct http_message message;
	char *body;
	size_t body_got;
	struct http_exchange exchange;
	struct http_output output;
	size_t lingered;
};

/* Takes fd and ssl, also on failure. ssl NULL: the admin socket. */
enum err http_connection_new(
    struct http *http, int fd, SSL *ssl, const struct http_peer *peer);
/* Frees it unless a handler still has the exchange; http_reply does then. */
void http_connection_close(struct http_connection *connection);
void http_connection_set_deadline(
    struct http_connection *connection, int seconds);
/* The reply is out: lingers, or takes the next request. */
void http_connection_replied(struct http_connection *connection);
/* Puts it at the young end of the queue of its rank. */
void http_connection_touch(struct http_connection *connection);

/* Sends what is in output; calls http_connection_replied or _close. */
void http_reply_flush(struct http_connection *connection);
void http_output_clear(struct http_output *output);

/* --- TLS (http_tls.c) --------------------------------------------------- */

enum err http_tls_context_new(const char *chain_pem, const char *key_pem,
    const char *ca_pem, SSL_CTX **out);
/* sparing: gives its buffers back, wiped, after each request, which takes
 * time; otherwise it keeps two of 16 KiB, of which little is ever touched. */
SSL *http_tls_accept(SSL_CTX *context, int fd, bool sparing);
/* Lets the verification of this handshake report to connection. */
void http_tls_bind(SSL *ssl, struct http_connection *connection);
/* After the handshake: who is it? */
void http_tls_read_peer(struct http_connection *connection);

/* --- the whole ---------------------------------------------------------- */

struct http_listener {
	struct http *http;
	struct evconnlistener *listener;
	struct event *rest; /* ends a pause after EMFILE */
	bool is_local;
	char path[108]; /* of the admin socket, unlinked at the end */
};

struct http {
	struct event_base *base;
	http_handler *handler;
	void *context;
	SSL_CTX *tls; /* NULL until there is an identity */
	struct http_counts counts;
	int large_bodies;
	struct http_queue queues[HTTP_RANK_COUNT];
	size_t listener_count;
	struct http_listener listeners[HTTP_LISTENERS_MAX];
	int port;
};

#endif
