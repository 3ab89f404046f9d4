/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chain: any change, removal, insertion or cut is found; repeats are
 * counted and none is lost; lists find what they should.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "tests/unit/store_fixture.h"

static enum err append(
    struct store *store, const char *user, const char *result, int64_t time_ms)
{
	struct audit_entry entry = {.kind = "login", .time_ms = time_ms};

	audit_add_text(&entry, "user", user);
	audit_add_text(&entry, "terminal", "pc1");
	audit_add_text(&entry, "result", result);
	return audit_append(store, &entry, NULL);
}

/* Records 2 to 1 + count, a second apart. */
static void append_many(struct store *store, int count)
{
	assert_int_equal(store_begin(store), ERR_NONE);
	for (int i = 0; i < count; i++)
		assert_int_equal(
		    append(store, i % 10 ? "s1" : "s2",
			i % 4 ? "accept" : "deny", NOW_MS + i * 1000),
		    ERR_NONE);
	assert_int_equal(store_commit(store), ERR_NONE);
}

static struct audit_check verify(struct store *store, const unsigned char *head)
{
	struct audit_check check = {.next_seq = 1};

	while (check.next_seq != 0)
		assert_int_equal(
		    audit_verify_step(store, head, 7, &check), ERR_NONE);
	return check;
}

static void test_chain(void **state)
{
	struct fixture *f = *state;
	unsigned char first[AUDIT_HASH_BYTES], second[AUDIT_HASH_BYTES];
	unsigned char bytes[AUDIT_HASH_BYTES + 512], wanted[AUDIT_HASH_BYTES];
	const char *record =
	    "{\"seq\":2,\"time\":\"2027-01-15T08:00:00.000Z\","
	    "\"kind\":\"login\",\"user\":\"s2\",\"terminal\":\"pc1\","
	    "\"result\":\"deny\"}";

	append_many(f->store, 1);
	assert_int_equal(audit_hash_at(f->store, 1, first), ERR_NONE);
	assert_int_equal(audit_hash_at(f->store, 2, second), ERR_NONE);
	assert_int_equal(audit_hash_at(f->store, 3, second), ERR_NOT_FOUND);
	assert_int_equal(audit_hash_at(f->store, 0, second), ERR_NOT_FOUND);
	memcpy(bytes, first, sizeof(first));
	memcpy(bytes + sizeof(first), record, strlen(record));
	assert_int_equal(EVP_Digest(bytes, sizeof(first) + strlen(record),
			     wanted, NULL, EVP_sha256(), NULL),
	    1);
	assert_memory_equal(second, wanted, sizeof(wanted));
}

static void test_verify(void **state)
{
	struct fixture *f = *state;
	unsigned char middle[AUDIT_HASH_BYTES], strange[AUDIT_HASH_BYTES] = {1};
	struct audit_check check;

	append_many(f->store, 50);
	fixture_reopen(f);
	check = verify(f->store, NULL);
	assert_int_equal(check.first_bad, 0);
	assert_int_equal(check.records, 51);
	assert_memory_equal(check.hash, f->store->head.hash, AUDIT_HASH_BYTES);
	assert_int_equal(audit_hash_at(f->store, 30, middle), ERR_NONE);
	assert_true(verify(f->store, middle).head_found);
	assert_false(verify(f->store, strange).head_found);
}

static void test_tampering(void **state)
{
	static const struct {
		const char *sql;
		int64_t first_bad;
	} rows[] = {
	    {"UPDATE audit SET record = replace(record, 's1', 's9')"
	     " WHERE seq = 20",
		20},
	    {"UPDATE audit SET hash = zeroblob(32) WHERE seq = 20", 20},
	    {"UPDATE audit SET hash = zeroblob(31) WHERE seq = 20", 20},
	    {"DELETE FROM audit WHERE seq = 20", 20},
	    {"DELETE FROM audit WHERE seq = 1", 1},
	    {"DELETE FROM audit WHERE seq > 40", 41},
	    {"UPDATE audit SET seq = 100 WHERE seq = 20", 20},
	    {"INSERT INTO audit SELECT seq + 1, time_ms, record, hash"
	     " FROM audit WHERE seq = 51",
		52},
	};
	struct fixture *f = *state;

	append_many(f->store, 50);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct audit_check check;

		assert_int_equal(store_begin(f->store), ERR_NONE);
		assert_int_equal(
		    db_script(f->store->db, rows[i].sql), ERR_NONE);
		check = verify(f->store, NULL);
		if (check.first_bad != rows[i].first_bad)
			fail_msg("row %zu: %ld", i, (long)check.first_bad);
		store_rollback(f->store);
	}
}

