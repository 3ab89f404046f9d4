/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing the chain. The head is kept beside the database and moves with the
 * transaction (store.c). Repeats are counted in rows of their own until
 * their minute is over; there are only so many of these, beyond which each
 * refusal is a record again.
 */
#include "server/store/audit.h"

#include <stdlib.h>
#include <string.h>

#include "server/store/hasher.h"
#include "server/store/record.h"

enum {
	MS_PER_S = 1000,
	OPEN_RECORDS_MAX = 10000,
	CLOSE_RECORDS_MAX = 1000, /* in one go */
	SAME_SIZE = 2048,
};

/* A row of audit_open on its way to the chain. */
struct open_record {
	char same[SAME_SIZE];
	int64_t first_ms, last_ms, count;
	char members[RECORD_BYTES_MAX];
};

void audit_add_text(
    struct audit_entry *entry, const char *key, const char *text)
{
	if (!text)
		return;
	if (entry->count < AUDIT_FIELDS_MAX)
		entry->fields[entry->count] = AUDIT_TEXT(key, text);
	entry->count++;
}

void audit_add_number(
    struct audit_entry *entry, const char *key, int64_t number)
{
	if (entry->count < AUDIT_FIELDS_MAX)
		entry->fields[entry->count] = AUDIT_NUMBER(key, number);
	entry->count++;
}

enum err audit_load(struct store *store)
{
	struct db_query *q = db_query(store->db,
	    "SELECT seq, time_ms, hash FROM audit ORDER BY seq DESC LIMIT 1");
	struct audit_head head = {0};
	enum err err;

	if (db_next(q)) {
		head.seq = db_number(q, 0);
		head.time_ms = db_number(q, 1);
		db_read_bytes(q, 2, head.hash, sizeof(head.hash));
	}
	err = db_done(q);
	if (err != ERR_NONE)
		return err;
	if (head.seq == 0)
		return ERR_CORRUPT;
	q = db_query(store->db, "SELECT count(*) FROM audit_open");
	store->open_records = db_next(q) ? db_number(q, 0) : 0;
	store->head = head;
	return db_done(q);
}

/* --- one record ---------------------------------------------------------- */

static void put_members(
    struct record_writer *writer, const struct audit_entry *entry)
{
	record_put_text(writer, "kind", entry->kind);
	if (entry->count > AUDIT_FIELDS_MAX) {
		writer->failed = true;
		return;
	}
	for (size_t i = 0; i < entry->count; i++) {
		const struct audit_field *field = &entry->fields[i];

		if (field->text)
			record_put_text(writer, field->key, field->text);
		else
			record_put_number(writer, field->key, field->number);
	}
}

/*
 * Times in the chain never run backwards for a jitter, so that they can be
 * searched; when an owner has set the clock back they do, and searches are
 * told.
 */
static enum err settle_time(struct store *store, int64_t *time_ms)
{
	int64_t back = store->head.time_ms - *time_ms;

	if (back <= 0)
		return ERR_NONE;
	if (back <= (int64_t)AUDIT_JITTER_MS) {
		*time_ms = store->head.time_ms;
		return ERR_NONE;
	}
	return store_set_number(store, AUDIT_UNORDERED, 1);
}

static enum err insert(struct store *store, const struct audit_head *head,
    const struct record_writer *writer)
{
	struct db_query *q =
	    db_query(store->db, "INSERT INTO audit (seq, time_ms, record, hash)"
				" VALUES (?1, ?2, ?3, ?4)");

	db_bind_number(q, 1, head->seq);
	db_bind_number(q, 2, head->time_ms);
	db_bind_text(q, 3, writer->bytes);
	db_bind_blob(q, 4, head->hash, sizeof(head->hash));
	return db_run(q);
}

/* Chains a record made of members that are written already. */
static enum err chain(
    struct store *store, int64_t time_ms, const struct record_writer *members)
{
	struct record_writer writer RECORD_UNINITIALIZED;
	struct audit_head head = {.seq = store->head.seq + 1};
	enum err err = settle_time(store, &time_ms);

	if (err != ERR_NONE)
		return err;
	writer.length = 0;
	writer.failed = members->failed;
	head.time_ms = time_ms;
	record_open(&writer);
	record_put_number(&writer, "seq", head.seq);
	record_put_time(&writer, "time", time_ms);
	record_put_members(&writer, members->bytes, members->length);
	record_close(&writer);
	if (writer.failed || writer.length == sizeof(writer.bytes))
		return ERR_TOO_LONG;
	writer.bytes[writer.length] = '\0';
	err = hasher_chain(store->hasher, store->head.hash, writer.bytes,
	    writer.length, head.hash);
	if (err == ERR_NONE)
		err = insert(store, &head, &writer);
	if (err == ERR_NONE)
		store->head = head;
	return err;
}

enum err audit_append(
    struct store *store, const struct audit_entry *entry, int64_t *out_seq)
{
	struct record_writer members RECORD_UNINITIALIZED;
	enum err err;

	members.length = 0;
	members.failed = false;
	put_members(&members, entry);
	err = chain(store, entry->time_ms, &members);
	if (err == ERR_NONE && out_seq)
		*out_seq = store->head.seq;
	return err;
}

/* --- counted ones -------------------------------------------------------- */

