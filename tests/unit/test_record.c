/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever goes into a record, valid JSON without control characters comes
 * out, and a member can be found again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/store/record.h"
#include "shared/text.h"

static const char *one_text(struct record_writer *writer, const char *text)
{
	memset(writer, 0, sizeof(*writer));
	record_open(writer);
	record_put_text(writer, "k", text);
	record_close(writer);
	assert_true(writer->length < sizeof(writer->bytes));
	writer->bytes[writer->length] = '\0';
	return writer->bytes;
}

static void test_escapes(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
	    {"", ""},
	    {"s1042", "s1042"},
	    {"a\"b\\c", "a\\\"b\\\\c"},
	    {"\n\t\x01", "\\u000a\\u0009\\u0001"},
	    {"\x7f", "\\u007f"},
	    {"\xc2\x80\xc2\x9f\xc2\xa0", "\\u0080\\u009f\xc2\xa0"},
	    {"関守", "関守"},
	    {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
	    {"a\xff"
	     "b",
		"a\xef\xbf\xbd"
		"b"},
	    {"\xe3\x81", "\xef\xbf\xbd\xef\xbf\xbd"}, /* cut short */
	    {"\xed\xa0\x80",                          /* a surrogate */
		"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
	    {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"}, /* overlong */
	    {"\x80関", "\xef\xbf\xbd関"},
	};
	struct record_writer writer;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char wanted[128] = "{\"k\":\"";
		const char *got = one_text(&writer, rows[i].in);

		strcat(wanted, rows[i].out);
		strcat(wanted, "\"}");
		if (strcmp(got, wanted) != 0)
			fail_msg("row %zu: %s", i, got);
		assert_true(text_is_utf8(got, strlen(got)));
	}
}

static void test_members(void **state)
{
	struct record_writer writer = {0};

	(void)state;
	record_open(&writer);
	record_put_number(&writer, "seq", 12);
	record_put_time(&writer, "time", 1774915200007);
	record_put_members(&writer, "\"kind\":\"x\"", 10);
	record_put_number(&writer, "n", INT64_MIN);
	record_close(&writer);
	assert_false(writer.failed);
	writer.bytes[writer.length] = '\0';
	assert_string_equal(writer.bytes,
	    "{\"seq\":12,\"time\":\"2026-03-31T00:00:00.007Z\",\"kind\":\"x\","
	    "\"n\":-9223372036854775808}");
	record_put_time(&writer, "t", -1);
	assert_true(writer.failed);
}

static void test_too_long(void **state)
{
	struct record_writer writer = {0};
	char text[2001];

	(void)state;
	memset(text, '\n', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	record_put_text(&writer, "k", text);
	assert_true(writer.failed);
	assert_true(writer.length <= sizeof(writer.bytes));
}

static void test_filters(void **state)
{
	static const struct {
		const char *record, *key, *value;
		bool matches;
	} rows[] = {
	    {"{\"seq\":1,\"user\":\"s1\"}", "user", "s1", true},
	    {"{\"seq\":1,\"user\":\"s1\"}", "user", "s", false},
	    {"{\"seq\":1,\"user\":\"s1\"}", "user", "s12", false},
	    {"{\"seq\":1,\"user\":\"s1\"}", "result", "s1", false},
	    {"{\"a\":\"x\\\"\",\"user\":\"s\\\"1\"}", "user", "s\"1", true},
	    /* a value that looks like a member */
	    {"{\"tty\":\"\\\",\\\"user\\\":\\\"s1\",\"user\":\"s2\"}", "user",
		"s1", false},
	    {"{\"x\":\"user\",\"user\":\"s2\"}", "user", "s2", true},
	    {"{\"user\":5}", "user", "5", false},
	    {"{\"user\":\"関守\"}", "user", "関守", true},
	    /* damaged ones match nothing and are not read beyond */
	    {"", "user", "", false},
	    {"{", "user", "", false},
	    {"{\"user", "user", "", false},
	    {"{\"user\":\"s1", "user", "s1", false},
	    {"{\"user\":\"s1\\", "user", "s1", false},
	    {"{\"a\":1", "user", "s1", false},
	    {"{\"seq\":1}", NULL, NULL, true},
	};
	struct record_filter filter = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		record_filter_set(&filter, rows[i].key, rows[i].value);
		if (record_matches(&filter, rows[i].record) != rows[i].matches)
			fail_msg("row %zu", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_escapes),
	    cmocka_unit_test(test_members),
	    cmocka_unit_test(test_too_long),
	    cmocka_unit_test(test_filters),
	};

	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
