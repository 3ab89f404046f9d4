/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strict JSON: what no reader may take two ways is refused, and no sentence
 * about it tells what the document held.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "shared/json.h"

#define TEXT(literal) literal, sizeof(literal) - 1

static void reads_only_one_whole_object(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
		enum err err;
		const char *problem;
	} rows[] = {
	    {TEXT("{}"), ERR_NONE, ""},
	    {TEXT(" {\"a\":1}\r\n"), ERR_NONE, ""},
	    {TEXT("{\"a\":{\"a\":1}}"), ERR_NONE, ""},
	    {TEXT("{\"a\":\"[[[[[[[[[[[\\\"{{{{{{{{{{{\"}"), ERR_NONE, ""},
	    {TEXT("{\"a\":[[[[[[[1]]]]]]]}"), ERR_NONE, ""},
	    {TEXT("{\"a\":[],\"b\":[],\"c\":[],\"d\":[],\"e\":[],\"f\":[],"
		  "\"g\":[],\"h\":[]}"),
		ERR_NONE, ""},
	    {TEXT("{\"a\":[[[[[[[[1]]]]]]]]}"), ERR_INVALID, "nested"},
	    {TEXT("[[[[[[[[["), ERR_INVALID, "nested"},
	    {TEXT("{\"a\":\"\\\\\",\"b\":[[[[[[[[1]]]]]]]]}"), ERR_INVALID,
		"nested"},
	    {TEXT(""), ERR_INVALID, "too early"},
	    {TEXT("{\"a\":1"), ERR_INVALID, "too early"},
	    {TEXT("{\"a\":\"755224"), ERR_INVALID, "too early"},
	    {TEXT("[]"), ERR_INVALID, "not an object"},
	    {TEXT("1"), ERR_INVALID, "not a JSON"},
	    {TEXT("\"755224\""), ERR_INVALID, "not a JSON"},
	    {TEXT("null"), ERR_INVALID, "not a JSON"},
	    {TEXT("{}{}"), ERR_INVALID, "follows"},
	    {TEXT("{} 755224"), ERR_INVALID, "follows"},
	    {TEXT("{}\0"), ERR_INVALID, "not a JSON"},
	    {TEXT("{\"a\":1,\"a\":2}"), ERR_INVALID, "twice"},
	    {TEXT("{\"a\":1,\"\\u0061\":2}"), ERR_INVALID, "twice"},
	    {TEXT("{\"b\":{\"a\":1,\"a\":755224}}"), ERR_INVALID, "twice"},
	    {TEXT("{\"a\":\"\\u0000\"}"), ERR_INVALID, "NUL"},
	    {TEXT("{\"\\u0000\":1}"), ERR_INVALID, "NUL"},
	    {TEXT("{\"a\":\"x\0y\"}"), ERR_INVALID, "not a JSON"},
	    {TEXT("{\"a\":\"x\ny\"}"), ERR_INVALID, "syntax"},
	    {TEXT("{\"a\":\"\xff\"}"), ERR_INVALID, "UTF-8"},
	    {TEXT("{\"a\":\"\xc0\xaf\"}"), ERR_INVALID, "UTF-8"},
	    {TEXT("{\"a\":\"\xed\xa0\x80\"}"), ERR_INVALID, "UTF-8"},
	    {TEXT("{\"a\":\"\\ud800\"}"), ERR_INVALID, "syntax"},
	    {TEXT("{\"a\":99999999999999999999}"), ERR_INVALID, "too large"},
	    {TEXT("{\"a\":1e999}"), ERR_INVALID, "too large"},
	    {TEXT("{\"a\":01}"), ERR_INVALID, "syntax"},
	    {TEXT("{\"a\":NaN}"), ERR_INVALID, "syntax"},
	    {TEXT("{\"a\":1,}"), ERR_INVALID, "syntax"},
	    {TEXT("{a:1}"), ERR_INVALID, "syntax"},
	    {TEXT("{'a':1}"), ERR_INVALID, "syntax"},
	    {TEXT("\xef\xbb\xbf{}"), ERR_INVALID, "syntax"},
	    {TEXT("/**/{}"), ERR_INVALID, "syntax"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *object = NULL;
		struct json_problem problem = {""};

		print_message("row %zu\n", i);
		assert_int_equal(
		    json_read(rows[i].bytes, rows[i].length, &object, &problem),
		    rows[i].err);
		assert_int_equal(object != NULL, rows[i].err == ERR_NONE);
		assert_non_null(strstr(problem.text, rows[i].problem));
		assert_null(strstr(problem.text, "755224"));
		json_decref(object);
	}
}

