/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The request head: what is taken, what is refused and with which status, and
 * that a head arriving byte by byte is judged like one that comes at once.
 */
#include "server/http_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HOST "Host: a\r\n"
#define GET "GET /healthz HTTP/1.1\r\n"
#define END "\r\n"

struct good_row {
	const char *head;
	const char *method, *path;
	size_t body_length;
	bool has_length, is_json, expects_continue, wants_close;
};

static const struct good_row good_rows[] = {
    {GET HOST END, "GET", "/healthz", 0, false, false, false, false},
    {"GET / HTTP/1.1\r\nhOST:a\r\n\r\n", "GET", "/", 0, false, false, false,
	false},
    {"POST /v1/logins HTTP/1.1\r\nHost: [::1]:8443\r\n"
     "Content-Length: 12\r\nContent-Type: application/json\r\n\r\n",
	"POST", "/v1/logins", 12, true, true, false, false},
    {"POST /v1/logins/abc-_= HTTP/1.1\r\nContent-Length:007\r\n" HOST
     "content-type:\t Application/JSON ; charset=utf-8 \r\n\r\n",
	"POST", "/v1/logins/abc-_=", 7, true, true, false, false},
    {GET HOST "Content-Type: application/jsonp\r\n\r\n", "GET", "/healthz", 0,
	false, false, false, false},
    {GET HOST "Content-Type: text/plain; application/json\r\n\r\n", "GET",
	"/healthz", 0, false, false, false, false},
    {GET HOST "Expect: 100-Continue\r\n\r\n", "GET", "/healthz", 0, false,
	false, true, false},
    {GET HOST "Connection: keep-alive , Close\r\n\r\n", "GET", "/healthz", 0,
	false, false, false, true},
    {GET HOST "Connection: TE\r\nConnection: close\r\n\r\n", "GET", "/healthz",
	0, false, false, false, true},
    {GET HOST "Connection: closed\r\n\r\n", "GET", "/healthz", 0, false, false,
	false, false},
    {GET HOST "X-Empty:\r\nX-Latin: \xe9\t.\r\n\r\n", "GET", "/healthz", 0,
	false, false, false, false},
    {"OPTIONS /x HTTP/1.1\r\n" HOST END, "OPTIONS", "/x", 0, false, false,
	false, false},
    {GET HOST "Content-Length: 999999999999999\r\n\r\n", "GET", "/healthz",
	999999999999999, true, false, false, false},
    {"GET /a/ HTTP/1.1\r\n" HOST END, "GET", "/a/", 0, false, false, false,
	false},
};

static void heads_are_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good_rows) / sizeof(good_rows[0]); i++) {
		const struct good_row *row = &good_rows[i];
		size_t length = strlen(row->head);
		struct http_message message = {0};
		int status = -1;

		print_message("row %zu\n", i);
		assert_int_equal(
		    http_message_parse(row->head, length, &message, &status),
		    HTTP_PARSE_DONE);
		assert_int_equal(status, -1);
		assert_string_equal(message.method, row->method);
		assert_string_equal(message.path, row->path);
		assert_int_equal(message.head_length, length);
		assert_int_equal(message.body_length, row->body_length);
		assert_int_equal(message.has_length, row->has_length);
		assert_int_equal(message.is_json, row->is_json);
		assert_int_equal(
		    message.expects_continue, row->expects_continue);
		assert_int_equal(message.wants_close, row->wants_close);
	}
}

struct bad_row {
	const char *why;
	const char *head;
	size_t length; /* when it holds a NUL */
};

#define WITH_NUL(text) text, sizeof(text) - 1

