/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the layer gathers is in the file when a commit returns, whatever its
 * size, and a commit whose pages could not be written has not happened. That
 * power cuts leave whole commits is test_crash.c's.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "server/store/sqlite_wal.h"

enum {
	SMALL_ROWS = 3,
	LARGE_ROWS = 500, /* a page each: many times what is gathered */
	ROOM_BYTES = 40000,
};

struct place {
	char folder[64], db[96], wal[96], copy[96];
	sqlite3 *handle;
};

static sqlite3 *open_db(const char *path, const char *layer)
{
	sqlite3 *handle = NULL;

	assert_int_equal(sqlite3_open_v2(path, &handle,
			     SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, layer),
	    SQLITE_OK);
	assert_int_equal(
	    sqlite3_exec(handle,
		"PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL;"
		"PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0",
		NULL, NULL, NULL),
	    SQLITE_OK);
	return handle;
}

static int add_rows(sqlite3 *handle, int count)
{
	char sql[256];

	snprintf(sql, sizeof(sql),
	    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
	    " WHERE i < %d) INSERT INTO t SELECT hex(zeroblob(1900)) FROM n",
	    count);
	return sqlite3_exec(handle, sql, NULL, NULL, NULL);
}

static int count_rows(sqlite3 *handle)
{
	sqlite3_stmt *statement = NULL;
	int count;

	assert_int_equal(sqlite3_prepare_v2(handle,
			     "SELECT count(*) FROM t"
			     " WHERE length(x) = 3800",
			     -1, &statement, NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	count = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	return count;
}

/* What somebody finds who comes after a kill. */
static int count_in_copy(const struct place *place)
{
	char command[512];
	sqlite3 *handle;
	int count;

	snprintf(command, sizeof(command), "cp %s %s && cp %s %s-wal",
	    place->db, place->copy, place->wal, place->copy);
	assert_int_equal(system(command), 0);
	handle = open_db(place->copy, NULL);
	count = count_rows(handle);
	sqlite3_close(handle);
	return count;
}

static int setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	strcpy(place->folder, "/tmp/sekimori-wal-XXXXXX");
	assert_non_null(mkdtemp(place->folder));
	snprintf(place->db, sizeof(place->db), "%s/db", place->folder);
	snprintf(place->wal, sizeof(place->wal), "%s/db-wal", place->folder);
	snprintf(place->copy, sizeof(place->copy), "%s/copy", place->folder);
	assert_non_null(sqlite_wal_layer());
	place->handle = open_db(place->db, sqlite_wal_layer());
	assert_int_equal(sqlite3_exec(place->handle, "CREATE TABLE t (x TEXT)",
			     NULL, NULL, NULL),
	    SQLITE_OK);
	*state = place;
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;
	char command[128];

	sqlite3_close(place->handle);
	snprintf(command, sizeof(command), "rm -rf %s", place->folder);
	assert_int_equal(system(command), 0);
	free(place);
	return 0;
}

static void test_committed_is_in_the_file(void **state)
{
	struct place *place = *state;

	assert_int_equal(add_rows(place->handle, SMALL_ROWS), SQLITE_OK);
	assert_int_equal(count_in_copy(place), SMALL_ROWS);
	assert_int_equal(add_rows(place->handle, LARGE_ROWS), SQLITE_OK);
	assert_int_equal(count_in_copy(place), SMALL_ROWS + LARGE_ROWS);
}

/* A cache that is too small writes pages of a commit that has not come, and
 * reads them again. */
static void test_spilled_pages_are_read_back(void **state)
{
	struct place *place = *state;

	assert_int_equal(sqlite3_exec(place->handle,
			     "PRAGMA cache_size=10; BEGIN", NULL, NULL, NULL),
	    SQLITE_OK);
	assert_int_equal(add_rows(place->handle, LARGE_ROWS), SQLITE_OK);
	assert_int_equal(count_rows(place->handle), LARGE_ROWS);
	assert_int_equal(count_in_copy(place), 0);
	assert_int_equal(
	    sqlite3_exec(place->handle, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(count_in_copy(place), LARGE_ROWS);
}

static void test_unwritten_is_not_committed(void **state)
{
	struct place *place = *state;
	struct rlimit before, limit;
	struct stat wal;

	assert_int_equal(add_rows(place->handle, SMALL_ROWS), SQLITE_OK);
	assert_int_equal(stat(place->wal, &wal), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = (rlim_t)wal.st_size + ROOM_BYTES;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	/* Beyond what is gathered, and within it. */
	assert_int_not_equal(add_rows(place->handle, LARGE_ROWS), SQLITE_OK);
	assert_int_not_equal(add_rows(place->handle, 20), SQLITE_OK);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);

	assert_int_equal(count_rows(place->handle), SMALL_ROWS);
	assert_int_equal(count_in_copy(place), SMALL_ROWS);
	assert_int_equal(add_rows(place->handle, 1), SQLITE_OK);
	assert_int_equal(count_in_copy(place), SMALL_ROWS + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		test_committed_is_in_the_file, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_spilled_pages_are_read_back, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_unwritten_is_not_committed, setup, teardown),
	};

	return cmocka_run_group_tests_name("sqlite_wal", tests, NULL, NULL);
}
