/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seeds are never in the clear and open in their own row only; a floor goes up
 * and never down, whoever gets the seed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/store/token_ledger.h"
#include "tests/unit/store_fixture.h"

#define CANARY "canary-seed-0123456789"

static int64_t add_person(struct store *store, const char *user)
{
	struct person person = fixture_person(user);

	COMMITTED(store, person_add(store, &person));
	return person.id;
}

static struct token find(struct store *store, const char *serial)
{
	struct token token;

	assert_int_equal(token_find(store, serial, true, &token), ERR_NONE);
	return token;
}

static void test_saved_and_found(void **state)
{
	struct fixture *f = *state;
	struct token token = fixture_token(add_person(f->store, "s1"), CANARY);
	struct token back;

	token.otp.algorithm = OTP_SHA512;
	token.otp.digits = 8;
	token.otp.period_s = 60;
	token.otp.floor = 5;
	token.confirmed_at = NOW_S + 1;
	COMMITTED(f->store, token_add(f->store, &token, &FIXTURE_DEED));
	assert_int_equal(strlen(token.serial), 12);
	assert_memory_equal(token.serial, "SK", 2);
	fixture_reopen(f);
	back = find(f->store, token.serial);
	strcpy(token.user, "s1");
	assert_memory_equal(&back, &token, sizeof(token));
	assert_int_equal(
	    token_find(f->store, token.serial, false, &back), ERR_NONE);
	assert_int_equal(back.otp.seed.length, 0);
	back.state = TOKEN_LOST;
	back.confirmed_at = NOW_S + 9;
	back.otp.floor = 0; /* is not saved */
	COMMITTED(f->store, token_save(f->store, &back, &FIXTURE_DEED));
	back = find(f->store, token.serial);
	assert_int_equal(back.state, TOKEN_LOST);
	assert_int_equal(back.confirmed_at, NOW_S + 9);
	assert_int_equal(back.otp.floor, 5);
	assert_int_equal(
	    token_find(f->store, "SKnone", true, &back), ERR_NOT_FOUND);
	back.id = 999999;
	assert_int_equal(
	    token_save(f->store, &back, &FIXTURE_DEED), ERR_NOT_FOUND);
	token_wipe(&back);
	assert_int_equal(back.otp.seed.length, 0);
}

static void test_refused(void **state)
{
	struct fixture *f = *state;
	int64_t person = add_person(f->store, "s1");

	for (int i = 0; i < 5; i++) {
		struct token token = fixture_token(person, CANARY);

		if (i == 0)
			token.otp.seed.length = 0;
		else if (i == 1)
			token.otp.digits = 5;
		else if (i == 2)
			token.otp.period_s = 0;
		else if (i == 3)
			token.otp.floor = -1;
		else
			token.otp.type = OTP_HOTP; /* with a period */
		if (token_add(f->store, &token, &FIXTURE_DEED) != ERR_INVALID)
			fail_msg("row %d", i);
	}
}

static void test_nothing_in_the_clear(void **state)
{
	struct fixture *f = *state;
	struct token token = fixture_token(add_person(f->store, "s1"), CANARY);

	COMMITTED(f->store, token_add(f->store, &token, &FIXTURE_DEED));
	fixture_run(f->folder, "! grep -q canary-seed db db-wal");
	store_close(f->store);
	f->store = NULL;
	fixture_run(f->folder, "! grep -q canary-seed db");
	fixture_open(f);
}

static void test_seed_moved_to_another_row(void **state)
{
	struct fixture *f = *state;
	struct token one = fixture_token(add_person(f->store, "s1"), CANARY);
	struct token two =
	    fixture_token(add_person(f->store, "s2"), "the seed of s2 ......");
	struct token back;

	COMMITTED(f->store, token_add(f->store, &one, &FIXTURE_DEED));
	COMMITTED(f->store, token_add(f->store, &two, &FIXTURE_DEED));
	assert_int_equal(
	    db_script(f->store->db,
		"UPDATE seed SET sealed = (SELECT sealed FROM seed"
		" ORDER BY id DESC LIMIT 1) WHERE id = (SELECT max(id) - 1"
		" FROM seed)"),
	    ERR_NONE);
	assert_int_equal(
	    token_find(f->store, one.serial, true, &back), ERR_CRYPTO);
	assert_int_equal(
	    token_find(f->store, one.serial, false, &back), ERR_NONE);
	assert_int_equal(
	    token_find(f->store, two.serial, true, &back), ERR_NONE);
}

