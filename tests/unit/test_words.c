/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every text in both languages: it exists, is UTF-8, fits where it is shown,
 * and no English prompt invites a greeter to answer by itself.
 */
#include "pam_module/words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "shared/text.h"

static const enum words_lang languages[] = {WORDS_ENGLISH, WORDS_JAPANESE};

static void prompts_fit_and_never_say_password(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		for (unsigned p = WORDS_PROMPT_CODE; p <= WORDS_PROMPT_ENROLL;
		     p++) {
			const char *text =
			    words_prompt(languages[i], (enum words_prompt)p);

			assert_true(text_is_name(text, strlen(text)));
			assert_true(
			    words_columns(text) <= WORDS_PROMPT_COLUMNS_MAX);
			assert_null(strcasestr(text, "password"));
		}
	}
	assert_string_equal(
	    words_prompt(WORDS_ENGLISH, WORDS_PROMPT_CODE), "One-time code: ");
	assert_string_equal(words_prompt(WORDS_JAPANESE, WORDS_PROMPT_CODE),
	    "ワンタイムパスワード: ");
	assert_string_equal(words_prompt(WORDS_ENGLISH, (enum words_prompt)77),
	    "One-time code: ");
}

static void every_message_has_both_languages(void **state)
{
	const uint64_t number = 1774915200;

	(void)state;
	for (unsigned m = FRAME_MESSAGE_REFUSED; m <= FRAME_MESSAGE_SHADOW;
	     m++) {
		char texts[2][2][WORDS_MESSAGE_BYTES_MAX];

		if (m == FRAME_MESSAGE_LAST_LOGIN) /* a sentence of its own */
			continue;
		for (size_t i = 0; i < 2; i++) {
			assert_int_equal(words_message(languages[i], m, NULL, 0,
					     texts[i][0]),
			    ERR_NONE);
			assert_int_equal(words_message(languages[i], m, &number,
					     0, texts[i][1]),
			    ERR_NONE);
			assert_true(
			    text_is_name(texts[i][0], strlen(texts[i][0])));
			assert_true(
			    text_is_name(texts[i][1], strlen(texts[i][1])));
			assert_null(strchr(texts[i][1], '%'));
		}
		assert_string_not_equal(texts[0][0], texts[1][0]);
		/* English must be drawable on any console. */
		assert_int_equal(
		    words_columns(texts[0][1]), strlen(texts[0][1]));
	}
}

static void unknown_messages_are_not_found(void **state)
{
	static const unsigned numbers[] = {0, 32, 255, 4000000000U};
	char text[WORDS_MESSAGE_BYTES_MAX] = "same";

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		assert_int_equal(
		    words_message(WORDS_ENGLISH, numbers[i], NULL, 0, text),
		    ERR_NOT_FOUND);
	assert_string_equal(text, "same");
}

static void times_are_local_and_carry_a_foreign_date(void **state)
{
	static const struct {
		enum words_lang lang;
		uint64_t number;
		int64_t now;
		const char *text;
	} rows[] = {
	    {WORDS_ENGLISH, 1774915200, 1774915100,
		"Too many failures. Try again after 09:00:00."},
	    {WORDS_ENGLISH, 1774915200, 1774880000,
		"Too many failures. Try again after 2026-03-31 09:00."},
	    {WORDS_JAPANESE, 1774915200, 1774915100,
		"現在、認証を受け付けていません。09時00分00秒以降にもう一度"
		"お試しください。"},
	    {WORDS_ENGLISH, UINT64_MAX, 0,
		"Too many failures. Try again later."},
	    {WORDS_ENGLISH, 1ULL << 40, 0,
		"Too many failures. Try again later."},
	};
	char text[WORDS_MESSAGE_BYTES_MAX];

	(void)state;
	assert_int_equal(setenv("TZ", "JST-9", 1), 0);
	tzset();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(
		    words_message(rows[i].lang, FRAME_MESSAGE_THROTTLED,
			&rows[i].number, rows[i].now, text),
		    ERR_NONE);
		if (strcmp(text, rows[i].text) != 0)
			fail_msg("row %zu: %s", i, text);
	}
}

