/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's end of an import of new tokens: what a part may hold and what
 * is said of it, in which order the commands may come, and what is recorded.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/store/stock_import.h"
#include "tests/support/admin_world.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ONE "3132333435363738393031323334353637383930"
#define TWO "4142434445464748494a4b4c4d4e4f5051525354"

static int64_t begin(struct fixture *f)
{
	json_t *answer = call(f, "token/stock-begin", "{}");
	int64_t number = json_integer_value(json_object_get(answer, "import"));

	assert_int_equal(f->status, 0);
	assert_true(number > 0);
	json_decref(answer);
	return number;
}

static void row(char *out, size_t size, int line, const char *serial,
    const char *secret, const char *more)
{
	snprintf(out, size,
	    "{\"line\":%d,\"serial\":\"%s\",\"type\":\"totp\","
	    "\"algorithm\":\"sha1\",\"digits\":6,\"period\":30,"
	    "\"secret\":\"%s\"%s}",
	    line, serial, secret, more);
}

static json_t *part(struct fixture *f, int64_t import, const char *rows)
{
	char body[2048];

	snprintf(body, sizeof(body), "{\"import\":%lld,\"rows\":[%s]}",
	    (long long)import, rows);
	return call(f, "token/stock-part", body);
}

static json_t *finish(struct fixture *f, int64_t import, int tokens)
{
	char body[128];

	snprintf(body, sizeof(body), "{\"import\":%lld,\"tokens\":%d}",
	    (long long)import, tokens);
	return call(f, "token/stock-finish", body);
}

static void send_good(struct fixture *f, int64_t import, int line,
    const char *serial, const char *secret)
{
	char text[512];
	json_t *answer;

	row(text, sizeof(text), line, serial, secret, "");
	answer = part(f, import, text);
	assert_int_equal(f->status, 0);
	assert_int_equal(
	    json_array_size(json_object_get(answer, "problems")), 0);
	json_decref(answer);
}

static void must_be_unknown(struct fixture *f, const char *serial)
{
	char body[128];

	snprintf(body, sizeof(body), "{\"serial\":\"%s\"}", serial);
	must_refuse(f, "token/show", body, 404);
}

static void test_nothing_before_the_end(void **state)
{
	struct fixture *f = *state;
	char before[4096], text[4096];
	int64_t import = begin(f);

	newest_record(f, before, sizeof(before));
	send_good(f, import, 2, "A1", ONE);
	send_good(f, import, 3, "A2", TWO);
	must_be_unknown(f, "A1");
	/* A part leaves no record; what it leads to does. */
	newest_record(f, text, sizeof(text));
	assert_string_equal(text, before);

	json_decref(finish(f, import, 2));
	assert_int_equal(f->status, 0);
	must(f, "token/show", "{\"serial\":\"A1\"}");
	must_have_recorded(f, "\"action\":\"token import\"");
	must_have_recorded(f, "\"tokens\":2");
}

static void test_a_bad_row_spoils_the_import(void **state)
{
	struct fixture *f = *state;
	char rows[1024], second[512];
	int64_t import = begin(f);
	json_t *answer, *problem;

	row(rows, sizeof(rows), 2, "A1", ONE, "");
	row(second, sizeof(second), 3, "A1", TWO, "");
	strcat(rows, ",");
	strcat(rows, second);
	answer = part(f, import, rows);
	assert_int_equal(f->status, 0);
	problem = json_array_get(json_object_get(answer, "problems"), 0);
	assert_int_equal(
	    json_integer_value(json_object_get(problem, "line")), 3);
	assert_string_equal(
	    json_string_value(json_object_get(problem, "member")), "serial");
	assert_string_equal(json_string_value(json_object_get(problem, "text")),
	    "This serial number stands in line 2 already.");
	json_decref(answer);

	json_decref(finish(f, import, 1));
	assert_int_equal(f->status, 409);
	must_be_unknown(f, "A1");
	import = begin(f);
	send_good(f, import, 2, "A1", ONE);
	json_decref(finish(f, import, 1));
	assert_int_equal(f->status, 0);
}

