/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One decoder of UTF-8 and three questions asked of what it yields. Must not
 * know locales: what is acceptable may not depend on a terminal's language.
 */
#include "shared/text.h"

#include <stdint.h>
#include <string.h>

/* By first byte: how long a character is, and the least it may stand for in
 * that length, because a longer spelling of the same is an attack. */
static const struct lead {
	unsigned char mask, bits;
	size_t length;
	uint32_t least;
} leads[] = {
    {0x80, 0x00, 1, 0},
    {0xe0, 0xc0, 2, 0x80},
    {0xf0, 0xe0, 3, 0x800},
    {0xf8, 0xf0, 4, 0x10000},
};

static bool continues(unsigned char byte)
{
	return (byte & 0xc0) == 0x80;
}

/* Length of the character at the start of bytes, 0 if it is none. */
static size_t decode_character(
    const unsigned char *bytes, size_t length, uint32_t *out)
{
	const struct lead *lead = NULL;
	uint32_t code;

	for (size_t i = 0; i < sizeof(leads) / sizeof(leads[0]); i++)
		if (length > 0 && (bytes[0] & leads[i].mask) == leads[i].bits)
			lead = &leads[i];
	if (!lead || lead->length > length)
		return 0;
	code = bytes[0] & (unsigned char)~lead->mask;
	for (size_t i = 1; i < lead->length; i++) {
		if (!continues(bytes[i]))
			return 0;
		code = code << 6 | (bytes[i] & 0x3f);
	}
	if (code < lead->least || code > 0x10ffff ||
	    (code >= 0xd800 && code <= 0xdfff))
		return 0;
	*out = code;
	return lead->length;
}

static bool is_control(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code <= 0x9f);
}

/* Controls, and what breaks or turns round a line on a screen without being
 * one: a name with it could show an administrator another name. */
static bool is_printable(uint32_t code)
{
	static const struct {
		uint32_t first, last;
	} unseen[] = {
	    {0x00ad, 0x00ad},   /* soft hyphen */
	    {0x061c, 0x061c},   /* Arabic letter mark */
	    {0x200b, 0x200f},   /* zero width, direction marks */
	    {0x2028, 0x202e},   /* line breaks, direction overrides */
	    {0x2060, 0x206f},   /* invisible operators, isolates */
	    {0xfeff, 0xfeff},   /* byte order mark */
	    {0xfff0, 0xffff},   /* specials */
	    {0xe0000, 0xe0fff}, /* tags */
	};

	if (is_control(code))
		return false;
	for (size_t i = 0; i < sizeof(unseen) / sizeof(unseen[0]); i++)
		if (code >= unseen[i].first && code <= unseen[i].last)
			return false;
	return true;
}

bool text_is_utf8(const char *bytes, size_t length)
{
	size_t step;
	uint32_t code;

	for (size_t at = 0; at < length; at += step) {
		step = decode_character(
		    (const unsigned char *)bytes + at, length - at, &code);
		if (step == 0)
			return false;
	}
	return true;
}

static bool is_text_with(const char *bytes, size_t length, const char *also)
{
	size_t step;
	uint32_t code;

	for (size_t at = 0; at < length; at += step) {
		step = decode_character(
		    (const unsigned char *)bytes + at, length - at, &code);
		if (step == 0)
			return false;
		if (is_control(code) &&
		    (code == 0 || code >= 0x80 || !strchr(also, (int)code)))
			return false;
	}
	return true;
}

bool text_is_line(const char *bytes, size_t length)
{
	return is_text_with(bytes, length, "");
}

bool text_is_lines(const char *bytes, size_t length)
{
	return is_text_with(bytes, length, "\t\n");
}

bool text_is_name(const char *bytes, size_t length)
{
	return length >= 1 && length <= NAME_BYTES_MAX &&
	       text_is_line(bytes, length);
}

bool text_is_identifier(const char *bytes, size_t length)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._@-";

	if (length < 1 || length > NAME_BYTES_MAX)
		return false;
	if (bytes[0] == '.' || bytes[0] == '-')
		return false;
	for (size_t i = 0; i < length; i++)
		if (!memchr(allowed, bytes[i], sizeof(allowed) - 1))
			return false;
	return true;
}

/* One character as it is, or one byte as \xNN; returns its length in out and
 * how many bytes it took in *taken. */
static size_t escape_one(
    const unsigned char *bytes, size_t length, char out[4], size_t *taken)
{
	static const char digits[] = "0123456789abcdef";
	uint32_t code = 0;
	size_t step = decode_character(bytes, length, &code);

	if (step > 0 && is_printable(code) && code != '\\') {
		memcpy(out, bytes, step);
		*taken = step;
		return step;
	}
	out[0] = '\\';
	out[1] = 'x';
	out[2] = digits[bytes[0] >> 4];
	out[3] = digits[bytes[0] & 15];
	*taken = 1;
	return 4;
}

/* Nearly all names are. */
static bool is_plain(const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (bytes[i] < 0x20 || bytes[i] > 0x7e || bytes[i] == '\\')
			return false;
	return true;
}

void text_escape(const char *bytes, size_t length, char *out, size_t out_size)
{
	static const char cut[] = "...";
	size_t used = 0, cut_at = 0, taken;

	if (out_size == 0)
		return;
	if (length < out_size && is_plain(bytes, length)) {
		memcpy(out, bytes, length);
		out[length] = '\0';
		return;
	}
	for (size_t at = 0; at < length; at += taken) {
		char unit[4];
		size_t n = escape_one((const unsigned char *)bytes + at,
		    length - at, unit, &taken);

		/* The last place that leaves room for the dots. */
		if (used + sizeof(cut) <= out_size)
			cut_at = used;
		if (used + n >= out_size) {
			if (cut_at + sizeof(cut) <= out_size)
				memcpy(out + cut_at, cut, sizeof(cut));
			else
				out[cut_at] = '\0';
			return;
		}
		memcpy(out + used, unit, n);
		used += n;
	}
	out[used] = '\0';
}

size_t text_number(int64_t number, char out[TEXT_NUMBER_SIZE])
{
	/* Unsigned, because the least number has no positive twin. */
	uint64_t left = number < 0 ? -(uint64_t)number : (uint64_t)number;
	char reversed[TEXT_NUMBER_SIZE];
	size_t digits = 0, length = 0;

	do {
		reversed[digits++] = (char)('0' + left % 10);
		left /= 10;
	} while (left > 0);
	if (number < 0)
		out[length++] = '-';
	while (digits > 0)
		out[length++] = reversed[--digits];
	out[length] = '\0';
	return length;
}
