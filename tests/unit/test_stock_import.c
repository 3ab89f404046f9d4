/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Imports in parts: nobody sees a token before the end, all of them at the
 * end, and of one that was given up there is nothing left, but whatever was
 * there before is as it was.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/store/stock_import.h"
#include "server/store/token_ledger.h"
#include "tests/unit/store_fixture.h"

static const struct token_deed deed = {"root", "imported", NOW_S};

static struct token token_of(const char *serial, const char *seed)
{
	struct token token = {.state = TOKEN_STOCK, .created_at = NOW_S};

	strcpy(token.serial, serial);
	token.otp.digits = 6;
	token.otp.period_s = 30;
	assert_int_equal(
	    secret_set(&token.otp.seed, seed, strlen(seed)), ERR_NONE);
	return token;
}

static int64_t begin(struct store *store)
{
	int64_t id = 0;
	bool more = true;

	for (int i = 0; more && i < 100; i++) {
		assert_int_equal(store_begin(store), ERR_NONE);
		assert_int_equal(
		    stock_import_begin(store, NOW_S, &id, &more), ERR_NONE);
		assert_int_equal(store_commit(store), ERR_NONE);
	}
	assert_false(more);
	assert_true(id > 0);
	return id;
}

static enum err add(struct store *store, int64_t id, int64_t line,
    const struct token *token, struct stock_clash *clash)
{
	enum err err;

	assert_int_equal(store_begin(store), ERR_NONE);
	err = stock_import_add(store, line, token, &deed, clash);
	assert_int_equal(
	    stock_import_note(store, id, 1, false, NOW_S), ERR_NONE);
	assert_int_equal(store_commit(store), ERR_NONE);
	return err;
}

static bool is_found(struct store *store, const char *serial)
{
	struct token token;
	enum err err = token_find(store, serial, false, &token);

	assert_true(err == ERR_NONE || err == ERR_NOT_FOUND);
	return err == ERR_NONE;
}

static enum err count_one(void *context, const struct token *token)
{
	(void)token;
	*(int *)context += 1;
	return ERR_NONE;
}

static int count_listed(struct store *store)
{
	int count = 0;

	assert_int_equal(
	    token_each_serial(store, "", 10000, count_one, &count), ERR_NONE);
	return count;
}

static int64_t count_rows(struct store *store, const char *sql)
{
	struct db_query *q = db_query(store->db, sql);
	int64_t count = db_next(q) ? db_number(q, 0) : -1;

	assert_int_equal(db_done(q), ERR_NONE);
	return count;
}

static void finish(struct store *store, int64_t id)
{
	assert_int_equal(store_begin(store), ERR_NONE);
	assert_int_equal(stock_import_finish(store, id), ERR_NONE);
	assert_int_equal(store_commit(store), ERR_NONE);
}

static void test_all_at_once(void **state)
{
	struct fixture *f = *state;
	struct store *store = f->store;
	struct token one = token_of("A1", "12345678901234567890");
	struct token two = token_of("A2", "abcdefghijklmnopqrst");
	struct stock_clash clash = {0};
	struct stock_import import;
	struct token found;
	int64_t id = begin(store);

	assert_int_equal(add(store, id, 2, &one, &clash), ERR_NONE);
	assert_int_equal(add(store, id, 3, &two, &clash), ERR_NONE);
	assert_false(is_found(store, "A1"));
	assert_int_equal(count_listed(store), 0);
	assert_int_equal(stock_import_find(store, id, &import), ERR_NONE);
	assert_int_equal(import.tokens, 2);
	assert_int_equal(import.state, STOCK_IMPORT_ARRIVING);

	finish(store, id);
	assert_int_equal(token_find(store, "A2", true, &found), ERR_NONE);
	assert_int_equal(found.state, TOKEN_STOCK);
	assert_int_equal(found.person_id, 0);
	assert_memory_equal(found.otp.seed.bytes, "abcdefghijklmnopqrst", 20);
	token_wipe(&found);
	assert_int_equal(count_listed(store), 2);
	assert_int_equal(stock_import_find(store, id, &import), ERR_NONE);
	assert_int_equal(import.state, STOCK_IMPORT_DONE);
	assert_int_equal(
	    count_rows(store, "SELECT count(*) FROM token_ledger"), 2);
}

static void test_clashes(void **state)
{
	struct fixture *f = *state;
	struct store *store = f->store;
	struct token here = token_of("A1", "12345678901234567890");
	struct token same_serial = token_of("A1", "another-another-anot");
	struct token same_seed = token_of("A9", "12345678901234567890");
	struct token arriving = token_of("A2", "abcdefghijklmnopqrst");
	struct token arriving_seed = token_of("A3", "abcdefghijklmnopqrst");
	struct stock_clash clash = {0};
	int64_t id = begin(store);

	assert_int_equal(add(store, id, 2, &here, &clash), ERR_NONE);
	finish(store, id);
	id = begin(store);
	assert_int_equal(add(store, id, 7, &arriving, &clash), ERR_NONE);

	assert_int_equal(add(store, id, 8, &same_serial, &clash), ERR_EXISTS);
	assert_true(clash.by_serial && clash.line == 0);
	assert_int_equal(add(store, id, 8, &same_seed, &clash), ERR_EXISTS);
	assert_true(!clash.by_serial && clash.line == 0);
	assert_string_equal(clash.other.serial, "A1");
	assert_int_equal(add(store, id, 8, &arriving, &clash), ERR_EXISTS);
	assert_true(clash.by_serial && clash.line == 7);
	assert_int_equal(add(store, id, 8, &arriving_seed, &clash), ERR_EXISTS);
	assert_true(!clash.by_serial && clash.line == 7);
}

