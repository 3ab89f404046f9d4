/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a decision is made from and what it leaves behind, with the real
 * decision in between.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/store/card.h"
#include "server/store/subject.h"
#include "tests/unit/card_maker.h"
#include "tests/unit/store_fixture.h"

#define SEED "12345678901234567890"

static const struct decide_limits limits = {
    .throttle = {.after = 3,
	.first_wait_s = 30,
	.longest_wait_s = 3600,
	.disable_at = 10},
    .window = {.steps = 1, .look_ahead = 10},
};

static struct person add_person(struct store *store, const char *user)
{
	struct person person = fixture_person(user);
	struct token token;

	COMMITTED(store, person_add(store, &person));
	token = fixture_token(person.id, SEED);
	snprintf(token.serial, sizeof(token.serial), "T-%s", user);
	COMMITTED(store, token_add(store, &token, &FIXTURE_DEED));
	return person;
}

/* As the server does it, in the transaction of the caller. */
static struct decision ask(struct store *store, const struct person *person,
    const char *code, int64_t now_s, bool proven, int64_t terminal_id)
{
	const struct policy_answer permit = {
	    .action = POLICY_PERMIT, .factors = 1u << FACTOR_OTP, .rule = ""};
	struct question question = {
	    .factor = FACTOR_OTP,
	    .proven = proven,
	    .clock_trusted = true,
	    .now_s = now_s,
	};
	struct subject subject;
	struct decision decision;

	assert_int_equal(
	    secret_set(&question.code, code, strlen(code)), ERR_NONE);
	assert_int_equal(subject_load(store, person, FACTOR_OTP, terminal_id,
			     NOW_S, &subject),
	    ERR_NONE);
	decision = decide(&question, &subject, &permit, &limits);
	assert_int_equal(subject_apply(store, person, FACTOR_OTP, terminal_id,
			     &subject, &decision, proven, now_s),
	    ERR_NONE);
	subject_wipe(&subject);
	return decision;
}

static void must_load(struct store *store, const struct person *person,
    enum factor factor, struct subject *out)
{
	assert_int_equal(
	    subject_load(store, person, factor, 1, NOW_S, out), ERR_NONE);
}

static void code_at(int64_t now_s, char out[OTP_DIGITS_MAX + 1])
{
	struct token token = fixture_token(1, SEED);

	assert_int_equal(otp_generate(&token.otp, now_s / 30, out), ERR_NONE);
}

static void test_loaded(void **state)
{
	struct fixture *f = *state;
	struct person person = add_person(f->store, "s1");
	struct subject subject;

	person.valid_from = 5;
	person.valid_until = 6;
	must_load(f->store, &person, FACTOR_OTP, &subject);
	assert_true(subject.known);
	assert_true(subject.enrolled);
	assert_false(subject.frozen);
	assert_false(subject.suspended);
	assert_int_equal(subject.valid_from, 5);
	assert_int_equal(subject.valid_until, 6);
	assert_int_equal(subject.token_count, 1);
	assert_string_equal(subject.tokens[0].serial, "T-s1");
	assert_memory_equal(subject.tokens[0].otp.seed.bytes, SEED, 20);
	assert_int_equal(subject.emergency_count, 0);
	person.state = PERSON_SUSPENDED;
	person.frozen = true;
	person.enrolled_at = 0;
	must_load(f->store, &person, FACTOR_NONE, &subject);
	assert_true(subject.frozen);
	assert_true(subject.suspended);
	assert_false(subject.enrolled);
	assert_int_equal(subject.token_count, 0); /* no seed without need */
}

static void test_only_active_tokens(void **state)
{
	struct fixture *f = *state;
	struct person person = add_person(f->store, "s1");
	struct token token;
	struct subject subject;

	assert_int_equal(token_find(f->store, "T-s1", false, &token), ERR_NONE);
	for (int i = TOKEN_PENDING; i <= TOKEN_VOID; i++) {
		token.state = (enum token_state)i;
		COMMITTED(
		    f->store, token_save(f->store, &token, &FIXTURE_DEED));
		must_load(f->store, &person, FACTOR_OTP, &subject);
		assert_int_equal(subject.token_count, i == TOKEN_ACTIVE);
	}
}

static void test_many_tokens_are_bounded(void **state)
{
	struct fixture *f = *state;
	struct person person = add_person(f->store, "s1");
	struct subject subject;

	for (int i = 0; i < SUBJECT_TOKENS_MAX + 3; i++) {
		char seed[] = "0123456789abcdefghi-x";
		struct token token;

		seed[20] = (char)('a' + i);
		token = fixture_token(person.id, seed);
		COMMITTED(f->store, token_add(f->store, &token, &FIXTURE_DEED));
	}
	must_load(f->store, &person, FACTOR_OTP, &subject);
	assert_int_equal(subject.token_count, SUBJECT_TOKENS_MAX);
}

