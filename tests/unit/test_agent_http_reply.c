/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Heads of HTTP replies: what our server writes is taken, everything else
 * that a web server might say is not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "pam_module/agent/http_reply.h"

#define OK "HTTP/1.1 200 OK\r\n"

static void heads_are_taken_or_refused(void **state)
{
	static const struct {
		const char *text;
		enum err err;
		int status;
		size_t body;
		bool close;
	} rows[] = {
	    {OK "Content-Length: 2\r\n\r\n{}", ERR_NONE, 200, 2, false},
	    {OK "content-length:2\r\nX: y\r\n\r\n{}", ERR_NONE, 200, 2, false},
	    {OK "Content-Length: 65536\r\n\r\n", ERR_NONE, 200, 65536, false},
	    {"HTTP/1.1 503 Busy\r\nConnection: Close\r\nContent-Length: 0"
	     "\r\n\r\n",
		ERR_NONE, 503, 0, true},
	    {"HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n", ERR_NONE, 404, 0,
		false},
	    {OK, ERR_BUSY, 0, 0, false},
	    {OK "Content-Length: 2\r\n", ERR_BUSY, 0, 0, false},
	    {"", ERR_BUSY, 0, 0, false},
	    {OK "\r\n", ERR_INVALID, 0, 0, false},
	    {OK "Content-Length: 65537\r\n\r\n", ERR_TOO_LONG, 0, 0, false},
	    {OK "Content-Length: 99999999999999999999\r\n\r\n", ERR_TOO_LONG, 0,
		0, false},
	    {OK "Content-Length: -1\r\n\r\n", ERR_INVALID, 0, 0, false},
	    {OK "Content-Length: +1\r\n\r\n", ERR_INVALID, 0, 0, false},
	    {OK "Content-Length: 1 1\r\n\r\n", ERR_INVALID, 0, 0, false},
	    {OK "Content-Length:\r\n\r\n", ERR_INVALID, 0, 0, false},
	    {OK "Content-Length: 2\r\nContent-Length: 2\r\n\r\n", ERR_INVALID,
		0, 0, false},
	    {OK "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
		ERR_INVALID, 0, 0, false},
	    {OK "Content-Length : 2\r\n\r\n", ERR_INVALID, 0, 0, false},
	    {OK "Content-Length: 2\r\n folded\r\n\r\n", ERR_INVALID, 0, 0,
		false},
	    {OK "Content-Length: 2\nX: y\r\n\r\n", ERR_INVALID, 0, 0, false},
	    {OK "Content-Length: 2\rX: y\r\n\r\n", ERR_INVALID, 0, 0, false},
	    {OK "no colon\r\nContent-Length: 2\r\n\r\n", ERR_INVALID, 0, 0,
		false},
	    {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n", ERR_INVALID, 0, 0,
		false},
	    {"HTTP/1.1 100 Continue\r\nContent-Length: 2\r\n\r\n", ERR_INVALID,
		0, 0, false},
	    {"HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\n", ERR_INVALID, 0, 0,
		false},
	    {"HTTP/1.1 2x0 OK\r\nContent-Length: 2\r\n\r\n", ERR_INVALID, 0, 0,
		false},
	    {"accept\r\n\r\n", ERR_INVALID, 0, 0, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct http_reply_head head = {0};

		print_message("row %zu\n", i);
		assert_int_equal(http_reply_read_head(
				     rows[i].text, strlen(rows[i].text), &head),
		    rows[i].err);
		assert_int_equal(head.status, rows[i].status);
		assert_int_equal(head.body_length, rows[i].body);
		assert_int_equal(head.close, rows[i].close);
	}
}

static void endless_heads_are_too_long(void **state)
{
	char text[HTTP_REPLY_HEAD_BYTES_MAX + 8];
	struct http_reply_head head;

	(void)state;
	memset(text, 'a', sizeof(text));
	assert_int_equal(
	    http_reply_read_head(text, HTTP_REPLY_HEAD_BYTES_MAX - 1, &head),
	    ERR_BUSY);
	assert_int_equal(
	    http_reply_read_head(text, HTTP_REPLY_HEAD_BYTES_MAX, &head),
	    ERR_TOO_LONG);
	memcpy(text + HTTP_REPLY_HEAD_BYTES_MAX, "\r\n\r\n", 4);
	assert_int_equal(
	    http_reply_read_head(text, sizeof(text), &head), ERR_TOO_LONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(heads_are_taken_or_refused),
	    cmocka_unit_test(endless_heads_are_too_long),
	};

	return cmocka_run_group_tests_name(
	    "agent_http_reply", tests, NULL, NULL);
}
