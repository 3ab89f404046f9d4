/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A database of version 1 is opened, and restored from a backup, as one of
 * today with all that was in it; nothing of a failed upgrade stays.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sqlite3.h>
#include <sys/stat.h>

#include "server/keys/recovery.h"
#include "server/store/backup.h"
#include "server/store/backup_seal.h"
#include "server/store/card.h"
#include "server/store/token_ledger.h"
#include "tests/unit/schema_version_1.h"
#include "tests/unit/store_fixture.h"

static void run_sql(sqlite3 *handle, const char *sql)
{
	char *said = NULL;

	if (sqlite3_exec(handle, sql, NULL, NULL, &said) != SQLITE_OK)
		fail_msg("%s: %s", sql, said);
}

static int copy_rows(void *handle, int columns, char **values, char **names)
{
	char sql[1024];

	(void)columns;
	(void)names;
	snprintf(sql, sizeof(sql),
	    "INSERT INTO main.%s SELECT %s FROM today.%s", values[0], values[1],
	    values[0]);
	run_sql(handle, sql);
	return 0;
}

/* All rows of `from`, in the tables of version 1. */
static void write_version_1(const char *from, const char *to)
{
	sqlite3 *handle = NULL;
	char sql[256];

	assert_int_equal(sqlite3_open(to, &handle), SQLITE_OK);
	run_sql(handle, SCHEMA_VERSION_1);
	run_sql(handle, "PRAGMA application_id=0x53656b69;"
			"PRAGMA user_version=1");
	snprintf(sql, sizeof(sql), "ATTACH '%s' AS today", from);
	run_sql(handle, sql);
	assert_int_equal(sqlite3_exec(handle,
			     "SELECT name, (SELECT group_concat(c.name)"
			     " FROM pragma_table_info(t.name, 'main') AS c)"
			     " FROM main.sqlite_schema AS t"
			     " WHERE type = 'table'",
			     copy_rows, handle, NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_close(handle), SQLITE_OK);
	assert_int_equal(chmod(to, 0600), 0);
}

/* The fixture's database becomes one of version 1. */
static void go_back(struct fixture *f)
{
	char old[128];

	store_close(f->store);
	f->store = NULL;
	snprintf(old, sizeof(old), "%s/old", f->folder);
	write_version_1(f->db, old);
	fixture_run(f->folder, "rm -f db db-wal && mv old db");
}

static int add_text(void *out, int columns, char **values, char **names)
{
	(void)columns;
	(void)names;
	strncat(out, values[0] ? values[0] : "-", 16383 - strlen(out));
	strncat(out, "\n", 16383 - strlen(out));
	return 0;
}

static void read_shape(const char *path, char out[16384])
{
	sqlite3 *handle = NULL;

	out[0] = '\0';
	assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
	assert_int_equal(
	    sqlite3_exec(handle,
		"SELECT sql FROM sqlite_schema UNION ALL"
		" SELECT user_version FROM pragma_user_version ORDER BY 1",
		add_text, out, NULL),
	    SQLITE_OK);
	sqlite3_close(handle);
}

static enum err look_first(void *context, struct token_ledger_row *row)
{
	int *rows = context;

	assert_int_equal(row->seq, ++*rows);
	assert_true(row->is_first);
	assert_int_equal(row->to, TOKEN_ACTIVE);
	assert_string_equal(row->user, "s1");
	return ERR_NONE;
}

static void test_opened(void **state)
{
	struct fixture *f = *state;
	static char fresh[16384], upgraded[16384];
	struct person person = fixture_person("s1");
	struct audit_head head;
	struct token token;
	int rows = 0;

	COMMITTED(f->store, person_add(f->store, &person));
	token = fixture_token(person.id, "12345678901234567890");
	strcpy(token.serial, "T1");
	COMMITTED(f->store, token_add(f->store, &token, &FIXTURE_DEED));
	COMMITTED(f->store, token_spend(f->store, token.id, 100, 2, NOW_S));
	head = f->store->head;
	go_back(f);
	fixture_open(f);
	assert_memory_equal(head.hash, f->store->head.hash, AUDIT_HASH_BYTES);
	assert_int_equal(person_find(f->store, "s1", &person), ERR_NONE);
	assert_int_equal(token_find(f->store, "T1", true, &token), ERR_NONE);
	assert_int_equal(token.state, TOKEN_ACTIVE);
	assert_int_equal(token.otp.floor, 100);
	assert_string_equal(token.user, "s1");
	assert_int_equal(
	    token_ledger_each(f->store, token.id, look_first, &rows), ERR_NONE);
	assert_int_equal(rows, 1);
	assert_non_null(f->store->card_authorities);
	assert_false(card_any_bound(f->store));
	fixture_reopen(f);
	store_close(f->store);
	f->store = NULL;
	read_shape(f->db, upgraded);
	fixture_run(f->folder, "cp -p original db");
	read_shape(f->db, fresh);
	assert_non_null(strstr(fresh, "CREATE TABLE card "));
	assert_string_equal(upgraded, fresh);
	fixture_open(f);
}

static int64_t version_of(const char *path)
{
	char text[64] = "";
	sqlite3 *handle = NULL;

	assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
	assert_int_equal(
	    sqlite3_exec(handle, "PRAGMA user_version", add_text, text, NULL),
	    SQLITE_OK);
	sqlite3_close(handle);
	return strtol(text, NULL, 10);
}

/* A table stands where the upgrade wants to put one of its last. */
static void test_all_or_nothing(void **state)
{
	struct fixture *f = *state;
	struct store *store = NULL;
	sqlite3 *handle = NULL;
	static char shape[16384];

	go_back(f);
	assert_int_equal(sqlite3_open(f->db, &handle), SQLITE_OK);
	run_sql(handle, "CREATE TABLE card_invitation (x)");
	sqlite3_close(handle);
	assert_int_not_equal(
	    store_open(f->db, f->keyring, NOW_S, &store), ERR_NONE);
	assert_null(store);
	assert_int_equal(version_of(f->db), 1);
	read_shape(f->db, shape);
	assert_null(strstr(shape, "CREATE TABLE card "));
	assert_int_equal(sqlite3_open(f->db, &handle), SQLITE_OK);
	run_sql(handle, "DROP TABLE card_invitation");
	sqlite3_close(handle);
	fixture_open(f);
}

static void test_versions_that_never_were(void **state)
{
	static const struct {
		const char *sql;
		enum err err;
	} rows[] = {
	    {"PRAGMA user_version=0", ERR_CORRUPT},
	    {"PRAGMA user_version=-1", ERR_CORRUPT},
	    {"PRAGMA user_version=8", ERR_VERSION},
	    {"PRAGMA user_version=7", ERR_NONE},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		sqlite3 *handle = NULL;

		store_close(f->store);
		f->store = NULL;
		assert_int_equal(sqlite3_open(f->db, &handle), SQLITE_OK);
		run_sql(handle, rows[i].sql);
		sqlite3_close(handle);
		assert_int_equal(
		    store_open(f->db, f->keyring, NOW_S, &f->store),
		    rows[i].err);
	}
}

/* --- a backup of version 1 -------------------------------------------------
 */

/* As the old program wrote one: its tables, its number, the keys, the seal. */
static void write_backup(struct fixture *f, const char *pem, const char *path)
{
	unsigned char wrapped[RECOVERY_WRAPPED_BYTES_MAX];
	struct secret keys = {0};
	sqlite3_stmt *insert = NULL;
	sqlite3 *handle = NULL;
	size_t length = 0;

	write_version_1(f->db, path);
	assert_int_equal(keyring_export(f->keyring, &keys), ERR_NONE);
	assert_int_equal(
	    recovery_wrap(pem, &keys, wrapped, sizeof(wrapped), &length),
	    ERR_NONE);
	secret_wipe(&keys);
	assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
	run_sql(handle, "CREATE TABLE backup_info (version INTEGER NOT NULL,"
			" instance TEXT NOT NULL, time_ms INTEGER NOT NULL,"
			" wrapped BLOB NOT NULL) STRICT;");
	assert_int_equal(sqlite3_prepare_v2(handle,
			     "INSERT INTO backup_info VALUES (1, 'x', 5, ?1)",
			     -1, &insert, NULL),
	    SQLITE_OK);
	sqlite3_bind_blob(insert, 1, wrapped, (int)length, SQLITE_STATIC);
	assert_int_equal(sqlite3_step(insert), SQLITE_DONE);
	sqlite3_finalize(insert);
	sqlite3_close(handle);
	assert_int_equal(backup_seal_append(f->keyring, path), ERR_NONE);
}

static void test_restored(void **state)
{
	struct fixture *f = *state;
	struct person person = fixture_person("s1");
	struct store *store = NULL;
	struct keyring *keyring = NULL;
	char recovery[128], backup[128], db[128], kek[128], *pem = NULL;
	const struct backup_restore request = {
	    backup, recovery, db, kek, NOW_MS};

	snprintf(recovery, sizeof(recovery), "%s/recovery", f->folder);
	snprintf(backup, sizeof(backup), "%s/backup", f->folder);
	snprintf(db, sizeof(db), "%s/restored", f->folder);
	snprintf(kek, sizeof(kek), "%s/restored-kek", f->folder);
	assert_int_equal(recovery_key_new(recovery, &pem), ERR_NONE);
	COMMITTED(f->store, person_add(f->store, &person));
	store_close(f->store);
	f->store = NULL;
	write_backup(f, pem, backup);
	free(pem);
	assert_int_equal(backup_restore(&request), ERR_NONE);
	assert_int_equal(version_of(db), STORE_SCHEMA_VERSION);
	assert_int_equal(keyring_open(kek, &keyring), ERR_NONE);
	assert_int_equal(store_open(db, keyring, NOW_S, &store), ERR_NONE);
	assert_int_equal(person_find(store, "s1", &person), ERR_NONE);
	store_close(store);
	keyring_free(keyring);
	fixture_run(f->folder, "rm -f backup* restored* recovery*");
	fixture_open(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    STORE_TEST(test_opened),
	    STORE_TEST(test_all_or_nothing),
	    STORE_TEST(test_versions_that_never_were),
	    STORE_TEST(test_restored),
	};

	return STORE_RUN("upgrade", tests);
}