/* Two decisions in one transaction: the second sees the first. */
static void test_one_code_one_login(void **state)
{
	struct fixture *f = *state;
	struct person person = add_person(f->store, "s1");
	char code[OTP_DIGITS_MAX + 1];
	struct decision decision;

	code_at(NOW_S, code);
	assert_int_equal(store_begin(f->store), ERR_NONE);
	decision = ask(f->store, &person, code, NOW_S, true, 1);
	assert_int_equal(decision.result, RESULT_ACCEPT);
	decision = ask(f->store, &person, code, NOW_S, true, 2);
	assert_int_equal(decision.result, RESULT_DENY);
	assert_int_equal(decision.reason, REASON_USED);
	assert_int_equal(store_commit(f->store), ERR_NONE);
	fixture_reopen(f);
	assert_int_equal(store_begin(f->store), ERR_NONE);
	decision = ask(f->store, &person, code, NOW_S + 20, true, 1);
	assert_int_equal(decision.reason, REASON_USED);
	code_at(NOW_S + 30, code);
	decision = ask(f->store, &person, code, NOW_S + 30, true, 1);
	assert_int_equal(decision.result, RESULT_ACCEPT);
	store_rollback(f->store);
}

static void test_charged_and_cleared(void **state)
{
	struct fixture *f = *state;
	struct person person = add_person(f->store, "s1");
	struct subject subject;
	char code[OTP_DIGITS_MAX + 1];

	assert_int_equal(store_begin(f->store), ERR_NONE);
	for (int i = 0; i < 3; i++)
		assert_int_equal(
		    ask(f->store, &person, "000000", NOW_S, true, 1).reason,
		    REASON_WRONG);
	assert_int_equal(store_commit(f->store), ERR_NONE);
	fixture_reopen(f); /* survives restarts */
	code_at(NOW_S, code);
	assert_int_equal(store_begin(f->store), ERR_NONE);
	assert_int_equal(ask(f->store, &person, code, NOW_S, true, 2).reason,
	    REASON_THROTTLED);
	assert_int_equal(throttle_end_waits(f->store, person.id), ERR_NONE);
	must_load(f->store, &person, FACTOR_OTP, &subject);
	assert_int_equal(subject.throttle.proven.failures, 3);
	assert_int_equal(subject.throttle.proven.wait_until, 0);
	assert_int_equal(
	    ask(f->store, &person, code, NOW_S, true, 1).result, RESULT_ACCEPT);
	must_load(f->store, &person, FACTOR_OTP, &subject);
	assert_int_equal(subject.throttle.proven.failures, 0);
	assert_int_equal(store_commit(f->store), ERR_NONE);
}

static void check_token(struct store *store, int64_t drift, bool out_of_step)
{
	struct token token;

	assert_int_equal(token_find(store, "T-s1", false, &token), ERR_NONE);
	assert_int_equal(token.otp.drift, drift);
	assert_int_equal(token.out_of_step, out_of_step);
}

/* Known from the wrong code to the next good one, however they were asked. */
static void test_drift_and_out_of_step(void **state)
{
	struct fixture *f = *state;
	struct person person = add_person(f->store, "s1");
	struct subject subject;
	char code[OTP_DIGITS_MAX + 1];

	for (int proven = 0; proven <= 1; proven++) {
		int64_t now_s = NOW_S + proven * 600;

		assert_int_equal(store_begin(f->store), ERR_NONE);
		code_at(now_s + 5 * 30, code);
		ask(f->store, &person, code, now_s, proven, 1);
		check_token(f->store, proven, true);
		ask(f->store, &person, "000000", now_s, proven, 1);
		check_token(f->store, proven, true);
		assert_int_equal(
		    throttle_end_waits(f->store, person.id), ERR_NONE);
		check_token(f->store, proven, true);
		code_at(now_s + (proven + 1) * 30, code);
		assert_int_equal(
		    ask(f->store, &person, code, now_s, proven, 1).result,
		    RESULT_ACCEPT);
		check_token(f->store, proven + 1, false);
		assert_int_equal(store_commit(f->store), ERR_NONE);
	}
	fixture_reopen(f);
	must_load(f->store, &person, FACTOR_OTP, &subject);
	assert_int_equal(subject.tokens[0].otp.drift, 2);
}

static enum err add_row(void *context, const struct throttle_row *row)
{
	char line[96];