static void test_floor_never_lowered(void **state)
{
	struct fixture *f = *state;
	struct token token = fixture_token(add_person(f->store, "s1"), CANARY);

	COMMITTED(f->store, token_add(f->store, &token, &FIXTURE_DEED));
	assert_int_equal(store_begin(f->store), ERR_NONE);
	assert_int_equal(
	    token_spend(f->store, token.id, 100, -3, NOW_S + 5), ERR_NONE);
	assert_int_equal(
	    token_spend(f->store, token.id, 100, 0, NOW_S), ERR_NOT_ALLOWED);
	assert_int_equal(
	    token_spend(f->store, token.id, 99, 0, NOW_S), ERR_NOT_ALLOWED);
	assert_int_equal(
	    token_spend(f->store, 999999, 200, 0, NOW_S), ERR_NOT_ALLOWED);
	assert_int_equal(store_commit(f->store), ERR_NONE);
	assert_int_equal(find(f->store, token.serial).otp.floor, 100);
	assert_int_equal(find(f->store, token.serial).last_used_at, NOW_S + 5);
	assert_int_equal(find(f->store, token.serial).otp.drift, -3);
	assert_int_equal(store_begin(f->store), ERR_NONE);
	assert_int_equal(
	    token_spend(f->store, token.id, 101, 0, NOW_S), ERR_NONE);
	store_rollback(f->store);
	assert_int_equal(find(f->store, token.serial).otp.floor, 100);
}

/* HMAC fills a short key up with zeros, so a seed with zeros behind it gives
 * the same codes and must not get a floor of its own. */
static void test_seed_with_zeros_behind(void **state)
{
	struct fixture *f = *state;
	struct token first = fixture_token(add_person(f->store, "s1"), CANARY);
	struct token longer = first;

	COMMITTED(f->store, token_add(f->store, &first, &FIXTURE_DEED));
	COMMITTED(f->store, token_spend(f->store, first.id, 100, 0, NOW_S));
	memset(longer.otp.seed.bytes + longer.otp.seed.length, 0, 3);
	longer.otp.seed.length += 3;
	assert_int_equal(
	    token_add(f->store, &longer, &FIXTURE_DEED), ERR_EXISTS);
	first.state = TOKEN_REVOKED;
	COMMITTED(f->store, token_save(f->store, &first, &FIXTURE_DEED));
	longer = fixture_token(first.person_id, CANARY);
	longer.otp.seed.length += 3;
	COMMITTED(f->store, token_add(f->store, &longer, &FIXTURE_DEED));
	assert_int_equal(find(f->store, longer.serial).otp.floor, 100);
}

static void test_same_seed_again(void **state)
{
	struct fixture *f = *state;
	struct token first = fixture_token(add_person(f->store, "s1"), CANARY);
	struct token second = fixture_token(add_person(f->store, "s2"), CANARY);
	struct token again = second, other_period = second, hotp = second;

	strcpy(first.serial, "first");
	COMMITTED(f->store, token_add(f->store, &first, &FIXTURE_DEED));
	COMMITTED(f->store, token_spend(f->store, first.id, 100, 0, NOW_S + 5));
	assert_int_equal(
	    token_add(f->store, &second, &FIXTURE_DEED), ERR_EXISTS);
	assert_string_equal(second.serial, "first");
	assert_string_equal(second.user, "s1");
	assert_int_equal(second.otp.seed.length, 0);
	/* another period counts other steps: another floor */
	other_period.otp.period_s = 60;
	COMMITTED(f->store, token_add(f->store, &other_period, &FIXTURE_DEED));
	assert_int_equal(find(f->store, other_period.serial).otp.floor, 0);
	hotp.otp.type = OTP_HOTP;
	hotp.otp.period_s = 0;
	COMMITTED(f->store, token_add(f->store, &hotp, &FIXTURE_DEED));

	first.state = TOKEN_REVOKED;
	COMMITTED(f->store, token_save(f->store, &first, &FIXTURE_DEED));
	again.otp.floor = 50;
	again.created_at = NOW_S + 100;
	COMMITTED(f->store, token_add(f->store, &again, &FIXTURE_DEED));
	assert_int_equal(find(f->store, again.serial).otp.floor, 100);
	/* it was used, but not as this token */
	assert_int_equal(find(f->store, again.serial).last_used_at, 0);
	again.state = TOKEN_REVOKED;
	COMMITTED(f->store, token_save(f->store, &again, &FIXTURE_DEED));
	again.serial[0] = '\0';
	again.state = TOKEN_ACTIVE;
	again.otp.floor = 150; /* higher than remembered */
	COMMITTED(f->store, token_add(f->store, &again, &FIXTURE_DEED));
	assert_int_equal(find(f->store, again.serial).otp.floor, 150);
	assert_int_equal(find(f->store, "first").otp.floor, 150);
}

