/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The short way takes plain login calls, with the long way's result, and
 * leaves alone whatever needs a second thought.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "shared/json_plain.h"

#define TEXT(literal) literal, sizeof(literal) - 1

struct sample {
	const char *user, *code;
	int factor;
	int64_t seq;
};

static const char *const factors[] = {"otp", "emergency", NULL};

static const struct json_member members[] = {
    {"user", JSON_MEMBER_NAME, offsetof(struct sample, user), true, 0, 8, NULL},
    {"code", JSON_MEMBER_TEXT, offsetof(struct sample, code), false, 0, 6,
	NULL},
    {"factor", JSON_MEMBER_CHOICE, offsetof(struct sample, factor), false, 0, 0,
	factors},
    {"seq", JSON_MEMBER_NUMBER, offsetof(struct sample, seq), false, 0, 9,
	NULL},
};

enum {
	MEMBERS = sizeof(members) / sizeof(members[0])
};

static void takes_what_is_plain(void **state)
{
	static const struct {
		const char *text;
		size_t length;
		const char *user, *code;
		int factor;
	} rows[] = {
	    {TEXT("{\"user\":\"s1\"}"), "s1", NULL, -1},
	    {TEXT("{\"user\":\"s1\",\"code\":\"\"}"), "s1", "", -1},
	    {TEXT("{\"factor\":\"emergency\",\"user\":\"s1\"}"), "s1", NULL, 1},
	    {TEXT(" {\t\"user\" :\r\n\"s 1~\" ,\"code\": \"755224\" } \n"),
		"s 1~", "755224", -1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sample sample = {.factor = -1};
		char text[128];

		memcpy(text, rows[i].text, rows[i].length + 1);
		if (!json_plain_take(
			text, rows[i].length, members, MEMBERS, &sample) ||
		    strcmp(sample.user, rows[i].user) != 0 ||
		    !sample.code != !rows[i].code ||
		    (sample.code && strcmp(sample.code, rows[i].code) != 0) ||
		    sample.factor != rows[i].factor)
			fail_msg("row %zu", i);
	}
}

static void leaves_the_rest(void **state)
{
	static const struct {
		const char *text;
		size_t length;
	} rows[] = {
	    {TEXT("")},
	    {TEXT("{}")}, /* a member is missing */
	    {TEXT("{\"code\":\"1\"}")},
	    {TEXT("{\"user\":\"\"}")},
	    {TEXT("{\"user\":\"123456789\"}")},
	    {TEXT("{\"user\":\"s1\",\"code\":\"7552240\"}")},
	    {TEXT("{\"user\":\"s1\",\"user\":\"s1\"}")},
	    {TEXT("{\"user\":\"s1\",\"other\":\"x\"}")},
	    {TEXT("{\"user\":\"s1\",\"factor\":\"card\"}")},
	    {TEXT("{\"user\":\"s1\",\"seq\":1}")},
	    {TEXT("{\"user\":\"s1\",\"seq\":\"1\"}")},
	    {TEXT("{\"user\":\"s\\u0031\"}")},
	    {TEXT("{\"user\":\"s\\n\"}")},
	    {TEXT("{\"user\":\"\xe9\x96\xa2\"}")},
	    {TEXT("{\"user\":\"s\x7f\"}")},
	    {TEXT("{\"user\":\"s\x01\"}")},
	    {TEXT("{\"user\":\"s\0\"}")},
	    {TEXT("{\"user\":\"s1\"}\0")},
	    {TEXT("{\"user\":\"s1\"}x")},
	    {TEXT("{\"user\":\"s1\"}{}")},
	    {TEXT("{\"user\":\"s1\",}")},
	    {TEXT("{,\"user\":\"s1\"}")},
	    {TEXT("{\"user\":\"s1\"")},
	    {TEXT("{\"user\":\"s1")},
	    {TEXT("{\"user\":")},
	    {TEXT("{\"user\"")},
	    {TEXT("{\"user\" \"s1\"}")},
	    {TEXT("{\"user\":{\"user\":\"s1\"}}")},
	    {TEXT("[\"user\",\"s1\"]")},
	    {TEXT("\v{\"user\":\"s1\"}")},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct sample untouched = {.factor = -1, .seq = -1};
		struct sample sample = untouched;
		char text[128];

		memcpy(text, rows[i].text, rows[i].length + 1);
		if (json_plain_take(
			text, rows[i].length, members, MEMBERS, &sample) ||
		    memcmp(&sample, &untouched, sizeof(sample)) != 0)
			fail_msg("row %zu", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(takes_what_is_plain),
	    cmocka_unit_test(leaves_the_rest),
	};

	return cmocka_run_group_tests_name("json_plain", tests, NULL, NULL);
}