	snprintf(line, sizeof(line), "%s %d: %d of %d\n",
	    factor_text(row->factor), (int)row->terminal_id,
	    (int)row->count.failures, (int)row->unproven_total);
	strcat(context, line);
	return ERR_NONE;
}

static void check_rows(
    struct store *store, int64_t person_id, const char *wanted)
{
	char rows[512] = "";

	assert_int_equal(
	    throttle_each(store, person_id, add_row, rows), ERR_NONE);
	assert_string_equal(rows, wanted);
}

/* Unproven failures at one desk do not lock out another. */
static void test_unproven_per_terminal(void **state)
{
	struct fixture *f = *state;
	struct person person = add_person(f->store, "s1");
	char code[OTP_DIGITS_MAX + 1];

	assert_int_equal(store_begin(f->store), ERR_NONE);
	for (int i = 0; i < 3; i++)
		ask(f->store, &person, "000000", NOW_S, false, 7);
	ask(f->store, &person, "000000", NOW_S, false, 8);
	assert_int_equal(
	    ask(f->store, &person, "000000", NOW_S, false, 7).reason,
	    REASON_THROTTLED);
	check_rows(f->store, person.id,
	    "otp 0: 0 of 4\notp 7: 3 of 0\notp 8: 1 of 0\n");
	code_at(NOW_S, code);
	assert_int_equal(ask(f->store, &person, code, NOW_S, false, 8).result,
	    RESULT_ACCEPT);
	check_rows(f->store, person.id,
	    "otp 0: 0 of 3\notp 7: 3 of 0\notp 8: 0 of 0\n");
	/* a proven success clears what every terminal has counted */
	code_at(NOW_S + 30, code);
	assert_int_equal(
	    ask(f->store, &person, code, NOW_S + 30, true, 9).result,
	    RESULT_ACCEPT);
	check_rows(f->store, person.id, "");
	ask(f->store, &person, "000000", NOW_S, false, 7);
	assert_int_equal(
	    throttle_forget(f->store, person.id, FACTOR_EMERGENCY), ERR_NONE);
	check_rows(f->store, person.id, "otp 0: 0 of 1\notp 7: 1 of 0\n");
	assert_int_equal(
	    throttle_forget(f->store, person.id, FACTOR_OTP), ERR_NONE);
	check_rows(f->store, person.id, "");
	assert_int_equal(store_commit(f->store), ERR_NONE);
}

static void test_unproven_needs_a_terminal(void **state)
{
	struct fixture *f = *state;
	struct person person = add_person(f->store, "s1");
	const struct decision decision = {.throttle_changed = true,
	    .token_index = -1,
	    .emergency_index = -1,
	    .card_index = -1};
	const struct subject subject = {0};

	assert_int_equal(subject_apply(f->store, &person, FACTOR_OTP, 0,
			     &subject, &decision, false, NOW_S),
	    ERR_INVALID);
}

/* The very same statements serve a stranger; he is charged, and shares. */
static void test_stranger(void **state)
{
	struct fixture *f = *state;
	struct person decoy;
	struct subject subject;

	assert_int_equal(
	    person_find_decoy(f->store, "nobody", &decoy), ERR_NONE);
	must_load(f->store, &decoy, FACTOR_OTP, &subject);
	assert_false(subject.known);
	assert_true(subject.enrolled);
	assert_int_equal(subject.token_count, 1);
	assert_int_equal(subject.tokens[0].otp.seed.length, 20);
	assert_int_equal(store_begin(f->store), ERR_NONE);
	for (int i = 0; i < 3; i++)
		ask(f->store, &decoy, "000000", NOW_S, true, 1);
	assert_int_equal(ask(f->store, &decoy, "000000", NOW_S, true, 1).reason,
	    REASON_THROTTLED);
	assert_int_equal(store_commit(f->store), ERR_NONE);
}

/* One damaged seed denies one person, not everybody. */
static void test_damaged_seed(void **state)
{
	struct fixture *f = *state;
	struct person one = add_person(f->store, "s1");
	struct person two = fixture_person("s2");
	struct token token;
	struct subject subject = {.token_count = 5};

	COMMITTED(f->store, person_add(f->store, &two));
	token = fixture_token(two.id, "another seed, of s2 .");
	COMMITTED(f->store, token_add(f->store, &token, &FIXTURE_DEED));
	assert_int_equal(db_script(f->store->db,
			     "UPDATE seed SET sealed = zeroblob(40) WHERE id ="
			     " (SELECT seed_id FROM token WHERE serial = "
			     "'T-s1')"),
	    ERR_NONE);
	assert_int_equal(
	    subject_load(f->store, &one, FACTOR_OTP, 1, NOW_S, &subject),
	    ERR_CRYPTO);
	assert_int_equal(subject.token_count, 0); /* nothing is left */
	must_load(f->store, &two, FACTOR_OTP, &subject);
	must_load(f->store, &one, FACTOR_EMERGENCY, &subject);
}

