/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hexadecimal, base64 and base32 are one loop over an alphabet: bits go in on
 * one side and come out on the other. An alphabet is a handful of character
 * ranges; each character is compared with all of them by arithmetic, so that
 * neither time nor cache tells which one it was. What does branch is where
 * padding and separators stand, which is layout and follows from the length.
 * Knows nothing of what the bytes are.
 */
#include "shared/encode.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	ENCODE_RANGES_MAX = 5
};

struct range {
	unsigned char first, last; /* characters */
	unsigned char value;       /* of the first */
};

/* The ranges beyond `written` are other spellings that decoders take. */
struct alphabet {
	unsigned int bits; /* of a character */
	size_t written, read;
	struct range ranges[ENCODE_RANGES_MAX];
};

static const struct alphabet alphabet_hex = {
    .bits = 4,
    .written = 2,
    .read = 3,
    .ranges = {{'0', '9', 0}, {'a', 'f', 10}, {'A', 'F', 10}},
};

static const struct alphabet alphabet_base32 = {
    .bits = 5,
    .written = 2,
    .read = 3,
    .ranges = {{'A', 'Z', 0}, {'2', '7', 26}, {'a', 'z', 0}},
};

static const struct alphabet alphabet_base64 = {
    .bits = 6,
    .written = 5,
    .read = 5,
    .ranges = {{'A', 'Z', 0}, {'a', 'z', 26}, {'0', '9', 52}, {'+', '+', 62},
	{'/', '/', 63}},
};

static const struct alphabet alphabet_base64url = {
    .bits = 6,
    .written = 5,
    .read = 5,
    .ranges = {{'A', 'Z', 0}, {'a', 'z', 26}, {'0', '9', 52}, {'-', '-', 62},
	{'_', '_', 63}},
};

/* Inlined with a constant alphabet and unrolled, a look through the ranges is
 * a few instructions; each login encodes and decodes half a dozen values. */
#define FOR_EACH_ALPHABET static inline __attribute__((always_inline))

/* All ones if low <= x <= high, else zero; all three are below 256. */
FOR_EACH_ALPHABET uint32_t mask_between(uint32_t x, uint32_t low, uint32_t high)
{
	return 0 - (((low - 1 - x) & (x - high - 1)) >> 31);
}

FOR_EACH_ALPHABET char character_of(
    const struct alphabet *alphabet, uint32_t value)
{
	uint32_t character = 0;

#pragma GCC unroll 5
	for (size_t i = 0; i < alphabet->written; i++) {
		const struct range *range = &alphabet->ranges[i];
		uint32_t span = (uint32_t)(range->last - range->first);

		character |=
		    mask_between(value, range->value, range->value + span) &
		    (range->first + value - range->value);
	}
	return (char)character;
}

/* The value of a character; *bad is set to ones if it has none. */
FOR_EACH_ALPHABET uint32_t value_of(
    const struct alphabet *alphabet, unsigned char character, uint32_t *bad)
{
	uint32_t value = 0, known = 0;

#pragma GCC unroll 5
	for (size_t i = 0; i < alphabet->read; i++) {
		const struct range *range = &alphabet->ranges[i];
		uint32_t mask =
		    mask_between(character, range->first, range->last);

		value |=
		    mask & ((uint32_t)character - range->first + range->value);
		known |= mask;
	}
	*bad |= ~known;
	return value;
}

/* Returns how many characters were written. */
FOR_EACH_ALPHABET size_t encode(const struct alphabet *alphabet,
    const unsigned char *bytes, size_t length, char *out)
{
	const uint32_t mask = (1U << alphabet->bits) - 1;
	uint32_t held = 0;
	unsigned int held_bits = 0;
	size_t written = 0;

	for (size_t i = 0; i < length; i++) {
		held = held << 8 | bytes[i];
		held_bits += 8;
		while (held_bits >= alphabet->bits) {
			held_bits -= alphabet->bits;
			out[written++] =
			    character_of(alphabet, held >> held_bits & mask);
		}
	}
	if (held_bits > 0)
		out[written++] = character_of(
		    alphabet, held << (alphabet->bits - held_bits) & mask);
	out[written] = '\0';
	return written;
}

