/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people and applications type or fail to type, what they are shown,
 * and codes appended to the login password.
 */
#include "tests/support/pam_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const struct fake_step wrong_if_asked[] = {
    READ, ASK, READ, VERDICT(FRAME_DENY), END};
static const struct fake_step accepts[] = {
    READ, ASK, READ, VERDICT(FRAME_ACCEPT), END};

static int login(struct pam_host *host, const char *options, int flags,
    const struct fake_step *steps, const char *const *answers)
{
	char module[HOST_PATH_MAX], lines[512];
	int result;

	host_module_path("pam_sekimori.so", module);
	(void)snprintf(lines, sizeof(lines),
	    "auth required @ %s\nauth required pam_permit.so", options);
	host_open(host, module, lines, steps, answers);
	result = pam_authenticate(host->pamh, flags);
	host_close(host);
	return result;
}

static const char digits_64[] =
    "1234567812345678123456781234567812345678123456781234567812345678";
static const char digits_65[] =
    "12345678123456781234567812345678123456781234567812345678123456781";
static const char long_511[] = {[0 ... 510] = '7', '\0'};
static const char long_512[] = {[0 ... 511] = '7', '\0'};
static const char long_9000[] = {[0 ... 8999] = '7', '\0'};

/* sent is NULL where the answer must never leave the module. */
static const struct answer_row {
	const char *answer;
	const char *sent;
	int code;
} answer_rows[] = {
    {"755224", "755224", PAM_AUTH_ERR},
    {"", "", PAM_AUTH_ERR},
    {digits_64, digits_64, PAM_AUTH_ERR},
    {digits_65, "", PAM_AUTH_ERR},
    {long_511, "", PAM_AUTH_ERR},
    {long_512, "", PAM_AUTH_ERR},
    {long_9000, "", PAM_AUTH_ERR},
    {"\b\n\r\177INCORRECT", "", PAM_AUTH_ERR},
    {"75\x1b[2J", "", PAM_AUTH_ERR},
    {"\xff\xfe", "", PAM_AUTH_ERR},
    {HOST_NULL_ANSWER, NULL, PAM_CONV_ERR},
    {HOST_NO_RESPONSE, NULL, PAM_CONV_ERR},
    {HOST_FAILS, NULL, PAM_CONV_ERR},
    {HOST_CHANGES_USER, NULL, PAM_AUTH_ERR},
};

static void check_answer(size_t row, const char *options)
{
	const struct answer_row *expected = &answer_rows[row];
	const char *const answers[] = {expected->answer, NULL};
	struct pam_host host;
	int code = login(&host, options, 0, wrong_if_asked, answers);

	if (code != expected->code ||
	    host.seen.answers != (expected->sent ? 1U : 0U) ||
	    host.seen.cancels != (expected->sent ? 0U : 1U))
		fail_msg("row %zu: %s, %u answers, %u cancels", row,
		    pam_strerror(NULL, code), host.seen.answers,
		    host.seen.cancels);
	if (expected->sent)
		assert_string_equal(host.seen.answer[0], expected->sent);
}

static void whatever_is_typed_is_sent_or_cancelled(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(answer_rows) / sizeof(answer_rows[0]);
	     i++) {
		check_answer(i, "");
		check_answer(i, "explain nullok");
	}
}

/* An agent that would accept anything must not be told a stranger's code. */
static void a_changed_user_never_gets_in(void **state)
{
	static const char *const answers[] = {HOST_CHANGES_USER, NULL};
	struct pam_host host;

	(void)state;
	assert_int_equal(
	    login(&host, "explain", 0, accepts, answers), PAM_AUTH_ERR);
	assert_int_equal(host.seen.answers, 0);
}

static const struct fake_step talks[] = {READ,
    TELL(FRAME_MESSAGE_EMERGENCY_UNTIL), ASK_SAYING(FRAME_MESSAGE_USED), READ,
    {.action = FAKE_VERDICT,
	.value = FRAME_DENY_LOCKED,
	.message = FRAME_MESSAGE_DISABLED},
    END};
static const struct fake_step refuses[] = {READ, ASK, READ,
    {.action = FAKE_VERDICT, .message = FRAME_MESSAGE_REFUSED}, END};
