/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/typed.h"

#include <stdbool.h>
#include <string.h>

/* What people put between digits, in UTF-8. */
static const struct {
	const char *bytes;
	size_t length;
} separators[] = {
    {" ", 1}, {"-", 1}, {"\t", 1},
    {"\xe3\x80\x80", 3}, /* U+3000 ideographic space */
    {"\xe2\x80\x90", 3}, /* U+2010 hyphen */
    {"\xe2\x88\x92", 3}, /* U+2212 minus sign */
    {"\xef\xbc\x8d", 3}, /* U+FF0D full-width hyphen */
    {"\xe3\x83\xbc", 3}, /* U+30FC, the same key in kana mode */
};

static size_t separator_length(const unsigned char *bytes, size_t length)
{
	for (size_t i = 0; i < sizeof(separators) / sizeof(separators[0]); i++)
		if (length >= separators[i].length &&
		    memcmp(bytes, separators[i].bytes, separators[i].length) ==
			0)
			return separators[i].length;
	return 0;
}

/* An ASCII or full-width (U+FF10 to U+FF19) digit. */
static size_t digit_length(
    const unsigned char *bytes, size_t length, unsigned char *out)
{
	if (bytes[0] >= '0' && bytes[0] <= '9') {
		*out = bytes[0];
		return 1;
	}
	if (length >= 3 && bytes[0] == 0xef && bytes[1] == 0xbc &&
	    bytes[2] >= 0x90 && bytes[2] <= 0x99) {
		*out = (unsigned char)(bytes[2] - 0x90 + '0');
		return 3;
	}
	return 0;
}

static bool read_digits(
    const unsigned char *bytes, size_t length, struct secret *out)
{
	size_t at = 0;

	while (at < length) {
		unsigned char digit = 0;
		size_t used = separator_length(bytes + at, length - at);

		if (used == 0) {
			used = digit_length(bytes + at, length - at, &digit);
			if (used == 0 || out->length == TYPED_DIGITS_MAX)
				return false;
			out->bytes[out->length++] = digit;
		}
		at += used;
	}
	return true;
}

enum typed_kind typed_read(const void *bytes, size_t length, struct secret *out)
{
	bool is_digits;

	secret_wipe(out);
	is_digits = read_digits(bytes, length, out);
	if (is_digits && out->length == 0)
		return TYPED_EMPTY;
	if (!is_digits || out->length < TYPED_DIGITS_MIN) {
		secret_wipe(out);
		out->bytes[0] = 'x';
		out->length = 1;
		return TYPED_NO_CODE;
	}
	return out->length == TYPED_EMERGENCY_DIGITS ? TYPED_EMERGENCY
						     : TYPED_OTP;
}

/* An ASCII or full-width (U+FF01 to U+FF5E) character; 0: neither. */
static size_t character_length(
    const unsigned char *bytes, size_t length, char *out)
{
	if (bytes[0] < 0x80) {
		*out = (char)bytes[0];
		return 1;
	}
	if (length < 3 || bytes[0] != 0xef ||
	    (bytes[1] != 0xbc && bytes[1] != 0xbd) || bytes[2] < 0x80 ||
	    bytes[2] > 0xbf)
		return 0;
	*out = (char)((bytes[1] == 0xbc ? 0x20 : 0x60) + (bytes[2] - 0x80));
	return 3;
}

static bool is_blank(const unsigned char *bytes, size_t length)
{
	static const unsigned char wide[] = {0xe3, 0x80, 0x80};

	return bytes[0] == ' ' || bytes[0] == '\t' ||
	       (length >= 3 && memcmp(bytes, wide, sizeof(wide)) == 0);
}

size_t typed_number(
    const void *typed, size_t length, char out[NAME_BYTES_MAX + 1])
{
	const unsigned char *bytes = typed;
	size_t at = 0, count = 0;
	bool fits = true;

	while (at < length) {
		char character = 0;
		size_t used =
		    character_length(bytes + at, length - at, &character);

		if (character == '/')
			break;
		if (is_blank(bytes + at, length - at))
			used = bytes[at] < 0x80 ? 1 : 3;
		else if (used == 0 || count == NAME_BYTES_MAX)
			fits = false;
		else
			out[count++] = character;
		at += used > 0 ? used : 1;
	}
	if (!fits || (count > 0 && !text_is_identifier(out, count))) {
		count = strlen(TYPED_NO_NUMBER);
		memcpy(out, TYPED_NO_NUMBER, count);
	}
	out[count] = '\0';
	if (at < length)
		at += bytes[at] < 0x80 ? 1 : 3;
	else
		at = length;
	return at;
}
