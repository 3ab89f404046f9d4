/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Staff lists as spreadsheets write them: encodings, bytes that look like
 * others, quotation marks, headings, and where each error is said to be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/ctl/staff_list.h"
#include "server/ctl/staff_text.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* --- bytes ------------------------------------------------------------------
 */

static void test_encodings(void **state)
{
	static const struct {
		const char *bytes;
		enum staff_encoding asked, is;
		const char *utf8;
	} rows[] = {
	    /* 0: 髙, 﨑 twice (IBM's and NEC's place), ① */
	    {"\xfb\xfc", STAFF_AUTO, STAFF_CP932, "髙"},
	    {"\xfa\xb1", STAFF_AUTO, STAFF_CP932, "﨑"},
	    {"\xed\x95", STAFF_AUTO, STAFF_CP932, "﨑"},
	    {"\x87\x40", STAFF_AUTO, STAFF_CP932, "①"},
	    /* 4: second bytes that are a backslash or a bar */
	    {"\x95\x5c", STAFF_AUTO, STAFF_CP932, "表"},
	    {"\x83\x5c", STAFF_AUTO, STAFF_CP932, "ソ"},
	    {"\x94\x5c", STAFF_AUTO, STAFF_CP932, "能"},
	    {"\x83\x7c", STAFF_AUTO, STAFF_CP932, "ポ"},
	    {"a\\b", STAFF_CP932, STAFF_CP932, "a\\b"},
	    /* 9: a town's own character */
	    {"\xf0\x40", STAFF_AUTO, STAFF_CP932, "\uE000"},
	    /* 10 */
	    {"髙", STAFF_AUTO, STAFF_UTF8, "髙"},
	    {"\xef\xbb\xbfid", STAFF_AUTO, STAFF_UTF8, "id"},
	    {"\xef\xbb\xbfid", STAFF_UTF8, STAFF_UTF8, "id"},
	    {"id", STAFF_AUTO, STAFF_UTF8, "id"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct staff_text text = {0};
		struct staff_text_problem problem = {0};

		if (staff_text_decode(rows[i].bytes, strlen(rows[i].bytes),
			rows[i].asked, &text, &problem) ||
		    strcmp(text.bytes, rows[i].utf8) != 0 ||
		    text.length != strlen(rows[i].utf8) ||
		    text.encoding != rows[i].is)
			fail_msg("row %zu: %s %s", i, text.bytes, problem.text);
		free(text.bytes);
	}
}

static void test_what_is_no_text(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
		enum staff_encoding asked;
		size_t row, column;
	} rows[] = {
	    {"", 0, STAFF_AUTO, 0, 0},
	    {"PK\x03\x04x", 5, STAFF_AUTO, 0, 0},
	    {"\xff\xfei\0", 4, STAFF_AUTO, 0, 0},
	    {"a\0b", 3, STAFF_AUTO, 0, 0},
	    {"a,b\n\"x,y\",\xff", 11, STAFF_AUTO, 2, 2},
	    /* 5 */
	    {"a,b\nc,\x95\x5c,", 9, STAFF_UTF8, 2, 2},
	    {"a,\x95", 3, STAFF_AUTO, 1, 2},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct staff_text text = {0};
		struct staff_text_problem problem = {0};

		if (staff_text_decode(rows[i].bytes, rows[i].length,
			rows[i].asked, &text, &problem) != ERR_INVALID ||
		    problem.row != rows[i].row ||
		    problem.column != rows[i].column || !problem.text[0])
			fail_msg("row %zu: %zu:%zu %s", i, problem.row,
			    problem.column, problem.text);
		assert_null(text.bytes);
	}
}

/* --- rows -------------------------------------------------------------------
 */

static void must_become(const char *csv, const char *expected)
{
	struct staff_list list;
	enum err err = staff_list_read(csv, strlen(csv), NULL, &list);
	char *text = json_dumps(list.rows, JSON_COMPACT | JSON_SORT_KEYS);
	char *problems = json_dumps(list.problems, JSON_COMPACT);

	if (err || strcmp(text, expected) != 0)
		fail_msg("%s\n%s\n%s", csv, text, problems);
	free(text);
	free(problems);
	staff_list_free(&list);
}

