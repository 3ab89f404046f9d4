/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happened once is found until its time is over, in its transaction and
 * after a restart, and never after a rollback.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/store/once.h"
#include "server/store/once_index.h"
#include "tests/unit/store_fixture.h"

/* A key as a hash would make it, from a number. */
static void make_key(uint32_t number, unsigned char out[ONCE_KEY_BYTES])
{
	uint64_t mixed = (number + 1) * 0x9e3779b97f4a7c15u;

	memset(out, 0, ONCE_KEY_BYTES);
	mixed ^= mixed >> 29;
	memcpy(out, &mixed, sizeof(mixed));
	memcpy(out + 8, &number, sizeof(number));
}

static enum err add(struct store *store, uint32_t number, int64_t until)
{
	struct once once = {
	    .person_id = number,
	    .token_id = 2,
	    .terminal_id = 3,
	    .until = until,
	    .result = number % 2 ? RESULT_ACCEPT : RESULT_DENY,
	    .verdict_length = 4,
	    .verdict = "{\"\"}",
	};

	make_key(number, once.key);
	make_key(number + 1, once.body);
	return once_add(store, &once);
}

static enum err find(struct store *store, uint32_t number, int64_t now_s)
{
	unsigned char key[ONCE_KEY_BYTES], body[ONCE_KEY_BYTES];
	struct once once;
	enum err err;

	make_key(number, key);
	make_key(number + 1, body);
	err = once_find(store, key, now_s, &once);
	if (err != ERR_NONE)
		return err;
	assert_memory_equal(once.key, key, sizeof(key));
	assert_memory_equal(once.body, body, sizeof(body));
	assert_int_equal(once.person_id, number);
	assert_int_equal(once.token_id, 2);
	assert_int_equal(once.terminal_id, 3);
	assert_int_equal(once.result, number % 2 ? RESULT_ACCEPT : RESULT_DENY);
	assert_int_equal(once.verdict_length, 4);
	assert_memory_equal(once.verdict, "{\"\"}", 4);
	return ERR_NONE;
}

static void test_found_until_over(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(store_begin(f->store), ERR_NONE);
	assert_int_equal(find(f->store, 1, NOW_S), ERR_NOT_FOUND);
	assert_int_equal(add(f->store, 1, NOW_S + 60), ERR_NONE);
	assert_int_equal(find(f->store, 1, NOW_S), ERR_NONE);
	assert_int_equal(store_commit(f->store), ERR_NONE);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(find(f->store, 1, NOW_S + 59), ERR_NONE);
		assert_int_equal(find(f->store, 1, NOW_S + 60), ERR_NOT_FOUND);
		assert_int_equal(find(f->store, 2, NOW_S), ERR_NOT_FOUND);
		fixture_reopen(f);
	}
}

/* Two keys that begin alike are two. */
static void test_same_prefix(void **state)
{
	struct fixture *f = *state;
	struct once one = {.until = NOW_S + 60, .person_id = 1};
	struct once two = {.until = NOW_S + 60, .person_id = 2};
	struct once out;

	memcpy(one.key, "12345678aaaaaaaa", ONCE_KEY_BYTES);
	memcpy(two.key, "12345678bbbbbbbb", ONCE_KEY_BYTES);
	COMMITTED(f->store, once_add(f->store, &one));
	assert_int_equal(
	    once_find(f->store, two.key, NOW_S, &out), ERR_NOT_FOUND);
	COMMITTED(f->store, once_add(f->store, &two));
	assert_int_equal(once_find(f->store, one.key, NOW_S, &out), ERR_NONE);
	assert_int_equal(out.person_id, 1);
	assert_int_equal(once_find(f->store, two.key, NOW_S, &out), ERR_NONE);
	assert_int_equal(out.person_id, 2);
}

static void test_rollback(void **state)
{
	struct fixture *f = *state;

	COMMITTED(f->store, add(f->store, 1, NOW_S + 10));
	assert_int_equal(store_begin(f->store), ERR_NONE);
	for (uint32_t i = 2; i < 20000; i++) /* the index grows meanwhile */
		assert_int_equal(add(f->store, i, NOW_S + 60), ERR_NONE);
	assert_int_equal(once_drop_old(f->store, NOW_S + 20), ERR_NONE);
	assert_int_equal(find(f->store, 1, NOW_S), ERR_NOT_FOUND);
	assert_int_equal(find(f->store, 15000, NOW_S), ERR_NONE);
	store_rollback(f->store);
	assert_int_equal(find(f->store, 1, NOW_S), ERR_NONE);
	assert_int_equal(find(f->store, 2, NOW_S), ERR_NOT_FOUND);
	assert_int_equal(find(f->store, 15000, NOW_S), ERR_NOT_FOUND);
	COMMITTED(f->store, add(f->store, 2, NOW_S + 60));
	assert_int_equal(find(f->store, 2, NOW_S), ERR_NONE);
}