/* A cut that was made while nobody looked is found by a head kept
 * elsewhere. */
static void test_cut_tail(void **state)
{
	struct fixture *f = *state;
	unsigned char kept[AUDIT_HASH_BYTES];
	struct audit_check check;

	append_many(f->store, 50);
	memcpy(kept, f->store->head.hash, sizeof(kept));
	assert_int_equal(
	    db_script(f->store->db, "DELETE FROM audit WHERE seq > 40"),
	    ERR_NONE);
	fixture_reopen(f);
	assert_int_equal(f->store->head.seq, 40);
	check = verify(f->store, kept);
	assert_int_equal(check.first_bad, 0);
	assert_false(check.head_found);
	assert_int_equal(
	    db_script(f->store->db, "DELETE FROM audit"), ERR_NONE);
	store_close(f->store);
	f->store = NULL;
	assert_int_equal(
	    store_open(f->db, f->keyring, NOW_S, &f->store), ERR_CORRUPT);
	assert_null(f->store);
}

static void test_verify_while_appending(void **state)
{
	struct fixture *f = *state;
	struct audit_check check = {.next_seq = 1};

	append_many(f->store, 20);
	for (int i = 0; check.next_seq != 0 && i < 5; i++) {
		COMMITTED(f->store, append(f->store, "s1", "accept", NOW_MS));
		assert_int_equal(
		    audit_verify_step(f->store, NULL, 10, &check), ERR_NONE);
	}
	assert_int_equal(check.next_seq, 0);
	assert_int_equal(check.first_bad, 0);
	assert_int_equal(check.records, f->store->head.seq);
}

static void test_limits(void **state)
{
	struct fixture *f = *state;
	struct audit_entry entry = {.kind = "login", .time_ms = NOW_MS};
	char text[AUDIT_RECORD_BYTES_MAX];

	for (int i = 0; i <= AUDIT_FIELDS_MAX; i++)
		audit_add_number(&entry, "n", i);
	assert_int_equal(store_begin(f->store), ERR_NONE);
	assert_int_equal(audit_append(f->store, &entry, NULL), ERR_TOO_LONG);
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	entry.count = 0;
	audit_add_text(&entry, "x", text);
	audit_add_text(&entry, "ignored", NULL);
	assert_int_equal(entry.count, 1);
	assert_int_equal(audit_append(f->store, &entry, NULL), ERR_TOO_LONG);
	store_rollback(f->store);
	assert_int_equal(f->store->head.seq, 1);
}

/* --- lists --- */

struct list {
	int count, open;
	int64_t seqs[100];
	char last[AUDIT_RECORD_BYTES_MAX];
};

static enum err collect(void *context, int64_t seq, const char *record,
    const unsigned char hash[AUDIT_HASH_BYTES])
{
	struct list *list = context;

	(void)hash;
	if (seq == 0)
		list->open++;
	else
		list->seqs[list->count++] = seq;
	strcpy(list->last, record);
	return list->count == 100 ? ERR_FULL : ERR_NONE;
}

