/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What passes for a name, and that nothing printed can forge a line: bad
 * UTF-8 of every kind, controls, and each length at which a text is cut.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "shared/text.h"

#define TEXT(literal) literal, sizeof(literal) - 1

static void judges_utf8_and_names(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
		bool is_utf8, is_name;
	} rows[] = {
	    {TEXT(""), true, false}, {TEXT("s1042"), true, true},
	    {TEXT("s 1042"), true, true},
	    {TEXT("\xe9\x96\xa2\xe5\xae\x88"), true, true}, /* kanji */
	    {TEXT("\xf0\xa0\xae\xb7"), true, true},         /* plane 2 */
	    {TEXT("\xc2\xa0"), true, true}, {TEXT("\xef\xbf\xbf"), true, true},
	    {TEXT("\xf4\x8f\xbf\xbf"), true, true}, /* U+10FFFF */
	    {TEXT("\xed\x9f\xbf"), true, true},     /* U+D7FF */
	    {TEXT("\xee\x80\x80"), true, true},     /* U+E000 */
	    /* controls */
	    {TEXT("a\0b"), true, false}, {TEXT("a\n"), true, false},
	    {TEXT("\t"), true, false}, {TEXT("\x1b[2J"), true, false},
	    {TEXT("\x1f"), true, false}, {TEXT("\x7f"), true, false},
	    {TEXT("\xc2\x80"), true, false}, {TEXT("\xc2\x9f"), true, false},
	    /* not UTF-8 */
	    {TEXT("\x80"), false, false}, {TEXT("\xbf"), false, false},
	    {TEXT("\xc0\x80"), false, false}, {TEXT("\xc0\xaf"), false, false},
	    {TEXT("\xc1\xbf"), false, false},
	    {TEXT("\xe0\x80\x80"), false, false},
	    {TEXT("\xe0\x9f\xbf"), false, false},
	    {TEXT("\xf0\x80\x80\x80"), false, false},
	    {TEXT("\xf0\x8f\xbf\xbf"), false, false},
	    {TEXT("\xed\xa0\x80"), false, false}, /* surrogates */
	    {TEXT("\xed\xbf\xbf"), false, false},
	    {TEXT("\xf4\x90\x80\x80"), false, false},
	    {TEXT("\xf5\x80\x80\x80"), false, false},
	    {TEXT("\xf8\x88\x80\x80\x80"), false, false},
	    {TEXT("\xfe"), false, false}, {TEXT("\xff"), false, false},
	    {TEXT("\xc3"), false, false}, /* cut short */
	    {TEXT("\xe9\x96"), false, false},
	    {TEXT("\xf0\xa0\xae"), false, false},
	    {TEXT("\xc3(a"), false, false}, {TEXT("\xe9(\x96"), false, false},
	    {TEXT("\xe9\x96("), false, false},
	    {TEXT("\x93\xfa\x96{"), false, false}, /* CP932 */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("row %zu\n", i);
		assert_int_equal(text_is_utf8(rows[i].bytes, rows[i].length),
		    rows[i].is_utf8);
		assert_int_equal(text_is_name(rows[i].bytes, rows[i].length),
		    rows[i].is_name);
	}
}

static void judges_lines(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
		bool is_line, is_lines;
	} rows[] = {
	    {TEXT(""), true, true},
	    {TEXT("a b"), true, true},
	    {TEXT("\xe9\x96\xa2\xe5\xae\x88"), true, true},
	    {TEXT("a\n\tb\n"), false, true},
	    {TEXT("a\r\n"), false, false},
	    {TEXT("a\0"), false, false},
	    {TEXT("\0"), false, false},
	    {TEXT("\x1b"), false, false},
	    {TEXT("\x7f"), false, false},
	    {TEXT("\xc2\x89"), false, false},
	    {TEXT("\xc2\x8a"), false, false},
	    {TEXT("\xff"), false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("row %zu\n", i);
		assert_int_equal(text_is_line(rows[i].bytes, rows[i].length),
		    rows[i].is_line);
		assert_int_equal(text_is_lines(rows[i].bytes, rows[i].length),
		    rows[i].is_lines);
	}
}

static void bounds_names(void **state)
{
	char bytes[NAME_BYTES_MAX + 1];

	(void)state;
	memset(bytes, 'a', sizeof(bytes));
	assert_true(text_is_name(bytes, NAME_BYTES_MAX));
	assert_false(text_is_name(bytes, NAME_BYTES_MAX + 1));
	assert_true(text_is_identifier(bytes, NAME_BYTES_MAX));
	assert_false(text_is_identifier(bytes, NAME_BYTES_MAX + 1));
}

