/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is a well-formed HTTP/1.1 request here: the strict subset of RFC 9112
 * that docs/PROTOCOL.md lists, and nothing that two readers could understand
 * differently (bare LF, two lengths, a length with chunked, two hosts, NUL,
 * folded lines). Sans I/O: fed from a buffer, fuzzed as it is.
 */
#ifndef SEKIMORI_HTTP_MESSAGE_H
#define SEKIMORI_HTTP_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

enum {
	HTTP_HEAD_BYTES_MAX = 8192,
	HTTP_HEADERS_MAX = 64,
	HTTP_METHOD_SIZE = 8,
	HTTP_BEARER_SIZE = 65, /* NUL included */
	HTTP_PATH_SIZE = 2560, /* NUL included; a login token fits */
};

enum http_parse {
	HTTP_PARSE_BAD = 0, /* answer *out_status and close */
	HTTP_PARSE_MORE,    /* the head is not complete yet */
	HTTP_PARSE_DONE,
};

struct http_message {
	char method[HTTP_METHOD_SIZE];
	char path[HTTP_PATH_SIZE]; /* as sent; no percent-encoding, no query,
				      no fragment: those are 400 */
	size_t head_length;        /* bytes of the head, blank line included */
	size_t body_length;        /* by Content-Length; 0 without */
	bool has_length;
	bool is_json; /* Content-Type: application/json[;...] */
	bool expects_continue;
	bool wants_close; /* Connection: close */
	/* Authorization: Bearer …; empty without. A secret: whoever has the
	 * message wipes it. Other schemes are passed over. */
	char bearer[HTTP_BEARER_SIZE];
};

/*
 * Looks for one request head at the start of bytes. *out_status with
 * HTTP_PARSE_BAD: 400, or 431 (head too large). Outputs are untouched
 * otherwise. Whether a body is too large (413) is the caller's to say.
 */
enum http_parse http_message_parse(const char *bytes, size_t length,
    struct http_message *out, int *out_status);

#endif