static void test_lists(void **state)
{
	/* records 2 to 51: user s2 at 2, 12, 22 ...; deny at 2, 6, 10 ... */
	static const struct {
		struct audit_query query;
		int count;
		int64_t first, last;
	} rows[] = {
	    {{0}, 51, 1, 51},
	    {{.limit = 10}, 10, 42, 51},
	    {{.limit = 10, .oldest = true}, 10, 1, 10},
	    {{.limit = 1000}, 51, 1, 51},
	    {{.after_seq = 30, .limit = 10, .oldest = true}, 10, 31, 40},
	    {{.after_seq = 45, .limit = 10}, 6, 46, 51},
	    {{.after_seq = 51}, 0, 0, 0},
	    {{.user = "s2"}, 5, 2, 42},
	    {{.user = "s2", .limit = 2}, 2, 32, 42},
	    {{.user = "s2", .limit = 2, .oldest = true}, 2, 2, 12},
	    {{.result = "deny"}, 13, 2, 50},
	    {{.result = "deny", .user = "s2"}, 3, 2, 42},
	    {{.terminal = "pc1"}, 50, 2, 51},
	    {{.terminal = "pc2"}, 0, 0, 0},
	    {{.user = "s2\""}, 0, 0, 0},
	    {{.kind = "login"}, 50, 2, 51},
	    {{.kind = "session"}, 0, 0, 0},
	    {{.limit = 10, .before_seq = 42}, 10, 32, 41},
	    {{.user = "s2", .limit = 9, .before_seq = 32}, 3, 2, 22},
	    {{.user = "s2", .limit = 9, .look_at = 20}, 2, 32, 42},
	    {{.from_ms = NOW_MS + 10000}, 40, 12, 51},
	    {{.to_ms = NOW_MS + 10000}, 11, 1, 11},
	    {{.from_ms = NOW_MS + 9500, .to_ms = NOW_MS + 20500}, 11, 12, 22},
	    {{.from_ms = NOW_MS + 100000}, 0, 0, 0},
	    {{.to_ms = 1}, 0, 0, 0},
	};
	struct fixture *f = *state;

	append_many(f->store, 50);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct list list = {0};

		assert_int_equal(
		    audit_each(f->store, &rows[i].query, collect, &list),
		    ERR_NONE);
		if (list.count != rows[i].count ||
		    list.seqs[0] != rows[i].first ||
		    (list.count && list.seqs[list.count - 1] != rows[i].last))
			fail_msg("row %zu: %d, %ld to %ld", i, list.count,
			    (long)list.seqs[0],
			    (long)list.seqs[list.count - 1]);
	}
}

/* An owner has set the clock back by a day. */
static void test_times_that_run_backwards(void **state)
{
	const int64_t day = 86400000;
	const struct audit_query early = {.to_ms = NOW_MS - day / 2};
	const struct audit_query late = {.from_ms = NOW_MS};
	struct fixture *f = *state;
	struct list list = {0};

	append_many(f->store, 5);
	COMMITTED(f->store, append(f->store, "s3", "accept", NOW_MS - day));
	COMMITTED(f->store, append(f->store, "s3", "accept", NOW_MS - day));
	fixture_reopen(f);
	assert_int_equal(
	    audit_each(f->store, &early, collect, &list), ERR_NONE);
	assert_int_equal(list.count, 2);
	memset(&list, 0, sizeof(list));
	assert_int_equal(audit_each(f->store, &late, collect, &list), ERR_NONE);
	assert_int_equal(list.count, 6);
	assert_int_equal(verify(f->store, NULL).first_bad, 0);
}

/* A jitter is not: times stay in order. */
static void test_jitter(void **state)
{
	struct fixture *f = *state;

	COMMITTED(f->store, append(f->store, "s1", "accept", NOW_MS + 900));
	COMMITTED(f->store, append(f->store, "s1", "accept", NOW_MS + 100));
	assert_int_equal(f->store->head.time_ms, NOW_MS + 900);
}

/* --- counting --- */

static enum err count(struct store *store, const char *same, int64_t after_ms)
{
	struct audit_entry entry = {
	    .kind = "login", .time_ms = NOW_MS + after_ms};

	audit_add_text(&entry, "user", "s1");
	audit_add_text(&entry, "result", "deny");
	return audit_append_counted(store, &entry, same);
}

