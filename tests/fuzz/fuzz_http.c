/* SPDX-License-Identifier: Apache-2.0 */
/* Needs server/http_message.c. */
/*
 * Request heads from outsiders. Whatever is taken must obey what the rest of
 * the server relies on, and must be judged the same when it arrives in two
 * pieces.
 */
#include "server/http_message.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_taken(
    const char *bytes, size_t length, const struct http_message *message)
{
	size_t head = message->head_length;

	require(head >= 4 && head <= length && head <= HTTP_HEAD_BYTES_MAX);
	require(memcmp(bytes + head - 4, "\r\n\r\n", 4) == 0);
	require(!memchr(bytes, '\0', head));
	require(message->path[0] == '/');
	require(!strstr(message->path, "//") && !strstr(message->path, "/../"));
	require(message->method[0] != '\0');
	require(message->has_length || message->body_length == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	const char *text = (const char *)bytes;
	struct http_message message = {0}, part = {0};
	int status = 0, part_status = 0;
	enum http_parse whole =
	    http_message_parse(text, length, &message, &status);
	enum http_parse half =
	    http_message_parse(text, length / 2, &part, &part_status);

	require((whole == HTTP_PARSE_BAD) == (status != 0));
	if (whole == HTTP_PARSE_DONE)
		check_taken(text, length, &message);
	if (half == HTTP_PARSE_BAD)
		require(whole == HTTP_PARSE_BAD);
	if (half == HTTP_PARSE_DONE)
		require(whole == HTTP_PARSE_DONE &&
			memcmp(&part, &message, sizeof(part)) == 0);
	return 0;
}