static bool read_open(struct db_query *q, struct open_record *out)
{
	if (!db_next(q))
		return false;
	db_read_text(q, 0, out->same, sizeof(out->same));
	out->first_ms = db_number(q, 1);
	out->last_ms = db_number(q, 2);
	out->count = db_number(q, 3);
	db_read_text(q, 4, out->members, sizeof(out->members));
	return db_error(q) == ERR_NONE;
}

void audit_put_count(struct record_writer *writer, const char *members,
    int64_t count, int64_t first_ms, int64_t last_ms)
{
	record_put_members(writer, members, strlen(members));
	record_put_number(writer, "count", count);
	record_put_time(writer, "first", first_ms);
	record_put_time(writer, "last", last_ms);
}

/* Repeats become one record; without any there is nothing to say, because the
 * first was chained at once. */
static enum err close_open(
    struct store *store, const struct open_record *open, int64_t now_ms)
{
	struct record_writer members = {0};
	struct db_query *q;
	enum err err = ERR_NONE;

	if (open->count > 0) {
		audit_put_count(&members, open->members, open->count,
		    open->first_ms, open->last_ms);
		err = chain(store, now_ms, &members);
	}
	if (err != ERR_NONE)
		return err;
	q = db_query(store->db, "DELETE FROM audit_open WHERE same = ?1");
	db_bind_text(q, 1, open->same);
	err = db_run(q);
	if (err == ERR_NONE)
		store->open_records--;
	return err;
}

/* Closes what a query found, if it found something. */
static enum err close_found(
    struct store *store, struct db_query *q, int64_t now_ms, bool *out_found)
{
	struct open_record *open = calloc(1, sizeof(*open));
	enum err err;

	if (!open) {
		(void)db_done(q);
		return ERR_MEMORY;
	}
	*out_found = read_open(q, open);
	err = db_done(q);
	if (err == ERR_NONE && *out_found)
		err = close_open(store, open, now_ms);
	free(open);
	return err;
}

enum err audit_close_counted(struct store *store, int64_t now_ms, bool all)
{
	bool found = store->open_records > 0;
	enum err err = ERR_NONE;

	for (int i = 0; found && err == ERR_NONE; i++) {
		struct db_query *q;

		if (!all && i == CLOSE_RECORDS_MAX)
			break;
		q = db_query(store->db,
		    "SELECT same, first_ms, last_ms, count, record"
		    " FROM audit_open WHERE ?1 = 1 OR first_ms <= ?2"
		    " OR first_ms > ?3 ORDER BY first_ms LIMIT 1");
		db_bind_number(q, 1, all);
		db_bind_number(
		    q, 2, now_ms - (int64_t)AUDIT_COALESCE_S * MS_PER_S);
		db_bind_number(q, 3, now_ms + AUDIT_JITTER_MS);
		err = close_found(store, q, now_ms, &found);
	}
	return err;
}

static enum err count_repeat(
    struct store *store, const char *same, int64_t now_ms, bool *out_counted)
{
	struct db_query *q = db_query(store->db,
	    "UPDATE audit_open SET count = count + 1, last_ms = ?2"
	    " WHERE same = ?1 AND first_ms > ?3 AND first_ms <= ?4");
	enum err err;

	db_bind_text(q, 1, same);
	db_bind_number(q, 2, now_ms);
	db_bind_number(q, 3, now_ms - (int64_t)AUDIT_COALESCE_S * MS_PER_S);
	db_bind_number(q, 4, now_ms + AUDIT_JITTER_MS);
	err = db_run(q);
	*out_counted = err == ERR_NONE && db_changes(store->db) == 1;
	return err;
}

static enum err open_row(
    struct store *store, const char *same, int64_t now_ms, const char *members)
{
	struct db_query *q = db_query(store->db,
	    "INSERT INTO audit_open (same, first_ms, last_ms, count, record)"
	    " VALUES (?1, ?2, ?2, 0, ?3)");
	enum err err;

	db_bind_text(q, 1, same);
	db_bind_number(q, 2, now_ms);
	db_bind_text(q, 3, members);
	err = db_run(q);
	if (err == ERR_NONE)
		store->open_records++;
	return err;
}

static enum err close_same(
    struct store *store, const char *same, int64_t now_ms)
{
	struct db_query *q = db_query(store->db,
	    "SELECT same, first_ms, last_ms, count, record FROM audit_open"
	    " WHERE same = ?1");
	bool found = false;

	db_bind_text(q, 1, same);
	return close_found(store, q, now_ms, &found);
}

enum err audit_append_counted(
    struct store *store, const struct audit_entry *entry, const char *same)
{
	struct record_writer members RECORD_UNINITIALIZED;
	bool counted = false;
	enum err err = ERR_TOO_LONG;

	if (strlen(same) >= SAME_SIZE)
		return err;
	err = count_repeat(store, same, entry->time_ms, &counted);
	if (err != ERR_NONE || counted)
		return err;
	members.length = 0;
	members.failed = false;
	put_members(&members, entry);
	if (store->open_records > 0)
		err = close_same(store, same, entry->time_ms);
	if (err == ERR_NONE)
		err = chain(store, entry->time_ms, &members);
	if (err != ERR_NONE || store->open_records >= OPEN_RECORDS_MAX)
		return err;
	members.bytes[members.length] = '\0';
	return open_row(store, same, entry->time_ms, members.bytes);
}
