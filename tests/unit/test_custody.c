/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens from hand to hand, by the commands that move them: with a code only,
 * to one holder at a time, with a ledger that has no gap, and with a floor that
 * never falls, whatever is tried in whatever order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "server/store/token_ledger.h"
#include "shared/encode.h"
#include "tests/unit/custody_steps.h"

static void test_assigned_and_returned(void **state)
{
	struct fixture *f = *state;
	char body[128], code[OTP_DIGITS_MAX + 1];
	int64_t floor;

	two_people(f);
	must_refuse(f, "token/assign",
	    "{\"serial\":\"H1\",\"id\":\"s1\",\"code\":\"000000\"}", 409);
	must_be(f, "H1", TOKEN_STOCK, "");
	assert_int_equal(seeds_of(f, "s1"), 0);
	must_show(f, "assign", "H1", ",\"id\":\"s1\"");
	must_be(f, "H1", TOKEN_ACTIVE, "s1");
	must_have_recorded(f, "\"action\":\"token assign\"");
	must_have_recorded(f, "\"token\":\"H1\"");
	assert_int_equal(seeds_of(f, "s1"), 1);
	must_not_show(f, "assign", "H1", ",\"id\":\"s2\"", "H1 is active.");
	must_not_show(f, "checkin", "H1", "", "s1's own");

	/* What was shown to take it back opens nothing for the next one. */
	f->now_s += MINUTE_S;
	shown(f, "H1", 0, code);
	snprintf(
	    body, sizeof(body), "{\"serial\":\"H1\",\"code\":\"%s\"}", code);
	must(f, "token/return", body);
	must_be(f, "H1", TOKEN_RETURNED, "");
	assert_int_equal(seeds_of(f, "s1"), 0);
	floor = find(f, "H1").otp.floor;
	snprintf(body, sizeof(body),
	    "{\"serial\":\"H1\",\"id\":\"s2\",\"code\":\"%s\"}", code);
	must_refuse(f, "token/assign", body, 409);
	must_have_recorded(f, "\"reason\":\"used\"");
	must_show(f, "assign", "H1", ",\"id\":\"s2\"");
	must_be(f, "H1", TOKEN_ACTIVE, "s2");
	assert_true(find(f, "H1").otp.floor > floor);
}

/* Its battery is dead: nothing shows that it is here, and nobody gets it. */
static void test_returned_without_a_code(void **state)
{
	struct fixture *f = *state;

	two_people(f);
	must_show(f, "assign", "H1", ",\"id\":\"s1\"");
	must_refuse(f, "token/return", "{\"serial\":\"H1\"}", 400);
	must_refuse(f, "token/return",
	    "{\"serial\":\"H1\",\"code\":\"1\",\"no_code\":\"x\"}", 400);
	must(f, "token/return", "{\"serial\":\"H1\",\"no_code\":\"battery\"}");
	must_have_recorded(f, "\"why\":\"battery\"");
	must_be(f, "H1", TOKEN_RETIRED, "");
	must_not_show(f, "assign", "H1", ",\"id\":\"s1\"", "H1 is retired.");
}

static void test_a_spare_for_a_day(void **state)
{
	struct fixture *f = *state;
	int64_t evening;

	two_people(f);
	must_show(f, "checkout", "H1", ",\"id\":\"s1\"");
	must_be(f, "H1", TOKEN_ACTIVE, "s1");
	evening = find(f, "H1").loan_until;
	assert_int_equal(evening, NOW + (5 * 60 + 15) * MINUTE_S);
	assert_int_equal(seeds_of(f, "s1"), 1);
	must_not_show(f, "checkout", "H2", ",\"id\":\"s1\"", "a spare already");
	must_not_show(f, "return", "H1", "", "token checkin H1");
	f->now_s = evening - 1;
	assert_int_equal(seeds_of(f, "s1"), 1);
	f->now_s = evening;
	assert_int_equal(seeds_of(f, "s1"), 0);
	/* Nor does it by being confirmed. */
	must_show(f, "confirm", "H1", "");
	assert_int_equal(seeds_of(f, "s1"), 0);
	must_show(f, "checkin", "H1", "");
	must_be(f, "H1", TOKEN_STOCK, "");
	assert_int_equal(find(f, "H1").loan_until, 0);
	must_refuse(f, "token/checkout",
	    "{\"serial\":\"H1\",\"id\":\"s1\",\"code\":\"1\","
	    "\"until\":\"2026-04-30\"}",
	    400);
}