static const struct fake_step asks_for_a_card[] = {READ,
    ASK_FOR(FRAME_PROMPT_CARD), READ,
    {.action = FAKE_ASK,
	.value = FRAME_PROMPT_PIN,
	.message = FRAME_MESSAGE_PIN_WRONG,
	.number = 2},
    READ, ASK_FOR(FRAME_PROMPT_LAST_TRY), READ, ASK_FOR(FRAME_PROMPT_PIN_PAD),
    READ,
    {.action = FAKE_VERDICT,
	.value = FRAME_DENY_LOCKED,
	.message = FRAME_MESSAGE_PIN_LOCKED},
    END};
static const struct fake_step asks_who_it_is[] = {READ,
    ASK_FOR(FRAME_PROMPT_PERSON), READ, ASK, READ, VERDICT(FRAME_DENY), END};
static const struct fake_step unheard_of[] = {
    READ, TELL(200), ASK_SAYING(99), READ, VERDICT(FRAME_ACCEPT), END};

static const struct shown_row {
	const char *options;
	int flags;
	const struct fake_step *steps;
	const char *shown;
} shown_rows[] = {
    {"lang=en explain", 0, talks,
	"I:Signed in with emergency code.|"
	"P:Code already used. Wait for the next one.\nOne-time code: |"
	"E:Sign-in unavailable. Contact IT.|"},
    {"lang=en explain", PAM_SILENT, talks,
	"P:Code already used. Wait for the next one.\nOne-time code: |"},
    {"lang=en", 0, talks, "P:One-time code: |"},
    {"lang=ja", 0, talks, "P:ワンタイムパスワード: |"},
    {"lang=ja explain", PAM_SILENT, talks,
	"P:この番号は使用済みです。次の番号に変わってから入力してください。\n"
	"ワンタイムパスワード: |"},
    {"lang=en", 0, refuses,
	"P:One-time code: |E:Authentication failed. Please try again.|"},
    {"lang=en", PAM_SILENT, refuses, "P:One-time code: |"},
    {"[prompt=Token, please: ]", 0, refuses,
	"P:Token, please: |E:Authentication failed. Please try again.|"},
    {"lang=en explain [prompt=Token, please: ]", 0, asks_for_a_card,
	"P:Insert card, Enter: |P:Wrong PIN. Tries left: 2.\nPIN: |"
	"P:Last try (yes/no): |P:PIN on reader, Enter: |"
	"E:PIN locked. Contact IT.|"},
    {"lang=ja", 0, asks_for_a_card,
	"P:カードを入れEnter: |P:暗証番号: |P:最後の1回 yes/no: |"
	"P:読取機で入力後Enter: |"},
    /* U: with echo; a number is no secret, and shown it is typed right. */
    {"lang=en", 0, asks_who_it_is, "U:Staff number: |P:One-time code: |"},
    {"lang=ja explain [prompt=Token: ]", 0, asks_who_it_is,
	"U:職員番号: |P:Token: |"},
    {"lang=en explain", 0, unheard_of, "P:One-time code: |"},
    {"lang=en explain", 0, NULL,
	"E:Sign-in service out of reach. Contact IT.|"},
    {"lang=en explain", PAM_SILENT, NULL, ""},
    {"lang=en", 0, NULL, ""},
};

static void shows_what_may_be_shown(void **state)
{
	static const char *const answers[] = {"1", NULL};

	(void)state;
	for (size_t i = 0; i < sizeof(shown_rows) / sizeof(shown_rows[0]);
	     i++) {
		struct pam_host host;

		(void)login(&host, shown_rows[i].options, shown_rows[i].flags,
		    shown_rows[i].steps, answers);
		if (strcmp(host.shown, shown_rows[i].shown) != 0)
			fail_msg("row %zu: %s", i, host.shown);
	}
}

static void tells_the_agent_who_what_and_where_from(void **state)
{
	static const char *const answers[] = {"1", NULL};
	char module[HOST_PATH_MAX];

	(void)state;
	host_module_path("pam_sekimori.so", module);
	for (int explained = 0; explained < 2; explained++) {
		struct pam_host host;

		host_open(&host, module,
		    explained ? "auth required @ explain" : "auth required @",
		    wrong_if_asked, answers);
		(void)pam_set_item(host.pamh, PAM_TTY, "pts/7");
		(void)pam_set_item(host.pamh, PAM_RHOST,
		    explained ? "192.0.2.7" : "evil\nhost");
		(void)pam_authenticate(host.pamh, 0);
		host_close(&host);
		assert_string_equal(host.seen.user, "alice");
		assert_string_equal(host.seen.service, "gate");
		assert_string_equal(host.seen.tty, "pts/7");
		assert_string_equal(
		    host.seen.rhost, explained ? "192.0.2.7" : "");
		assert_int_equal(host.seen.first_factor, explained);
		assert_int_equal(host.seen.once, 0);
	}
}

