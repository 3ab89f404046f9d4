/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Crash consistency by replaying a write log. While decisions commit, every
 * write and sync of database and WAL is recorded below SQLite; then the power
 * is cut at every sync: what was synced is there, of what was not, nothing,
 * everything, or any part of it, cut at sector borders. Whatever comes back
 * must be a state that was acknowledged, or the one being committed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "server/store/once.h"
#include "server/store/subject.h"
#include "tests/unit/store_fixture.h"

enum {
	DECISIONS = 120,
	PERSONS = 4,
	WAL_PAGES = 40, /* so that checkpoints happen all the time */
	SECTOR_BYTES = 512,
	LAYOUT_WRITE_BYTES = 65536,    /* how the WAL is laid out; refused here,
					  40 MB would be written a thousand
					  times */
	ZERO_TAIL_BYTES = 1024 * 1024, /* put behind the WAL instead */
	RANDOM_CUTS = 2,               /* at each sync */
};

enum file {
	FILE_DB = 0,
	FILE_WAL,
	FILE_COUNT
};
enum op_kind {
	OP_WRITE,
	OP_TRUNCATE,
	OP_SYNC,
	OP_ACKNOWLEDGE
};

struct op {
	enum op_kind kind;
	enum file file;
	int64_t offset; /* or size, or the acknowledged seq */
	size_t length;
	unsigned char *bytes;
};

struct recorder {
	sqlite3_vfs vfs; /* first: SQLite hands it back */
	sqlite3_vfs *real;
	sqlite3_io_methods methods;
	bool recording;
	struct op *ops;
	size_t count, room;
};

struct recorded_file {
	sqlite3_file base;
	struct recorder *recorder;
	enum file file;
	sqlite3_file *real;
};

/* --- the VFS ------------------------------------------------------------- */

static struct op *add_op(
    struct recorder *recorder, enum op_kind kind, enum file file)
{
	if (recorder->count == recorder->room) {
		recorder->room = recorder->room ? recorder->room * 2 : 1024;
		recorder->ops = reallocarray(
		    recorder->ops, recorder->room, sizeof(*recorder->ops));
		assert_non_null(recorder->ops);
	}
	recorder->ops[recorder->count] =
	    (struct op){.kind = kind, .file = file};
	return &recorder->ops[recorder->count++];
}

static sqlite3_file *real_of(sqlite3_file *file)
{
	return ((struct recorded_file *)(void *)file)->real;
}

static int file_close(sqlite3_file *file)
{
	int code = real_of(file)->pMethods->xClose(real_of(file));

	free(real_of(file));
	return code;
}

static int file_read(sqlite3_file *file, void *out, int n, sqlite3_int64 at)
{
	return real_of(file)->pMethods->xRead(real_of(file), out, n, at);
}

static int file_write(
    sqlite3_file *opaque, const void *bytes, int n, sqlite3_int64 at)
{
	struct recorded_file *file = (void *)opaque;

	if (n == LAYOUT_WRITE_BYTES)
		return SQLITE_FULL;
	if (file->recorder->recording) {
		struct op *op = add_op(file->recorder, OP_WRITE, file->file);

		op->offset = at;
		op->length = (size_t)n;
		op->bytes = malloc((size_t)n);
		assert_non_null(op->bytes);
		memcpy(op->bytes, bytes, (size_t)n);
	}
	return file->real->pMethods->xWrite(file->real, bytes, n, at);
}

static int file_truncate(sqlite3_file *opaque, sqlite3_int64 size)
{
	struct recorded_file *file = (void *)opaque;

	if (file->recorder->recording)
		add_op(file->recorder, OP_TRUNCATE, file->file)->offset = size;
	return file->real->pMethods->xTruncate(file->real, size);
}

static int file_sync(sqlite3_file *opaque, int flags)
{
	struct recorded_file *file = (void *)opaque;

	(void)flags; /* what a real one costs is not the question */
	if (file->recorder->recording)
		add_op(file->recorder, OP_SYNC, file->file);
	return SQLITE_OK;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *out)
{
	return real_of(file)->pMethods->xFileSize(real_of(file), out);
}

