/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request head, read strictly. Every rule here exists because some pair
 * of readers disagrees without it, and what two readers understand differently
 * can be smuggled past one of them. Reads bytes, returns values; must not
 * know of connections, TLS or what a path means.
 */
#include "server/http_message.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "shared/secret.h"

enum {
	STATUS_BAD = 400,
	STATUS_HEAD_TOO_LARGE = 431,
	LENGTH_DIGITS_MAX = 15, /* so that no length overflows a size_t */
};

/* A piece of the head. */
struct span {
	const char *bytes;
	size_t length;
};

/* Which headers of ours have been seen: each is allowed once. */
struct seen {
	bool host, length, type, expect, authorization;
};

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	       (c >= 'a' && c <= 'z');
}

/* strchr() finds the terminating NUL too; a head may hold one. */
static bool is_one_of(char c, const char *set)
{
	return c != '\0' && strchr(set, c);
}

static bool is_token_char(char c)
{
	return is_alnum(c) || is_one_of(c, "!#$%&'*+-.^_`|~");
}

/* RFC 3986 pchar without percent-encoding. */
static bool is_path_char(char c)
{
	return is_alnum(c) || is_one_of(c, "-._~!$&'()*+,;=:@/");
}

static bool is_host_char(char c)
{
	return is_alnum(c) || is_one_of(c, "-._:[]");
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool all_of(struct span span, bool (*is_allowed)(char c))
{
	for (size_t i = 0; i < span.length; i++)
		if (!is_allowed(span.bytes[i]))
			return false;
	return span.length > 0;
}

static bool equals(struct span span, const char *text)
{
	return span.length == strlen(text) &&
	       memcmp(span.bytes, text, span.length) == 0;
}

static bool equals_any_case(struct span span, const char *text)
{
	return span.length == strlen(text) &&
	       strncasecmp(span.bytes, text, span.length) == 0;
}

static struct span trim(struct span span)
{
	while (span.length > 0 && is_blank(span.bytes[0])) {
		span.bytes++;
		span.length--;
	}
	while (span.length > 0 && is_blank(span.bytes[span.length - 1]))
		span.length--;
	return span;
}

/* Cuts what stands before the separator off rest; all of it if none. */
static struct span cut(struct span *rest, char separator)
{
	struct span part = *rest;
	const char *end = NULL;

	if (rest->length > 0)
		end = memchr(rest->bytes, separator, rest->length);
	if (!end) {
		rest->bytes += rest->length;
		rest->length = 0;
		return part;
	}
	part.length = (size_t)(end - rest->bytes);
	rest->bytes += part.length + 1;
	rest->length -= part.length + 1;
	return part;
}

/*
 * Where the head ends. Control bytes, a line feed without its carriage return
 * and the reverse are refused as soon as they come, also in a head that never
 * ends.
 */
static enum http_parse find_end(const char *bytes, size_t length, size_t *out)
{
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)bytes[i];
		bool after_return = i > 0 && bytes[i - 1] == '\r';

		if (after_return != (c == '\n'))
			return HTTP_PARSE_BAD;
		if (c == 0x7f ||
		    (c < 0x20 && c != '\t' && c != '\r' && c != '\n'))
			return HTTP_PARSE_BAD;
		if (c == '\n' && i < 3)
			return HTTP_PARSE_BAD;
		if (c == '\n' && bytes[i - 2] == '\n') {
			*out = i + 1;
			return HTTP_PARSE_DONE;
		}
	}
	return HTTP_PARSE_MORE;
}

/* No empty step and no dots, which some reader would resolve. */
static bool is_plain_path(struct span path)
{
	if (!all_of(path, is_path_char) || path.bytes[0] != '/')
		return false;
	cut(&path, '/');
	while (path.length > 0) {
		struct span step = cut(&path, '/');

		if (step.length == 0 || equals(step, ".") || equals(step, ".."))
			return false;
	}
	return true;
}

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool parse_request_line(struct span line, struct http_message *message)
{
	struct span method = cut(&line, ' ');
	struct span path = cut(&line, ' ');

	if (!all_of(method, is_upper) || method.length >= HTTP_METHOD_SIZE)
		return false;
	if (path.length >= HTTP_PATH_SIZE || !is_plain_path(path))
		return false;
	if (!equals(line, "HTTP/1.1"))
		return false;
	memcpy(message->method, method.bytes, method.length);
	memcpy(message->path, path.bytes, path.length);
	return true;
}

static bool once(bool *seen)
{
	bool first = !*seen;

	*seen = true;
	return first;
}

static bool take_length(
    struct span value, struct seen *seen, struct http_message *message)
{
	size_t length = 0;

