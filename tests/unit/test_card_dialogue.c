/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which factor a person takes and what becomes of a card's tries: every way
 * through the dialogue, each row one login (tests/support/card_scene.h).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pam_module/agent/card_dialogue.h"
#include "tests/support/card_scene.h"

static void the_person_chooses_without_a_menu(void **state)
{
	static const struct row rows[] = {
	    {"card there", ANY, .looks = {HERE}, .typed = {"1234"},
		.signs = {SIGNS}, .answer = ACCEPT_ROW,
		.trace = "look PIN sign:1234 send:card shut", FRAME_ACCEPT},
	    {"no card, code", ANY, .looks = {NONE}, .typed = {"755224"},
		.trace = "look CODE send:otp", REFUSED},
	    {"no card, emergency code", ANY, .looks = {NONE},
		.typed = {"01234 56789"}, .trace = "look CODE send:emergency",
		REFUSED},
	    {"no card, nothing typed, card put in", ANY, .looks = {NONE, HERE},
		.typed = {"", "", "1234"}, .signs = {SIGNS},
		.answer = ACCEPT_ROW,
		.trace = "look CODE CARD look PIN sign:1234 send:card shut",
		FRAME_ACCEPT},
	    {"nothing at all", ANY, .looks = {NONE, NONE}, .typed = {"", ""},
		.trace = "look CODE CARD look send:empty", .result = FRAME_DENY,
		.message = FRAME_MESSAGE_CARD_ABSENT},
	    {"card there, but a code", ANY, .looks = {HERE},
		.typed = {"", "755224"}, .trace = "look PIN shut CODE send:otp",
		REFUSED},
	    {"to the code and back", ANY, .looks = {HERE, HERE},
		.typed = {"", "", "", "1234"}, .signs = {SIGNS},
		.answer = ACCEPT_ROW,
		.trace =
		    "look PIN shut CODE CARD look PIN sign:1234 send:card shut",
		FRAME_ACCEPT},
	    {"to and fro without end", ANY, .looks = {HERE, HERE},
		.typed = {"", "", "", "", ""},
		.trace = "look PIN shut CODE CARD look PIN shut CODE "
			 "send:empty",
		REFUSED},
	    {"card demanded", CARD_ONLY, .looks = {NONE, HERE},
		.typed = {"", "1234"}, .signs = {SIGNS}, .answer = ACCEPT_ROW,
		.trace = "look CARD look PIN sign:1234 send:card shut",
		FRAME_ACCEPT},
	    {"card demanded, never there", CARD_ONLY,
		.looks = {NONE, NONE, NONE, NONE}, .typed = {"", "", ""},
		.trace = "look CARD look CARD<absent> look CARD<absent> look "
			 "send:empty-card",
		.result = FRAME_DENY, .message = FRAME_MESSAGE_CARD_ABSENT},
	    {"no card by policy", CODES, .typed = {"755224"},
		.trace = "CODE send:otp", REFUSED},
	    {"no card by policy, tags all the same", CODES, .typed = {""},
		.trace = "CODE send:empty", REFUSED},
	    {"no card in the whole town", ANY, .no_tags = true, .typed = {""},
		.trace = "CODE send:empty", REFUSED},
	    {"card demanded, none in the whole town", CARD_ONLY,
		.no_tags = true, .typed = {""}, .trace = "CARD send:empty-card",
		REFUSED},
	    {"a certificate that does not say who we are", ANY,
		.no_terminal = true, .typed = {""}, .trace = "CODE send:empty",
		REFUSED},
	    {"who answers once is asked for a code", ANY, .once = true,
		.typed = {"755224"}, .trace = "CODE send:otp", REFUSED},
	    {"the same where a card is demanded", CARD_ONLY, .once = true,
		.typed = {""}, .trace = "CODE send:empty", REFUSED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		scene_check(&rows[i]);
}

static void a_wrong_card_is_said_to_be_one(void **state)
{
	static const struct row rows[] = {
	    {"somebody else's card", ANY, .looks = {OTHER}, .typed = {"755224"},
		.trace = "look CODE<other> send:otp", REFUSED},
	    {"two of his own", ANY, .looks = {SEVERAL}, .typed = {"755224"},
		.trace = "look CODE<several> send:otp", REFUSED},
	    {"broken reader", ANY, .looks = {TROUBLE}, .typed = {"755224"},
		.trace = "look CODE<trouble> send:otp", REFUSED},
	    {"wrong card, then the right one", CARD_ONLY,
		.looks = {OTHER, SEVERAL, HERE}, .typed = {"", "", "1234"},
		.signs = {SIGNS}, .answer = ACCEPT_ROW,
		.trace =
		    "look CARD<other> look CARD<several> look PIN sign:1234 send:card shut",
		FRAME_ACCEPT},
	    {"wrong cards without end", CARD_ONLY,
		.looks = {OTHER, OTHER, OTHER, OTHER}, .typed = {"", "", ""},
		.trace = "look CARD<other> look CARD<other> look CARD<other> "
			 "look send:empty-card",
		.result = FRAME_DENY, .message = FRAME_MESSAGE_CARD_OTHER},
	    {"wrong card on asking", ANY, .looks = {NONE, OTHER, NONE},
		.typed = {"", "", ""},
		.trace = "look CODE CARD look CARD<other> look send:empty",
		.result = FRAME_DENY, .message = FRAME_MESSAGE_CARD_ABSENT},
	    {"a child that found what was not asked for", ANY,
		.looks = {SEEN(CARD_PIN_FINE, -1, false, 8, KEY + 1)},
		.typed = {"755224"},
		.trace = "look shut CODE<trouble> send:otp", REFUSED},
	    {"what is typed for a card is nobody's code", ANY,
		.looks = {NONE, NONE}, .typed = {"", "1234"},
		.trace = "look CODE CARD look send:empty", .result = FRAME_DENY,
		.message = FRAME_MESSAGE_CARD_ABSENT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		scene_check(&rows[i]);
}

static void tries_are_shown_and_the_last_is_not_spent(void **state)
{
	static const struct row rows[] = {
	    {"wrong, then right", ANY, .looks = {HERE},
		.typed = {"9999", "1234"}, .signs = {MISS(2), SIGNS},
		.answer = ACCEPT_ROW,
		.trace =
		    "look PIN sign:9999 PIN<wrong 2> sign:1234 send:card shut",
		FRAME_ACCEPT},
	    {"wrong, tries not told", ANY, .looks = {HERE},
		.typed = {"9999", "1234"}, .signs = {MISS(-1), SIGNS},
		.answer = ACCEPT_ROW,
		.trace =
		    "look PIN sign:9999 PIN<wrong> sign:1234 send:card shut",
		FRAME_ACCEPT},
	    {"three times wrong", ANY, .looks = {HERE},
		.typed = {"9999", "8888", "7777"},
		.signs = {MISS(9), MISS(8), MISS(7)},
		.trace = "look PIN sign:9999 PIN<wrong 9> sign:8888 "
			 "PIN<wrong 8> sign:7777 shut send:empty",
		.result = FRAME_DENY, .message = FRAME_MESSAGE_PIN_WRONG,
		.number = 7},
	    {"few left before", ANY, .looks = {LOW(2)}, .typed = {"1234"},
		.signs = {SIGNS}, .answer = ACCEPT_ROW,
		.trace = "look PIN<low 2> sign:1234 send:card shut",
		FRAME_ACCEPT},
	    {"last left before, yes", ANY, .looks = {FINAL},
		.typed = {"yes", "1234"}, .signs = {SIGNS},
		.answer = ACCEPT_ROW,
		.trace = "look LAST<low 1> PIN sign:1234 send:card shut",
		FRAME_ACCEPT},
	    {"yes in Japanese", ANY, .looks = {FINAL},
		.typed = {"はい", "1234"}, .signs = {SIGNS},
		.answer = ACCEPT_ROW,
		.trace = "look LAST<low 1> PIN sign:1234 send:card shut",
		FRAME_ACCEPT},
	    {"a short one", ANY, .looks = {FINAL}, .typed = {"Y", "1234"},
		.signs = {SIGNS}, .answer = ACCEPT_ROW,
		.trace = "look LAST<low 1> PIN sign:1234 send:card shut",
		FRAME_ACCEPT},
	    {"last by count, not by flag", ANY, .looks = {LOW(1)},
		.typed = {"no", "755224"},
		.trace = "look LAST<low 1> shut CODE send:otp", REFUSED},
	    {"no", ANY, .looks = {FINAL}, .typed = {"no", "755224"},
		.trace = "look LAST<low 1> shut CODE send:otp", REFUSED},
	    {"enter is no yes", CARD_ONLY, .looks = {FINAL}, .typed = {""},
		.trace = "look LAST<low 1> shut send:empty-card", REFUSED},
	    {"nor is a PIN", CARD_ONLY, .looks = {FINAL}, .typed = {"1234"},
		.trace = "look LAST<low 1> shut send:empty-card", REFUSED},
	    {"nor is yes and more", CARD_ONLY, .looks = {FINAL},
		.typed = {"yes1234"},
		.trace = "look LAST<low 1> shut send:empty-card", REFUSED},
	    {"the last but one wrong, then yes", ANY, .looks = {LOW(2)},
		.typed = {"9999", "yes", "1234"}, .signs = {MISS_FINAL, SIGNS},
		.answer = ACCEPT_ROW,
		.trace =
		    "look PIN<low 2> sign:9999 LAST<wrong 1> PIN sign:1234 send:card shut",
		FRAME_ACCEPT},
	    {"the last wrong", ANY, .looks = {FINAL}, .typed = {"yes", "9999"},
		.signs = {MISS_LOCKED},
		.trace = "look LAST<low 1> PIN sign:9999 shut", IS_LOCKED},
	    {"locked before", ANY, .looks = {LOCKED}, .trace = "look shut",
		IS_LOCKED},
	    {"locked by count", ANY,
		.looks = {SEEN(CARD_PIN_LOW, 0, false, 8, KEY)},
		.trace = "look shut", IS_LOCKED},
	    {"locked meanwhile", ANY, .looks = {HERE}, .typed = {"1234"},
		.signs = {LOCKS}, .trace = "look PIN sign:1234 shut",
		IS_LOCKED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		scene_check(&rows[i]);
}

/* The person leaves at the prompt after the last one typed. */
static void a_yes_is_for_one_try(void **state)
{
	static const struct row row = {"", ANY, .looks = {FINAL},
	    .typed = {"yes", "9999"}, .signs = {MISS_FINAL}};
	struct scene scene = {0};
	struct login_verdict verdict = {0};

	(void)state;
	assert_int_equal(scene_play(&scene, &row, NULL, &verdict), ERR_IO);
	assert_string_equal(
	    scene.trace, "look LAST<low 1> PIN sign:9999 LAST<wrong 1> shut");
}

static void a_pin_of_the_wrong_length_never_reaches_the_card(void **state)
{
	static char long_pin[65] = {[0 ... 63] = '1'};
	static char huge_pin[201] = {[0 ... 199] = '1'};
	const struct row rows[] = {
	    {"too short", ANY, .looks = {HERE}, .typed = {"123", "1234"},
		.signs = {SIGNS}, .answer = ACCEPT_ROW,
		.trace = "look PIN PIN<length> sign:1234 send:card shut",
		FRAME_ACCEPT},
	    {"too long", ANY, .looks = {HERE}, .typed = {"123456789", "1234"},
		.signs = {SIGNS}, .answer = ACCEPT_ROW,
		.trace = "look PIN PIN<length> sign:1234 send:card shut",
		FRAME_ACCEPT},
	    {"as long as the module takes", ANY,
		.looks = {SEEN(CARD_PIN_FINE, -1, false, 255, KEY)},
		.typed = {long_pin}, .signs = {PULLED}, .trace = NULL},
	    {"longer than a secret", CARD_ONLY,
		.looks = {SEEN(CARD_PIN_FINE, -1, false, 0, KEY)},
		.typed = {huge_pin, huge_pin, huge_pin},
		.trace = "look PIN PIN<length> PIN<length> shut "
			 "send:empty-card",
		.result = FRAME_DENY, .message = FRAME_MESSAGE_PIN_LENGTH},
	    {"empty, no code to switch to", CARD_ONLY, .looks = {HERE},
		.typed = {"", "", ""},
		.trace = "look PIN PIN<length> PIN<length> shut "
			 "send:empty-card",
		.result = FRAME_DENY, .message = FRAME_MESSAGE_PIN_LENGTH},
	    {"a last try is not spent by a length", CARD_ONLY, .looks = {FINAL},
		.typed = {"yes", "12", "1234"}, .signs = {SIGNS},
		.answer = ACCEPT_ROW,
		.trace =
		    "look LAST<low 1> PIN PIN<length> sign:1234 send:card shut",
		FRAME_ACCEPT},
	};
	struct scene scene = {0};
	struct login_verdict verdict = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].trace)
			scene_check(&rows[i]);
	assert_int_equal(scene_play(&scene, &rows[2], NULL, &verdict), ERR_IO);
	assert_int_equal(scene.signs, 1);
	assert_non_null(strstr(scene.trace, long_pin));
}

static void a_pin_pad_keeps_the_pin(void **state)
{
	static const struct row rows[] = {
	    {"pad", ANY, .looks = {PAD}, .typed = {""}, .signs = {SIGNS},
		.answer = ACCEPT_ROW,
		.trace = "look pad PAD sign:pad send:card shut", FRAME_ACCEPT},
	    {"what is typed here stays here", ANY, .looks = {PAD},
		.typed = {"1234"}, .signs = {SIGNS}, .answer = ACCEPT_ROW,
		.trace = "look pad PAD sign:pad send:card shut", FRAME_ACCEPT},
	    {"wrong, then right", ANY, .looks = {PAD}, .typed = {"", ""},
		.signs = {MISS(2), SIGNS}, .answer = ACCEPT_ROW,
		.trace =
		    "look pad PAD sign:pad pad PAD<wrong 2> sign:pad send:card shut",
		FRAME_ACCEPT},
	    {"last try", ANY, .looks = {SEEN(CARD_PIN_FINAL, -1, true, 8, KEY)},
		.typed = {"y", ""}, .signs = {SIGNS}, .answer = ACCEPT_ROW,
		.trace = "look LAST<low 1> pad PAD sign:pad send:card shut",
		FRAME_ACCEPT},
	    {"cancelled there", ANY, .looks = {PAD}, .typed = {"", "755224"},
		.signs = {CANCELLED},
		.trace = "look pad PAD sign:pad shut CODE send:otp", REFUSED},
	    {"cancelled, card demanded", CARD_ONLY, .looks = {PAD},
		.typed = {""}, .signs = {CANCELLED},
		.trace = "look pad PAD sign:pad shut send:empty-card", REFUSED},
	    {"pad does not begin", ANY, .looks = {PAD, NONE},
		.typed = {"", "755224"}, .pad_fails = true,
		.trace = "look pad shut CARD<trouble> look CODE<absent> "
			 "send:otp",
		REFUSED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		scene_check(&rows[i]);
}

static void trouble_costs_no_attempt(void **state)
{
	static const struct row rows[] = {
	    {"pulled, put back", ANY, .looks = {HERE, HERE},
		.typed = {"1234", "", "1234"}, .signs = {PULLED, SIGNS},
		.answer = ACCEPT_ROW,
		.trace =
		    "look PIN sign:1234 shut CARD<trouble> look PIN sign:1234 send:card shut",
		FRAME_ACCEPT},
	    {"pulled, then a code", ANY, .looks = {HERE, NONE},
		.typed = {"1234", "", "755224"}, .signs = {PULLED},
		.trace = "look PIN sign:1234 shut CARD<trouble> look "
			 "CODE<absent> send:otp",
		REFUSED},
	    {"trouble without end", ANY,
		.looks = {HERE, TROUBLE, TROUBLE, TROUBLE},
		.typed = {"1234", "", "", "", ""}, .signs = {PULLED},
		.trace = "look PIN sign:1234 shut CARD<trouble> look "
			 "CARD<trouble> look CARD<trouble> look "
			 "CODE<trouble> send:empty",
		REFUSED},
	    {"a PIN each time", CARD_ONLY, .looks = {HERE, HERE, HERE, HERE},
		.typed = {"1234", "", "1234", "", "1234", ""},
		.signs = {PULLED, PULLED, PULLED},
		.trace = "look PIN sign:1234 shut CARD<trouble> look PIN "
			 "sign:1234 shut CARD<trouble> look PIN sign:1234 "
			 "shut CARD<trouble> look shut send:empty-card",
		REFUSED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		scene_check(&rows[i]);
}

/* Too many tries left at each, so that nothing but the count ends it. */
static void no_card_keeps_a_login_going_for_ever(void **state)
{
	static const struct row row = {"", ANY,
	    .looks = {NONE, FINAL, FINAL, FINAL, FINAL},
	    .typed = {"", "", "yes", "9999", "yes", "9999", "yes", "9999", "n",
		"", "", ""},
	    .signs = {MISS_FINAL, MISS_FINAL, MISS_FINAL}};
	struct scene scene = {0};
	struct login_verdict verdict = {0};

	(void)state;
	assert_int_equal(scene_play(&scene, &row, NULL, &verdict), ERR_NONE);
	assert_true(scene.typed <= LOGIN_ASKS_MAX);
	assert_int_equal(scene.signs, 3);
	assert_int_equal(verdict.result, FRAME_DENY);
}

static void who_leaves_leaves_no_child(void **state)
{
	static const struct row rows[] = {
	    {"at the PIN", ANY, .looks = {HERE}, .trace = "look PIN shut"},
	    {"at the code", ANY, .looks = {NONE}, .trace = "look CODE"},
	    {"waiting for a card", CARD_ONLY, .looks = {NONE},
		.trace = "look CARD"},
	    {"at the last try", ANY, .looks = {FINAL},
		.trace = "look LAST<low 1> shut"},
	    {"at the pad", ANY, .looks = {PAD}, .trace = "look pad PAD shut"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct scene scene = {0};
		struct login_verdict verdict = {.status = 77};

		assert_int_equal(
		    scene_play(&scene, &rows[i], NULL, &verdict), ERR_IO);
		assert_string_equal(scene.trace, rows[i].trace);
		assert_int_equal(scene.calls, 1);
		assert_int_equal(verdict.status, 77);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_person_chooses_without_a_menu),
	    cmocka_unit_test(a_wrong_card_is_said_to_be_one),
	    cmocka_unit_test(tries_are_shown_and_the_last_is_not_spent),
	    cmocka_unit_test(a_yes_is_for_one_try),
	    cmocka_unit_test(a_pin_of_the_wrong_length_never_reaches_the_card),
	    cmocka_unit_test(a_pin_pad_keeps_the_pin),
	    cmocka_unit_test(trouble_costs_no_attempt),
	    cmocka_unit_test(no_card_keeps_a_login_going_for_ever),
	    cmocka_unit_test(who_leaves_leaves_no_child),
	};

	return cmocka_run_group_tests_name("card_dialogue", tests, NULL, NULL);
}