static int file_lock(sqlite3_file *file, int level)
{
	return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int file_unlock(sqlite3_file *file, int level)
{
	return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int file_check_lock(sqlite3_file *file, int *out)
{
	return real_of(file)->pMethods->xCheckReservedLock(real_of(file), out);
}

static int file_control(sqlite3_file *file, int op, void *argument)
{
	return real_of(file)->pMethods->xFileControl(
	    real_of(file), op, argument);
}

static int file_sector_size(sqlite3_file *file)
{
	return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int file_characteristics(sqlite3_file *file)
{
	return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *opaque,
    int flags, int *out_flags)
{
	struct recorder *recorder = (struct recorder *)(void *)vfs;
	struct recorded_file *file = (void *)opaque;
	int code;

	file->base.pMethods = NULL;
	file->recorder = recorder;
	file->file = flags & SQLITE_OPEN_WAL ? FILE_WAL : FILE_DB;
	file->real = calloc(1, (size_t)recorder->real->szOsFile);
	if (!file->real)
		return SQLITE_NOMEM;
	code = recorder->real->xOpen(
	    recorder->real, name, file->real, flags, out_flags);
	if (code != SQLITE_OK) {
		free(file->real);
		return code;
	}
	/* Version 1: no shared memory, so the store must do without. */
	file->base.pMethods = &recorder->methods;
	return SQLITE_OK;
}

static struct recorder *recorder_new(void)
{
	struct recorder *recorder = calloc(1, sizeof(*recorder));

	assert_non_null(recorder);
	recorder->real = sqlite3_vfs_find("unix");
	recorder->vfs = *recorder->real;
	recorder->vfs.zName = "recorder";
	recorder->vfs.pNext = NULL;
	recorder->vfs.szOsFile = sizeof(struct recorded_file);
	recorder->vfs.xOpen = vfs_open;
	recorder->methods = (sqlite3_io_methods){
	    .iVersion = 1,
	    .xClose = file_close,
	    .xRead = file_read,
	    .xWrite = file_write,
	    .xTruncate = file_truncate,
	    .xSync = file_sync,
	    .xFileSize = file_size,
	    .xLock = file_lock,
	    .xUnlock = file_unlock,
	    .xCheckReservedLock = file_check_lock,
	    .xFileControl = file_control,
	    .xSectorSize = file_sector_size,
	    .xDeviceCharacteristics = file_characteristics,
	};
	assert_int_equal(sqlite3_vfs_register(&recorder->vfs, 1), SQLITE_OK);
	return recorder;
}

static void recorder_free(struct recorder *recorder)
{
	sqlite3_vfs_unregister(&recorder->vfs);
	for (size_t i = 0; i < recorder->count; i++)
		free(recorder->ops[i].bytes);
	free(recorder->ops);
	free(recorder);
}

/* --- the run that is recorded -------------------------------------------- */

/* What was acknowledged with each head, from the first decision on. */
struct acknowledged {
	unsigned char hash[AUDIT_HASH_BYTES];
	int64_t floor[PERSONS];
	int64_t failures[PERSONS];
};

struct run {
	int64_t first_seq; /* before the first decision */
	struct acknowledged states[DECISIONS + 1];
};

static void decide_one(struct store *store, int number, struct run *run)
{
	struct acknowledged *state = &run->states[number];
	int who = number % PERSONS;
	struct audit_entry entry = {
	    .kind = "login", .time_ms = NOW_MS + number};
	struct once once = {.until = NOW_S + 60, .verdict_length = 300};
	struct decision decision = {
	    .token_index = -1, .emergency_index = -1, .card_index = -1};
	struct subject subject;
	struct person person;
	char user[16];

	*state = run->states[number - 1];
	snprintf(user, sizeof(user), "s%d", who);
	memcpy(once.key, &number, sizeof(number));
	assert_int_equal(store_begin(store), ERR_NONE);
	assert_int_equal(person_find(store, user, &person), ERR_NONE);
	assert_int_equal(
	    subject_load(store, &person, FACTOR_OTP, 1, NOW_S, &subject),
	    ERR_NONE);
	if (number % 3 == 0) {
		decision.throttle = subject.throttle;
		decision.throttle.proven.failures++;
		decision.throttle_changed = true;
		state->failures[who]++;
	} else {
		decision.token_index = 0;
		decision.floor = subject.tokens[0].otp.floor + 1;
		state->floor[who] = decision.floor;
	}
	assert_int_equal(subject_apply(store, &person, FACTOR_OTP, 1, &subject,
			     &decision, true, NOW_S),
	    ERR_NONE);
	audit_add_text(&entry, "user", user);
	assert_int_equal(audit_append(store, &entry, NULL), ERR_NONE);
	assert_int_equal(once_add(store, &once), ERR_NONE);
	memcpy(state->hash, store->head.hash, AUDIT_HASH_BYTES);
	assert_int_equal(store_commit(store), ERR_NONE);
}

static void prepare(struct store *store)
{
	assert_int_equal(store_begin(store), ERR_NONE);
	for (int i = 0; i < PERSONS; i++) {
		char user[16], seed[] = "0123456789abcdefghi-x";
		struct person person;
		struct token token;

		snprintf(user, sizeof(user), "s%d", i);
		person = fixture_person(user);
		assert_int_equal(person_add(store, &person), ERR_NONE);
		seed[20] = (char)('0' + i);
		token = fixture_token(person.id, seed);
		strcpy(token.serial, user);
		assert_int_equal(
		    token_add(store, &token, &FIXTURE_DEED), ERR_NONE);
	}
	assert_int_equal(store_commit(store), ERR_NONE);
}

static void record_run(
    struct recorder *recorder, struct fixture *f, struct run *run)
{
	char pragma[64];

	snprintf(
	    pragma, sizeof(pragma), "PRAGMA wal_autocheckpoint=%d", WAL_PAGES);
	assert_int_equal(db_script(f->store->db, pragma), ERR_NONE);
	run->first_seq = f->store->head.seq;
	memcpy(run->states[0].hash, f->store->head.hash, AUDIT_HASH_BYTES);
	recorder->recording = true;
	for (int i = 1; i <= DECISIONS; i++) {
		decide_one(f->store, i, run);
		add_op(recorder, OP_ACKNOWLEDGE, FILE_DB)->offset =
		    f->store->head.seq;
	}
	recorder->recording = false;
}

/* --- the replay ---------------------------------------------------------- */

struct image {
	unsigned char *bytes;
	size_t size, room;
};

static void image_resize(struct image *image, size_t size)
{
	if (size > image->room) {
		image->bytes = realloc(image->bytes, size * 2);
		assert_non_null(image->bytes);
		image->room = size * 2;
	}
	if (size > image->size)
		memset(image->bytes + image->size, 0, size - image->size);
	image->size = size;
}

static void image_write(
    struct image *image, const struct op *op, size_t from, size_t length)
{
	size_t end = (size_t)op->offset + from + length;

	if (end > image->size)
		image_resize(image, end);
	memcpy(image->bytes + op->offset + from, op->bytes + from, length);
}

static void image_apply(struct image *image, const struct op *op)
{
	if (op->kind == OP_WRITE)
		image_write(image, op, 0, op->length);
	else
		image_resize(image, (size_t)op->offset);
}

/* Each sector of a write reaches the disk or not, as it happens. */
static void image_apply_torn(
    struct image *image, const struct op *op, unsigned *seed)
{
	if (op->kind != OP_WRITE) {
		if (rand_r(seed) % 2)
			image_apply(image, op);
		return;
	}
	for (size_t at = 0; at < op->length;) {
		size_t left =
		    SECTOR_BYTES - ((size_t)op->offset + at) % SECTOR_BYTES;

		if (left > op->length - at)
			left = op->length - at;
		if (rand_r(seed) % 4)
			image_write(image, op, at, left);
		at += left;
	}
}

static void image_copy(struct image *to, const struct image *from)
{
	image_resize(to, from->size);
	if (from->size > 0)
		memcpy(to->bytes, from->bytes, from->size);
}

static void image_load(struct image *image, const char *path)
{
	FILE *file = fopen(path, "r");
	long size;

	if (!file)
		return;
	assert_int_equal(fseek(file, 0, SEEK_END), 0);
	size = ftell(file);
	rewind(file);
	image_resize(image, (size_t)size);
	assert_int_equal(fread(image->bytes, 1, (size_t)size, file), size);
	fclose(file);
}

static void image_save(const struct image *image, const char *path, size_t tail)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	if (image->size > 0)
		assert_int_equal(
		    fwrite(image->bytes, 1, image->size, file), image->size);
	assert_int_equal(fclose(file), 0);
	if (tail > 0)
		assert_int_equal(
		    truncate(path, (off_t)(image->size + tail)), 0);
}

struct replay {
	struct fixture *f;
	const struct recorder *recorder;
	const struct run *run;
	struct image durable[FILE_COUNT]; /* as of each file's last sync */
	struct image now[FILE_COUNT];     /* after the power cut */
	size_t synced[FILE_COUNT];        /* ops before it are in durable */
	int64_t acknowledged;             /* seq */
	char db[128], wal[136];
	long checks, heads_beyond;
};

/* The store as it comes back is a state that was told, or was about to be. */
static void check_state(
    struct replay *replay, struct store *store, size_t point)
{
	const struct acknowledged *state;
	struct audit_check check = {.next_seq = 1};
	int64_t number = store->head.seq - replay->run->first_seq;
	struct subject subject;
	struct person person;
	struct token token;
	char user[16];

	if (store->head.seq < replay->acknowledged ||
	    store->head.seq > replay->acknowledged + 1 || number < 0 ||
	    number > DECISIONS)
		fail_msg("at %zu: head %ld, acknowledged %ld", point,
		    (long)store->head.seq, (long)replay->acknowledged);
	replay->heads_beyond += store->head.seq > replay->acknowledged;
	state = &replay->run->states[number];
	assert_memory_equal(store->head.hash, state->hash, AUDIT_HASH_BYTES);
	assert_int_equal(
	    audit_verify_step(store, NULL, 10000, &check), ERR_NONE);
	assert_int_equal(check.first_bad, 0);
	for (int i = 0; i < PERSONS; i++) {
		snprintf(user, sizeof(user), "s%d", i);
		assert_int_equal(
		    token_find(store, user, false, &token), ERR_NONE);
		assert_int_equal(token.otp.floor, state->floor[i]);
		assert_int_equal(person_find(store, user, &person), ERR_NONE);
		assert_int_equal(subject_load(store, &person, FACTOR_OTP, 1,
				     NOW_S, &subject),
		    ERR_NONE);
		assert_int_equal(
		    subject.throttle.proven.failures, state->failures[i]);
	}
}

static void check_after_cut(struct replay *replay, size_t point, size_t tail)
{
	struct store *store = NULL;
	enum err err;

	image_save(&replay->now[FILE_DB], replay->db, 0);
	image_save(&replay->now[FILE_WAL], replay->wal, tail);
	err = store_open(replay->db, replay->f->keyring, NOW_S, &store);
	if (err != ERR_NONE)
		fail_msg("at %zu: %s", point, err_text(err));
	check_state(replay, store, point);
	store_close(store);
	replay->checks++;
}

enum cut {
	CUT_NOTHING_MORE,
	CUT_EVERYTHING,
	CUT_TORN
};

static void cut_power(
    struct replay *replay, size_t point, enum cut cut, unsigned seed)
{
	for (int file = 0; file < FILE_COUNT; file++) {
		image_copy(&replay->now[file], &replay->durable[file]);
		for (size_t i = replay->synced[file]; i < point; i++) {
			const struct op *op = &replay->recorder->ops[i];

			if ((int)op->file != file || op->kind == OP_SYNC ||
			    op->kind == OP_ACKNOWLEDGE)
				continue;
			if (cut == CUT_EVERYTHING)
				image_apply(&replay->now[file], op);
			if (cut == CUT_TORN)
				image_apply_torn(&replay->now[file], op, &seed);
		}
	}
	check_after_cut(replay, point, seed % 2 ? (size_t)ZERO_TAIL_BYTES : 0);
}

static void sync_file(struct replay *replay, enum file file, size_t point)
{
	for (size_t i = replay->synced[file]; i < point; i++) {
		const struct op *op = &replay->recorder->ops[i];

		if (op->file == file &&
		    (op->kind == OP_WRITE || op->kind == OP_TRUNCATE))
			image_apply(&replay->durable[file], op);
	}
	replay->synced[file] = point;
}

static void replay_all(struct replay *replay)
{
	const struct recorder *recorder = replay->recorder;

	for (size_t i = 0; i < recorder->count; i++) {
		const struct op *op = &recorder->ops[i];

		if (op->kind == OP_ACKNOWLEDGE) {
			replay->acknowledged = op->offset;
			/* told: nothing un-synced may be needed now */
			cut_power(replay, i, CUT_NOTHING_MORE, (unsigned)i);
		}
		if (op->kind != OP_SYNC)
			continue;
		cut_power(replay, i, CUT_NOTHING_MORE, (unsigned)i);
		cut_power(replay, i, CUT_EVERYTHING, (unsigned)i + 1);
		for (unsigned n = 0; n < RANDOM_CUTS; n++)
			cut_power(
			    replay, i, CUT_TORN, (unsigned)i * RANDOM_CUTS + n);
		sync_file(replay, op->file, i);
	}
}

static void test_power_cuts(void **state)
{
	struct fixture *f = *state;
	struct recorder *recorder = recorder_new();
	struct run *run = calloc(1, sizeof(*run));
	struct replay replay = {.f = f, .recorder = recorder, .run = run};
	size_t syncs = 0;

	prepare(f->store);
	store_close(f->store); /* everything is in the database now */
	f->store = NULL;
	image_load(&replay.durable[FILE_DB], f->db);
	fixture_open(f);
	record_run(recorder, f, run);
	store_close(f->store);
	f->store = NULL;

	replay.acknowledged = run->first_seq;
	snprintf(replay.db, sizeof(replay.db), "%s/replayed", f->folder);
	snprintf(replay.wal, sizeof(replay.wal), "%s-wal", replay.db);
	replay_all(&replay);
	for (size_t i = 0; i < recorder->count; i++)
		syncs += recorder->ops[i].kind == OP_SYNC;
	print_message("%zu writes and syncs, %ld power cuts, %ld times the "
		      "commit under way was there\n",
	    recorder->count, replay.checks, replay.heads_beyond);
	/* each decision synced, and checkpoints were among it */
	assert_true(syncs > DECISIONS + 10);
	assert_int_equal(replay.acknowledged, run->first_seq + DECISIONS);
	for (int file = 0; file < FILE_COUNT; file++) {
		free(replay.durable[file].bytes);
		free(replay.now[file].bytes);
	}
	free(run);
	recorder_free(recorder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    STORE_TEST(test_power_cuts),
	};

	return STORE_RUN("crash", tests);
}
