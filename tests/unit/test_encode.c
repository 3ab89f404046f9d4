/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text forms of bytes: the vectors of RFC 4648, every byte there and back,
 * and what decoders must refuse so that one value has one text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "shared/encode.h"

typedef void encoder(const void *bytes, size_t length, char *out);
typedef enum err decoder(const char *text, size_t text_length, void *out,
    size_t out_size, size_t *out_length);

/* RFC 4648, section 10. */
static void writes_the_vectors_of_the_rfc(void **state)
{
	static const struct {
		encoder *encode;
		decoder *decode;
		const char *bytes, *text;
	} rows[] = {
	    {encode_base64, decode_base64, "", ""},
	    {encode_base64, decode_base64, "f", "Zg=="},
	    {encode_base64, decode_base64, "fo", "Zm8="},
	    {encode_base64, decode_base64, "foo", "Zm9v"},
	    {encode_base64, decode_base64, "foob", "Zm9vYg=="},
	    {encode_base64, decode_base64, "fooba", "Zm9vYmE="},
	    {encode_base64, decode_base64, "foobar", "Zm9vYmFy"},
	    {encode_base64, decode_base64, "\xfb\xff\xbf", "+/+/"},
	    {encode_base64url, decode_base64url, "\xfb\xff\xbf", "-_-_"},
	    {encode_base64url, decode_base64url, "f", "Zg"},
	    {encode_base64url, decode_base64url, "fo", "Zm8"},
	    {encode_base64url, decode_base64url, "", ""},
	    {encode_base32, decode_base32, "", ""},
	    {encode_base32, decode_base32, "f", "MY"},
	    {encode_base32, decode_base32, "fo", "MZXQ"},
	    {encode_base32, decode_base32, "foo", "MZXW6"},
	    {encode_base32, decode_base32, "foob", "MZXW6YQ"},
	    {encode_base32, decode_base32, "fooba", "MZXW6YTB"},
	    {encode_base32, decode_base32, "foobar", "MZXW6YTBOI"},
	    {encode_hex, decode_hex, "", ""},
	    {encode_hex, decode_hex, "foobar", "666f6f626172"},
	    {encode_hex, decode_hex, "\xff\x9a", "ff9a"},
	};
	char text[64], bytes[64];
	size_t length;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("row %zu\n", i);
		rows[i].encode(rows[i].bytes, strlen(rows[i].bytes), text);
		assert_string_equal(text, rows[i].text);
		assert_int_equal(rows[i].decode(text, strlen(text), bytes,
				     sizeof(bytes), &length),
		    ERR_NONE);
		assert_int_equal(length, strlen(rows[i].bytes));
		assert_memory_equal(bytes, rows[i].bytes, length);
	}
}

static void reads_what_people_type(void **state)
{
	static const struct {
		decoder *decode;
		const char *text, *bytes;
	} rows[] = {
	    {decode_hex, "FF9a", "\xff\x9a"},
	    {decode_base32, "mzxw6ytboi", "foobar"},
	    {decode_base32, "MZXW6YTBOI======", "foobar"},
	    {decode_base32, "MY======", "f"},
	    {decode_base32, "MZXW6===", "foo"},
	    {decode_base32, "MZXW 6YTB OI", "foobar"},
	    {decode_base32, "mzxw-6ytb-oi", "foobar"},
	    {decode_base32, "M Z-X W-6", "foo"},
	    {decode_base32, "MZXW 6===", "foo"},
	};
	char bytes[64];
	size_t length;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("row %zu\n", i);
		assert_int_equal(
		    rows[i].decode(rows[i].text, strlen(rows[i].text), bytes,
			sizeof(bytes), &length),
		    ERR_NONE);
		assert_int_equal(length, strlen(rows[i].bytes));
		assert_memory_equal(bytes, rows[i].bytes, length);
	}
}

static void refuses_other_texts_and_leaves_outputs_alone(void **state)
{
	static const struct {
		decoder *decode;
		const char *text;
	} rows[] = {
	    {decode_hex, "f"},
	    {decode_hex, "ff9"},
	    {decode_hex, "fg"},
	    {decode_hex, "f/"},
	    {decode_hex, "0:"},
	    {decode_hex, "f "},
	    {decode_hex, " ff"},
	    {decode_hex, "0x"},
	    {decode_hex, "\xe3\x81"},
	    {decode_base64, "Z"},
	    {decode_base64, "Zg"},
	    {decode_base64, "Zg="},
	    {decode_base64, "Zg==="},
	    {decode_base64, "Zh=="},
	    {decode_base64, "Zm9="},
	    {decode_base64, "===="},
	    {decode_base64, "Z==="},
	    {decode_base64, "="},
	    {decode_base64, "Zg==Zg=="},
	    {decode_base64, "Zm9v\n"},
	    {decode_base64, "Zm 9"},
	    {decode_base64, "-_-_"},
	    {decode_base64, "Zm9v===="},
	    {decode_base64, "\xff\xff\xff\xff"},
	    {decode_base64url, "Zg=="},
	    {decode_base64url, "+/+/"},
	    {decode_base64url, "Z"},
	    {decode_base64url, "Zh"},
	    {decode_base64url, "Zm9"},
	    {decode_base64url, "Zm9vZ"},
	    {decode_base32, "M"},
	    {decode_base32, "MZX"},
	    {decode_base32, "MZXW6Y"},
	    {decode_base32, "MZ"},
	    {decode_base32, "MY="},
	    {decode_base32, "MY====="},
	    {decode_base32, "MY======="},
	    {decode_base32, "========"},
	    {decode_base32, "MZXW6YTB========"},
	    {decode_base32, "M1"},
	    {decode_base32, "M0"},
	    {decode_base32, "M8"},
	    {decode_base32, " MY"},
	    {decode_base32, "MY "},
	    {decode_base32, "MY-"},
	    {decode_base32, "M--Y"},
	    {decode_base32, "M -Y"},
	    {decode_base32, "-"},
	    {decode_base32, " "},
	    {decode_base32, "M\tY"},
	    {decode_base32, "MY ======"},
	};
	unsigned char bytes[64], before[64];
	size_t length = 4711;

	(void)state;
	memset(bytes, 0x5a, sizeof(bytes));
	memset(before, 0x5a, sizeof(before));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("row %zu\n", i);
		assert_int_equal(
		    rows[i].decode(rows[i].text, strlen(rows[i].text), bytes,
			sizeof(bytes), &length),
		    ERR_INVALID);
		assert_int_equal(length, 4711);
		assert_memory_equal(bytes, before, sizeof(bytes));
	}
}

