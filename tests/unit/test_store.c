/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making and opening a store, and that every cached value moves with the
 * transaction.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "server/store/once.h"
#include "server/store/policy_store.h"
#include "tests/unit/store_fixture.h"

static void test_created(void **state)
{
	struct fixture *f = *state;
	int64_t number = 7;

	assert_int_equal(store_create(f->db, f->keyring, NOW_MS), ERR_EXISTS);
	assert_int_equal(strlen(f->store->instance), 32);
	assert_int_equal(f->store->head.seq, 1);
	assert_int_equal(f->store->committed_head.seq, 1);
	assert_int_equal(f->store->head.time_ms, NOW_MS);
	assert_non_null(f->store->policy);
	assert_int_equal(f->store->policy_version, 1);
	assert_false(f->store->all_frozen);
	assert_int_equal(
	    store_get_number(f->store, "nothing", &number), ERR_NOT_FOUND);
	assert_int_equal(number, 7);
}

static void test_wrong_key(void **state)
{
	struct fixture *f = *state;
	struct keyring *other = NULL;
	struct store *store = NULL;
	char path[128];

	snprintf(path, sizeof(path), "%s/other", f->folder);
	assert_int_equal(keyring_create(path), ERR_NONE);
	assert_int_equal(keyring_open(path, &other), ERR_NONE);
	store_close(f->store);
	f->store = NULL;
	assert_int_equal(store_open(f->db, other, NOW_S, &store), ERR_CRYPTO);
	assert_null(store);
	keyring_free(other);
	unlink(path);
	fixture_open(f); /* and the right key still opens it */
}

static void test_keys_survive(void **state)
{
	struct fixture *f = *state;
	struct secret login_key = f->store->login_key;
	unsigned char before[32], after[32], other[32];

	assert_int_equal(
	    store_keyed_hash(f->store, "user", "abc", 3, before), ERR_NONE);
	assert_int_equal(
	    store_keyed_hash(f->store, "usera", "bc", 2, other), ERR_NONE);
	assert_memory_not_equal(before, other, 32);
	fixture_reopen(f);
	assert_true(secret_equal(&login_key, &f->store->login_key));
	assert_false(secret_equal(&login_key, &f->store->hash_key));
	assert_int_equal(
	    store_keyed_hash(f->store, "user", "abc", 3, after), ERR_NONE);
	assert_memory_equal(before, after, 32);
}

static void change_everything(struct store *store)
{
	static const char text[] = "refuse nobody\n";
	struct audit_entry entry = {.kind = "server", .time_ms = NOW_MS + 5};
	struct once once = {.key = "0123456789abcde", .until = NOW_S + 60};
	struct once found;
	char problem[256];

	assert_int_equal(
	    store_set_number(store, STORE_ALL_FROZEN, 1), ERR_NONE);
	assert_int_equal(store_set_number(store, STORE_FLOOR, 99), ERR_NONE);
	assert_int_equal(store_end_logins(store, NOW_S), ERR_NONE);
	assert_int_equal(
	    policy_store_set(store, text, strlen(text),
		&(struct policy_ground){"me", "", "", 0}, NOW_S, NULL, problem),
	    ERR_NONE);
	assert_int_equal(audit_append(store, &entry, NULL), ERR_NONE);
	assert_int_equal(audit_append_counted(store, &entry, "x"), ERR_NONE);
	assert_int_equal(once_add(store, &once), ERR_NONE);
	assert_true(store->all_frozen);
	assert_int_equal(store->floor_s, 99);
	assert_int_equal(store->login_epoch, NOW_S);
	assert_int_equal(store->policy_version, 2);
	assert_int_equal(store->head.seq, 3);
	assert_int_equal(store->committed_head.seq, 1);
	assert_int_equal(store->open_records, 1);
	assert_int_equal(once_find(store, once.key, NOW_S, &found), ERR_NONE);
}

static void check_unchanged(struct store *store, struct policy *policy,
    const unsigned char hash[AUDIT_HASH_BYTES])
{
	const unsigned char key[ONCE_KEY_BYTES] = "0123456789abcde";
	struct once found;

	assert_false(store->all_frozen);
	assert_int_equal(store->floor_s, 0);
	assert_int_equal(store->login_epoch, 0);
	assert_int_equal(store->policy_version, 1);
	if (policy)
		assert_ptr_equal(store->policy, policy);
	assert_int_equal(store->head.seq, 1);
	assert_memory_equal(store->head.hash, hash, AUDIT_HASH_BYTES);
	assert_int_equal(store->committed_head.seq, 1);
	assert_int_equal(store->open_records, 0);
	assert_int_equal(once_find(store, key, NOW_S, &found), ERR_NOT_FOUND);
}