/* A clock set back brings no spare to life again whose day was over, and none
 * lives on for years because it was lent in a wrong one. */
static void test_a_clock_set_back_ends_loans(void **state)
{
	struct fixture *f = *state;
	json_t *answer;

	two_people(f);
	f->now_s = (int64_t)time(NULL) + 3600;
	must_show(f, "checkout", "H1", ",\"id\":\"s1\"");
	f->now_s += 4 * 365 * (int64_t)86400;
	must_show(f, "checkout", "H2", ",\"id\":\"s2\"");
	answer = call_at(f, "server/clock-accept", "{}", false);
	assert_non_null(answer);
	json_decref(answer);
	f->now_s = (int64_t)time(NULL);
	assert_int_equal(seeds_of(f, "s1"), 0);
	assert_int_equal(seeds_of(f, "s2"), 0);
	must_be(f, "H2", TOKEN_ACTIVE, "s2");
	must_show(f, "checkin", "H2", "");
}

/* A spare binds nothing anew: a factor that was guessed at stays disabled. */
static void test_no_spare_for_a_disabled_factor(void **state)
{
	struct fixture *f = *state;

	two_people(f);
	f->server->settings.limits.throttle.disable_at = 10;
	for (int i = 0; i < 10; i++) {
		f->now_s += 3600;
		must_refuse(f, "token/assign",
		    "{\"serial\":\"H1\",\"id\":\"s1\",\"code\":\"000000\"}",
		    409);
	}
	must_not_show(f, "checkout", "H1", ",\"id\":\"s1\"", "are disabled");
	must_be(f, "H1", TOKEN_STOCK, "");
	f->now_s += 3600;
	must_show(f, "assign", "H1", ",\"id\":\"s1\"");
	must_show(f, "checkout", "H2", ",\"id\":\"s1\"");
	/* Nor does the one that was lent before. */
	for (int i = 0; i < 10; i++) {
		f->now_s += 3600;
		must_refuse(f, "token/confirm",
		    "{\"serial\":\"H2\",\"code\":\"000000\"}", 409);
	}
	f->now_s += 3600;
	must_not_show(f, "confirm", "H2", "", "are disabled");
	must_show(f, "confirm", "H1", "");
	must_show(f, "confirm", "H2", "");
}

static void test_found_again(void **state)
{
	struct fixture *f = *state;
	char body[128], code[64];

	two_people(f);
	must_show(f, "assign", "H1", ",\"id\":\"s1\"");
	must(f, "token/lost", "{\"serial\":\"H1\"}");
	assert_int_equal(seeds_of(f, "s1"), 0);
	must_refuse(f, "token/resume", "{\"serial\":\"H1\"}", 409);
	must_not_show(f, "confirm", "H1", "", "H1 is lost.");
	must_not_show(f, "found", "H1", "", "no code of another token");
	must_be(f, "H1", TOKEN_LOST, "s1");
	/* by an emergency code, once */
	get_text(f, "code/issue", "{\"id\":\"s1\"}", NULL, "code", code,
	    sizeof(code));
	snprintf(
	    body, sizeof(body), "{\"serial\":\"H1\",\"code\":\"%s\"}", code);
	must(f, "token/found", body);
	must_be(f, "H1", TOKEN_ACTIVE, "s1");
	must(f, "token/lost", "{\"serial\":\"H1\"}");
	must_refuse(f, "token/found", body, 409);
	must_have_recorded(f, "\"reason\":\"used\"");
	/* by another token, but not by somebody else's */
	must_show(f, "assign", "H2", ",\"id\":\"s2\"");
	shown(f, "H2", 0, code);
	snprintf(
	    body, sizeof(body), "{\"serial\":\"H1\",\"code\":\"%s\"}", code);
	must_refuse(f, "token/found", body, 409);
	must_show(f, "return", "H2", "");
	must_show(f, "assign", "H2", ",\"id\":\"s1\"");
	shown(f, "H2", 0, code);
	snprintf(
	    body, sizeof(body), "{\"serial\":\"H1\",\"code\":\"%s\"}", code);
	must(f, "token/found", body);
	must_be(f, "H1", TOKEN_ACTIVE, "s1");
	must_refuse(f, "token/found", body, 409);
}

