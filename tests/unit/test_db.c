/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The front and SQLite behind it: errors stick, transactions are all or
 * nothing, a file is opened by one process only, and damage, foreign files,
 * newer versions and full disks each have their own error.
 */
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/store/db.h"

struct fixture {
	char folder[64];
	char path[96];
	struct db *db;
};

static const char TABLE[] = "CREATE TABLE t (id INTEGER PRIMARY KEY,"
			    " name TEXT, bytes BLOB) STRICT;";

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->folder, "/tmp/sekimori-db-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->path, sizeof(f->path), "%s/db", f->folder);
	assert_int_equal(db_open_sqlite(f->path, DB_CREATE, &f->db), ERR_NONE);
	assert_int_equal(db_script(f->db, TABLE), ERR_NONE);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];

	db_close(f->db);
	snprintf(command, sizeof(command), "rm -rf %s", f->folder);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

static void reopen(struct fixture *f)
{
	db_close(f->db);
	f->db = NULL;
	assert_int_equal(
	    db_open_sqlite(f->path, DB_OPEN_EXISTING, &f->db), ERR_NONE);
}

static enum err insert(struct db *db, int64_t id, const char *name)
{
	struct db_query *q =
	    db_query(db, "INSERT INTO t (id, name) VALUES (?1, ?2)");

	db_bind_number(q, 1, id);
	db_bind_text(q, 2, name);
	return db_run(q);
}

static void fill(struct db *db, int64_t rows)
{
	assert_int_equal(db_begin(db), ERR_NONE);
	for (int64_t i = 1; i <= rows; i++)
		assert_int_equal(insert(db, i, "filling"), ERR_NONE);
	assert_int_equal(db_commit(db), ERR_NONE);
}

static int64_t count(struct db *db)
{
	struct db_query *q = db_query(db, "SELECT count(*) FROM t");
	int64_t n = db_next(q) ? db_number(q, 0) : -1;

	return db_done(q) == ERR_NONE ? n : -1;
}

static void test_values(void **state)
{
	struct fixture *f = *state;
	struct db_query *q;
	unsigned char bytes[3] = {0};
	size_t length = 9;

	q = db_query(f->db, "INSERT INTO t (id, bytes) VALUES (?1, ?2)");
	db_bind_number(q, 1, 7);
	db_bind_blob(q, 2, "\1\0\2", 3);
	assert_int_equal(db_run(q), ERR_NONE);
	assert_int_equal(db_changes(f->db), 1);
	q = db_query(f->db, "SELECT id, name, bytes FROM t");
	assert_true(db_next(q));
	assert_int_equal(db_number(q, 0), 7);
	assert_true(db_is_null(q, 1));
	assert_null(db_text(q, 1));
	db_read_bytes(q, 2, bytes, 3);
	assert_memory_equal(bytes, "\1\0\2", 3);
	db_read_blob(q, 2, bytes, 3, &length);
	assert_int_equal(length, 3);
	assert_false(db_next(q));
	assert_false(db_next(q)); /* and does not begin again */
	assert_int_equal(db_done(q), ERR_NONE);
	q = db_query(f->db, "SELECT bytes FROM t WHERE id = 7");
	assert_true(db_next(q));
	db_read_bytes(q, 0, bytes, 2);
	assert_int_equal(db_done(q), ERR_CORRUPT);
}

static void test_parameters_start_as_null(void **state)
{
	struct fixture *f = *state;
	struct db_query *q;

	for (int i = 0; i < 2; i++) {
		q = db_query(f->db, "INSERT INTO t (name) VALUES (?1)");
		if (i == 0)
			db_bind_text(q, 1, "old");
		assert_int_equal(db_run(q), ERR_NONE);
	}
	q = db_query(f->db, "SELECT count(*) FROM t WHERE name = 'old'");
	assert_true(db_next(q));
	assert_int_equal(db_number(q, 0), 1);
	assert_int_equal(db_done(q), ERR_NONE);
}

static void test_errors_stick(void **state)
{
	struct fixture *f = *state;
	struct db_query *q = db_query(f->db, "SELECT nonsense FROM nowhere");

	db_bind_number(q, 1, 1);
	assert_false(db_next(q));
	assert_int_equal(db_number(q, 0), 0);
	assert_int_not_equal(db_done(q), ERR_NONE);

	q = db_query(f->db, "SELECT id FROM t");
	db_bind_number(q, 5, 1); /* there is no such parameter */
	assert_int_not_equal(db_run(q), ERR_NONE);

	assert_int_equal(insert(f->db, 1, "a"), ERR_NONE);
	assert_int_equal(insert(f->db, 1, "a"), ERR_EXISTS);
}

/* A statement that failed poisons its transaction. */
static void test_failed_statement_fails_commit(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(db_begin(f->db), ERR_NONE);
	assert_int_equal(insert(f->db, 1, "a"), ERR_NONE);
	assert_int_equal(insert(f->db, 1, "b"), ERR_EXISTS);
	assert_int_equal(insert(f->db, 2, "c"), ERR_EXISTS);
	assert_int_equal(db_commit(f->db), ERR_EXISTS);
	assert_int_equal(count(f->db), 0);
	assert_int_equal(insert(f->db, 2, "c"), ERR_NONE);
}

