/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Join codes as people type them, and everything that is none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "pam_module/agent/join_code.h"
#include "shared/encode.h"

enum {
	CODE_BYTES = 26,
	TEXT_SIZE = 128
};

static void code_text(
    const unsigned char bytes[CODE_BYTES], char out[TEXT_SIZE])
{
	char plain[ENCODE_BASE32_SIZE(CODE_BYTES)];
	size_t used = 0;

	encode_base32(bytes, CODE_BYTES, plain);
	for (size_t i = 0; plain[i]; i++) {
		if (i > 0 && i % 5 == 0)
			out[used++] = '-';
		out[used++] = plain[i];
	}
	out[used] = '\0';
}

static void example(unsigned char bytes[CODE_BYTES], char text[TEXT_SIZE])
{
	for (unsigned char i = 0; i < CODE_BYTES; i++)
		bytes[i] = (unsigned char)(7 * i + 3);
	code_text(bytes, text);
}

static void assert_reads(const char *text, const unsigned char *bytes)
{
	struct join_code code = {0};
	char shown[ENCODE_BASE32_SIZE(JOIN_CODE_SECRET_BYTES)];

	assert_int_equal(join_code_read(text, strlen(text), &code), ERR_NONE);
	encode_base32(bytes, JOIN_CODE_SECRET_BYTES, shown);
	assert_int_equal(code.shown.length, strlen(shown));
	assert_memory_equal(code.shown.bytes, shown, strlen(shown));
	assert_memory_equal(
	    code.pin.bytes, bytes + JOIN_CODE_SECRET_BYTES, TLS_PIN_BYTES);
	join_code_wipe(&code);
	assert_int_equal(code.shown.length, 0);
}

static void reads_what_people_type(void **state)
{
	unsigned char bytes[CODE_BYTES];
	char text[TEXT_SIZE], changed[TEXT_SIZE];

	(void)state;
	example(bytes, text);
	assert_reads(text, bytes);
	for (size_t i = 0; i <= strlen(text); i++)
		changed[i] = (char)tolower((unsigned char)text[i]);
	assert_reads(changed, bytes);
	for (size_t i = 0; i <= strlen(text); i++)
		changed[i] = (char)(text[i] == '-' ? ' ' : text[i]);
	assert_reads(changed, bytes);
}

static void refuses_what_is_no_code(void **state)
{
	unsigned char bytes[CODE_BYTES];
	char text[TEXT_SIZE], row[2 * TEXT_SIZE];
	struct join_code code = {0};

	(void)state;
	example(bytes, text);
	const struct {
		const char *format;
		int length;
	} rows[] = {
	    {"", 0},
	    {"%.*s", 3},
	    {"%.*s", (int)strlen(text) - 1},
	    {"%.*sA", (int)strlen(text)},
	    {"%.*sAAAAA-AAAAA", (int)strlen(text)},
	    {"%.*s!", (int)strlen(text) - 1},
	    {"%.*s1", (int)strlen(text) - 1},
	    {"%.*s\n", (int)strlen(text)},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].length == 0)
			row[0] = '\0';
		else
			snprintf(row, sizeof(row), "%.*s%s", rows[i].length,
			    text, strchr(rows[i].format, 's') + 1);
		if (join_code_read(row, strlen(row), &code) == ERR_NONE)
			fail_msg("row %zu is no code: %s", i, row);
		assert_int_equal(code.shown.length, 0);
	}
	memset(row, 'A', JOIN_CODE_TYPED_MAX + 1);
	assert_int_equal(
	    join_code_read(row, JOIN_CODE_TYPED_MAX + 1, &code), ERR_TOO_LONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_what_people_type),
	    cmocka_unit_test(refuses_what_is_no_code),
	};

	return cmocka_run_group_tests_name("join_code", tests, NULL, NULL);
}