/* Its next codes may be on a piece of paper by now. */
static void test_a_found_counter_waits_for_its_own_code(void **state)
{
	struct fixture *f = *state;
	char body[128], code[OTP_DIGITS_MAX + 1];

	two_people(f);
	must_show(f, "assign", "H1", ",\"id\":\"s1\"");
	must_show(f, "assign", "H2", ",\"id\":\"s1\"");
	must(f, "token/lost", "{\"serial\":\"H2\"}");
	f->now_s += MINUTE_S;
	shown(f, "H1", 0, code);
	snprintf(
	    body, sizeof(body), "{\"serial\":\"H2\",\"code\":\"%s\"}", code);
	must(f, "token/found", body);
	must_be(f, "H2", TOKEN_VOID, "s1");
	assert_int_equal(seeds_of(f, "s1"), 1);
	must_show(f, "confirm", "H2", "");
	assert_int_equal(seeds_of(f, "s1"), 2);
}

/* Whoever once had the picture of a seed has its codes. */
static void test_what_was_shown_does_not_change_hands(void **state)
{
	struct fixture *f = *state;
	char serial[TOKEN_SERIAL_SIZE];
	json_t *answer;
	char code[OTP_DIGITS_MAX + 1];

	enrol(f, serial);
	must(f, "user/add", "{\"id\":\"s2\"}");
	code_at(f->now_s, code);
	answer = confirm(f, serial, code);
	assert_non_null(answer);
	json_decref(answer);
	must_show(f, "return", serial, "");
	must_not_show(
	    f, "assign", serial, ",\"id\":\"s2\"", "say --device-only");
	must_be(f, serial, TOKEN_RETURNED, "");
	must_show(f, "assign", serial, ",\"id\":\"s2\",\"device_only\":true");
	must_have_recorded(f, "\"device_only\":\"yes\"");
}

/* Somebody who left took it with him; his number is somebody else's now. */
static void test_brought_back_by_a_leaver(void **state)
{
	struct fixture *f = *state;

	two_people(f);
	must_show(f, "assign", "H1", ",\"id\":\"s1\"");
	must(f, "user/remove", "{\"id\":\"s1\"}");
	must(f, "user/add", "{\"id\":\"s1\"}");
	must_be(f, "H1", TOKEN_REVOKED, "s1");
	assert_int_equal(seeds_of(f, "s1"), 0);
	must_show(f, "return", "H1", "");
	must_be(f, "H1", TOKEN_RETURNED, "");
	must_show(f, "assign", "H1", ",\"id\":\"s1\"");
	assert_int_equal(seeds_of(f, "s1"), 1);
}

/* In the drawer for years, and far out of step. */
static void test_two_codes_of_a_runaway(void **state)
{
	struct fixture *f = *state;
	char body[160], code[OTP_DIGITS_MAX + 1], next[OTP_DIGITS_MAX + 1];

	two_people(f);
	shown(f, "H1", 7, code);
	shown(f, "H1", 8, next);
	snprintf(body, sizeof(body),
	    "{\"serial\":\"H1\",\"id\":\"s1\",\"code\":\"%s\"}", code);
	must_refuse(f, "token/assign", body, 409);
	assert_non_null(strstr(f->detail, "--next CODE"));
	snprintf(body, sizeof(body),
	    "{\"serial\":\"H1\",\"id\":\"s1\",\"code\":\"%s\","
	    "\"next\":\"%s\"}",
	    code, next);
	must(f, "token/assign", body);
	must_be(f, "H1", TOKEN_ACTIVE, "s1");
	assert_int_equal(find(f, "H1").otp.drift, 8);
}