static void judges_identifiers(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
		bool is_identifier;
	} rows[] = {
	    {TEXT("s1042"), true},
	    {TEXT("mado-1.example_x@lg.jp"), true},
	    {TEXT("_x"), true},
	    {TEXT("@"), true},
	    {TEXT("Z9"), true},
	    {TEXT(""), false},
	    {TEXT("."), false},
	    {TEXT(".."), false},
	    {TEXT(".hidden"), false},
	    {TEXT("-rf"), false},
	    {TEXT("a/b"), false},
	    {TEXT("a\\b"), false},
	    {TEXT("a b"), false},
	    {TEXT("a%2e"), false},
	    {TEXT("a\0b"), false},
	    {TEXT("a\0"), false},
	    {TEXT("a\n"), false},
	    {TEXT("a:b"), false},
	    {TEXT("\xe9\x96\xa2"), false},
	    {TEXT("\xff"), false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("row %zu\n", i);
		assert_int_equal(
		    text_is_identifier(rows[i].bytes, rows[i].length),
		    rows[i].is_identifier);
	}
}

static void escapes(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
		size_t out_size;
		const char *expected;
	} rows[] = {
	    {TEXT(""), 16, ""},
	    {TEXT("plain"), 16, "plain"},
	    {TEXT("\xe9\x96\xa2"), 16, "\xe9\x96\xa2"},
	    {TEXT("a\nb"), 16, "a\\x0ab"},
	    {TEXT("\x1b[2J"), 16, "\\x1b[2J"},
	    {TEXT("a\0b"), 16, "a\\x00b"},
	    {TEXT("\\x0a"), 16, "\\x5cx0a"},
	    {TEXT("\xff\xe9\x96"), 16, "\\xff\\xe9\\x96"},
	    {TEXT("\xc2\x9b"), 16, "\\xc2\\x9b"},
	    {TEXT("\xe2\x80\xae"), 16, "\\xe2\\x80\\xae"}, /* override */
	    {TEXT("\xe2\x80\xa8"), 16, "\\xe2\\x80\\xa8"}, /* separator */
	    /* cut */
	    {TEXT("abcdefg"), 8, "abcdefg"},
	    {TEXT("abcdefgh"), 8, "abcd..."},
	    {TEXT("abcdefghijkl"), 8, "abcd..."},
	    {TEXT("abc\xe9\x96\xa2zzzz"), 8, "abc..."},
	    {TEXT("abcd\n"), 8, "abcd..."},
	    {TEXT("ab\ncd"), 8, "ab..."},
	    {TEXT("\n\n\n"), 8, "\\x0a..."},
	    {TEXT("abcd"), 4, "..."},
	    {TEXT("abc"), 4, "abc"},
	    {TEXT("abcd"), 3, ""},
	    {TEXT("ab"), 3, "ab"},
	    {TEXT("a"), 1, ""},
	};
	char out[17];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("row %zu\n", i);
		memset(out, '#', sizeof(out));
		text_escape(
		    rows[i].bytes, rows[i].length, out, rows[i].out_size);
		assert_string_equal(out, rows[i].expected);
		for (size_t k = rows[i].out_size; k < sizeof(out); k++)
			assert_int_equal(out[k], '#');
	}
	text_escape("abc", 3, out, 0);
}

/* Whatever comes in, what comes out is one line of printable UTF-8. */
static void escapes_every_pair_of_bytes(void **state)
{
	char out[32];

	(void)state;
	for (unsigned int pair = 0; pair < 65536; pair++) {
		const char bytes[] = {(char)(pair >> 8), (char)pair};

		text_escape(bytes, sizeof(bytes), out, sizeof(out));
		assert_true(text_is_name(out, strlen(out)));
	}
}

static void numbers(void **state)
{
	static const struct {
		int64_t number;
		const char *text;
	} cases[] = {
	    {0, "0"},
	    {7, "7"},
	    {-10, "-10"},
	    {1800000000, "1800000000"},
	    {INT64_MAX, "9223372036854775807"},
	    {INT64_MIN, "-9223372036854775808"},
	};
	char text[TEXT_NUMBER_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(
		    text_number(cases[i].number, text), strlen(cases[i].text));
		assert_string_equal(text, cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(judges_utf8_and_names),
	    cmocka_unit_test(judges_lines),
	    cmocka_unit_test(bounds_names),
	    cmocka_unit_test(judges_identifiers),
	    cmocka_unit_test(escapes),
	    cmocka_unit_test(escapes_every_pair_of_bytes),
	    cmocka_unit_test(numbers),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
