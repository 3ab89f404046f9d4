/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slips: in which order they come, that names are text and nothing else, and
 * days as Japanese offices write them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "server/ctl/era.h"
#include "server/ctl/staff_slips.h"

enum {
	APRIL = 1774969200 /* 2026-04-01 in Tokyo */
};

static int set_zone(void **state)
{
	(void)state;
	setenv("TZ", "Asia/Tokyo", 1);
	tzset();
	return 0;
}

static void test_days(void **state)
{
	static const struct {
		int64_t at;
		const char *day, *last_day;
	} rows[] = {
	    {0, "", ""},
	    {APRIL, "令和8年4月1日", "令和8年3月31日"},
	    {APRIL + 3600, "令和8年4月1日", "令和8年4月1日"},
	    {1556636400, "令和元年5月1日", "2019年4月30日"},
	    {1577804400, "令和2年1月1日", "令和元年12月31日"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char day[ERA_DAY_SIZE], last[ERA_DAY_SIZE];

		era_day(rows[i].at, day);
		era_last_day(rows[i].at, last);
		if (strcmp(day, rows[i].day) != 0 ||
		    strcmp(last, rows[i].last_day) != 0)
			fail_msg("row %zu: %s %s", i, day, last);
	}
}

static json_t *item(
    const char *id, const char *name, const char *department, const char *what)
{
	json_t *departments = json_array();

	if (department[0])
		json_array_append_new(departments, json_string(department));
	return json_pack("{s:{s:s,s:s,s:s,s:o,s:s,s:n},s:[s*],s:[]}", "person",
	    "id", id, "login", id, "name", name, "departments", departments,
	    "kind", "regular", "until", "what", what, "tokens");
}

/* The caller frees. */
static char *write_slips(json_t *items, size_t *out_count)
{
	json_t *answer = json_pack("{s:o}", "items", items);
	char *text = NULL;
	size_t length = 0;
	FILE *to = open_memstream(&text, &length);

	assert_int_equal(
	    staff_slips_write(to, answer, APRIL, out_count), ERR_NONE);
	fclose(to);
	json_decref(answer);
	return text;
}

static void test_order(void **state)
{
	static const char *const order[] = {"Bureau</bdi> <small>1名", ">b1<",
	    "Desk</bdi> <small>2名", ">d1<", ">d2<", "所属なし", ">x1<"};
	size_t count = 0;
	char *text =
	    write_slips(json_pack("[o,o,o,o,o]", item("d2", "", "Desk", "new"),
			    item("x1", "", "", "leaving"),
			    item("b1", "", "Bureau", "moved"),
			    item("d1", "", "Desk", "renamed"),
			    item("n1", "a note only", "Desk", NULL)),
		&count);
	const char *at = text;

	(void)state;
	assert_int_equal(count, 4);
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		at = strstr(at, order[i]);
		if (!at)
			fail_msg("%s", order[i]);
	}
	assert_null(strstr(text, "n1"));
	assert_non_null(strstr(text, "令和8年4月1日"));
	free(text);
}

static void test_names_are_text(void **state)
{
	size_t count = 0;
	char *text = write_slips(
	    json_pack("[o]",
		item("s1", "</h2><script>x</script>&\"'\u202e", "<b>", "new")),
	    &count);

	(void)state;
	assert_null(strstr(text, "<script"));
	assert_null(strstr(text, "<b>"));
	assert_non_null(strstr(text,
	    "<bdi>&lt;/h2&gt;&lt;script&gt;x&lt;/script&gt;&amp;&quot;&#39;"
	    "\u202e</bdi>"));
	free(text);
}

static void test_nobody(void **state)
{
	size_t count = 9;
	char *text = write_slips(json_array(), &count);

	(void)state;
	assert_int_equal(count, 0);
	assert_non_null(strstr(text, "</html>"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_days),
	    cmocka_unit_test(test_order),
	    cmocka_unit_test(test_names_are_text),
	    cmocka_unit_test(test_nobody),
	};

	return cmocka_run_group_tests_name(
	    "staff_slips", tests, set_zone, NULL);
}
