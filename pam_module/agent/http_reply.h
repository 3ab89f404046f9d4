/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The head of an HTTP/1.1 response, as our own server writes it and not one
 * bit more: a status line, header lines ended by CR LF, one Content-Length.
 * Everything else a web server might say (chunks, interim replies, folded
 * lines, other versions) is refused. Pure: bytes in, numbers out.
 */
#ifndef SEKIMORI_AGENT_HTTP_REPLY_H
#define SEKIMORI_AGENT_HTTP_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/err.h"

enum {
	HTTP_REPLY_HEAD_BYTES_MAX = 8192
};

struct http_reply_head {
	int status;         /* 200 to 599 */
	size_t head_length; /* the empty line included */
	size_t body_length;
	bool close; /* the server will close the connection */
};

/*
 * ERR_BUSY: the head is not whole yet. ERR_TOO_LONG: it will not fit, or the
 * body is over SERVER_REPLY_BYTES_MAX. ERR_INVALID: not a reply of ours.
 */
enum err http_reply_read_head(
    const char *bytes, size_t length, struct http_reply_head *out);

#endif
