/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/http_reply.h"

#include <string.h>
#include <strings.h>

#include "pam_module/agent/server_call.h"

enum {
	LENGTH_DIGITS_MAX = 9,
	STATUS_LINE_BYTES_MIN = 12
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "HTTP/1.1 200" with a blank and any reason, or nothing, behind it. */
static enum err read_status(const char *line, size_t length, int *out)
{
	int status = 0;

	if (length < STATUS_LINE_BYTES_MIN || memcmp(line, "HTTP/1.1 ", 9) != 0)
		return ERR_INVALID;
	for (size_t i = 9; i < 12; i++) {
		if (!is_digit(line[i]))
			return ERR_INVALID;
		status = status * 10 + (line[i] - '0');
	}
	if (length > 12 && line[12] != ' ')
		return ERR_INVALID;
	if (status < 200 || status > 599)
		return ERR_INVALID;
	*out = status;
	return ERR_NONE;
}

static enum err read_length(const char *value, size_t length, size_t *out)
{
	size_t number = 0;

	if (length == 0)
		return ERR_INVALID;
	if (length > LENGTH_DIGITS_MAX)
		return ERR_TOO_LONG;
	for (size_t i = 0; i < length; i++) {
		if (!is_digit(value[i]))
			return ERR_INVALID;
		number = number * 10 + (size_t)(value[i] - '0');
	}
	if (number > SERVER_REPLY_BYTES_MAX)
		return ERR_TOO_LONG;
	*out = number;
	return ERR_NONE;
}

static bool is_called(const char *name, size_t length, const char *wanted)
{
	return length == strlen(wanted) &&
	       strncasecmp(name, wanted, length) == 0;
}

static bool is_token(const char *name, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!strchr("!#$%&'*+-.^_`|~0123456789"
			    "abcdefghijklmnopqrstuvwxyz"
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
			name[i]) ||
		    name[i] == '\0')
			return false;
	return length > 0;
}

struct lines {
	struct http_reply_head head;
	bool length_seen;
};

static enum err read_header(
    const char *line, size_t length, struct lines *lines)
{
	const char *colon = memchr(line, ':', length);
	size_t name_length = colon ? (size_t)(colon - line) : 0;
	const char *value = colon ? colon + 1 : line;
	size_t value_length = colon ? length - name_length - 1 : 0;

	if (!colon || !is_token(line, name_length))
		return ERR_INVALID;
	for (; value_length > 0 && (*value == ' ' || *value == '\t'); value++)
		value_length--;
	while (value_length > 0 && (value[value_length - 1] == ' ' ||
				       value[value_length - 1] == '\t'))
		value_length--;
	if (is_called(line, name_length, "transfer-encoding"))
		return ERR_INVALID;
	if (is_called(line, name_length, "connection"))
		lines->head.close |= is_called(value, value_length, "close");
	if (!is_called(line, name_length, "content-length"))
		return ERR_NONE;
	if (lines->length_seen)
		return ERR_INVALID;
	lines->length_seen = true;
	return read_length(value, value_length, &lines->head.body_length);
}

/* One line without its CR LF; control bytes within it are refused. */
static enum err take_line(
    const char *bytes, size_t length, size_t *at, size_t *out_length)
{
	const char *start = bytes + *at;
	const char *end = memchr(start, '\r', length - *at);

	if (!end || end + 1 >= bytes + length || end[1] != '\n')
		return ERR_INVALID;
	for (const char *c = start; c < end; c++)
		if (((unsigned char)*c < ' ' && *c != '\t') || *c == 0x7f)
			return ERR_INVALID;
	*out_length = (size_t)(end - start);
	*at += *out_length + 2;
	return ERR_NONE;
}

enum err http_reply_read_head(
    const char *bytes, size_t length, struct http_reply_head *out)
{
	const char *end = memmem(bytes, length, "\r\n\r\n", 4);
	struct lines lines = {0};
	size_t at = 0, line_length = 0, line_at = 0;
	enum err err;

	if (end ? (size_t)(end - bytes) + 4 > HTTP_REPLY_HEAD_BYTES_MAX
		: length >= HTTP_REPLY_HEAD_BYTES_MAX)
		return ERR_TOO_LONG;
	if (!end)
		return ERR_BUSY;
	lines.head.head_length = (size_t)(end - bytes) + 4;
	err = take_line(bytes, lines.head.head_length, &at, &line_length);
	if (err == ERR_NONE)
		err = read_status(bytes, line_length, &lines.head.status);
	while (err == ERR_NONE) {
		line_at = at;
		err =
		    take_line(bytes, lines.head.head_length, &at, &line_length);
		if (err == ERR_NONE && line_length == 0)
			break;
		if (err == ERR_NONE)
			err = read_header(bytes + line_at, line_length, &lines);
	}
	if (err == ERR_NONE && !lines.length_seen)
		err = ERR_INVALID;
	if (err == ERR_NONE)
		*out = lines.head;
	return err;
}