static const struct bad_row bad_rows[] = {
    {"bare LF after the request line", "GET / HTTP/1.1\n" HOST END, 0},
    {"bare LF after a header", GET "Host: a\n\r\n", 0},
    {"bare LF as the blank line", GET HOST "\n", 0},
    {"bare LF inside a value", GET HOST "X: a\nb\r\n\r\n", 0},
    {"bare CR inside a value", GET HOST "X: a\rb\r\n\r\n", 0},
    {"CR CR LF", GET HOST "X: a\r\r\n\r\n", 0},
    {"an empty line first", "\r\n" GET HOST END, 0},
    {"NUL in the method", WITH_NUL("G\0T / HTTP/1.1\r\n" HOST END)},
    {"NUL in the path", WITH_NUL("GET /\0 HTTP/1.1\r\n" HOST END)},
    {"NUL in a header name", WITH_NUL(GET HOST "X\0: a\r\n\r\n")},
    {"NUL in a value", WITH_NUL(GET HOST "X: a\0\r\n\r\n")},
    {"NUL in a length", WITH_NUL(GET HOST "Content-Length: 1\0\r\n\r\n")},
    {"control byte in a value", GET HOST "X: a\001\r\n\r\n", 0},
    {"DEL in a value", GET HOST "X: a\177\r\n\r\n", 0},
    {"escape in the path", "GET /\033 HTTP/1.1\r\n" HOST END, 0},
    {"tab in the request line", "GET\t/ HTTP/1.1\r\n" HOST END, 0},
    {"two spaces", "GET  / HTTP/1.1\r\n" HOST END, 0},
    {"space at the end", "GET / HTTP/1.1 \r\n" HOST END, 0},
    {"space first", " GET / HTTP/1.1\r\n" HOST END, 0},
    {"no path", "GET HTTP/1.1\r\n" HOST END, 0},
    {"no version", "GET /\r\n" HOST END, 0},
    {"no method", " / HTTP/1.1\r\n" HOST END, 0},
    {"lower case method", "get / HTTP/1.1\r\n" HOST END, 0},
    {"method with a sign", "M-SEAR / HTTP/1.1\r\n" HOST END, 0},
    {"long method", "PROPFIND / HTTP/1.1\r\n" HOST END, 0},
    {"HTTP/1.0", "GET / HTTP/1.0\r\n" HOST END, 0},
    {"HTTP/1.9", "GET / HTTP/1.9\r\n" HOST END, 0},
    {"HTTP/2.0", "GET / HTTP/2.0\r\n" HOST END, 0},
    {"HTTP/1.1x", "GET / HTTP/1.1x\r\n" HOST END, 0},
    {"http/1.1", "GET / http/1.1\r\n" HOST END, 0},
    {"the HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 0},
    {"asterisk", "OPTIONS * HTTP/1.1\r\n" HOST END, 0},
    {"absolute form", "GET https://a/ HTTP/1.1\r\n" HOST END, 0},
    {"authority form", "CONNECT a:443 HTTP/1.1\r\n" HOST END, 0},
    {"query", "GET /a?b HTTP/1.1\r\n" HOST END, 0},
    {"fragment", "GET /a#b HTTP/1.1\r\n" HOST END, 0},
    {"percent", "GET /%61 HTTP/1.1\r\n" HOST END, 0},
    {"encoded NUL", "GET /%00 HTTP/1.1\r\n" HOST END, 0},
    {"backslash", "GET /a\\b HTTP/1.1\r\n" HOST END, 0},
    {"not ASCII", "GET /\xc3\xa9 HTTP/1.1\r\n" HOST END, 0},
    {"two slashes", "GET //a HTTP/1.1\r\n" HOST END, 0},
    {"empty step", "GET /a//b HTTP/1.1\r\n" HOST END, 0},
    {"dot step", "GET /a/./b HTTP/1.1\r\n" HOST END, 0},
    {"dot dot step", "GET /a/../b HTTP/1.1\r\n" HOST END, 0},
    {"dot dot at the end", "GET /a/.. HTTP/1.1\r\n" HOST END, 0},
    {"no Host", GET END, 0},
    {"no Host but others", GET "X: a\r\n\r\n", 0},
    {"two Hosts", GET HOST HOST END, 0},
    {"two Hosts that differ", GET HOST "HOST: b\r\n\r\n", 0},
    {"empty Host", GET "Host: \r\n\r\n", 0},
    {"Host with a path", GET "Host: a/b\r\n\r\n", 0},
    {"Host with a user", GET "Host: a@b\r\n\r\n", 0},
    {"Host with a list", GET "Host: a,b\r\n\r\n", 0},
    {"Host with a blank", GET "Host: a b\r\n\r\n", 0},
    {"two lengths", GET HOST "Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
	0},
    {"the same length twice",
	GET HOST "Content-Length: 1\r\ncontent-length: 1\r\n\r\n", 0},
    {"a list of lengths", GET HOST "Content-Length: 1, 1\r\n\r\n", 0},
    {"empty length", GET HOST "Content-Length:\r\n\r\n", 0},
    {"signed length", GET HOST "Content-Length: +1\r\n\r\n", 0},
    {"negative length", GET HOST "Content-Length: -1\r\n\r\n", 0},
    {"hexadecimal length", GET HOST "Content-Length: 0x1\r\n\r\n", 0},
    {"length with a fraction", GET HOST "Content-Length: 1.0\r\n\r\n", 0},
    {"length that overflows",
	GET HOST "Content-Length: 18446744073709551617\r\n\r\n", 0},
    {"chunked", GET HOST "Transfer-Encoding: chunked\r\n\r\n", 0},
    {"length and chunked",
	GET HOST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 0},
    {"identity", GET HOST "transfer-encoding: identity\r\n\r\n", 0},
    {"blank before the colon", GET HOST "X : a\r\n\r\n", 0},
    {"length, blank before the colon", GET HOST "Content-Length : 1\r\n\r\n",
	0},
    {"tab before the colon", GET "Host\t: a\r\n\r\n", 0},
    {"folded line", GET HOST "X: a\r\n b\r\n\r\n", 0},
    {"folded by tab", GET HOST "X: a\r\n\tb\r\n\r\n", 0},
    {"folded first", GET " " HOST END, 0},
    {"no colon", GET HOST "X\r\n\r\n", 0},
    {"empty name", GET HOST ": a\r\n\r\n", 0},
    {"name with a slash", GET HOST "X/Y: a\r\n\r\n", 0},
    {"name that is not ASCII", GET HOST "X\xc3\xa9: a\r\n\r\n", 0},
    {"two content types",
	GET HOST
	"Content-Type: text/plain\r\nContent-Type: application/json\r\n\r\n",
	0},
    {"another expectation", GET HOST "Expect: 200-ok\r\n\r\n", 0},
    {"two expectations",
	GET HOST "Expect: 100-continue\r\nExpect: 100-continue\r\n\r\n", 0},
    {"TLS on a plain socket", WITH_NUL("\x16\x03\x01\x02\x00\x01")},
};

static void expect_bad(
    const char *why, const char *bytes, size_t length, int expected)
{
	struct http_message message = {.method = "kept"};
	int status = -1;

	if (http_message_parse(bytes, length, &message, &status) !=
		HTTP_PARSE_BAD ||
	    status != expected)
		fail_msg("%s: status %d, expected %d", why, status, expected);
	assert_string_equal(message.method, "kept");
}

static void heads_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_rows) / sizeof(bad_rows[0]); i++) {
		const struct bad_row *row = &bad_rows[i];

		expect_bad(row->why, row->head,
		    row->length ? row->length : strlen(row->head), 400);
	}
}