static void test_serial_taken(void **state)
{
	struct fixture *f = *state;
	struct token one = fixture_token(add_person(f->store, "s1"), CANARY);
	struct token two =
	    fixture_token(add_person(f->store, "s2"), "the seed of s2 ......");

	strcpy(one.serial, "A1");
	strcpy(two.serial, "A1");
	COMMITTED(f->store, token_add(f->store, &one, &FIXTURE_DEED));
	assert_int_equal(token_add(f->store, &two, &FIXTURE_DEED), ERR_EXISTS);
	assert_int_equal(two.id, one.id);
}

static enum err collect(void *context, const struct token *token)
{
	strcat(context, token->serial);
	assert_int_equal(token->otp.seed.length, 0);
	return ERR_NONE;
}

static enum err write_row(void *context, struct token_ledger_row *row)
{
	char line[2048];

	snprintf(line, sizeof(line), "%d %s>%s %s>%s %s\n", (int)row->seq,
	    row->is_first ? "" : token_state_text(row->from),
	    token_state_text(row->to), row->from_user, row->user, row->why);
	strcat(context, line);
	return ERR_NONE;
}

static void move(struct store *store, struct token *token,
    enum token_state state, int64_t holder, const char *why)
{
	const struct token_deed deed = {"root", why, NOW_S + 1};

	token->state = state;
	token->person_id = holder;
	COMMITTED(store, token_save(store, token, &deed));
}

/* Two holders one after the other, and one floor. */
static void test_from_hand_to_hand(void **state)
{
	struct fixture *f = *state;
	int64_t s1 = add_person(f->store, "s1"),
		s2 = add_person(f->store, "s2");
	struct token token = fixture_token(0, CANARY), back;
	char ledger[512] = "", serials[64] = "";

	token.state = TOKEN_STOCK;
	strcpy(token.serial, "T1");
	COMMITTED(f->store, token_add(f->store, &token, &FIXTURE_DEED));
	assert_string_equal(find(f->store, "T1").user, "");
	assert_int_equal(
	    token_each_serial(f->store, "", 9, collect, serials), ERR_NONE);
	assert_string_equal(serials, "T1");
	move(f->store, &token, TOKEN_ACTIVE, s1, "assigned");
	COMMITTED(f->store, token_spend(f->store, token.id, 100, 2, NOW_S));
	move(f->store, &token, TOKEN_ACTIVE, s1, "nothing changes");
	move(f->store, &token, TOKEN_RETURNED, 0, "returned");
	assert_int_equal(find(f->store, "T1").otp.floor, 100);
	move(f->store, &token, TOKEN_ACTIVE, s2, "assigned");
	back = find(f->store, "T1");
	assert_string_equal(back.user, "s2");
	assert_int_equal(back.otp.floor, 100);
	assert_int_equal(back.otp.drift, 2);
	assert_int_equal(
	    token_ledger_each(f->store, token.id, write_row, ledger), ERR_NONE);
	assert_string_equal(ledger, "1 >stock > test\n"
				    "2 stock>active >s1 assigned\n"
				    "3 active>returned s1> returned\n"
				    "4 returned>active >s2 assigned\n");
	assert_int_equal(token_each(f->store, s1, collect, serials), ERR_NONE);
	assert_string_equal(serials, "T1");
}

/* Somebody's or nobody's, as the state says; the tables insist on it too. */
static void test_held_as_the_state_wants(void **state)
{
	struct fixture *f = *state;
	int64_t s1 = add_person(f->store, "s1");

	for (int i = TOKEN_PENDING; i <= TOKEN_RETIRED; i++) {
		bool unheld = token_is_unheld((enum token_state)i);
		struct token token = fixture_token(unheld ? s1 : 0, CANARY);

		token.state = (enum token_state)i;
		if (token_add(f->store, &token, &FIXTURE_DEED) != ERR_INVALID)
			fail_msg("state %d", i);
		token.person_id = unheld ? 0 : s1;
		COMMITTED(f->store, token_add(f->store, &token, &FIXTURE_DEED));
		token.person_id = unheld ? s1 : 0;
		if (token_save(f->store, &token, &FIXTURE_DEED) != ERR_INVALID)
			fail_msg("state %d", i);
		token.person_id = unheld ? 0 : s1;
		token.loan_until = unheld ? NOW_S : 0;
		if (unheld &&
		    token_save(f->store, &token, &FIXTURE_DEED) != ERR_INVALID)
			fail_msg("state %d", i);
		move(f->store, &token, TOKEN_REVOKED, s1, "for the next one");
	}
	assert_int_not_equal(
	    db_script(f->store->db, "UPDATE token SET person_id = NULL"),
	    ERR_NONE);
	assert_int_not_equal(
	    db_script(f->store->db, "UPDATE token SET state = 6"), ERR_NONE);
}

