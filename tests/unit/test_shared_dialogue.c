/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logins on an account of several: whether the number is asked for, what is
 * asked after it, and that nothing of it says whether the number was one of
 * the account's. Each row one login (tests/support/card_scene.h).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pam_module/agent/typed.h"
#include "tests/support/card_scene.h"

#define DENY(reason)                                                           \
	"{\"result\":\"deny\",\"reason\":\"" reason "\",\"retry_at\":99}"

static void the_number_comes_first(void **state)
{
	static const struct row rows[] = {
	    {"number, code", ANY, .asks = true, .looks = {NONE},
		.typed = {"s1", "755224"}, .answer = ACCEPT_ROW,
		.trace = "look PERSON name:s1 CODE send:otp", FRAME_ACCEPT},
	    {"as a Japanese keyboard types it", ANY, .asks = true,
		.looks = {NONE}, .typed = {"　ｓ１ ", "７５５２２４"},
		.answer = ACCEPT_ROW,
		.trace = "look PERSON name:s1 CODE send:otp", FRAME_ACCEPT},
	    {"wrong code", ANY, .asks = true, .looks = {NONE},
		.typed = {"s1", "755224"},
		.trace = "look PERSON name:s1 CODE send:otp", REFUSED},
	    {"both at once", ANY, .asks = true, .looks = {NONE},
		.typed = {"s1/755224"}, .answer = ACCEPT_ROW,
		.trace = "look PERSON name:s1 send:otp", FRAME_ACCEPT},
	    {"emergency code", ANY, .asks = true, .looks = {NONE},
		.typed = {"s1／01234-56789"},
		.trace = "look PERSON name:s1 send:emergency", REFUSED},
	    {"both, and no code", ANY, .asks = true, .looks = {NONE},
		.typed = {"s1/hunter2"},
		.trace = "look PERSON name:s1 send:otp", REFUSED},
	    {"a slash and no code yet", ANY, .asks = true, .looks = {NONE},
		.typed = {"s1/", "755224"},
		.trace = "look PERSON name:s1 CODE send:otp", REFUSED},
	    {"what is no number", ANY, .asks = true, .looks = {NONE},
		.typed = {"my, password", "755224"},
		.trace = "look PERSON name:- CODE send:otp", REFUSED},
	    {"codes only", CODES, .asks = true, .typed = {"s1", "755224"},
		.trace = "PERSON name:s1 CODE send:otp", REFUSED},
	    {"by the account's own user", CODES, .asks = true, .own = true,
		.unproven = true, .typed = {"s1", "755224"},
		.trace = "PERSON name:s1 CODE send:otp", FRAME_DENY},
	    {"nothing at all", CODES, .asks = true, .typed = {""},
		.trace = "PERSON send:empty", REFUSED},
	    {"a number is said once", CODES, .asks = true,
		.typed = {"s1", "s2/755224"},
		.trace = "PERSON name:s1 CODE send:otp", REFUSED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		scene_check(&rows[i]);
}

static void a_card_says_who_it_is(void **state)
{
	static const struct row rows[] = {
	    {"card there", ANY, .asks = true, .looks = {HERE},
		.typed = {"1234"}, .signs = {SIGNS}, .answer = ACCEPT_ROW,
		.trace = "look PIN sign:1234 send:card shut", FRAME_ACCEPT},
	    {"card there, but a number", ANY, .asks = true, .looks = {HERE},
		.typed = {"", "s1", "755224"},
		.trace = "look PIN shut PERSON name:s1 CODE send:otp", REFUSED},
	    {"card put in instead of a number", ANY, .asks = true,
		.looks = {NONE, HERE}, .typed = {"", "", "1234"},
		.signs = {SIGNS}, .answer = ACCEPT_ROW,
		.trace = "look PERSON CARD look PIN sign:1234 send:card shut",
		FRAME_ACCEPT},
	    {"card put in after the number", ANY, .asks = true,
		.looks = {NONE, HERE}, .typed = {"s1", "", "", "1234"},
		.signs = {SIGNS}, .answer = ACCEPT_ROW,
		.trace = "look PERSON name:s1 CODE CARD look PIN sign:1234 "
			 "send:card shut",
		FRAME_ACCEPT},
	    {"card demanded", CARD_ONLY, .asks = true, .looks = {NONE, HERE},
		.typed = {"", "1234"}, .signs = {SIGNS}, .answer = ACCEPT_ROW,
		.trace = "look CARD look PIN sign:1234 send:card shut",
		FRAME_ACCEPT},
	    {"no card in the whole town", ANY, .asks = true, .no_tags = true,
		.typed = {"s1", ""}, .trace = "PERSON name:s1 CODE send:empty",
		REFUSED},
	    {"too many cards to be named", ANY, .asks = true, .later = true,
		.looks = {NONE}, .typed = {"s1", "755224"},
		.trace = "PERSON name:s1 look CODE send:otp", REFUSED},
	    {"the same where a card is demanded", CARD_ONLY, .asks = true,
		.later = true, .looks = {NONE, NONE, NONE, NONE},
		.typed = {"s1", "", "", ""},
		.trace = "PERSON name:s1 look CARD look CARD<absent> look "
			 "CARD<absent> look send:empty-card",
		FRAME_DENY, FRAME_MESSAGE_CARD_ABSENT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		scene_check(&rows[i]);
}

/* Whatever is wrong with a number, the same is asked and the same is said. */
static void every_number_looks_alike(void **state)
{
	static const char *const answers[] = {DENY("wrong"), DENY("used"),
	    DENY("throttled"), DENY("disabled"), DENY("suspended"),
	    DENY("frozen"), DENY("not_enrolled"), DENY("not_permitted"),
	    DENY("expired")};
	static const struct row forms[] = {
	    {"code", ANY, .asks = true, .looks = {NONE},
		.typed = {"s1", "755224"},
		.trace = "look PERSON name:s1 CODE send:", REFUSED},
	    {"at once", ANY, .asks = true, .looks = {NONE},
		.typed = {"s1/755224"},
		.trace = "look PERSON name:s1 send:", REFUSED},
	    {"nothing", ANY, .asks = true, .looks = {NONE, NONE},
		.typed = {"s1", "", ""},
		.trace = "look PERSON name:s1 CODE CARD look send:", FRAME_DENY,
		FRAME_MESSAGE_CARD_ABSENT},
	    {"another's card", ANY, .asks = true, .looks = {OTHER, OTHER, NONE},
		.typed = {"s1", "", "", ""},
		.trace = "look PERSON<other> name:s1 CODE CARD look "
			 "CARD<other> look send:",
		FRAME_DENY, FRAME_MESSAGE_CARD_ABSENT},
	    {"unproven", ANY, .unproven = true, .typed = {"s1/755224"},
		.looks = {NONE},
		.trace = "look CODE name:s1 send:", FRAME_DENY},
	    {"once", CODES, .unproven = true, .once = true,
		.typed = {"s1/755224"},
		.trace = "CODE name:s1 send:", FRAME_DENY},
	};

	(void)state;
	for (size_t form = 0; form < sizeof(forms) / sizeof(forms[0]); form++)
		for (size_t i = 0; i < 2 * sizeof(answers) / sizeof(answers[0]);
		     i++) {
			struct row row = forms[form];
			struct scene *scene = calloc(1, sizeof(*scene));
			struct login_verdict verdict = {0};

			assert_non_null(scene);
			*(i % 2 ? &row.named : &row.answer) = answers[i / 2];
			assert_int_equal(
			    scene_play(scene, &row, NULL, &verdict), ERR_NONE);
			if (strncmp(scene->trace, row.trace,
				strlen(row.trace)) != 0 ||
			    verdict.result != row.result ||
			    verdict.message != row.message ||
			    verdict.number != row.number || scene->calls != 3)
				fail_msg("%s, %s: %s, result %d, message %d",
				    row.name, answers[i / 2], scene->trace,
				    (int)verdict.result, (int)verdict.message);
			free(scene);
		}
}

static void what_is_no_refusal_is_told(void **state)
{
	static const struct row rows[] = {
	    {"grace", ANY, .asks = true, .looks = {NONE}, .typed = {"s1"},
		.named = ACCEPT_ROW, .trace = "look PERSON name:s1",
		FRAME_ACCEPT},
	    {"exempt", ANY, .asks = true, .looks = {NONE}, .typed = {"s1"},
		.named = "{\"result\":\"exempt\",\"rule\":\"r\"}",
		.trace = "look PERSON name:s1", FRAME_EXEMPT},
	    {"clock", ANY, .asks = true, .looks = {NONE}, .typed = {"s1"},
		.named = DENY("clock"), .trace = "look PERSON name:s1",
		FRAME_DENY_UNAVAILABLE, FRAME_MESSAGE_CLOCK},
	    {"nobody there", ANY, .asks = true, .looks = {NONE},
		.typed = {"s1"}, .named = NOBODY,
		.trace = "look PERSON name:s1", FRAME_DENY_UNAVAILABLE,
		FRAME_MESSAGE_UNAVAILABLE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		scene_check(&rows[i]);
}

/* A line with appended= has one answer, and it is a code. */
static void who_answers_once_is_not_asked(void **state)
{
	static const struct row row = {"", ANY, .asks = true, .once = true,
	    .typed = {"755224"}, .trace = "CODE send:otp", REFUSED};
	struct scene *scene = calloc(1, sizeof(*scene));
	struct login_verdict verdict = {0};

	(void)state;
	scene_check(&row);
	assert_int_equal(scene_play(scene, &row, NULL, &verdict), ERR_NONE);
	assert_true(verdict.needs_person);
	free(scene);
}

/* As long as nobody has said that it is shared, nothing does. */
static void a_refused_account_is_asked_as_before(void **state)
{
	static const struct row shared = {"", CODES, .asks = true, .own = true,
	    .unproven = true, .typed = {""}};
	static const struct row refused = {
	    "", CODES, .own = true, .unproven = true, .typed = {"", ""}};
	static const struct row stranger = {
	    "", CODES, .unproven = true, .typed = {"", ""}};
	struct login_shapes shapes = {.lock = PTHREAD_MUTEX_INITIALIZER};
	static const struct {
		const struct row *row;
		const char *trace;
	} steps[] = {
	    {&refused, "CODE"},
	    {&shared, "PERSON"},
	    {&refused, "PERSON"},
	    {&stranger, "CODE"},
	    {NULL, ""},
	    {&refused, "CODE"},
	};
	static const struct row alone = {
	    "", CODES, .own = true, .unproven = true, .typed = {""}};

	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		const struct row *row = steps[i].row ? steps[i].row : &alone;
		struct scene *scene = calloc(1, sizeof(*scene));
		struct login_verdict verdict = {0};

		assert_non_null(scene);
		if (row == &refused || row == &stranger)
			snprintf(scene->challenge, BODY_SIZE, DENY("frozen"));
		assert_int_equal(
		    scene_play(scene, row, &shapes, &verdict), ERR_NONE);
		assert_memory_equal(
		    scene->trace, steps[i].trace, strlen(steps[i].trace));
		assert_int_equal(verdict.result, FRAME_DENY);
		free(scene);
	}
}

static void what_is_sent_says_who(void **state)
{
	static const struct row row = {"", CODES, .asks = true, .own = true,
	    .typed = {"s1", "755224"}, .answer = ACCEPT_ROW};
	struct scene *scene = calloc(1, sizeof(*scene));
	struct login_verdict verdict = {0};

	(void)state;
	assert_non_null(scene);
	assert_int_equal(scene_play(scene, &row, NULL, &verdict), ERR_NONE);
	assert_non_null(strstr(scene->begun, "\"user\":\"s1042\""));
	assert_non_null(strstr(scene->begun, "\"person\":\"s1\""));
	assert_non_null(strstr(scene->begun, "\"own_account\":true"));
	assert_null(strstr(scene->begun, "755224"));
	assert_string_equal(verdict.person, "s1042");
	free(scene);
}

static void numbers_are_read_as_people_mean_them(void **state)
{
	static const struct {
		const char *typed, *number, *rest;
	} rows[] = {
	    {"", "", ""},
	    {" \t　", "", ""},
	    {"1042", "1042", ""},
	    {" s1042 ", "s1042", ""},
	    {"１０４２", "1042", ""},
	    {"Ｓ１０４２", "S1042", ""},
	    {"10 42", "1042", ""},
	    {"1042/", "1042", ""},
	    {"1042/755 224", "1042", "755 224"},
	    {"1042／７５５２２４", "1042", "７５５２２４"},
	    {"/755224", "", "755224"},
	    {"a/b/c", "a", "b/c"},
	    {"-x", "-", ""},
	    {".x", "-", ""},
	    {"my,password", "-", ""},
	    {"職員", "-", ""},
	    {"職員/755224", "-", "755224"},
	    {"\xef\xbc", "-", ""},
	    {"\xff", "-", ""},
	    {"ｱ", "-", ""},
	};
	char longest[NAME_BYTES_MAX + 2], number[NAME_BYTES_MAX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *typed = rows[i].typed;
		size_t at = typed_number(typed, strlen(typed), number);

		print_message("row %zu\n", i);
		assert_string_equal(number, rows[i].number);
		assert_string_equal(typed + at, rows[i].rest);
	}
	memset(longest, '7', sizeof(longest));
	assert_int_equal(
	    typed_number(longest, NAME_BYTES_MAX, number), NAME_BYTES_MAX);
	assert_int_equal(strlen(number), NAME_BYTES_MAX);
	assert_int_equal(typed_number(longest, NAME_BYTES_MAX + 1, number),
	    NAME_BYTES_MAX + 1);
	assert_string_equal(number, TYPED_NO_NUMBER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_number_comes_first),
	    cmocka_unit_test(a_card_says_who_it_is),
	    cmocka_unit_test(every_number_looks_alike),
	    cmocka_unit_test(what_is_no_refusal_is_told),
	    cmocka_unit_test(who_answers_once_is_not_asked),
	    cmocka_unit_test(a_refused_account_is_asked_as_before),
	    cmocka_unit_test(what_is_sent_says_who),
	    cmocka_unit_test(numbers_are_read_as_people_mean_them),
	};

	return cmocka_run_group_tests_name(
	    "shared_dialogue", tests, NULL, NULL);
}
