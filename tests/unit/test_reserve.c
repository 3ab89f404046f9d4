/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reserve holds room, gives it up once, and comes back; a store on a full
 * disk goes on with what it gave up and loses nothing.
 */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "server/store/reserve.h"
#include "tests/unit/store_fixture.h"

enum {
	RESERVE_BYTES = 1024 * 1024
};

static void test_made_and_given_up(void **state)
{
	char folder[] = "/tmp/sekimori-reserve-XXXXXX";
	struct reserve *reserve = NULL;
	struct stat status;
	char path[64];

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/reserve", folder);
	assert_int_equal(reserve_new(path, RESERVE_BYTES, &reserve), ERR_NONE);
	assert_true(reserve_is_held(reserve));
	assert_int_equal(stat(path, &status), 0);
	assert_true(status.st_blocks * 512 >= RESERVE_BYTES);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_true(reserve_release(reserve));
	assert_false(reserve_is_held(reserve));
	assert_int_not_equal(access(path, F_OK), 0);
	assert_false(reserve_release(reserve)); /* nothing left to give */
	reserve_renew(reserve);
	assert_true(reserve_is_held(reserve));
	reserve_free(reserve);
	/* one of another size is made anew */
	assert_int_equal(
	    reserve_new(path, 2 * RESERVE_BYTES, &reserve), ERR_NONE);
	assert_int_equal(stat(path, &status), 0);
	assert_true(status.st_blocks * 512 >= 2 * RESERVE_BYTES);
	reserve_free(reserve);
	/* more than any disk has: no reserve, and no failure */
	unlink(path);
	assert_int_equal(reserve_new(path, INT64_MAX / 4, &reserve), ERR_NONE);
	assert_false(reserve_is_held(reserve));
	reserve_free(reserve);
	assert_int_equal(reserve_new(path, 0, &reserve), ERR_NONE);
	assert_false(reserve_is_held(reserve));
	reserve_free(reserve);
	assert_false(reserve_release(NULL));
	reserve_renew(NULL);
	unlink(path);
	rmdir(folder);
}

static enum err append(struct store *store)
{
	struct audit_entry entry = {.kind = "server", .time_ms = NOW_MS};
	enum err err = store_begin(store);

	if (err == ERR_NONE)
		err = audit_append(store, &entry, NULL);
	if (err == ERR_NONE)
		return store_commit(store);
	store_rollback(store);
	return err;
}

/* Fills the disk by records until nothing can be written any more. */
static int fill_disk(struct store *store, struct reserve *reserve)
{
	enum err err = ERR_NONE;
	int64_t acknowledged = store->head.seq;
	bool was_released = false;

	store->reserve = reserve;
	for (int i = 0; i < 200000; i++) {
		err = append(store);
		if (err == ERR_NONE) {
			acknowledged = store->head.seq;
			continue;
		}
		if (err != ERR_FULL || store->head.seq != acknowledged)
			return 10;
		if (was_released)
			break;
		if (reserve_is_held(reserve))
			return 11;
		was_released = true;
	}
	if (!was_released || err != ERR_FULL)
		return 12;
	return 0;
}

static int verify(struct store *store)
{
	struct audit_check check = {.next_seq = 1};

	if (audit_verify_step(store, NULL, 1000000, &check) != ERR_NONE)
		return 20;
	return check.first_bad == 0 && check.records == store->head.seq ? 0
									: 21;
}

static int on_small_disk(struct fixture *f)
{
	char folder[128], db[160], path[160];
	struct reserve *reserve = NULL;
	struct store *store = NULL;
	int64_t seq;
	int result;

	snprintf(folder, sizeof(folder), "%s/disk", f->folder);
	snprintf(db, sizeof(db), "%s/db", folder);
	snprintf(path, sizeof(path), "%s/reserve", folder);
	if (mkdir(folder, 0700) != 0 || unshare(CLONE_NEWNS) != 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", folder, "tmpfs", 0, "size=10m") != 0)
		return 77;
	if (store_create(db, f->keyring, NOW_MS) != ERR_NONE ||
	    store_open(db, f->keyring, NOW_S, &store) != ERR_NONE ||
	    reserve_new(path, RESERVE_BYTES, &reserve) != ERR_NONE ||
	    !reserve_is_held(reserve))
		return 1;
	result = fill_disk(store, reserve);
	if (result == 0)
		result = verify(store);
	if (result != 0)
		return result;
	seq = store->head.seq;
	reserve_renew(reserve); /* no room: not taken from the store */
	if (reserve_is_held(reserve))
		return 2;
	store_close(store);
	if (mount("none", folder, NULL, MS_REMOUNT, "size=100m") != 0)
		return 3;
	if (store_open(db, f->keyring, NOW_S, &store) != ERR_NONE ||
	    store->head.seq != seq || append(store) != ERR_NONE)
		return 4;
	reserve_renew(reserve);
	if (!reserve_is_held(reserve))
		return 5;
	result = verify(store);
	store_close(store);
	reserve_free(reserve);
	return result;
}

static void test_full_disk(void **state)
{
	struct fixture *f = *state;
	int child, result = 0;

	if (geteuid() != 0)
		skip();
	child = fork();
	if (child == 0)
		_exit(on_small_disk(f));
	assert_int_equal(waitpid(child, &result, 0), child);
	assert_true(WIFEXITED(result));
	if (WEXITSTATUS(result) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(result), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_made_and_given_up),
	    STORE_TEST(test_full_disk),
	};

	return STORE_RUN("reserve", tests);
}