/* --- emergency codes --- */

static enum err issue(struct store *store, const struct person *person,
    const char *digits, int64_t until)
{
	struct secret hash = {0};

	assert_int_equal(
	    emergency_hash(store, person->id, digits, strlen(digits), &hash),
	    ERR_NONE);
	return emergency_add(store, person->id, &hash, until, NOW_S);
}

static size_t count_codes(struct store *store, const struct person *person)
{
	struct subject subject;

	assert_int_equal(
	    subject_load(store, person, FACTOR_EMERGENCY, 1, NOW_S, &subject),
	    ERR_NONE);
	return subject.emergency_count;
}

static void test_emergency(void **state)
{
	struct fixture *f = *state;
	struct person one = add_person(f->store, "s1");
	struct decision spend = {
	    .token_index = -1, .emergency_index = 0, .card_index = -1};
	struct subject subject;
	struct secret hash = {0}, other = {0};

	COMMITTED(f->store, issue(f->store, &one, "11111111", NOW_S + 60));
	assert_int_equal(
	    emergency_hash(f->store, one.id, "11111111", 8, &hash), ERR_NONE);
	assert_int_equal(
	    emergency_hash(f->store, one.id + 1, "11111111", 8, &other),
	    ERR_NONE);
	assert_false(secret_equal(&hash, &other));
	must_load(f->store, &one, FACTOR_EMERGENCY, &subject);
	assert_int_equal(subject.emergency_count, 1);
	assert_true(secret_equal(&subject.emergency[0].hash, &hash));
	assert_int_equal(subject.emergency[0].until, NOW_S + 60);
	assert_false(subject.emergency[0].spent);
	assert_int_equal(store_begin(f->store), ERR_NONE);
	assert_int_equal(subject_apply(f->store, &one, FACTOR_EMERGENCY, 1,
			     &subject, &spend, true, NOW_S),
	    ERR_NONE);
	assert_int_equal(subject_apply(f->store, &one, FACTOR_EMERGENCY, 1,
			     &subject, &spend, true, NOW_S),
	    ERR_NOT_ALLOWED);
	assert_int_equal(store_commit(f->store), ERR_NONE);
	must_load(f->store, &one, FACTOR_EMERGENCY, &subject);
	assert_true(subject.emergency[0].spent);
	COMMITTED(f->store, emergency_void(f->store, one.id));
	assert_int_equal(count_codes(f->store, &one), 0);
}

static void test_emergency_room(void **state)
{
	struct fixture *f = *state;
	struct person one = add_person(f->store, "s1");
	struct person two = fixture_person("s2");
	char digits[16];

	COMMITTED(f->store, person_add(f->store, &two));
	COMMITTED(f->store, issue(f->store, &two, "1", NOW_S + 60));
	COMMITTED(f->store, issue(f->store, &one, "gone", NOW_S));
	for (int i = 0; i < SUBJECT_EMERGENCY_MAX; i++) {
		snprintf(digits, sizeof(digits), "%d", i);
		COMMITTED(f->store, issue(f->store, &one, digits, NOW_S + 60));
	}
	assert_int_equal(issue(f->store, &one, "more", NOW_S + 60), ERR_FULL);
	assert_int_equal(count_codes(f->store, &one), SUBJECT_EMERGENCY_MAX);
	COMMITTED(f->store, emergency_void(f->store, one.id));
	assert_int_equal(count_codes(f->store, &two), 1);
	COMMITTED(f->store, issue(f->store, &one, "more", NOW_S + 60));
	COMMITTED(f->store, emergency_void(f->store, 0));
	assert_int_equal(count_codes(f->store, &one), 0);
	assert_int_equal(count_codes(f->store, &two), 0);
}

/* --- cards --------------------------------------------------------------- */

/* Binds a new key, as an officer does; returns it. */
static struct card_evidence add_card(
    struct store *store, const struct person *person)
{
	const struct maker_wish wish = {.key = EVP_EC_gen("P-256")};
	struct maker_bytes der = maker_x509_der(maker_issue(&wish, NULL));
	struct card_evidence evidence = {.standing = CARD_GOOD};
	struct card_certificate certificate;
	int64_t holder = 0;

	assert_int_equal(
	    card_certificate_describe(der.bytes, der.length, &certificate),
	    ERR_NONE);
	COMMITTED(store, card_add(store, person->id, &certificate, der.bytes,
			     der.length, NOW_S, &holder));
	memcpy(evidence.key, certificate.key, CARD_KEY_BYTES);
	EVP_PKEY_free(wish.key);
	free(der.bytes);
	return evidence;
}