static void test_transactions(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(db_commit(f->db), ERR_NOT_ALLOWED);
	assert_int_equal(db_begin(f->db), ERR_NONE);
	assert_int_equal(db_begin(f->db), ERR_NOT_ALLOWED);
	assert_int_equal(insert(f->db, 1, "a"), ERR_NONE);
	assert_int_equal(db_commit(f->db), ERR_NONE);
	assert_int_equal(db_begin(f->db), ERR_NONE);
	assert_int_equal(insert(f->db, 2, "b"), ERR_NONE);
	db_rollback(f->db);
	assert_int_equal(count(f->db), 1);
	assert_int_equal(db_begin(f->db), ERR_NONE);
	assert_int_equal(insert(f->db, 3, "c"), ERR_NONE);
	reopen(f); /* closing rolls back */
	assert_int_equal(count(f->db), 1);
}

static void test_same_query_nested(void **state)
{
	struct fixture *f = *state;
	const char *sql = "SELECT id FROM t ORDER BY id";
	int64_t sum = 0;

	for (int64_t i = 1; i <= 3; i++)
		assert_int_equal(insert(f->db, i, "x"), ERR_NONE);
	struct db_query *outer = db_query(f->db, sql);
	while (db_next(outer)) {
		struct db_query *inner = db_query(f->db, sql);

		while (db_next(inner))
			sum += db_number(outer, 0) * db_number(inner, 0);
		assert_int_equal(db_done(inner), ERR_NONE);
	}
	assert_int_equal(db_done(outer), ERR_NONE);
	assert_int_equal(sum, 36);
}

static void test_who_may_open(void **state)
{
	struct fixture *f = *state;
	struct db *other = NULL;
	struct stat status;
	char path[128];
	int child, result = 0;

	assert_int_equal(
	    db_open_sqlite(f->path, DB_CREATE, &other), ERR_EXISTS);
	assert_int_equal(stat(f->path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	/* fcntl locks do not hold within one process */
	child = fork();
	if (child == 0)
		_exit(db_open_sqlite(f->path, DB_OPEN_EXISTING, &other));
	assert_int_equal(waitpid(child, &result, 0), child);
	assert_int_equal(WEXITSTATUS(result), ERR_BUSY);
	snprintf(path, sizeof(path), "%s/db-shm", f->folder);
	assert_int_not_equal(access(path, F_OK), 0);
	snprintf(path, sizeof(path), "%s/none", f->folder);
	assert_int_equal(
	    db_open_sqlite(path, DB_OPEN_EXISTING, &other), ERR_NOT_FOUND);
	snprintf(path, sizeof(path), "%s/link", f->folder);
	assert_int_equal(symlink(f->path, path), 0);
	assert_int_equal(
	    db_open_sqlite(path, DB_OPEN_EXISTING, &other), ERR_NOT_ALLOWED);
	assert_null(other);
}

static void write_at(const char *path, long offset, const void *bytes, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, n, offset), n);
	close(fd);
}

static void test_wal_left_behind(void **state)
{
	struct fixture *f = *state;
	struct db *other = NULL;
	char path[128], wal[140];

	snprintf(path, sizeof(path), "%s/new", f->folder);
	snprintf(wal, sizeof(wal), "%s-wal", path);
	write_at(wal, 0, "x", 1);
	assert_int_equal(db_open_sqlite(path, DB_CREATE, &other), ERR_EXISTS);
	assert_int_not_equal(access(path, F_OK), 0);
}

/* Bytes 60 and 68 of the header: user version, application id. */
static void test_foreign_files(void **state)
{
	static const struct {
		long offset;
		const char *bytes;
		size_t length;
		enum err err;
	} rows[] = {
	    {60, "\0\0\0\xff", 4, ERR_VERSION},
	    {68, "\0\0\0\1", 4, ERR_CORRUPT},
	    {0, "not a database at all", 21, ERR_CORRUPT},
	};
	struct fixture *f = *state;
	char original[100];
	FILE *file;

	db_close(f->db);
	f->db = NULL;
	file = fopen(f->path, "r");
	assert_int_equal(fread(original, 1, sizeof(original), file), 100);
	fclose(file);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct db *db = NULL;

		write_at(
		    f->path, rows[i].offset, rows[i].bytes, rows[i].length);
		if (db_open_sqlite(f->path, DB_OPEN_EXISTING, &db) !=
		    rows[i].err)
			fail_msg("row %zu", i);
		write_at(f->path, 0, original, sizeof(original));
	}
	assert_int_equal(
	    db_open_sqlite(f->path, DB_OPEN_EXISTING, &f->db), ERR_NONE);
}