/* Every prefix of a good head wants more, none is misjudged. */
static void heads_may_come_in_pieces(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good_rows) / sizeof(good_rows[0]); i++) {
		const char *head = good_rows[i].head;
		struct http_message message = {0};
		int status = -1;

		for (size_t n = 0; n < strlen(head); n++)
			if (http_message_parse(head, n, &message, &status) !=
			    HTTP_PARSE_MORE)
				fail_msg("row %zu, %zu bytes", i, n);
	}
}

/* Sooner or later a bad head is refused, and never taken. */
static void bad_heads_in_pieces(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_rows) / sizeof(bad_rows[0]); i++) {
		const struct bad_row *row = &bad_rows[i];
		size_t length = row->length ? row->length : strlen(row->head);

		for (size_t n = 0; n <= length; n++) {
			struct http_message message = {0};
			int status = -1;
			enum http_parse got =
			    http_message_parse(row->head, n, &message, &status);

			if (got == HTTP_PARSE_DONE)
				fail_msg("%s: taken at %zu", row->why, n);
		}
	}
}

static void what_follows_is_left_alone(void **state)
{
	const char bytes[] = GET HOST END "\n\0GET";
	struct http_message message = {0};
	int status = -1;

	(void)state;
	assert_int_equal(
	    http_message_parse(bytes, sizeof(bytes) - 1, &message, &status),
	    HTTP_PARSE_DONE);
	assert_int_equal(message.head_length, strlen(GET HOST END));
}

/* A head of exactly size bytes, padded by one long header. */
static char *head_of(size_t size)
{
	const char *start = GET HOST "X: ";
	char *head = malloc(size + 1);

	assert_non_null(head);
	memset(head, 'x', size);
	memcpy(head, start, strlen(start));
	memcpy(head + size - 4, "\r\n\r\n", 5);
	return head;
}