static void test_counting(void **state)
{
	const struct audit_query all = {.with_open = true};
	struct fixture *f = *state;
	struct list list = {0};

	for (int i = 0; i < 10; i++)
		COMMITTED(f->store, count(f->store, "a", i * 1000));
	assert_int_equal(f->store->head.seq, 2); /* the first, at once */
	fixture_reopen(f);
	assert_int_equal(f->store->open_records, 1);
	assert_int_equal(audit_each(f->store, &all, collect, &list), ERR_NONE);
	assert_int_equal(list.count, 2);
	assert_int_equal(list.open, 1);
	assert_string_equal(list.last,
	    "{\"seq\":0,\"time\":\"2027-01-15T08:00:09.000Z\","
	    "\"kind\":\"login\",\"user\":\"s1\",\"result\":\"deny\","
	    "\"count\":9,\"first\":\"2027-01-15T08:00:00.000Z\","
	    "\"last\":\"2027-01-15T08:00:09.000Z\"}");

	COMMITTED(
	    f->store, audit_close_counted(f->store, NOW_MS + 59999, false));
	assert_int_equal(f->store->head.seq, 2);
	COMMITTED(
	    f->store, audit_close_counted(f->store, NOW_MS + 60000, false));
	assert_int_equal(f->store->head.seq, 3);
	assert_int_equal(f->store->open_records, 0);
	memset(&list, 0, sizeof(list));
	assert_int_equal(audit_each(f->store, &all, collect, &list), ERR_NONE);
	assert_int_equal(list.open, 0);
	assert_non_null(strstr(list.last, "\"count\":9,"));
	assert_non_null(strstr(list.last, "{\"seq\":3,"));
	assert_int_equal(verify(f->store, NULL).first_bad, 0);
}

static void test_counting_goes_on_after_a_minute(void **state)
{
	struct fixture *f = *state;

	COMMITTED(f->store, count(f->store, "a", 0));
	COMMITTED(f->store, count(f->store, "a", 1000));
	/* chains the one repeat, then itself */
	COMMITTED(f->store, count(f->store, "a", 61000));
	assert_int_equal(f->store->head.seq, 4);
	assert_int_equal(f->store->open_records, 1);
	/* nothing was repeated: nothing to chain */
	COMMITTED(
	    f->store, audit_close_counted(f->store, NOW_MS + 62000, true));
	assert_int_equal(f->store->head.seq, 4);
	assert_int_equal(f->store->open_records, 0);
}

static void test_counting_apart(void **state)
{
	struct fixture *f = *state;

	COMMITTED(f->store, count(f->store, "a", 0));
	COMMITTED(f->store, count(f->store, "b", 0));
	assert_int_equal(f->store->head.seq, 3);
	/* the clock was set back: the row's minute is over */
	COMMITTED(f->store, count(f->store, "a", -3600 * 1000));
	assert_int_equal(f->store->head.seq, 4);
}

static void test_open_rows_are_bounded(void **state)
{
	struct fixture *f = *state;
	char same[32];

	assert_int_equal(store_begin(f->store), ERR_NONE);
	for (int i = 0; i < 10005; i++) {
		snprintf(same, sizeof(same), "same %d", i);
		assert_int_equal(count(f->store, same, 0), ERR_NONE);
	}
	assert_int_equal(f->store->open_records, 10000);
	assert_int_equal(count(f->store, "same 10004", 0), ERR_NONE);
	assert_int_equal(count(f->store, "same 5", 0), ERR_NONE);
	/* 10005, one that had no row, none for the one that had */
	assert_int_equal(f->store->head.seq, 1 + 10005 + 1);
	assert_int_equal(audit_close_counted(f->store, NOW_MS, true), ERR_NONE);
	assert_int_equal(f->store->open_records, 0);
	assert_int_equal(f->store->head.seq, 1 + 10005 + 2);
	assert_int_equal(store_commit(f->store), ERR_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    STORE_TEST(test_chain),
	    STORE_TEST(test_verify),
	    STORE_TEST(test_tampering),
	    STORE_TEST(test_cut_tail),
	    STORE_TEST(test_verify_while_appending),
	    STORE_TEST(test_limits),
	    STORE_TEST(test_lists),
	    STORE_TEST(test_times_that_run_backwards),
	    STORE_TEST(test_jitter),
	    STORE_TEST(test_counting),
	    STORE_TEST(test_counting_goes_on_after_a_minute),
	    STORE_TEST(test_counting_apart),
	    STORE_TEST(test_open_rows_are_bounded),
	};

	return STORE_RUN("audit", tests);
}