static struct decision show(struct store *store, const struct person *person,
    const struct card_evidence *evidence)
{
	const struct policy_answer permit = {
	    .action = POLICY_PERMIT, .factors = 1u << FACTOR_CARD, .rule = ""};
	const struct question question = {
	    .factor = FACTOR_CARD,
	    .proven = true,
	    .clock_trusted = true,
	    .now_s = NOW_S,
	    .card_shown = true,
	    .card = *evidence,
	};
	struct subject subject;
	struct decision decision;

	assert_int_equal(
	    subject_load(store, person, FACTOR_CARD, 1, NOW_S, &subject),
	    ERR_NONE);
	decision = decide(&question, &subject, &permit, &limits);
	COMMITTED(store, subject_apply(store, person, FACTOR_CARD, 1, &subject,
			     &decision, true, NOW_S));
	subject_wipe(&subject);
	return decision;
}

static void test_cards(void **state)
{
	struct fixture *f = *state;
	struct person one = add_person(f->store, "s1");
	struct card_evidence first = add_card(f->store, &one);
	struct card_evidence second = add_card(f->store, &one);
	struct subject subject;
	struct card card;

	must_load(f->store, &one, FACTOR_CARD, &subject);
	assert_int_equal(subject.card_count, 2);
	assert_int_equal(subject.token_count, 0); /* no seed without need */
	must_load(f->store, &one, FACTOR_OTP, &subject);
	assert_int_equal(subject.card_count, 0);
	subject_wipe(&subject);

	assert_int_equal(show(f->store, &one, &second).result, RESULT_ACCEPT);
	assert_int_equal(card_find(f->store, second.key, &card), ERR_NONE);
	assert_int_equal(card.last_used_at, NOW_S);
	COMMITTED(f->store, card_revoke(f->store, card.id));
	assert_int_equal(show(f->store, &one, &second).reason, REASON_WRONG);
	assert_int_equal(show(f->store, &one, &first).result, RESULT_ACCEPT);
}

/* A card's throttle is its own, and what is unfit leaves it alone. */
static void test_throttle_of_cards(void **state)
{
	struct fixture *f = *state;
	struct person one = add_person(f->store, "s1");
	struct card_evidence good = add_card(f->store, &one);
	struct card_evidence forged = good, stale = good;
	struct subject subject;

	forged.standing = CARD_FORGED;
	stale.standing = CARD_CRL_STALE;
	for (int i = 0; i < 3; i++) {
		assert_true(show(f->store, &one, &stale).card_unfit);
		assert_true(show(f->store, &one, &forged).evaluated);
	}
	assert_int_equal(show(f->store, &one, &good).reason, REASON_THROTTLED);
	must_load(f->store, &one, FACTOR_NONE, &subject);
	assert_int_equal(subject.throttle.proven.failures, 0);
	assert_int_equal(
	    subject_load_throttle(f->store, &one, FACTOR_CARD, 1, &subject),
	    ERR_NONE);
	assert_int_equal(subject.throttle.proven.failures, 3);
}

static void test_a_stranger_has_no_card(void **state)
{
	struct fixture *f = *state;
	struct person one = add_person(f->store, "s1"), decoy;
	struct card_evidence good = add_card(f->store, &one);
	struct decision decision;

	assert_int_equal(
	    person_find_decoy(f->store, "nobody", &decoy), ERR_NONE);
	decision = show(f->store, &decoy, &good);
	assert_int_equal(decision.reason, REASON_WRONG);
	assert_true(decision.evaluated && decision.throttle_changed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    STORE_TEST(test_loaded),
	    STORE_TEST(test_only_active_tokens),
	    STORE_TEST(test_many_tokens_are_bounded),
	    STORE_TEST(test_one_code_one_login),
	    STORE_TEST(test_charged_and_cleared),
	    STORE_TEST(test_drift_and_out_of_step),
	    STORE_TEST(test_unproven_per_terminal),
	    STORE_TEST(test_unproven_needs_a_terminal),
	    STORE_TEST(test_stranger),
	    STORE_TEST(test_damaged_seed),
	    STORE_TEST(test_emergency),
	    STORE_TEST(test_emergency_room),
	    STORE_TEST(test_cards),
	    STORE_TEST(test_throttle_of_cards),
	    STORE_TEST(test_a_stranger_has_no_card),
	};

	if (otp_init() != ERR_NONE)
		return 1;
	return STORE_RUN("subject", tests);
}