void encode_hex(const void *bytes, size_t length, char *out)
{
	encode(&alphabet_hex, bytes, length, out);
}

void encode_base64(const void *bytes, size_t length, char *out)
{
	size_t written = encode(&alphabet_base64, bytes, length, out);

	while (written % 4 != 0)
		out[written++] = '=';
	out[written] = '\0';
}

void encode_base64url(const void *bytes, size_t length, char *out)
{
	encode(&alphabet_base64url, bytes, length, out);
}

void encode_base32(const void *bytes, size_t length, char *out)
{
	encode(&alphabet_base32, bytes, length, out);
}

static bool is_separator(char character)
{
	return character == ' ' || character == '-';
}

/*
 * Walks over the text once. With out NULL it only checks and counts, so that
 * nothing is written of a text that turns out to be wrong. symbols counts
 * characters without separators.
 */
FOR_EACH_ALPHABET enum err walk(const struct alphabet *alphabet, bool separated,
    const char *text, size_t length, unsigned char *out, size_t *symbols)
{
	uint32_t held = 0, bad = 0;
	unsigned int held_bits = 0;
	bool was_symbol = false;

	*symbols = 0;
	for (size_t i = 0; i < length; i++) {
		if (separated && was_symbol && i + 1 < length &&
		    is_separator(text[i])) {
			was_symbol = false;
			continue;
		}
		was_symbol = true;
		*symbols += 1;
		held = held << alphabet->bits |
		       value_of(alphabet, (unsigned char)text[i], &bad);
		held_bits += alphabet->bits;
		if (held_bits < 8)
			continue;
		held_bits -= 8;
		if (out)
			*out++ = (unsigned char)(held >> held_bits);
	}
	/* A whole character more than needed, or bits nobody encoded. */
	bad |= held_bits >= alphabet->bits;
	bad |= held & ((1U << held_bits) - 1);
	return bad ? ERR_INVALID : ERR_NONE;
}

FOR_EACH_ALPHABET enum err decode(const struct alphabet *alphabet,
    bool separated, const char *text, size_t length, void *out, size_t out_size,
    size_t *out_length)
{
	size_t symbols = 0, needed;
	enum err err = walk(alphabet, separated, text, length, NULL, &symbols);

	if (err)
		return err;
	needed = symbols * alphabet->bits / 8;
	if (needed > out_size)
		return ERR_TOO_LONG;
	err = walk(alphabet, separated, text, length, out, &symbols);
	*out_length = needed;
	return err;
}

static size_t count_padding(const char *text, size_t length, size_t most)
{
	size_t count = 0;

	while (
	    count < most && count < length && text[length - 1 - count] == '=')
		count++;
	return count;
}

enum err decode_hex(const char *text, size_t text_length, void *out,
    size_t out_size, size_t *out_length)
{
	return decode(
	    &alphabet_hex, false, text, text_length, out, out_size, out_length);
}

enum err decode_base64(const char *text, size_t text_length, void *out,
    size_t out_size, size_t *out_length)
{
	size_t padding = count_padding(text, text_length, 2);

	if (text_length % 4 != 0)
		return ERR_INVALID;
	return decode(&alphabet_base64, false, text, text_length - padding, out,
	    out_size, out_length);
}

enum err decode_base64url(const char *text, size_t text_length, void *out,
    size_t out_size, size_t *out_length)
{
	return decode(&alphabet_base64url, false, text, text_length, out,
	    out_size, out_length);
}

enum err decode_base32(const char *text, size_t text_length, void *out,
    size_t out_size, size_t *out_length)
{
	size_t padding = count_padding(text, text_length, 6);
	size_t length = text_length - padding, symbols = 0;
	enum err err =
	    walk(&alphabet_base32, true, text, length, NULL, &symbols);

	if (err)
		return err;
	if (padding > 0 && (symbols + padding) % 8 != 0)
		return ERR_INVALID;
	return decode(
	    &alphabet_base32, true, text, length, out, out_size, out_length);
}