struct sample {
	const char *name, *text, *lines;
	int64_t number;
	bool flag;
	int choice;
	json_t *array, *object;
};

static const char *const choices[] = {"otp", "card", NULL};

#define MEMBER(member, kind, ...)                                              \
	{                                                                      \
#member, kind, offsetof(struct sample, member), __VA_ARGS__    \
	}

static const struct json_member members[] = {
    MEMBER(name, JSON_MEMBER_NAME, true, 0, 0, NULL),
    MEMBER(text, JSON_MEMBER_TEXT, false, 0, 6, NULL),
    MEMBER(lines, JSON_MEMBER_LINES, false, 0, 1000, NULL),
    MEMBER(number, JSON_MEMBER_NUMBER, false, -1, 8, NULL),
    MEMBER(flag, JSON_MEMBER_BOOL, false, 0, 0, NULL),
    MEMBER(choice, JSON_MEMBER_CHOICE, false, 0, 0, choices),
    MEMBER(array, JSON_MEMBER_ARRAY, false, 0, 2, NULL),
    MEMBER(object, JSON_MEMBER_OBJECT, false, 0, 0, NULL),
};

static enum err take(const char *text, bool refuse_unknown, json_t **object,
    struct sample *out, struct json_problem *problem)
{
	assert_int_equal(
	    json_read(text, strlen(text), object, problem), ERR_NONE);
	return json_take(*object, members, sizeof(members) / sizeof(members[0]),
	    refuse_unknown, out, problem);
}

static void takes_every_kind(void **state)
{
	static const char text[] =
	    "{\"name\":\"\xe9\x96\xa2\",\"text\":\"755224\",\"lines\":\"a\\n\","
	    "\"number\":-1,\"flag\":true,\"choice\":\"card\",\"array\":[1,2],"
	    "\"object\":{}}";
	struct sample sample = {0};
	struct json_problem problem;
	json_t *object = NULL;

	(void)state;
	assert_int_equal(
	    take(text, true, &object, &sample, &problem), ERR_NONE);
	assert_string_equal(sample.name, "\xe9\x96\xa2");
	assert_string_equal(sample.text, "755224");
	assert_string_equal(sample.lines, "a\n");
	assert_int_equal(sample.number, -1);
	assert_true(sample.flag);
	assert_int_equal(sample.choice, 1);
	assert_int_equal(json_array_size(sample.array), 2);
	assert_true(json_is_object(sample.object));
	json_decref(object);
}

static void keeps_defaults_of_absent_members(void **state)
{
	struct sample sample = {.number = 7, .choice = 1, .text = "none"};
	struct json_problem problem;
	json_t *object = NULL;

	(void)state;
	assert_int_equal(take("{\"name\":\"a\",\"more\":1}", false, &object,
			     &sample, &problem),
	    ERR_NONE);
	assert_int_equal(sample.number, 7);
	assert_int_equal(sample.choice, 1);
	assert_string_equal(sample.text, "none");
	json_decref(object);
}