/* --- any order ------------------------------------------------------------
 */

enum {
	DEVICES = 6,
	PEOPLE = 3,
	ROUNDS = 400,
};

struct chain {
	int64_t seq;
	enum token_state last;
	char user[NAME_BYTES_MAX + 1];
};

static enum err follow(void *context, struct token_ledger_row *row)
{
	struct chain *chain = context;

	assert_int_equal(row->seq, chain->seq + 1);
	assert_int_equal(row->is_first, chain->seq == 0);
	assert_true(row->why[0] && row->actor[0]);
	if (!row->is_first)
		assert_int_equal(row->from, chain->last);
	assert_string_equal(row->from_user, chain->user);
	chain->seq = row->seq;
	chain->last = row->to;
	strcpy(chain->user, row->user);
	return ERR_NONE;
}

/* One token, one holder; a ledger without a gap; a floor that never falls; and
 * open to nobody but its holder, in time. */
static void check(struct fixture *f, const char *serial, int64_t *floor)
{
	struct token token = find(f, serial);
	struct chain chain = {0};

	assert_int_equal(token_is_unheld(token.state), token.person_id == 0);
	assert_true(token.otp.floor >= *floor);
	*floor = token.otp.floor;
	assert_int_equal(
	    token_ledger_each(f->server->store, token.id, follow, &chain),
	    ERR_NONE);
	assert_int_equal(chain.last, token.state);
	assert_string_equal(chain.user, token.user);
}

/* Whatever was given up and enrolled anew: two tokens never share a seed. */
static void check_seeds(struct fixture *f)
{
	struct db_query *q = db_query(f->server->store->db,
	    "SELECT seed_id FROM token WHERE state NOT IN (4, 8)"
	    " GROUP BY seed_id HAVING count(*) > 1");

	assert_false(db_next(q));
	assert_int_equal(db_done(q), ERR_NONE);
}

static void check_openings(struct fixture *f)
{
	size_t open = 0, good = 0;
	char serial[8], user[8];

	for (int i = 0; i < PEOPLE; i++) {
		struct person person;

		snprintf(user, sizeof(user), "s%d", i);
		if (!person_find(f->server->store, user, &person))
			open += seeds_of(f, user);
	}
	for (int i = 0; i < DEVICES; i++) {
		struct token token;

		snprintf(serial, sizeof(serial), "H%d", i);
		token = find(f, serial);
		good += token.state == TOKEN_ACTIVE &&
			!token_is_due(&token, f->now_s);
	}
	assert_int_equal(open, good);
}

static void act(struct fixture *f, unsigned *random)
{
	static const char *const verbs[] = {"assign", "assign", "checkout",
	    "checkin", "return", "return", "lost", "found", "suspend", "resume",
	    "revoke", "confirm", "resync", "retire"};
	const char *verb =
	    verbs[rand_r(random) % (int)(sizeof(verbs) / sizeof(verbs[0]))];
	int who = rand_r(random) % PEOPLE;
	char serial[8], other[8], body[256], path[32];
	char code[OTP_DIGITS_MAX + 1] = "000000", next[OTP_DIGITS_MAX + 1];
	bool hands_out = verb[0] == 'a' || strcmp(verb, "checkout") == 0;
	bool takes_code =
	    hands_out || strcmp(verb, "checkin") == 0 ||
	    strcmp(verb, "return") == 0 || strcmp(verb, "found") == 0 ||
	    strcmp(verb, "confirm") == 0 || strcmp(verb, "resync") == 0;

	/* Given up for good, but seldom. */
	if (strcmp(verb, "retire") == 0 && rand_r(random) % 20)
		return;
	snprintf(serial, sizeof(serial), "H%d", rand_r(random) % DEVICES);
	snprintf(other, sizeof(other), "H%d", rand_r(random) % DEVICES);
	if (rand_r(random) % 8)
		shown(f, strcmp(verb, "found") == 0 ? other : serial, 0, code);
	shown(f, serial, 1, next);
	snprintf(path, sizeof(path), "token/%s", verb);
	snprintf(body, sizeof(body), "{\"serial\":\"%s\"", serial);
	if (takes_code)
		sprintf(body + strlen(body), ",\"code\":\"%s\"", code);
	if (strcmp(verb, "resync") == 0)
		sprintf(body + strlen(body), ",\"next\":\"%s\"", next);
	if (hands_out)
		sprintf(body + strlen(body), ",\"id\":\"s%d\"", who);
	strcat(body, "}");
	json_decref(call(f, path, body));
}