/* Far more than are deleted at a time. */
static void test_given_up(void **state)
{
	enum {
		MANY = 2 * STOCK_SWEEP_ROWS + 5
	};
	struct fixture *f = *state;
	struct store *store = f->store;
	int64_t seeds = count_rows(store, "SELECT count(*) FROM seed");
	int64_t tokens = count_rows(store, "SELECT count(*) FROM token");
	struct stock_clash clash = {0};
	int64_t first = begin(store), second;

	for (int i = 0; i < MANY; i++) {
		char serial[16], seed[21];
		struct token token;

		snprintf(serial, sizeof(serial), "B%d", i);
		snprintf(seed, sizeof(seed), "%020d", i + 1);
		token = token_of(serial, seed);
		assert_int_equal(
		    add(store, first, i + 2, &token, &clash), ERR_NONE);
	}
	second = begin(store);
	assert_int_not_equal(first, second);
	assert_int_equal(count_rows(store, "SELECT count(*) FROM seed"), seeds);
	assert_int_equal(
	    count_rows(store, "SELECT count(*) FROM seed_floor"), seeds);
	assert_int_equal(
	    count_rows(store, "SELECT count(*) FROM token"), tokens);
	assert_int_equal(
	    count_rows(store, "SELECT count(*) FROM token_ledger"), 0);
	assert_int_equal(
	    count_rows(store, "SELECT count(*) FROM token_arriving"), 0);
}

/* A seed that was known: its floor rises at the end and not before, and it
 * outlives an import that is given up. */
static void test_a_known_seed(void **state)
{
	static const char seed[] = "12345678901234567890";
	struct fixture *f = *state;
	struct store *store = f->store;
	struct token old = token_of("A1", seed), fresh = token_of("A2", seed);
	struct stock_clash clash = {0};
	struct token found;
	int64_t id = begin(store);

	old.otp.type = fresh.otp.type = OTP_HOTP;
	old.otp.period_s = fresh.otp.period_s = 0;
	old.otp.floor = 10;
	fresh.otp.floor = 50;
	assert_int_equal(add(store, id, 2, &old, &clash), ERR_NONE);
	finish(store, id);
	assert_int_equal(token_find(store, "A1", false, &found), ERR_NONE);
	found.state = TOKEN_RETIRED;
	assert_int_equal(store_begin(store), ERR_NONE);
	assert_int_equal(token_save(store, &found, &deed), ERR_NONE);
	assert_int_equal(store_commit(store), ERR_NONE);

	id = begin(store);
	assert_int_equal(add(store, id, 2, &fresh, &clash), ERR_NONE);
	begin(store);
	assert_int_equal(token_find(store, "A1", true, &found), ERR_NONE);
	assert_int_equal(found.otp.floor, 10);
	assert_memory_equal(found.otp.seed.bytes, seed, 20);

	id = begin(store);
	assert_int_equal(add(store, id, 2, &fresh, &clash), ERR_NONE);
	finish(store, id);
	assert_int_equal(token_find(store, "A2", false, &found), ERR_NONE);
	assert_int_equal(found.otp.floor, 50);
}

static void sweep(struct store *store, int64_t now_s)
{
	bool more = true;

	for (int i = 0; more && i < 10; i++) {
		assert_int_equal(store_begin(store), ERR_NONE);
		assert_int_equal(
		    stock_import_sweep(store, now_s, &more), ERR_NONE);
		assert_int_equal(store_commit(store), ERR_NONE);
	}
	assert_false(more);
}

static void test_what_was_left_alone_is_swept(void **state)
{
	struct fixture *f = *state;
	struct store *store = f->store;
	struct token one = token_of("A1", "12345678901234567890");
	struct stock_clash clash = {0};
	struct stock_import import;
	int64_t id = begin(store);

	assert_int_equal(add(store, id, 2, &one, &clash), ERR_NONE);
	sweep(store, NOW_S + STOCK_IMPORT_IDLE_S - 1);
	assert_int_equal(stock_import_find(store, id, &import), ERR_NONE);
	assert_int_equal(import.state, STOCK_IMPORT_ARRIVING);
	assert_int_equal(
	    count_rows(store, "SELECT count(*) FROM token_arriving"), 1);

	sweep(store, NOW_S + STOCK_IMPORT_IDLE_S);
	assert_int_equal(stock_import_find(store, id, &import), ERR_NONE);
	assert_int_equal(import.state, STOCK_IMPORT_GIVEN_UP);
	assert_int_equal(
	    count_rows(store, "SELECT count(*) FROM token_arriving"), 0);
	assert_int_equal(stock_import_find(store, 99, &import), ERR_NOT_FOUND);
	/* It cannot come back to life. */
	finish(store, id);
	assert_int_equal(stock_import_find(store, id, &import), ERR_NONE);
	assert_int_equal(import.state, STOCK_IMPORT_GIVEN_UP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    STORE_TEST(test_all_at_once),
	    STORE_TEST(test_clashes),
	    STORE_TEST(test_given_up),
	    STORE_TEST(test_a_known_seed),
	    STORE_TEST(test_what_was_left_alone_is_swept),
	};

	return STORE_RUN("stock_import", tests);
}
