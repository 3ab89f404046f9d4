/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which words on a PAM line are taken, which are refused, and that every
 * mistake is reported.
 */
#include "pam_module/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum {
	WORDS_MAX = 6
};

static void count_report(
    void *context, const char *argument, const char *reason)
{
	unsigned *count = context;

	assert_non_null(argument);
	assert_true(strlen(reason) > 0);
	++*count;
}

static enum err parse(enum options_place place, const char *const *words,
    unsigned *out_reports, struct options *out)
{
	int argc = 0;

	while (argc < WORDS_MAX && words[argc])
		argc++;
	*out_reports = 0;
	return options_parse(
	    argc, words, place, count_report, out_reports, out);
}

static void takes_what_the_contract_lists(void **state)
{
	static const char *const auth[] = {"socket=/run/x.sock", "explain",
	    "nullok", "lang=ja", "prompt=Kode: ", NULL};
	static const char *const appended[] = {"appended=8", NULL};
	static const char *const account[] = {
	    "without_auth=cron,atd,sudo-i,systemd-user", NULL};
	static const char *const none[] = {NULL};
	struct options options;
	unsigned reports;

	(void)state;
	assert_int_equal(
	    parse(OPTIONS_AUTH, auth, &reports, &options), ERR_NONE);
	assert_string_equal(options.socket, "/run/x.sock");
	assert_string_equal(options.prompt, "Kode: ");
	assert_true(options.explain && options.nullok);
	assert_int_equal(options.lang, WORDS_JAPANESE);
	assert_int_equal(options.appended_digits, 0);
	assert_int_equal(
	    parse(OPTIONS_AUTH, appended, &reports, &options), ERR_NONE);
	assert_int_equal(options.appended_digits, 8);
	assert_string_equal(options.socket, "/run/sekimori/agent.sock");
	assert_false(options.explain || options.nullok);
	assert_int_equal(options.lang, WORDS_AUTO);
	assert_int_equal(
	    parse(OPTIONS_ACCOUNT, account, &reports, &options), ERR_NONE);
	assert_string_equal(
	    options.without_auth, "cron,atd,sudo-i,systemd-user");
	assert_int_equal(
	    parse(OPTIONS_SESSION, none, &reports, &options), ERR_NONE);
	assert_null(options.without_auth);
}

static const struct bad_row {
	enum options_place place;
	const char *words[WORDS_MAX];
	unsigned reports;
} bad_rows[] = {
    {OPTIONS_AUTH, {"expalin"}, 1},
    {OPTIONS_AUTH, {"explain=yes"}, 1},
    {OPTIONS_AUTH, {"explain "}, 1},
    {OPTIONS_AUTH, {"EXPLAIN"}, 1},
    {OPTIONS_AUTH, {""}, 1},
    {OPTIONS_AUTH, {"nullok", "nullok"}, 1},
    {OPTIONS_AUTH, {"nullok", "use_first_pass", "nullok"}, 2},
    {OPTIONS_AUTH, {"lang=ja", "lang=en"}, 1},
    {OPTIONS_AUTH, {"lang=jp"}, 1},
    {OPTIONS_AUTH, {"lang="}, 1},
    {OPTIONS_AUTH, {"lang"}, 1},
    {OPTIONS_AUTH, {"appended=7"}, 1},
    {OPTIONS_AUTH, {"appended=06"}, 1},
    {OPTIONS_AUTH, {"appended=6x"}, 1},
    {OPTIONS_AUTH, {"appended="}, 1},
    {OPTIONS_AUTH, {"appended=6", "explain"}, 1},
    {OPTIONS_AUTH, {"explain", "appended=8", "lang=fr"}, 2},
    {OPTIONS_AUTH, {"socket=run/agent.sock"}, 1},
    {OPTIONS_AUTH, {"socket="}, 1},
    {OPTIONS_AUTH, {"prompt="}, 1},
    {OPTIONS_AUTH, {"prompt=Your Password: "}, 1},
    {OPTIONS_AUTH, {"prompt=1234567890123456789012345"}, 1},
    {OPTIONS_AUTH, {"prompt=ワンタイムパスワードです: "}, 1},
    {OPTIONS_AUTH, {"prompt=two\nlines"}, 1},
    {OPTIONS_AUTH, {"prompt=\xff"}, 1},
    {OPTIONS_AUTH, {"without_auth=cron"}, 1},
    {OPTIONS_ACCOUNT, {"explain"}, 1},
    {OPTIONS_ACCOUNT, {"nullok", "lang=ja"}, 2},
    {OPTIONS_ACCOUNT, {"without_auth="}, 1},
    {OPTIONS_ACCOUNT, {"without_auth=cron,"}, 1},
    {OPTIONS_ACCOUNT, {"without_auth=,cron"}, 1},
    {OPTIONS_ACCOUNT, {"without_auth=cron,,atd"}, 1},
    {OPTIONS_ACCOUNT, {"without_auth=Cron"}, 1},
    {OPTIONS_ACCOUNT, {"without_auth=cron;atd"}, 1},
    {OPTIONS_ACCOUNT, {"without_auth=*"}, 1},
    {OPTIONS_SESSION, {"nullok"}, 1},
};

static void refuses_and_reports_every_mistake(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_rows) / sizeof(bad_rows[0]); i++) {
		struct options options = {.appended_digits = 99};
		unsigned reports;
		enum err err = parse(
		    bad_rows[i].place, bad_rows[i].words, &reports, &options);

		if (err != ERR_INVALID || reports != bad_rows[i].reports ||
		    options.appended_digits != 99)
			print_error("row %zu\n", i);
		assert_int_equal(err, ERR_INVALID);
		assert_int_equal(reports, bad_rows[i].reports);
		assert_int_equal(options.appended_digits, 99);
	}
}

static void refuses_a_socket_path_that_no_socket_can_have(void **state)
{
	char word[200] = "socket=/";
	const char *words[] = {word, NULL};
	struct options options;
	unsigned reports;

	(void)state;
	memset(word + 8, 'a', 108);
	assert_int_equal(
	    parse(OPTIONS_AUTH, words, &reports, &options), ERR_INVALID);
	word[7 + 107] = '\0';
	assert_int_equal(
	    parse(OPTIONS_AUTH, words, &reports, &options), ERR_NONE);
}

static void names_services_whole(void **state)
{
	const struct options options = {.without_auth = "cron,sudo-i,su"};
	static const struct {
		const char *service;
		bool listed;
	} rows[] = {
	    {"cron", true},
	    {"sudo-i", true},
	    {"su", true},
	    {"sudo", false},
	    {"cro", false},
	    {"crond", false},
	    {"su-l", false},
	    {"", false},
	    {"cron,sudo-i", false},
	};
	const struct options none = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (options_lists_service(&options, rows[i].service) !=
		    rows[i].listed)
			fail_msg("row %zu", i);
		assert_false(options_lists_service(&none, rows[i].service));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(takes_what_the_contract_lists),
	    cmocka_unit_test(refuses_and_reports_every_mistake),
	    cmocka_unit_test(refuses_a_socket_path_that_no_socket_can_have),
	    cmocka_unit_test(names_services_whole),
	};

	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