static void refuses_nul_as_a_character(void **state)
{
	decoder *const rows[] = {
	    decode_hex, decode_base64, decode_base64url, decode_base32};
	char bytes[8];
	size_t length;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(
		    rows[i]("AA\0A", 4, bytes, sizeof(bytes), &length),
		    ERR_INVALID);
}

static void says_too_long_before_writing(void **state)
{
	static const struct {
		decoder *decode;
		const char *text;
	} rows[] = {
	    {decode_hex, "00112233"},
	    {decode_base64, "AAAAAA=="},
	    {decode_base64url, "AAAAAA"},
	    {decode_base32, "AAAAAAA"},
	};
	unsigned char bytes[4];
	size_t length;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("row %zu\n", i);
		memset(bytes, 0x5a, sizeof(bytes));
		length = 4711;
		assert_int_equal(rows[i].decode(rows[i].text,
				     strlen(rows[i].text), bytes, 3, &length),
		    ERR_TOO_LONG);
		assert_int_equal(length, 4711);
		assert_int_equal(bytes[0], 0x5a);
		assert_int_equal(rows[i].decode(rows[i].text,
				     strlen(rows[i].text), bytes, 4, &length),
		    ERR_NONE);
		assert_int_equal(length, 4);
	}
}

/* Every byte value, every length up to 40, and no text beyond its room. */
static void goes_there_and_back(void **state)
{
	static const struct {
		encoder *encode;
		decoder *decode;
	} rows[] = {
	    {encode_hex, decode_hex},
	    {encode_base64, decode_base64},
	    {encode_base64url, decode_base64url},
	    {encode_base32, decode_base32},
	};
	unsigned char bytes[40], back[40];
	char text[ENCODE_HEX_SIZE(40)];
	size_t length;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (unsigned int seed = 0; seed < 256; seed++)
			for (size_t n = 0; n <= sizeof(bytes); n++) {
				for (size_t k = 0; k < n; k++)
					bytes[k] =
					    (unsigned char)(seed + k * 37);
				rows[i].encode(bytes, n, text);
				assert_int_equal(
				    rows[i].decode(text, strlen(text), back,
					sizeof(back), &length),
				    ERR_NONE);
				assert_int_equal(length, n);
				assert_memory_equal(back, bytes, n);
			}
	encode_base64(bytes, 40, text);
	assert_int_equal(strlen(text) + 1, ENCODE_BASE64_SIZE(40));
	encode_base32(bytes, 40, text);
	assert_int_equal(strlen(text) + 1, ENCODE_BASE32_SIZE(40));
}

/* Of the 256 characters exactly as many are taken as the alphabet has. */
static void knows_no_other_characters(void **state)
{
	static const struct {
		decoder *decode;
		const char *rest;
		int taken;
	} rows[] = {
	    {decode_hex, "0", 22},
	    {decode_base64, "AAA", 64},
	    {decode_base64url, "AAA", 64},
	    {decode_base32, "AAAAAAA", 26 * 2 + 6},
	};
	char text[9], bytes[8];
	size_t length;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int taken = 0;

		for (int c = 0; c < 256; c++) {
			size_t n = strlen(rows[i].rest);

			text[0] = (char)c;
			memcpy(text + 1, rows[i].rest, n);
			taken += rows[i].decode(text, n + 1, bytes,
				     sizeof(bytes), &length) == ERR_NONE;
		}
		assert_int_equal(taken, rows[i].taken);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(writes_the_vectors_of_the_rfc),
	    cmocka_unit_test(reads_what_people_type),
	    cmocka_unit_test(refuses_other_texts_and_leaves_outputs_alone),
	    cmocka_unit_test(refuses_nul_as_a_character),
	    cmocka_unit_test(says_too_long_before_writing),
	    cmocka_unit_test(goes_there_and_back),
	    cmocka_unit_test(knows_no_other_characters),
	};

	return cmocka_run_group_tests_name("encode", tests, NULL, NULL);
}