static int64_t rows(struct store *store)
{
	struct db_query *q = db_query(store->db, "SELECT count(*) FROM once");
	int64_t n = db_next(q) ? db_number(q, 0) : -1;

	assert_int_equal(db_done(q), ERR_NONE);
	return n;
}

static void test_dropping(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(store_begin(f->store), ERR_NONE);
	for (uint32_t i = 0; i < 2500; i++)
		assert_int_equal(add(f->store, i, NOW_S + 60), ERR_NONE);
	assert_int_equal(add(f->store, 2500, NOW_S + 120), ERR_NONE);
	assert_int_equal(store_commit(f->store), ERR_NONE);
	COMMITTED(f->store, once_drop_old(f->store, NOW_S + 59));
	assert_int_equal(rows(f->store), 2501);
	COMMITTED(f->store, once_drop_old(f->store, NOW_S + 60));
	assert_int_equal(rows(f->store), 1501); /* bounded work */
	for (int i = 0; i < 3; i++)
		COMMITTED(f->store, once_drop_old(f->store, NOW_S + 60));
	assert_int_equal(rows(f->store), 1);
	assert_int_equal(find(f->store, 2500, NOW_S + 60), ERR_NONE);
}

/* Under load nobody has to sweep: the table stays as long as its minute. */
static void test_sweeps_itself(void **state)
{
	struct fixture *f = *state;
	uint32_t number = 0;

	for (int64_t now_s = NOW_S; now_s < NOW_S + 300; now_s++) {
		assert_int_equal(store_begin(f->store), ERR_NONE);
		for (int i = 0; i < 20; i++) {
			assert_int_equal(
			    find(f->store, number, now_s), ERR_NOT_FOUND);
			assert_int_equal(
			    add(f->store, number++, now_s + 60), ERR_NONE);
		}
		assert_int_equal(store_commit(f->store), ERR_NONE);
	}
	assert_true(rows(f->store) < 20 * 60 + 200);
}

static void test_verdict_too_long(void **state)
{
	struct fixture *f = *state;
	struct once once = {.verdict_length = ONCE_VERDICT_BYTES_MAX + 1};

	assert_int_equal(once_add(f->store, &once), ERR_TOO_LONG);
}

/* Against a plain array: 20,000 random additions and removals, some of them
 * taken back. */
static void test_index(void **state)
{
	enum {
		KEYS = 500
	};
	int64_t row[KEYS] = {0}, settled[KEYS] = {0};
	struct once_index *index = NULL;
	unsigned char key[ONCE_KEY_BYTES];
	int64_t next_id = 1;
	unsigned seed = 7;

	(void)state;
	assert_int_equal(once_index_new(&index), ERR_NONE);
	for (int i = 0; i < 20000; i++) {
		int k = rand_r(&seed) % KEYS, what = rand_r(&seed) % 50;
		uint64_t cursor = 0;

		/* crowded: all homes within a few slots */
		memset(key, 0, sizeof(key));
		key[0] = (unsigned char)(k % 7);
		memcpy(key + 4, &k, sizeof(k));
		if (row[k]) {
			assert_int_equal(
			    once_index_next(index, key, &cursor), row[k]);
			assert_int_equal(
			    once_index_remove(index, key, row[k]), ERR_NONE);
			row[k] = 0;
		} else {
			assert_int_equal(
			    once_index_next(index, key, &cursor), 0);
			row[k] = next_id;
			assert_int_equal(
			    once_index_add(index, key, next_id++), ERR_NONE);
		}
		if (what == 0) {
			once_index_settle(index);
			memcpy(settled, row, sizeof(row));
		} else if (what == 1) {
			once_index_undo(index);
			memcpy(row, settled, sizeof(row));
			next_id = once_index_last(index) + 1;
		}
	}
	once_index_free(index);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    STORE_TEST(test_found_until_over),
	    STORE_TEST(test_same_prefix),
	    STORE_TEST(test_rollback),
	    STORE_TEST(test_dropping),
	    STORE_TEST(test_sweeps_itself),
	    STORE_TEST(test_verdict_too_long),
	    cmocka_unit_test(test_index),
	};

	return STORE_RUN("once", tests);
}
