/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line: every row of the table can be typed, what is wrong is
 * said before anything is sent, secrets are refused as arguments, and usage
 * and completion know the same words.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/ctl/arguments.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
enum {
	WORDS_MAX = 16
};

static size_t count_words(const char *const *words)
{
	size_t count = 0;

	while (words[count])
		count++;
	return count;
}

static void test_good_lines(void **state)
{
	static const struct {
		const char *words[WORDS_MAX];
		const char *path, *members; /* as compact JSON, sorted */
		bool json, yes;
	} rows[] = {
	    /* 0 */
	    {{"user", "list"}, "user/list", "{}", 0, 0},
	    {{"--json", "user", "show", "s1"}, "user/show", "{\"id\":\"s1\"}",
		1, 0},
	    {{"user", "show", "s1", "--json"}, "user/show", "{\"id\":\"s1\"}",
		1, 0},
	    {{"--yes", "user", "remove", "s1"}, "user/remove",
		"{\"id\":\"s1\"}", 0, 1},
	    {{"user", "add", "s1", "--from", "R8.4.1", "--kind=contractor"},
		"user/add",
		"{\"from\":\"R8.4.1\",\"id\":\"s1\",\"kind\":\"contractor\"}",
		0, 0},
	    {{"user", "add", "s1", "--department", "A", "--department=B"},
		"user/add", "{\"departments\":\"A,B\",\"id\":\"s1\"}", 0, 0},
	    {{"token", "enroll", "--digits", "8", "s1", "--secret", "-"},
		"token/enroll", "{\"digits\":8,\"id\":\"s1\",\"secret\":\"-\"}",
		0, 0},
	    {{"token", "confirm", "SK1", "123456"}, "token/confirm",
		"{\"code\":\"123456\",\"serial\":\"SK1\"}", 0, 0},
	    {{"token", "confirm", "SK1", "-"}, "token/confirm",
		"{\"code\":\"-\",\"serial\":\"SK1\"}", 0, 0},
	    {{"token", "resync", "SK1", "123456", "-"}, "token/resync",
		"{\"code\":\"123456\",\"next\":\"-\",\"serial\":\"SK1\"}", 0,
		0},
	    {{"server", "clock", "accept", "--yes"}, "server/clock-accept",
		"{}", 0, 1},
	    {{"server", "keys", "rotate"}, "server/keys-rotate", "{}", 0, 0},
	    /* 10 */
	    {{"terminal", "add", "t1", "--group", "g", "--yes"}, "terminal/add",
		"{\"again\":true,\"group\":\"g\",\"name\":\"t1\"}", 0, 1},
	    {{"user", "show", "--", "--odd"}, "user/show", "{\"id\":\"--odd\"}",
		0, 0},
	    {{"audit", "list", "--limit", "7"}, "audit/list", "{\"limit\":7}",
		0, 0},
	    {{"token", "import", "f", "--from", "users.oath", "--create-users"},
		"token/import", "{\"create_users\":true}", 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char problem[ARGUMENTS_PROBLEM_SIZE];
		struct call call;
		char *members;

		if (arguments_read(rows[i].words, count_words(rows[i].words),
			&call, problem))
			fail_msg("row %zu: %s", i, problem);
		members =
		    json_dumps(call.members, JSON_COMPACT | JSON_SORT_KEYS);
		if (strcmp(call.command->path, rows[i].path) != 0 ||
		    strcmp(members, rows[i].members) != 0 ||
		    call.json != rows[i].json || call.yes != rows[i].yes)
			fail_msg(
			    "row %zu: %s %s", i, call.command->path, members);
		free(members);
		arguments_free(&call);
	}
}

static void test_bad_lines(void **state)
{
	static const struct {
		const char *words[WORDS_MAX];
		const char *said; /* part of the sentence */
	} rows[] = {
	    /* 0 */
	    {{NULL}, "command is missing"},
	    {{"usr", "list"}, "no `usr`"},
	    {{"user"}, "needs a verb"},
	    {{"user", "lst"}, "`lst`"},
	    {{"user", "show"}, "ID is missing"},
	    /* 5 */
	    {{"user", "show", "a", "b"}, "`b` is one word too many"},
	    {{"user", "show", "a", "--what"}, "no option --what"},
	    {{"--what", "user", "show", "a"}, "--what"},
	    {{"user", "add", "a", "--name"}, "--name needs a value"},
	    {{"user", "add", "a", "--name", "x", "--name", "y"}, "twice"},
	    /* 10 */
	    {{"user", "add", "a", "--kind", "king"}, "regular|fiscal-year"},
	    {{"token", "enroll", "a", "--digits", "7"}, "6|8"},
	    {{"token", "enroll", "a", "--secret", "GEZDGNBV"}, "only `-`"},
	    {{"token", "enroll", "a", "--secret=GEZDGNBV"}, "only `-`"},
	    {{"audit", "list", "--limit", "many"}, "must be a number"},
	    /* 15 */
	    {{"audit", "list", "--limit", "99999999999999999999"}, "number"},
	    {{"server", "clock"}, "no such verb"},
	    {{"user", "show", "\xff"}, "UTF-8"},
	    {{"user", "show", ""}, "empty"},
	    {{"--server", "https://h", "user", "list"}, "--server and --ca"},
	    /* 20 */
	    {{"--json=1", "user", "list"}, "takes no value"},
	    {{"user", "show", "a\033[2J", "b\033[2J"}, "\\x1b"},
	    {{"token", "import", "f", "--from", "x"}, "pskc|csv"},
	    {{"--ca", "f", "user", "list"}, "--server and --ca"},
	    {{"--ca", "f", "--server", "http://h", "user", "list"}, "https:"},
	    /* 25 */
	    {{"--ca", "f", "--server", "https://", "user", "list"}, "https:"},
	    {{"--ca", "f", "--server", "https://h/x", "user", "list"},
		"https:"},
	    {{"--ca", "f", "--server", "https://a@h", "user", "list"},
		"https:"},
	    {{"--ca", "f", "--server", "https://h?x", "user", "list"},
		"https:"},
	    {{"admin", "add", "a", "--role", "owner", "--password", "x"}, "-"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char problem[ARGUMENTS_PROBLEM_SIZE];
		struct call call;
		enum err err = arguments_read(
		    rows[i].words, count_words(rows[i].words), &call, problem);

		if (err != ERR_INVALID || !strstr(problem, rows[i].said))
			fail_msg("row %zu: %s", i, problem);
		if (strchr(problem, '\033') || strstr(problem, "GEZD"))
			fail_msg("row %zu shows what it must not", i);
		arguments_free(&call);
	}
}

static void test_help_wins(void **state)
{
	static const char *const words[] = {"token", "enroll", "--help"};
	char problem[ARGUMENTS_PROBLEM_SIZE];
	struct call call;

	(void)state;
	assert_int_equal(arguments_read(words, 3, &call, problem), ERR_NONE);
	assert_true(call.help);
	assert_string_equal(call.command->path, "token/enroll");
	arguments_free(&call);
}

/* Every row is reachable, has help, and its first member is what {} needs. */
static void test_table(void **state)
{
	(void)state;
	for (const struct command *c = COMMANDS; c->noun; c++) {
		bool subject =
		    c->parameters[0].name && c->parameters[0].name[0] != '-';

		assert_non_null(c->help);
		assert_non_null(c->path);
		if (!subject && ((c->done && strstr(c->done, "{}")) ||
				    (c->confirm && strstr(c->confirm, "{}"))))
			fail_msg("%s has no word for {}", c->path);
		/* Signing in and out is no noun's on the wire, and requests
		 * are those of `admin`, too. */
		if (strchr(c->path, '/') &&
		    strncmp(c->path, c->noun, strlen(c->noun)) != 0 &&
		    strncmp(c->verb, "request ", 8) != 0)
			fail_msg("%s belongs to another noun", c->path);
	}
}

static void complete(const char *const *words, char *out, size_t size)
{
	FILE *to = fmemopen(out, size, "w");

	memset(out, 0, size);
	arguments_complete(to, words, count_words(words));
	fclose(to);
}

static void test_completion(void **state)
{
	static const struct {
		const char *words[WORDS_MAX];
		const char *expected;
	} rows[] = {
	    {{"us"}, "user\n"},
	    {{"--js"}, "--json\n"},
	    {{"--json", "pol"}, "policy\n"},
	    {{"--socket", "/x", "pol"}, "policy\n"},
	    {{"token", "re"}, "resync\nresume\nreturn\nretire\nrevoke\n"},
	    {{"server", "clock", ""}, "accept\n"},
	    {{"token", "enroll", "s1", "--d"}, "--digits\n"},
	    {{"token", "enroll", "s1", "--digits", ""}, "6\n8\n"},
	    {{"nothing", ""}, ""},
	};
	char text[512];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		complete(rows[i].words, text, sizeof(text));
		if (strcmp(text, rows[i].expected) != 0)
			fail_msg("row %zu: %s", i, text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_good_lines),
	    cmocka_unit_test(test_bad_lines),
	    cmocka_unit_test(test_help_wins),
	    cmocka_unit_test(test_table),
	    cmocka_unit_test(test_completion),
	};

	return cmocka_run_group_tests_name("ctl_arguments", tests, NULL, NULL);
}