/* A seed that was taken up again meanwhile has but one token. */
static void test_given_up_and_back(void **state)
{
	struct fixture *f = *state;
	int64_t s1 = add_person(f->store, "s1");
	struct token old = fixture_token(s1, CANARY);
	struct token again = fixture_token(s1, CANARY);

	COMMITTED(f->store, token_add(f->store, &old, &FIXTURE_DEED));
	move(f->store, &old, TOKEN_RETIRED, 0, "retired");
	COMMITTED(f->store, token_add(f->store, &again, &FIXTURE_DEED));
	old.state = TOKEN_RETURNED;
	assert_int_equal(token_save(f->store, &old, &FIXTURE_DEED), ERR_EXISTS);
	move(f->store, &again, TOKEN_REVOKED, s1, "revoked");
	move(f->store, &old, TOKEN_RETURNED, 0, "returned");
	again.state = TOKEN_ACTIVE;
	assert_int_equal(
	    token_save(f->store, &again, &FIXTURE_DEED), ERR_EXISTS);
}

static void test_restored_floor(void **state)
{
	struct fixture *f = *state;
	struct token totp = fixture_token(add_person(f->store, "s1"), CANARY);
	struct token hotp =
	    fixture_token(add_person(f->store, "s2"), "the seed of s2 ......");

	hotp.otp.type = OTP_HOTP;
	hotp.otp.period_s = 0;
	hotp.otp.floor = 3;
	COMMITTED(f->store, token_add(f->store, &totp, &FIXTURE_DEED));
	COMMITTED(f->store, token_add(f->store, &hotp, &FIXTURE_DEED));
	COMMITTED(f->store, store_set_number(f->store, STORE_FLOOR, NOW_S));
	/* As far as a clock may be ahead, and the widest window. */
	assert_int_equal(
	    find(f->store, totp.serial).otp.floor, NOW_S / 30 + 10 + 2 + 1);
	assert_int_equal(find(f->store, hotp.serial).otp.floor, 3);
}

static void test_each(void **state)
{
	struct fixture *f = *state;
	int64_t s1 = add_person(f->store, "s1"),
		s2 = add_person(f->store, "s2");
	const int64_t holders[] = {s1, s2, s1};
	char serials[64] = "";

	for (int i = 0; i < 3; i++) {
		char seed[] = "0123456789abcdefghi-x";
		struct token token;

		seed[20] = (char)('0' + i);
		token = fixture_token(holders[i], seed);
		snprintf(token.serial, sizeof(token.serial), "T%d", i);
		COMMITTED(f->store, token_add(f->store, &token, &FIXTURE_DEED));
	}
	assert_int_equal(token_each(f->store, s1, collect, serials), ERR_NONE);
	assert_string_equal(serials, "T0T2");
	serials[0] = '\0';
	assert_int_equal(
	    token_each_serial(f->store, "", 9, collect, serials), ERR_NONE);
	assert_string_equal(serials, "T0T1T2"); /* no decoys */
	serials[0] = '\0';
	assert_int_equal(
	    token_each_serial(f->store, "T0", 1, collect, serials), ERR_NONE);
	assert_string_equal(serials, "T1");
	assert_int_equal(token_find(f->store,
			     "\x01"
			     "decoy-0001",
			     true, &(struct token){0}),
	    ERR_NOT_FOUND);
}

static void test_state_texts(void **state)
{
	enum token_state back;

	(void)state;
	for (int i = TOKEN_PENDING; i <= TOKEN_RETIRED; i++) {
		assert_int_equal(
		    token_state_from_text(
			token_state_text((enum token_state)i), &back),
		    ERR_NONE);
		assert_int_equal(back, i);
	}
	assert_int_equal(token_state_from_text("Active", &back), ERR_INVALID);
	assert_string_equal(token_state_text((enum token_state)99), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    STORE_TEST(test_saved_and_found),
	    STORE_TEST(test_refused),
	    STORE_TEST(test_nothing_in_the_clear),
	    STORE_TEST(test_seed_moved_to_another_row),
	    STORE_TEST(test_floor_never_lowered),
	    STORE_TEST(test_same_seed_again),
	    STORE_TEST(test_seed_with_zeros_behind),
	    STORE_TEST(test_serial_taken),
	    STORE_TEST(test_from_hand_to_hand),
	    STORE_TEST(test_held_as_the_state_wants),
	    STORE_TEST(test_given_up_and_back),
	    STORE_TEST(test_restored_floor),
	    STORE_TEST(test_each),
	    cmocka_unit_test(test_state_texts),
	};

	return STORE_RUN("token", tests);
}