	if (!once(&seen->length) || value.length == 0 ||
	    value.length > LENGTH_DIGITS_MAX)
		return false;
	for (size_t i = 0; i < value.length; i++) {
		if (value.bytes[i] < '0' || value.bytes[i] > '9')
			return false;
		length = length * 10 + (size_t)(value.bytes[i] - '0');
	}
	message->body_length = length;
	message->has_length = true;
	return true;
}

static bool take_host(
    struct span value, struct seen *seen, struct http_message *message)
{
	(void)message;
	return once(&seen->host) && all_of(value, is_host_char);
}

static bool take_type(
    struct span value, struct seen *seen, struct http_message *message)
{
	if (!once(&seen->type))
		return false;
	message->is_json =
	    equals_any_case(trim(cut(&value, ';')), "application/json");
	return true;
}

static bool take_expect(
    struct span value, struct seen *seen, struct http_message *message)
{
	if (!once(&seen->expect) || !equals_any_case(value, "100-continue"))
		return false;
	message->expects_continue = true;
	return true;
}

static bool take_connection(
    struct span value, struct seen *seen, struct http_message *message)
{
	(void)seen;
	while (value.length > 0)
		if (equals_any_case(trim(cut(&value, ',')), "close"))
			message->wants_close = true;
	return true;
}

/* RFC 6750, section 2.1 */
static bool is_bearer_char(char c)
{
	return is_alnum(c) || is_one_of(c, "-._~+/=");
}

static bool take_authorization(
    struct span value, struct seen *seen, struct http_message *message)
{
	struct span scheme = cut(&value, ' ');

	if (!once(&seen->authorization))
		return false;
	if (!equals_any_case(scheme, "Bearer"))
		return true;
	if (!all_of(value, is_bearer_char) || value.length >= HTTP_BEARER_SIZE)
		return false;
	memcpy(message->bearer, value.bytes, value.length);
	return true;
}

static bool refuse(
    struct span value, struct seen *seen, struct http_message *message)
{
	(void)value;
	(void)seen;
	(void)message;
	return false;
}

static const struct header {
	const char *name;
	bool (*take)(
	    struct span value, struct seen *seen, struct http_message *message);
} headers[] = {
    {"Content-Length", take_length},
    {"Host", take_host},
    {"Content-Type", take_type},
    {"Expect", take_expect},
    {"Connection", take_connection},
    {"Authorization", take_authorization},
    {"Transfer-Encoding", refuse},
};

static bool parse_header(
    struct span line, struct seen *seen, struct http_message *message)
{
	struct span name = line;

	if (!memchr(line.bytes, ':', line.length))
		return false;
	name = cut(&line, ':');
	/* Also refuses white space before the colon and a folded line. */
	if (!all_of(name, is_token_char))
		return false;
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		if (equals_any_case(name, headers[i].name))
			return headers[i].take(trim(line), seen, message);
	return true;
}

/* 0, or the status that refuses the head. */
static int parse_lines(struct span head, struct http_message *message)
{
	struct seen seen = {0};
	struct span line = cut(&head, '\n');

	line.length--; /* find_end() saw the carriage return */
	if (!parse_request_line(line, message))
		return STATUS_BAD;
	for (int count = 0;; count++) {
		line = cut(&head, '\n');
		line.length--;
		if (line.length == 0)
			return seen.host ? 0 : STATUS_BAD;
		if (count == HTTP_HEADERS_MAX)
			return STATUS_HEAD_TOO_LARGE;
		if (!parse_header(line, &seen, message))
			return STATUS_BAD;
	}
}

enum http_parse http_message_parse(
    const char *bytes, size_t length, struct http_message *out, int *out_status)
{
	struct http_message message = {0};
	size_t head_length = 0;
	size_t looked_at = length;
	int status = STATUS_BAD;
	enum http_parse found = HTTP_PARSE_BAD;

	if (looked_at > HTTP_HEAD_BYTES_MAX)
		looked_at = HTTP_HEAD_BYTES_MAX;
	found = find_end(bytes, looked_at, &head_length);
	if (found == HTTP_PARSE_MORE && looked_at < HTTP_HEAD_BYTES_MAX)
		return HTTP_PARSE_MORE;
	if (found == HTTP_PARSE_MORE)
		status = STATUS_HEAD_TOO_LARGE;
	if (found == HTTP_PARSE_DONE)
		status =
		    parse_lines((struct span){bytes, head_length}, &message);
	if (status == 0) {
		message.head_length = head_length;
		*out = message;
		found = HTTP_PARSE_DONE;
	} else {
		*out_status = status;
		found = HTTP_PARSE_BAD;
	}
	secret_wipe_bytes(message.bearer, sizeof(message.bearer));
	return found;
}