static void large_heads(void **state)
{
	struct http_message message = {0};
	int status = -1;
	char *head = head_of(HTTP_HEAD_BYTES_MAX);

	(void)state;
	assert_int_equal(
	    http_message_parse(head, HTTP_HEAD_BYTES_MAX, &message, &status),
	    HTTP_PARSE_DONE);
	free(head);
	head = head_of(HTTP_HEAD_BYTES_MAX + 1);
	expect_bad("one byte more", head, HTTP_HEAD_BYTES_MAX + 1, 431);
	expect_bad("no end in sight", head, HTTP_HEAD_BYTES_MAX, 431);
	free(head);
}

static void many_headers(void **state)
{
	char head[2048] = GET HOST;
	struct http_message message = {0};
	int status = -1;

	(void)state;
	for (int i = 1; i < HTTP_HEADERS_MAX; i++)
		strcat(head, "X: a\r\n");
	strcat(head, END);
	assert_int_equal(
	    http_message_parse(head, strlen(head), &message, &status),
	    HTTP_PARSE_DONE);
	strcpy(head + strlen(head) - 2, "X: a\r\n\r\n");
	expect_bad("65 headers", head, strlen(head), 431);
}

static void long_paths(void **state)
{
	char head[HTTP_PATH_SIZE + 128];
	char path[HTTP_PATH_SIZE + 1];
	struct http_message message = {0};
	int status = -1;

	(void)state;
	memset(path, 'a', sizeof(path));
	path[0] = '/';
	snprintf(head, sizeof(head), "GET %.*s HTTP/1.1\r\n" HOST END,
	    HTTP_PATH_SIZE - 1, path);
	assert_int_equal(
	    http_message_parse(head, strlen(head), &message, &status),
	    HTTP_PARSE_DONE);
	assert_int_equal(strlen(message.path), HTTP_PATH_SIZE - 1);
	snprintf(head, sizeof(head), "GET %.*s HTTP/1.1\r\n" HOST END,
	    HTTP_PATH_SIZE, path);
	expect_bad("long path", head, strlen(head), 400);
}

static void bearers_are_taken(void **state)
{
	static const struct {
		const char *lines, *bearer; /* NULL: refused */
	} rows[] = {
	    /* 0 */
	    {"", ""},
	    {"Authorization: Bearer abc-_~.+/=\r\n", "abc-_~.+/="},
	    {"authorization:  bEARER abc \r\n", "abc"},
	    {"Authorization: Basic abc\r\n", ""},
	    {"Authorization: Bearer\r\n", NULL},
	    /* 5 */
	    {"Authorization: Bearer \r\n", NULL},
	    {"Authorization: Bearer  a\r\n", NULL},
	    {"Authorization: Bearer a b\r\n", NULL},
	    {"Authorization: Bearer a,b\r\n", NULL},
	    {"Authorization: Bearer a\r\nAuthorization: Bearer a\r\n", NULL},
	    /* 10 */
	    {"Authorization: Basic a\r\nAuthorization: Bearer a\r\n", NULL},
	    {"Authorization: Bearer "
	     "0123456789012345678901234567890123456789012345678901234567890123"
	     "\r\n",
		"01234567890123456789012345678901234567890123456789012345678901"
		"23"},
	    {"Authorization: Bearer "
	     "0123456789012345678901234567890123456789012345678901234567890123"
	     "4\r\n",
		NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct http_message message = {0};
		char head[512];
		int status = 0;
		enum http_parse found;

		snprintf(head, sizeof(head), GET HOST "%s\r\n", rows[i].lines);
		found =
		    http_message_parse(head, strlen(head), &message, &status);
		if ((found == HTTP_PARSE_DONE) != (rows[i].bearer != NULL) ||
		    (rows[i].bearer &&
			strcmp(message.bearer, rows[i].bearer) != 0))
			fail_msg("row %zu: %d %s", i, status, message.bearer);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bearers_are_taken),
	    cmocka_unit_test(heads_are_taken),
	    cmocka_unit_test(heads_are_refused),
	    cmocka_unit_test(heads_may_come_in_pieces),
	    cmocka_unit_test(bad_heads_in_pieces),
	    cmocka_unit_test(what_follows_is_left_alone),
	    cmocka_unit_test(large_heads),
	    cmocka_unit_test(many_headers),
	    cmocka_unit_test(long_paths),
	};

	return cmocka_run_group_tests_name("http_message", tests, NULL, NULL);
}