static void counts_are_numbers_and_not_times(void **state)
{
	static const struct {
		enum words_lang lang;
		unsigned message;
		uint64_t number;
		const char *text;
	} rows[] = {
	    {WORDS_ENGLISH, FRAME_MESSAGE_PIN_WRONG, 2,
		"Wrong PIN. Tries left: 2."},
	    {WORDS_JAPANESE, FRAME_MESSAGE_PIN_WRONG, 1,
		"暗証番号が違います。残り1回です。"},
	    {WORDS_JAPANESE, FRAME_MESSAGE_PIN_LOW, 2,
		"暗証番号の入力は残り2回です。"},
	    {WORDS_ENGLISH, FRAME_MESSAGE_PIN_LOCKED, 2,
		"PIN locked. Contact IT."},
	};
	char text[WORDS_MESSAGE_BYTES_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(words_message(rows[i].lang, rows[i].message,
				     &rows[i].number, 0, text),
		    ERR_NONE);
		assert_string_equal(text, rows[i].text);
	}
}

static void auto_is_japanese_only_where_it_can_be_read(void **state)
{
	static const struct {
		enum words_lang wanted;
		const char *locale, *tty;
		enum words_lang lang;
	} rows[] = {
	    {WORDS_AUTO, "ja_JP.UTF-8", "pts/0", WORDS_JAPANESE},
	    {WORDS_AUTO, "ja_JP.utf8", NULL, WORDS_JAPANESE},
	    {WORDS_AUTO, "ja.UTF-8", ":0", WORDS_JAPANESE},
	    {WORDS_AUTO, "ja_JP.UTF-8@x", "/dev/pts/3", WORDS_JAPANESE},
	    {WORDS_AUTO, "ja_JP.UTF-8", "ttyS0", WORDS_JAPANESE},
	    {WORDS_AUTO, "ja_JP.UTF-8", "tty1", WORDS_ENGLISH},
	    {WORDS_AUTO, "ja_JP.UTF-8", "/dev/tty12", WORDS_ENGLISH},
	    {WORDS_AUTO, "ja_JP.UTF-8", "/dev/tty", WORDS_ENGLISH},
	    {WORDS_AUTO, "ja_JP.UTF-8", "console", WORDS_ENGLISH},
	    {WORDS_AUTO, "ja_JP.UTF-8", "/dev/console", WORDS_ENGLISH},
	    {WORDS_AUTO, "ja_JP.eucJP", "pts/0", WORDS_ENGLISH},
	    {WORDS_AUTO, "ja_JP", "pts/0", WORDS_ENGLISH},
	    {WORDS_AUTO, "jam.UTF-8", "pts/0", WORDS_ENGLISH},
	    {WORDS_AUTO, "en_US.UTF-8", "pts/0", WORDS_ENGLISH},
	    {WORDS_AUTO, "C", NULL, WORDS_ENGLISH},
	    {WORDS_AUTO, "j", NULL, WORDS_ENGLISH},
	    {WORDS_AUTO, "", NULL, WORDS_ENGLISH},
	    {WORDS_AUTO, NULL, NULL, WORDS_ENGLISH},
	    {WORDS_JAPANESE, NULL, "tty1", WORDS_JAPANESE},
	    {WORDS_ENGLISH, "ja_JP.UTF-8", NULL, WORDS_ENGLISH},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (words_choose(rows[i].wanted, rows[i].locale, rows[i].tty) !=
		    rows[i].lang)
			fail_msg("row %zu", i);
}

static void locale_comes_from_the_first_variable_set(void **state)
{
	(void)state;
	(void)unsetenv("LC_ALL");
	(void)unsetenv("LC_MESSAGES");
	(void)unsetenv("LANG");
	assert_null(words_locale());
	(void)setenv("LANG", "C", 1);
	assert_string_equal(words_locale(), "C");
	(void)setenv("LC_MESSAGES", "ja_JP.UTF-8", 1);
	assert_string_equal(words_locale(), "ja_JP.UTF-8");
	(void)setenv("LC_ALL", "", 1);
	assert_string_equal(words_locale(), "ja_JP.UTF-8");
	(void)setenv("LC_ALL", "en_GB.UTF-8", 1);
	assert_string_equal(words_locale(), "en_GB.UTF-8");
}

static void columns_count_kana_twice(void **state)
{
	(void)state;
	assert_int_equal(words_columns(""), 0);
	assert_int_equal(words_columns("ab: "), 4);
	assert_int_equal(words_columns("コード: "), 8);
}

static void the_last_login_is_a_day_of_the_era(void **state)
{
	static const struct {
		enum words_lang lang;
		int64_t at;
		uint64_t failures;
		const char *text; /* NULL: none */
	} rows[] = {
	    {WORDS_JAPANESE, 1775000000, 2,
		"前回のログイン:令和8年4月1日 8時33分 window-03"
		"(その後の失敗 2回)"},
	    {WORDS_JAPANESE, 1775000000, 0,
		"前回のログイン:令和8年4月1日 8時33分 window-03"},
	    {WORDS_ENGLISH, 1775000000, 0,
		"Last login: 2026-04-01 08:33 window-03"},
	    {WORDS_ENGLISH, 1775000000, 1,
		"Last login: 2026-04-01 08:33 window-03 (1 failure since)"},
	    {WORDS_ENGLISH, 1775000000, 2,
		"Last login: 2026-04-01 08:33 window-03 (2 failures since)"},
	    {WORDS_JAPANESE, 1556636400, 0,
		"前回のログイン:令和元年5月1日 0時0分 window-03"},
	    {WORDS_JAPANESE, 1577804400, 0,
		"前回のログイン:令和2年1月1日 0時0分 window-03"},
	    {WORDS_JAPANESE, 1556636399, 0, NULL},
	    {WORDS_JAPANESE, 0, 0, NULL},
	    {WORDS_JAPANESE, -1, 0, NULL},
	    {WORDS_ENGLISH, INT64_MAX, 0, NULL},
	    {WORDS_ENGLISH, INT64_C(67768000000000000), 0, NULL},
	};

	(void)state;
	(void)setenv("TZ", "JST-9", 1);
	tzset();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct words_last_login last = {.at = rows[i].at,
		    .terminal = "window-03",
		    .failures = rows[i].failures};
		char text[WORDS_MESSAGE_BYTES_MAX] = "";
		enum err err = words_last_login(rows[i].lang, &last, text);

		print_message("row %zu: %s\n", i, text);
		assert_int_equal(err == ERR_NONE, rows[i].text != NULL);
		if (rows[i].text)
			assert_string_equal(text, rows[i].text);
	}
}