static void test_rollback(void **state)
{
	struct fixture *f = *state;
	struct policy *policy = f->store->policy;
	unsigned char hash[AUDIT_HASH_BYTES];

	memcpy(hash, f->store->head.hash, sizeof(hash));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(store_begin(f->store), ERR_NONE);
		change_everything(f->store);
		store_rollback(f->store);
		check_unchanged(f->store, policy, hash);
	}
	/* a commit that fails is a rollback */
	assert_int_equal(store_begin(f->store), ERR_NONE);
	change_everything(f->store);
	assert_int_not_equal(
	    db_script(f->store->db, "INSERT INTO nowhere VALUES (1)"),
	    ERR_NONE);
	assert_int_not_equal(store_commit(f->store), ERR_NONE);
	check_unchanged(f->store, policy, hash);
	fixture_reopen(f);
	check_unchanged(f->store, NULL, hash);
}

static void test_commit(void **state)
{
	struct fixture *f = *state;
	const unsigned char key[ONCE_KEY_BYTES] = "0123456789abcde";
	struct once found;

	assert_int_equal(store_begin(f->store), ERR_NONE);
	change_everything(f->store);
	assert_int_equal(store_commit(f->store), ERR_NONE);
	for (int i = 0; i < 2; i++) {
		assert_true(f->store->all_frozen);
		assert_int_equal(f->store->floor_s, 99);
		assert_int_equal(f->store->login_epoch, NOW_S);
		assert_int_equal(f->store->policy_version, 2);
		assert_int_equal(f->store->head.seq, 3);
		assert_int_equal(f->store->committed_head.seq, 3);
		assert_int_equal(f->store->open_records, 1);
		assert_int_equal(
		    once_find(f->store, key, NOW_S, &found), ERR_NONE);
		store_rollback(f->store); /* of nothing */
		fixture_reopen(f);
	}
}

/* Each end differs from all before, also with the clock set back. */
static void test_ends_of_logins(void **state)
{
	struct fixture *f = *state;

	COMMITTED(f->store, store_end_logins(f->store, NOW_S));
	COMMITTED(f->store, store_end_logins(f->store, NOW_S - 3600));
	assert_int_equal(f->store->login_epoch, NOW_S + 1);
	fixture_reopen(f);
	COMMITTED(f->store, store_end_logins(f->store, NOW_S + 1));
	assert_int_equal(f->store->login_epoch, NOW_S + 2);
	COMMITTED(f->store, store_end_logins(f->store, NOW_S + 60));
	assert_int_equal(f->store->login_epoch, NOW_S + 60);
}

static void test_mark(void **state)
{
	struct fixture *f = *state;
	const struct clock_reading mark = {NOW_S + 50, 1234, "boot-1"};
	struct audit_entry entry = {
	    .kind = "server", .time_ms = NOW_MS + 70 * 1000};
	struct clock_reading back = {0};

	assert_int_equal(store_get_mark(f->store, &back), ERR_NONE);
	assert_int_equal(back.wall_s, NOW_S); /* the head's */
	COMMITTED(f->store, store_set_mark(f->store, &mark));
	fixture_reopen(f);
	assert_int_equal(store_get_mark(f->store, &back), ERR_NONE);
	assert_int_equal(back.wall_s, mark.wall_s);
	assert_int_equal(back.boot_s, mark.boot_s);
	assert_string_equal(back.boot_id, mark.boot_id);
	COMMITTED(f->store, audit_append(f->store, &entry, NULL));
	assert_int_equal(store_get_mark(f->store, &back), ERR_NONE);
	assert_int_equal(back.wall_s, NOW_S + 70);
	assert_int_equal(back.boot_s, 1254);
}

static void test_texts(void **state)
{
	struct fixture *f = *state;
	char *text = NULL;

	assert_int_equal(
	    store_get_text(f->store, STORE_RECOVERY_KEY, &text), ERR_NOT_FOUND);
	COMMITTED(
	    f->store, store_set_text(f->store, STORE_RECOVERY_KEY, "public"));
	fixture_reopen(f);
	assert_int_equal(
	    store_get_text(f->store, STORE_RECOVERY_KEY, &text), ERR_NONE);
	assert_string_equal(text, "public");
	free(text);
}

static void test_creation_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	char path[128];

	snprintf(path, sizeof(path), "%s/none/db", f->folder);
	assert_int_equal(store_create(path, f->keyring, NOW_MS), ERR_NOT_FOUND);
	snprintf(path, sizeof(path), "%s/second", f->folder);
	/* a time that no record can hold: all is made, and taken back */
	assert_int_equal(store_create(path, f->keyring, -100000), ERR_TOO_LONG);
	assert_int_not_equal(access(path, F_OK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    STORE_TEST(test_created),
	    STORE_TEST(test_wrong_key),
	    STORE_TEST(test_keys_survive),
	    STORE_TEST(test_rollback),
	    STORE_TEST(test_commit),
	    STORE_TEST(test_ends_of_logins),
	    STORE_TEST(test_mark),
	    STORE_TEST(test_texts),
	    STORE_TEST(test_creation_leaves_nothing),
	};

	return STORE_RUN("store", tests);
}