/* Somebody has got hold of a seed and enrols it. */
static void enrol_again(struct fixture *f, unsigned *random)
{
	char serial[8], secret[ENCODE_BASE32_SIZE(SECRET_BYTES_MAX)];
	char body[256];
	struct token token;

	if (rand_r(random) % 20)
		return;
	snprintf(serial, sizeof(serial), "H%d", rand_r(random) % DEVICES);
	token = find(f, serial);
	encode_base32(token.otp.seed.bytes, token.otp.seed.length, secret);
	snprintf(body, sizeof(body), "{\"id\":\"s%d\",\"secret\":\"%s\"}",
	    rand_r(random) % PEOPLE, secret);
	json_decref(call(f, "token/enroll", body));
	assert_true(f->status == 0 || f->status == 409);
}

/* People leave, and others get their numbers. */
static void move_people(struct fixture *f, unsigned *random)
{
	char body[32];

	if (rand_r(random) % 40)
		return;
	snprintf(
	    body, sizeof(body), "{\"id\":\"s%d\"}", rand_r(random) % PEOPLE);
	json_decref(call(f, "user/remove", body));
	must(f, "user/add", body);
}

static void test_whatever_is_tried(void **state)
{
	struct fixture *f = *state;
	int64_t floors[DEVICES] = {0};
	unsigned random = 20260331;
	int done = 0;

	for (int i = 0; i < PEOPLE; i++) {
		char body[32];

		snprintf(body, sizeof(body), "{\"id\":\"s%d\"}", i);
		must(f, "user/add", body);
	}
	for (int i = 0; i < DEVICES; i++) {
		char serial[8], seed[32];

		snprintf(serial, sizeof(serial), "H%d", i);
		snprintf(seed, sizeof(seed), "the seed of device %d", i);
		stock(f, serial, i % 2 ? OTP_HOTP : OTP_TOTP, seed);
	}
	for (int round = 0; round < ROUNDS; round++) {
		char serial[8];

		f->now_s += rand_r(&random) % 5 ? STEP_S : 4 * 3600;
		move_people(f, &random);
		enrol_again(f, &random);
		act(f, &random);
		done += f->status == 0;
		for (int i = 0; i < DEVICES; i++) {
			snprintf(serial, sizeof(serial), "H%d", i);
			check(f, serial, &floors[i]);
		}
		check_seeds(f);
		check_openings(f);
	}
	/* Or it would prove nothing. */
	assert_true(done > ROUNDS / 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_assigned_and_returned),
	    TEST(test_returned_without_a_code),
	    TEST(test_a_spare_for_a_day),
	    TEST(test_a_clock_set_back_ends_loans),
	    TEST(test_no_spare_for_a_disabled_factor),
	    TEST(test_found_again),
	    TEST(test_a_found_counter_waits_for_its_own_code),
	    TEST(test_what_was_shown_does_not_change_hands),
	    TEST(test_brought_back_by_a_leaver),
	    TEST(test_two_codes_of_a_runaway),
	    TEST(test_whatever_is_tried),
	};

	return cmocka_run_group_tests_name("custody", tests, NULL, NULL);
}