/* The longest fits and stays whole characters. */
static void the_longest_last_login_fits(void **state)
{
	char terminal[NAME_BYTES_MAX + 1], text[WORDS_MESSAGE_BYTES_MAX];
	const struct words_last_login last = {
	    .at = 1775000000, .terminal = terminal, .failures = UINT64_MAX};

	(void)state;
	memset(terminal, 'w', NAME_BYTES_MAX);
	terminal[NAME_BYTES_MAX] = '\0';
	assert_int_equal(
	    words_last_login(WORDS_JAPANESE, &last, text), ERR_NONE);
	assert_string_equal(text + strlen(text) - strlen("回)"), "回)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(prompts_fit_and_never_say_password),
	    cmocka_unit_test(every_message_has_both_languages),
	    cmocka_unit_test(unknown_messages_are_not_found),
	    cmocka_unit_test(times_are_local_and_carry_a_foreign_date),
	    cmocka_unit_test(counts_are_numbers_and_not_times),
	    cmocka_unit_test(auto_is_japanese_only_where_it_can_be_read),
	    cmocka_unit_test(locale_comes_from_the_first_variable_set),
	    cmocka_unit_test(columns_count_kana_twice),
	    cmocka_unit_test(the_last_login_is_a_day_of_the_era),
	    cmocka_unit_test(the_longest_last_login_fits),
	};

	return cmocka_run_group_tests_name("words", tests, NULL, NULL);
}