static void a_name_no_frame_can_carry_is_asked_like_everyone(void **state)
{
	static const char *const answers[] = {"755224", NULL};
	static const char *const names[] = {"a\nb", "\xff", long_512};
	char module[HOST_PATH_MAX];

	(void)state;
	host_module_path("pam_sekimori.so", module);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct pam_host host;

		host_open(&host, module,
		    "auth required @ lang=en\nauth required pam_permit.so",
		    accepts, answers);
		(void)pam_set_item(host.pamh, PAM_USER, names[i]);
		assert_int_equal(pam_authenticate(host.pamh, 0), PAM_AUTH_ERR);
		host_close(&host);
		assert_string_equal(host.shown, "P:One-time code: |");
		assert_int_equal(host.seen.connections, 0);
	}
}

/* --- appended= ------------------------------------------------------------ */

static void script_write(const char *dir)
{
	char path[HOST_PATH_MAX + 8];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/script", dir);
	file = fopen(path, "we");
	assert_non_null(file);
	(void)fprintf(file, "#!/bin/sh\nexec cat >%s/out\n", dir);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0755), 0);
}

/* What the module behind ours was handed as password. */
static void rest_read(const char *dir, char *out, size_t out_size)
{
	char path[HOST_PATH_MAX + 8];
	size_t length;
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/out", dir);
	file = fopen(path, "re");
	assert_non_null(file);
	length = fread(out, 1, out_size - 1, file);
	out[length] = '\0';
	(void)fclose(file);
}

static const struct appended_row {
	const char *option, *typed, *sent, *rest;
} appended_rows[] = {
    {"appended=6", "secret755224", "755224", "secret"},
    {"appended=8", "secret12755224", "12755224", "secret"},
    {"appended=6", "12345678", "345678", "12"},
    {"appended=6", "755224", "755224", ""},
    {"appended=6", "secret", "", "secret"},
    {"appended=6", "secret75522", "", "secret75522"},
    {"appended=6", "secret75522x", "", "secret75522x"},
    {"appended=6", "12", "", "12"},
    {"appended=6", "", "", ""},
    {"appended=6", "暗証755224", "755224", "暗証"},
};

static void appended_codes_are_cut_and_the_rest_handed_on(void **state)
{
	char module[HOST_PATH_MAX];

	(void)state;
	host_module_path("pam_sekimori.so", module);
	for (size_t i = 0; i < sizeof(appended_rows) / sizeof(appended_rows[0]);
	     i++) {
		const struct appended_row *row = &appended_rows[i];
		const char *const answers[] = {row->typed, HOST_FAILS, NULL};
		char lines[512], rest[64];
		struct pam_host host;

		(void)snprintf(lines, sizeof(lines),
		    "auth optional @ lang=en %s\n"
		    "auth required pam_exec.so quiet expose_authtok %%/script",
		    row->option);
		host_open(&host, module, lines, accepts, answers);
		script_write(host.dir);
		assert_int_equal(pam_authenticate(host.pamh, 0), PAM_SUCCESS);
		rest_read(host.dir, rest, sizeof(rest));
		host_close(&host);
		if (strcmp(rest, row->rest) != 0 || host.seen.answers != 1 ||
		    strcmp(host.seen.answer[0], row->sent) != 0)
			fail_msg("row %zu: rest \"%s\", sent \"%s\"", i, rest,
			    host.seen.answer[0]);
		assert_string_equal(host.shown, "P:Passphrase and code: |");
		assert_int_equal(host.seen.first_factor, FRAME_UNPROVEN);
		assert_int_equal(host.seen.once, 1);
	}
}