static void test_rows(void **state)
{
	(void)state;
	must_become("id\na\n", "[{\"id\":\"a\",\"row\":2}]");
	must_become("id\r\na", "[{\"id\":\"a\",\"row\":2}]");
	/* Blank rows count, as they do in a spreadsheet. */
	must_become("\nID,name\r\n\r\n,\r\na,x\r\n",
	    "[{\"id\":\"a\",\"name\":\"x\",\"row\":5}]");
	must_become("name,職員番号\n\"x, \"\"y\"\"\",a\n",
	    "[{\"id\":\"a\",\"name\":\"x, \\\"y\\\"\",\"row\":2}]");
	must_become("職員番号,備考,氏名\na,\"z\nz\",表\nb,,ソ\n",
	    "[{\"id\":\"a\",\"name\":\"表\",\"row\":2},"
	    "{\"id\":\"b\",\"name\":\"ソ\",\"row\":4}]");
	must_become("id,氏名\n a ,　山田　花子　\n",
	    "[{\"id\":\"a\",\"name\":\"山田　花子\",\"row\":2}]");
	/* Where there is such a column, nothing in it is none. */
	must_become("id,所属,兼務\na,A,B、 C　，;D；\nb,A,\nc,A,-\n",
	    "[{\"also\":\"B,C,D\",\"department\":\"A\",\"id\":\"a\",\"row\":2},"
	    "{\"also\":\"-\",\"department\":\"A\",\"id\":\"b\",\"row\":3},"
	    "{\"also\":\"-\",\"department\":\"A\",\"id\":\"c\",\"row\":4}]");
	must_become("id,任用区分,採用日,任期満了日,退職\n"
		    "a,会計年度任用職員,2026/4/1,R9.3.31,\nb,,,-,○\n",
	    "[{\"from\":\"2026-04-01\",\"id\":\"a\",\"kind\":\"fiscal-year\","
	    "\"row\":2,\"until\":\"R9.3.31\"},"
	    "{\"id\":\"b\",\"leaving\":true,\"row\":3,\"until\":\"-\"}]");
}

static void test_bad_rows(void **state)
{
	static const struct {
		const char *csv;
		int row, column;
	} rows[] = {
	    {"id\n", 1, 0},
	    {"name\na\n", 1, 0},
	    {"id,ID\na,b\n", 1, 1},
	    {"id,name\na\n", 2, 0},
	    {"id,name\na,b,c\n", 2, 0},
	    /* 5 */
	    {"id,name\n,b\n", 2, 1},
	    {"id,name\na,\"b\nc\"\n", 2, 2},
	    {"id,name\na,\"b\nc\n", 2, 2},
	    {"id,name\na,b\"c\n", 2, 2},
	    {"id,kind\na,king\n", 2, 2},
	    /* 10 */
	    {"id,退職\na,maybe\n", 2, 2},
	    {"id,name\na,b\x7f\n", 2, 2},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct staff_list list;
		enum err err = staff_list_read(
		    rows[i].csv, strlen(rows[i].csv), NULL, &list);
		json_t *first = json_array_get(list.problems, 0);

		if (err != ERR_INVALID ||
		    json_integer_value(json_object_get(first, "row")) !=
			rows[i].row ||
		    json_integer_value(json_object_get(first, "column")) !=
			rows[i].column)
			fail_msg("row %zu: %d %s", i, err,
			    json_dumps(list.problems, JSON_COMPACT));
		staff_list_free(&list);
	}
}

static void test_notes(void **state)
{
	static const char csv[] = "id,name,shoe\na,\uE000,x\n";
	struct staff_list list;
	json_t *problem = json_pack("{s:i,s:s}", "row", 2, "member", "name");

	(void)state;
	assert_int_equal(
	    staff_list_read(csv, strlen(csv), NULL, &list), ERR_NONE);
	assert_int_equal(json_array_size(list.notes), 2);
	staff_list_place(&list, problem);
	assert_int_equal(
	    json_integer_value(json_object_get(problem, "column")), 2);
	assert_string_equal(
	    json_string_value(json_object_get(problem, "heading")), "name");
	json_decref(problem);
	staff_list_free(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_encodings),
	    cmocka_unit_test(test_what_is_no_text),
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_bad_rows),
	    cmocka_unit_test(test_notes),
	};

	return cmocka_run_group_tests_name("staff_list", tests, NULL, NULL);
}