#define NAME_256                                                               \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"     \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"     \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"     \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void refuses_wrong_members(void **state)
{
	static const struct {
		const char *text, *problem;
	} rows[] = {
	    {"{}", "\"name\" is missing"},
	    {"{\"name\":\"\"}", "empty"},
	    {"{\"name\":null}", "must be a text"},
	    {"{\"name\":755224}", "must be a text"},
	    {"{\"name\":[\"755224\"]}", "must be a text"},
	    {"{\"name\":\"755224\\n\"}", "control"},
	    {"{\"name\":\"755224\\u007f\"}", "control"},
	    {"{\"name\":\"755224\\u0085\"}", "control"},
	    {"{\"name\":\"" NAME_256 "a\"}", "at most 256"},
	    {"{\"name\":\"a\",\"text\":\"7552245\"}", "at most 6"},
	    {"{\"name\":\"a\",\"text\":\"\\t\"}", "control"},
	    {"{\"name\":\"a\",\"text\":755224}", "must be a text"},
	    {"{\"name\":\"a\",\"lines\":\"a\\r\\n\"}", "line feed"},
	    {"{\"name\":\"a\",\"number\":9}", "from -1 to 8"},
	    {"{\"name\":\"a\",\"number\":-2}", "from -1 to 8"},
	    {"{\"name\":\"a\",\"number\":1.0}", "whole"},
	    {"{\"name\":\"a\",\"number\":\"1\"}", "whole"},
	    {"{\"name\":\"a\",\"number\":true}", "whole"},
	    {"{\"name\":\"a\",\"number\":9223372036854775807}", "whole"},
	    {"{\"name\":\"a\",\"flag\":1}", "true or false"},
	    {"{\"name\":\"a\",\"flag\":\"true\"}", "true or false"},
	    {"{\"name\":\"a\",\"choice\":\"755224\"}", "one of: otp card"},
	    {"{\"name\":\"a\",\"choice\":\"OTP\"}", "one of: otp card"},
	    {"{\"name\":\"a\",\"choice\":0}", "one of: otp card"},
	    {"{\"name\":\"a\",\"array\":[1,2,3]}", "at most 2 items"},
	    {"{\"name\":\"a\",\"array\":{}}", "array"},
	    {"{\"name\":\"a\",\"object\":[]}", "an object"},
	    {"{\"name\":\"a\",\"object\":null}", "an object"},
	    {"{\"name\":\"a\",\"755224\":1}", "unknown"},
	    {"{\"name\":\"a\",\"Name\":\"b\"}", "unknown"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sample sample, before;
		struct json_problem problem = {""};
		json_t *object = NULL;

		print_message("row %zu\n", i);
		memset(&sample, 0x5a, sizeof(sample));
		before = sample;
		assert_int_equal(
		    take(rows[i].text, true, &object, &sample, &problem),
		    ERR_INVALID);
		assert_non_null(strstr(problem.text, rows[i].problem));
		assert_null(strstr(problem.text, "755224"));
		assert_memory_equal(&sample, &before, sizeof(sample));
		json_decref(object);
	}
}

static void takes_members_at_their_bounds(void **state)
{
	static const char *const rows[] = {
	    "{\"name\":\"" NAME_256 "\"}",
	    "{\"name\":\"a\",\"text\":\"\"}",
	    "{\"name\":\"a\",\"lines\":\"\"}",
	    "{\"name\":\"a\",\"lines\":\"" NAME_256 NAME_256 "\"}",
	    "{\"name\":\"a\",\"number\":8}",
	    "{\"name\":\"a\",\"array\":[]}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sample sample = {0};
		struct json_problem problem;
		json_t *object = NULL;

		print_message("row %zu\n", i);
		assert_int_equal(
		    take(rows[i], true, &object, &sample, &problem), ERR_NONE);
		json_decref(object);
	}
}

/* An item of an array, say, that is no object. */
static void takes_from_objects_only(void **state)
{
	struct sample sample = {0};
	struct json_problem problem = {""};
	json_t *number = json_integer(755224);

	(void)state;
	assert_int_equal(json_take(number, members, 1, true, &sample, &problem),
	    ERR_INVALID);
	assert_int_equal(
	    json_take(NULL, members, 1, true, &sample, &problem), ERR_INVALID);
	assert_null(strstr(problem.text, "755224"));
	json_decref(number);
}

static void works_with_memory_that_is_wiped(void **state)
{
	json_t *object = NULL;
	struct json_problem problem;

	(void)state;
	json_wipe_freed();
	assert_int_equal(
	    json_read(TEXT("{\"code\":\"755224\"}"), &object, &problem),
	    ERR_NONE);
	json_decref(object);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_only_one_whole_object),
	    cmocka_unit_test(takes_every_kind),
	    cmocka_unit_test(keeps_defaults_of_absent_members),
	    cmocka_unit_test(refuses_wrong_members),
	    cmocka_unit_test(takes_members_at_their_bounds),
	    cmocka_unit_test(takes_from_objects_only),
	    cmocka_unit_test(works_with_memory_that_is_wiped),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