static void appended_takes_what_another_module_asked_for(void **state)
{
	static const char *const answers[] = {
	    "abc111111222222", HOST_FAILS, NULL};
	char module[HOST_PATH_MAX];
	struct pam_host host;

	(void)state;
	host_module_path("pam_sekimori.so", module);
	host_open(&host, module,
	    "auth required @ appended=6\nauth required @ appended=6", accepts,
	    answers);
	assert_int_equal(pam_authenticate(host.pamh, 0), PAM_SUCCESS);
	host_close(&host);
	assert_int_equal(host.asked, 1);
	assert_int_equal(host.seen.answers, 2);
	assert_string_equal(host.seen.answer[0], "222222");
	assert_string_equal(host.seen.answer[1], "111111");
}

static void appended_answers_once_only(void **state)
{
	static const struct fake_step asks_twice[] = {
	    READ, ASK, READ, ASK, READ, VERDICT(FRAME_ACCEPT), END};
	static const char *const answers[] = {"secret755224", NULL};
	struct pam_host host;

	(void)state;
	assert_int_equal(
	    login(&host, "appended=6", 0, asks_twice, answers), PAM_AUTH_ERR);
	assert_int_equal(host.asked, 1);
	assert_int_equal(host.seen.answers, 1);
	assert_int_equal(host.seen.cancels, 1);
}

/* Neither a code nor the password before it is anybody's PIN. */
static void appended_never_answers_a_card(void **state)
{
	static const enum frame_prompt prompts[] = {FRAME_PROMPT_PIN,
	    FRAME_PROMPT_CARD, FRAME_PROMPT_LAST_TRY, FRAME_PROMPT_PIN_PAD,
	    FRAME_PROMPT_PERSON};
	static const char *const answers[] = {"secret755224", NULL};

	(void)state;
	for (size_t i = 0; i < sizeof(prompts) / sizeof(prompts[0]); i++) {
		const struct fake_step steps[] = {READ, ASK_FOR(prompts[i]),
		    READ, VERDICT(FRAME_ACCEPT), END};
		struct pam_host host;

		assert_int_equal(login(&host, "appended=6", 0, steps, answers),
		    PAM_AUTH_ERR);
		assert_int_equal(host.asked, 1);
		assert_int_equal(host.seen.answers, 0);
		assert_int_equal(host.seen.cancels, 1);
	}
}

static void a_pin_is_asked_for_and_never_taken_from_the_stack(void **state)
{
	static const struct fake_step steps[] = {
	    READ, ASK_FOR(FRAME_PROMPT_PIN), READ, VERDICT(FRAME_ACCEPT), END};
	static const char *const answers[] = {"password", digits_64, NULL};
	char module[HOST_PATH_MAX];
	struct pam_host host;

	(void)state;
	host_module_path("pam_sekimori.so", module);
	host_open(&host, module,
	    "auth optional @ appended=6\nauth required @ lang=en", steps,
	    answers);
	assert_int_equal(pam_authenticate(host.pamh, 0), PAM_SUCCESS);
	host_close(&host);
	assert_int_equal(host.asked, 2);
	assert_int_equal(host.seen.answers, 1);
	assert_string_equal(host.seen.answer[0], digits_64);
}

static void appended_without_an_answer_fails_the_conversation(void **state)
{
	static const char *const rows[] = {
	    HOST_FAILS, HOST_NULL_ANSWER, HOST_NO_RESPONSE};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		const char *const answers[] = {rows[i], NULL};
		struct pam_host host;

		assert_int_equal(
		    login(&host, "appended=6", 0, accepts, answers),
		    PAM_CONV_ERR);
		assert_int_equal(host.seen.connections, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(whatever_is_typed_is_sent_or_cancelled),
	    cmocka_unit_test(a_changed_user_never_gets_in),
	    cmocka_unit_test(shows_what_may_be_shown),
	    cmocka_unit_test(tells_the_agent_who_what_and_where_from),
	    cmocka_unit_test(a_name_no_frame_can_carry_is_asked_like_everyone),
	    cmocka_unit_test(appended_codes_are_cut_and_the_rest_handed_on),
	    cmocka_unit_test(appended_takes_what_another_module_asked_for),
	    cmocka_unit_test(appended_answers_once_only),
	    cmocka_unit_test(appended_never_answers_a_card),
	    cmocka_unit_test(a_pin_is_asked_for_and_never_taken_from_the_stack),
	    cmocka_unit_test(appended_without_an_answer_fails_the_conversation),
	};

	if (!fake_become_root()) {
		print_message("skipped: needs root or user namespaces\n");
		return 0;
	}
	return cmocka_run_group_tests_name(
	    "pam_conversation", tests, NULL, NULL);
}