static void test_damaged_page(void **state)
{
	struct fixture *f = *state;
	char noise[512];
	struct db_query *q;

	memset(noise, 0xa5, sizeof(noise));
	assert_int_equal(db_check(f->db), ERR_NONE);
	fill(f->db, 2000);
	db_close(f->db);
	f->db = NULL;
	write_at(f->path, 4096 * 4, noise, sizeof(noise));
	assert_int_equal(
	    db_open_sqlite(f->path, DB_OPEN_EXISTING, &f->db), ERR_NONE);
	assert_int_equal(db_check(f->db), ERR_CORRUPT);
	q = db_query(f->db, "SELECT sum(length(name)) FROM t");
	assert_int_equal(db_run(q), ERR_CORRUPT);
}

static void test_copy_while_writing(void **state)
{
	struct fixture *f = *state;
	struct db_copy *copy = NULL;
	struct db *other = NULL;
	char path[128], wal[140];
	bool more = true;
	int steps = 0;

	fill(f->db, 3000);
	snprintf(path, sizeof(path), "%s/copy", f->folder);
	snprintf(wal, sizeof(wal), "%s-wal", path);
	for (; more; steps++) {
		assert_int_equal(
		    db_copy_step(f->db, path, 3, &copy, &more), ERR_NONE);
		assert_int_equal(insert(f->db, 10000 + steps, "y"), ERR_NONE);
	}
	assert_true(steps > 2);
	assert_null(copy);
	assert_int_equal(db_open_sqlite(path, DB_OPEN_COPY, &other), ERR_NONE);
	assert_int_equal(db_check(other), ERR_NONE);
	assert_int_equal(count(other), 3000 + steps - 1);
	assert_int_not_equal(access(wal, F_OK), 0);
	db_close(other);
	assert_int_equal(
	    db_copy_step(f->db, path, 3, &copy, &more), ERR_EXISTS);
	assert_null(copy);
	assert_int_equal(access(path, F_OK), 0);
	/* given up half-way, nothing stays behind */
	unlink(path);
	assert_int_equal(db_copy_step(f->db, path, 3, &copy, &more), ERR_NONE);
	assert_true(more);
	db_copy_cancel(&copy);
	assert_null(copy);
	assert_int_not_equal(access(path, F_OK), 0);
}

/* In a mount namespace of its own: fill a small file system, see that commits
 * fail as ERR_FULL, make room, and see that nothing acknowledged is gone. */
static int on_small_disk(const char *folder)
{
	char path[128], filler[128];
	struct db *db = NULL;
	int64_t acknowledged = 0;
	enum err err = ERR_NONE;

	if (unshare(CLONE_NEWNS) != 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", folder, "tmpfs", 0, "size=1m") != 0)
		return 77;
	snprintf(path, sizeof(path), "%s/db", folder);
	snprintf(filler, sizeof(filler), "%s/filler", folder);
	write_at(filler, 0, folder, 1);
	if (truncate(filler, 0) != 0 ||
	    db_open_sqlite(path, DB_CREATE, &db) != ERR_NONE ||
	    db_script(db, TABLE) != ERR_NONE)
		return 1;
	db_close(db);
	write_at(filler, 0, TABLE, sizeof(TABLE));
	if (db_open_sqlite(path, DB_OPEN_EXISTING, &db) != ERR_NONE)
		return 2;
	for (int64_t i = 1; i < 10000 && err == ERR_NONE; i++) {
		err = db_begin(db);
		if (err == ERR_NONE)
			err = insert(db, i, "filling");
		if (err == ERR_NONE)
			err = db_commit(db);
		if (err == ERR_NONE)
			acknowledged = i;
	}
	db_rollback(db);
	if (err != ERR_FULL || acknowledged == 0)
		return 3;
	if (count(db) != acknowledged)
		return 4;
	db_close(db);
	if (mount("none", folder, NULL, MS_REMOUNT, "size=80m") != 0)
		return 5;
	if (db_open_sqlite(path, DB_OPEN_EXISTING, &db) != ERR_NONE)
		return 6;
	if (count(db) != acknowledged || db_check(db) != ERR_NONE)
		return 7;
	if (insert(db, acknowledged + 1, "room again") != ERR_NONE)
		return 8;
	db_close(db);
	return 0;
}

static void test_full_disk(void **state)
{
	struct fixture *f = *state;
	int child, result = 0;

	if (geteuid() != 0)
		skip();
	child = fork();
	if (child == 0)
		_exit(on_small_disk(f->folder));
	assert_int_equal(waitpid(child, &result, 0), child);
	assert_true(WIFEXITED(result));
	if (WEXITSTATUS(result) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(result), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(test_values),
	    TEST(test_parameters_start_as_null),
	    TEST(test_errors_stick),
	    TEST(test_failed_statement_fails_commit),
	    TEST(test_transactions),
	    TEST(test_same_query_nested),
	    TEST(test_who_may_open),
	    TEST(test_wal_left_behind),
	    TEST(test_foreign_files),
	    TEST(test_damaged_page),
	    TEST(test_copy_while_writing),
	    TEST(test_full_disk),
	};

	return cmocka_run_group_tests_name("db", tests, NULL, NULL);
}
