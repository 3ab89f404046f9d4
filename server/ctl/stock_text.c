/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ctl/stock_text.h"

#include <errno.h>
#include <iconv.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "shared/secret.h"
#include "shared/text.h"

enum {
	PIECE_BYTES = 16384,
	UTF8_PER_BYTE = 3, /* of CP932, at most */
	REST_BYTES_MAX = 8 /* of a character that is not whole yet */
};

struct stock_text {
	iconv_t from_utf8, from_cp932, converter;
	enum staff_encoding encoding;
	bool at_start;
	size_t length; /* of what is not converted yet */
	char bytes[PIECE_BYTES + REST_BYTES_MAX];
	char utf8[(PIECE_BYTES + REST_BYTES_MAX) * UTF8_PER_BYTE];
};

static const iconv_t NO_CONVERTER = (iconv_t)-1;

enum err stock_text_new(enum staff_encoding encoding, struct stock_text **out)
{
	struct stock_text *text = calloc(1, sizeof(*text));

	if (!text)
		return ERR_MEMORY;
	text->encoding = encoding;
	text->at_start = true;
	text->from_utf8 = iconv_open("UTF-8", "UTF-8");
	text->from_cp932 = iconv_open("UTF-8", "CP932");
	if (text->from_utf8 == NO_CONVERTER ||
	    text->from_cp932 == NO_CONVERTER) {
		stock_text_free(text);
		return ERR_NOT_FOUND;
	}
	*out = text;
	return ERR_NONE;
}

void stock_text_free(struct stock_text *text)
{
	if (!text)
		return;
	if (text->from_utf8 != NO_CONVERTER)
		iconv_close(text->from_utf8);
	if (text->from_cp932 != NO_CONVERTER)
		iconv_close(text->from_cp932);
	secret_wipe_bytes(text, sizeof(*text));
	free(text);
}

/* A character may end beyond what is here. */
static bool begins_as_utf8(const char *bytes, size_t length)
{
	for (size_t less = 0; less < 4 && less <= length; less++) {
		unsigned char first =
		    less ? (unsigned char)bytes[length - less] : 0;

		if (text_is_utf8(bytes, length - less))
			return less == 0 || (first >= 0xc2 && first <= 0xf4);
	}
	return false;
}

static bool is_ascii(const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)bytes[i] > 0x7f)
			return false;
	return true;
}

/* Once it shows, it stays. */
static iconv_t choose(struct stock_text *text)
{
	if (text->encoding == STAFF_AUTO &&
	    !is_ascii(text->bytes, text->length))
		text->encoding = begins_as_utf8(text->bytes, text->length)
				     ? STAFF_UTF8
				     : STAFF_CP932;
	return text->encoding == STAFF_CP932 ? text->from_cp932
					     : text->from_utf8;
}

static void skip_mark(struct stock_text *text)
{
	static const char BOM[] = "\xef\xbb\xbf";

	if (text->encoding == STAFF_CP932 || text->length < 3 ||
	    memcmp(text->bytes, BOM, 3) != 0)
		return;
	text->encoding = STAFF_UTF8;
	text->length -= 3;
	memmove(text->bytes, text->bytes + 3, text->length);
}

/* Converts what can be; the rest stays for the next time. */
static bool convert(struct stock_text *text, size_t *out_length)
{
	char *from = text->bytes, *to = text->utf8;
	size_t left = text->length, room = sizeof(text->utf8);
	bool good =
	    iconv(choose(text), &from, &left, &to, &room) != (size_t)-1 ||
	    errno == EINVAL;

	*out_length = sizeof(text->utf8) - room;
	memmove(text->bytes, from, left);
	text->length = left;
	return good && left <= REST_BYTES_MAX;
}

static const char *encoding_fault(const struct stock_text *text)
{
	return text->encoding == STAFF_UTF8
		   ? "This is not UTF-8. Name the encoding: --encoding cp932."
		   : "This is neither UTF-8 nor CP932 (Shift_JIS). Save the "
		     "file as CSV once more.";
}

static enum err hand_on(struct stock_text *text,
    enum err (*piece)(void *context, const char *utf8, size_t length),
    void *context, const char **fault)
{
	size_t length = 0;
	bool good;
	enum err err;

	if (text->at_start)
		skip_mark(text);
	text->at_start = false;
	good = convert(text, &length);
	err = length > 0 ? piece(context, text->utf8, length) : ERR_NONE;
	if (err != ERR_NONE || good)
		return err;
	*fault = encoding_fault(text);
	return ERR_INVALID;
}

enum err stock_text_each(struct stock_text *text,
    const struct stock_source *source,
    enum err (*piece)(void *context, const char *utf8, size_t length),
    void *context, const char **fault)
{
	enum err err = ERR_NONE;
	ssize_t got = 1;

	*fault = NULL;
	while (err == ERR_NONE && got > 0) {
		char *room = text->bytes + text->length;

		got = stock_source_fill(source, room, PIECE_BYTES);
		if (got < 0)
			return ERR_IO;
		*fault = stock_bytes_fault(room, (size_t)got, text->at_start);
		if (*fault)
			return ERR_INVALID;
		text->length += (size_t)got;
		if (got > 0)
			err = hand_on(text, piece, context, fault);
	}
	if (err == ERR_NONE && text->length > 0) {
		*fault = encoding_fault(text);
		err = ERR_INVALID;
	}
	return err;
}