static void test_what_a_part_may_not_hold(void **state)
{
	static const struct {
		const char *serial, *secret, *more;
	} rows[] = {
	    {"../x", ONE, ""},
	    {"=cmd", ONE, ""},
	    {"A1", "31", ""},
	    {"A1", "zz", ""},
	    {"A1", ONE, ",\"counter\":-1"},
	    {"A1", ONE, ",\"person\":\"s1\""},
	};
	struct fixture *f = *state;
	int64_t import = begin(f);

	for (size_t i = 0; i < COUNT(rows); i++) {
		char text[512];

		row(text, sizeof(text), 2, rows[i].serial, rows[i].secret,
		    rows[i].more);
		json_decref(part(f, import, text));
		if (f->status != 400)
			fail_msg("row %zu: %d", i, f->status);
	}
	json_decref(finish(f, import, 1));
	assert_int_equal(f->status, 409);
}

static void test_out_of_order(void **state)
{
	struct fixture *f = *state;
	int64_t first = begin(f), second;
	char text[512];

	row(text, sizeof(text), 2, "A1", ONE, "");
	json_decref(part(f, first + 1, text));
	assert_int_equal(f->status, 409);
	send_good(f, first, 2, "A1", ONE);
	/* Not all of it has come. */
	json_decref(finish(f, first, 2));
	assert_int_equal(f->status, 409);

	second = begin(f);
	json_decref(part(f, first, text));
	assert_int_equal(f->status, 409);
	json_decref(finish(f, first, 1));
	assert_int_equal(f->status, 409);
	send_good(f, second, 2, "A1", ONE);
	json_decref(finish(f, second, 1));
	assert_int_equal(f->status, 0);
	/* Once. */
	json_decref(finish(f, second, 1));
	assert_int_equal(f->status, 409);
}

static void test_given_up(void **state)
{
	struct fixture *f = *state;
	int64_t import = begin(f);
	char body[64], text[512];

	send_good(f, import, 2, "A1", ONE);
	snprintf(body, sizeof(body), "{\"import\":%lld}", (long long)import);
	must(f, "token/stock-give-up", body);
	row(text, sizeof(text), 3, "A2", TWO, "");
	json_decref(part(f, import, text));
	assert_int_equal(f->status, 409);
	must_be_unknown(f, "A1");
}

static void test_an_import_has_an_end(void **state)
{
	struct fixture *f = *state;
	struct store *store = f->server->store;
	int64_t import = begin(f);
	char text[512];

	assert_int_equal(store_begin(store), ERR_NONE);
	assert_int_equal(stock_import_note(store, import,
			     STOCK_IMPORT_TOKENS_MAX, false, f->now_s),
	    ERR_NONE);
	assert_int_equal(store_commit(store), ERR_NONE);
	row(text, sizeof(text), 2, "A1", ONE, "");
	json_decref(part(f, import, text));
	assert_int_equal(f->status, 409);
}

/* Whose secret it is can be told only to those who may know. */
static void test_nobody_of_one_department(void **state)
{
	struct fixture *f = *state;

	f->admin = (struct admin){.person_id = 1, .role = ADMIN_ROLE_ENROLLER};
	strcpy(f->admin.departments, "税務課");
	json_decref(call(f, "token/stock-begin", "{}"));
	assert_int_equal(f->status, 403);
	f->admin = (struct admin){.person_id = 1, .role = ADMIN_ROLE_AUDITOR};
	json_decref(call(f, "token/stock-begin", "{}"));
	assert_int_equal(f->status, 403);
	act_as_root(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_nothing_before_the_end),
	    TEST(test_a_bad_row_spoils_the_import),
	    TEST(test_what_a_part_may_not_hold),
	    TEST(test_out_of_order),
	    TEST(test_given_up),
	    TEST(test_an_import_has_an_end),
	    TEST(test_nobody_of_one_department),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
