/* SPDX-License-Identifier: Apache-2.0 */
/* server/shadow.c: what is said of shadow mode, and how long it may be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "server/shadow.h"
#include "server/time_text.h"

static struct policy *parse(const char *text)
{
	char problem[POLICY_PROBLEM_SIZE];
	struct policy *policy = NULL;

	if (policy_parse(text, strlen(text), &policy, problem) != ERR_NONE)
		fail_msg("%s", problem);
	return policy;
}

static int64_t at(const char *text)
{
	int64_t when = 0;

	assert_int_equal(
	    time_text_read(text, TIME_TEXT_BEGINNING, 0, &when), ERR_NONE);
	return when;
}

static void test_ends_in_time(void **state)
{
	static const struct {
		const char *since, *shadow, *says;
	} rows[] = {
	    {"2026-03-01", "2026-05-02", NULL},
	    {"2026-03-01T23:59", "2026-05-02", NULL},
	    {"2026-03-01", "2026-03-01", NULL},
	    {"2026-03-01", "2026-05-03", "shadow=2026-05-02 or an earlier"},
	    {"2026-03-01", "2199-12-31", "62 days at most"},
	    {"2026-03-01", "2026-02-28", "over before it begins"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[128], problem[POLICY_PROBLEM_SIZE] = "";
		struct policy *policy;
		bool fine;

		snprintf(text, sizeof(text),
		    "refuse a\npermit b factors=any "
		    "shadow=%s\n",
		    rows[i].shadow);
		policy = parse(text);
		fine = shadow_ends_in_time(policy, at(rows[i].since), problem);
		if (fine != !rows[i].says ||
		    (rows[i].says && !strstr(problem, rows[i].says)))
			fail_msg("row %zu: %s", i, problem);
		if (rows[i].says)
			assert_non_null(strstr(problem, "line 2"));
		policy_free(policy);
	}
}

static void test_text(void **state)
{
	struct policy *policy =
	    parse("permit desk terminal=t1 factors=any shadow=2026-04-30\n"
		  "permit all factors=any shadow=2026-05-10\n");
	struct store store = {
	    .policy = policy, .policy_since_s = at("2026-04-01")};
	char text[SHADOW_TEXT_SIZE];

	(void)state;
	assert_int_equal(
	    shadow_text(&store, at("2026-04-30T23:59"), NULL, NULL, text), 2);
	assert_string_equal(
	    text, "desk until 2026-04-30, all until 2026-05-10");
	assert_int_equal(
	    shadow_text(&store, at("2026-04-30"), "t2", "", text), 1);
	assert_string_equal(text, "all until 2026-05-10");
	assert_int_equal(
	    shadow_text(&store, at("2026-05-01"), NULL, NULL, text), 1);
	assert_int_equal(
	    shadow_text(&store, at("2026-05-11"), NULL, NULL, text), 0);
	assert_string_equal(text, "");
	/* Before it began: the clock was set back. */
	assert_int_equal(
	    shadow_text(&store, at("2026-03-31"), NULL, NULL, text), 0);
	policy_free(policy);
}

/* Many rules, or long names: that there are some is never lost. */
static void test_no_room(void **state)
{
	char rules[2048] = "", name[251], text[SHADOW_TEXT_SIZE];
	struct policy *policy;

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	snprintf(rules, sizeof(rules), "refuse %s shadow=2026-04-30", name);
	policy = parse(rules);
	assert_int_equal(
	    shadow_text_of(policy, at("2026-04-01"), NULL, NULL, text), 1);
	assert_string_equal(text, "1 rules");
	policy_free(policy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_ends_in_time),
	    cmocka_unit_test(test_text),
	    cmocka_unit_test(test_no_room),
	};

	setenv("TZ", "Asia/Tokyo", 1);
	tzset();
	return cmocka_run_group_tests_name("shadow", tests, NULL, NULL);
}
