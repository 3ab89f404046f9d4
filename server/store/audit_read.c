/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the chain: lists, single hashes, verification in steps. A list of
 * the newest reads from the end and stops early; a list by time finds its
 * ends by halving, because times in the chain only grow.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/store/audit.h"
#include "server/store/hasher.h"
#include "server/store/record.h"

enum {
	FILTERS = 6
};

struct listing {
	const struct audit_query *query;
	struct record_filter filters[FILTERS];
	int64_t first, end; /* seqs; end exclusive */
	enum err (*each)(void *context, int64_t seq, const char *record,
	    const unsigned char hash[AUDIT_HASH_BYTES]);
	void *context;
};

enum err audit_hash_at(
    struct store *store, int64_t seq, unsigned char out[AUDIT_HASH_BYTES])
{
	struct db_query *q =
	    db_query(store->db, "SELECT hash FROM audit WHERE seq = ?1");
	unsigned char hash[AUDIT_HASH_BYTES];
	bool found;
	enum err err;

	db_bind_number(q, 1, seq);
	found = db_next(q);
	db_read_bytes(q, 0, hash, sizeof(hash));
	err = db_done(q);
	if (err != ERR_NONE)
		return err;
	if (!found)
		return ERR_NOT_FOUND;
	memcpy(out, hash, sizeof(hash));
	return ERR_NONE;
}

/* --- lists --------------------------------------------------------------- */

static enum err time_at(struct store *store, int64_t seq, int64_t *out_ms)
{
	struct db_query *q =
	    db_query(store->db, "SELECT time_ms FROM audit WHERE seq = ?1");
	bool found;

	db_bind_number(q, 1, seq);
	found = db_next(q);
	*out_ms = db_number(q, 0);
	if (db_done(q) != ERR_NONE || !found)
		return ERR_CORRUPT;
	return ERR_NONE;
}

/* The first seq whose time is not before time_ms. */
static enum err find_time(
    struct store *store, int64_t time_ms, int64_t *out_seq)
{
	int64_t low = 1, high = store->head.seq + 1;

	while (low < high) {
		int64_t middle = low + (high - low) / 2, at_ms;
		enum err err = time_at(store, middle, &at_ms);

		if (err != ERR_NONE)
			return err;
		if (at_ms < time_ms)
			low = middle + 1;
		else
			high = middle;
	}
	*out_seq = low;
	return ERR_NONE;
}

/* Narrows first and end by time, where times are in order. A chain with a
 * hole is read in full instead: finding the hole is for verify. */
static void narrow_by_time(struct store *store, struct listing *listing)
{
	const struct audit_query *query = listing->query;
	int64_t unordered = 0, seq = 0;

	(void)store_get_number(store, AUDIT_UNORDERED, &unordered);
	if (unordered)
		return;
	if (query->from_ms != 0 &&
	    find_time(store, query->from_ms, &seq) == ERR_NONE &&
	    seq > listing->first)
		listing->first = seq;
	if (query->to_ms != 0 &&
	    find_time(store, query->to_ms, &seq) == ERR_NONE &&
	    seq < listing->end)
		listing->end = seq;
}

static bool is_wanted(
    const struct listing *listing, int64_t time_ms, const char *record)
{
	const struct audit_query *query = listing->query;

	if (!record || (query->from_ms != 0 && time_ms < query->from_ms) ||
	    (query->to_ms != 0 && time_ms >= query->to_ms))
		return false;
	for (int i = 0; i < FILTERS; i++) {
		if (!record_matches(&listing->filters[i], record))
			return false;
	}
	return true;
}

static enum err hand_on(const struct listing *listing, struct db_query *q)
{
	unsigned char hash[AUDIT_HASH_BYTES];

	db_read_bytes(q, 3, hash, sizeof(hash));
	if (db_error(q) != ERR_NONE)
		return db_error(q);
	return listing->each(
	    listing->context, db_number(q, 0), db_text(q, 2), hash);
}

static enum err list_forwards(
    struct store *store, const struct listing *listing)
{
	struct db_query *q =
	    db_query(store->db, "SELECT seq, time_ms, record, hash FROM audit"
				" WHERE seq >= ?1 AND seq < ?2 ORDER BY seq");
	int64_t left = listing->query->limit;
	enum err err = ERR_NONE, done;

	db_bind_number(q, 1, listing->first);
	db_bind_number(q, 2, listing->end);
	while (err == ERR_NONE && db_next(q)) {
		if (!is_wanted(listing, db_number(q, 1), db_text(q, 2)))
			continue;
		err = hand_on(listing, q);
		if (--left == 0)
			break;
	}
	done = db_done(q);
	return err != ERR_NONE ? err : done;
}

static enum err list_one(
    struct store *store, const struct listing *listing, int64_t seq)
{
	struct db_query *q = db_query(store->db,
	    "SELECT seq, time_ms, record, hash FROM audit WHERE seq = ?1");
	enum err err = ERR_NONE, done;

	db_bind_number(q, 1, seq);
	if (db_next(q))
		err = hand_on(listing, q);
	done = db_done(q);
	return err != ERR_NONE ? err : done;
}

/* Tells where looking from the end stopped, if there is more below. */
static void tell_reached(const struct listing *listing, int64_t seq)
{
	if (listing->query->reached)
		*listing->query->reached = seq > listing->first ? seq : 0;
}

/* Numbers of the newest that match, newest first. */
static enum err collect_newest(struct store *store,
    const struct listing *listing, int64_t *out, size_t room, size_t *out_count)
{
	struct db_query *q = db_query(store->db,
	    "SELECT seq, time_ms, record FROM audit"
	    " WHERE seq >= ?1 AND seq < ?2 ORDER BY seq DESC");
	int64_t most = listing->query->look_at, looked = 0;
	size_t count = 0;

	db_bind_number(q, 1, listing->first);
	db_bind_number(q, 2, listing->end);
	tell_reached(listing, 0);
	while (db_next(q)) {
		int64_t seq = db_number(q, 0);

		if (is_wanted(listing, db_number(q, 1), db_text(q, 2)))
			out[count++] = seq;
		if (count == room || ++looked == most) {
			tell_reached(listing, seq);
			break;
		}
	}
	*out_count = count;
	return db_done(q);
}

static enum err list_newest(struct store *store, const struct listing *listing)
{
	int64_t room = listing->query->limit;
	int64_t *seqs = NULL;
	size_t count = 0;
	enum err err;

	if (room > listing->end - listing->first)
		room = listing->end - listing->first;
	if (room <= 0)
		return ERR_NONE;
	seqs = calloc((size_t)room, sizeof(*seqs));
	if (!seqs)
		return ERR_MEMORY;
	err = collect_newest(store, listing, seqs, (size_t)room, &count);
	while (err == ERR_NONE && count > 0)
		err = list_one(store, listing, seqs[--count]);
	free(seqs);
	return err;
}

static enum err list_open_row(const struct listing *listing, struct db_query *q)
{
	static const unsigned char none[AUDIT_HASH_BYTES];
	struct record_writer writer = {0};

	record_open(&writer);
	record_put_number(&writer, "seq", 0);
	record_put_time(&writer, "time", db_number(q, 1));
	audit_put_count(&writer, db_text(q, 3), db_number(q, 2),
	    db_number(q, 0), db_number(q, 1));
	record_close(&writer);
	if (writer.failed || writer.length == sizeof(writer.bytes))
		return ERR_TOO_LONG;
	writer.bytes[writer.length] = '\0';
	if (!is_wanted(listing, db_number(q, 1), writer.bytes))
		return ERR_NONE;
	return listing->each(listing->context, 0, writer.bytes, none);
}

static enum err list_open(struct store *store, const struct listing *listing)
{
	struct db_query *q = db_query(store->db,
	    "SELECT first_ms, last_ms, count, record FROM audit_open"
	    " WHERE count > 0 ORDER BY last_ms");
	enum err err = ERR_NONE, done;

	while (err == ERR_NONE && db_next(q))
		err = list_open_row(listing, q);
	done = db_done(q);
	return err != ERR_NONE ? err : done;
}

enum err audit_each(struct store *store, const struct audit_query *query,
    enum err (*each)(void *context, int64_t seq, const char *record,
	const unsigned char hash[AUDIT_HASH_BYTES]),
    void *context)
{
	struct listing *listing = calloc(1, sizeof(*listing));
	enum err err;

	if (!listing)
		return ERR_MEMORY;
	listing->query = query;
	listing->first = query->after_seq + 1;
	listing->end = store->head.seq + 1;
	if (query->before_seq > 0 && query->before_seq < listing->end)
		listing->end = query->before_seq;
	listing->each = each;
	listing->context = context;
	record_filter_set(&listing->filters[0], "user", query->user);
	record_filter_set(&listing->filters[1], "terminal", query->terminal);
	record_filter_set(&listing->filters[2],
	    query->result && strcmp(query->result, AUDIT_MODE_SHADOW) == 0
		? "mode"
		: "result",
	    query->result);
	record_filter_set(&listing->filters[3], "account", query->account);
	record_filter_set(&listing->filters[4], "kind", query->kind);
	record_filter_set(&listing->filters[5], "factor", query->factor);
	if (query->from_ms != 0 || query->to_ms != 0)
		narrow_by_time(store, listing);
	if (query->limit > 0 && !query->oldest)
		err = list_newest(store, listing);
	else
		err = list_forwards(store, listing);
	if (err == ERR_NONE && query->with_open)
		err = list_open(store, listing);
	free(listing);
	return err;
}

/* --- verification -------------------------------------------------------- */

/* Does this row follow what check has seen so far? */
static bool follows(struct store *store, struct db_query *q,
    const struct audit_check *check, unsigned char out_hash[AUDIT_HASH_BYTES])
{
	unsigned char kept[AUDIT_HASH_BYTES];
	const char *record = db_text(q, 1);
	char start[40];
	int length = snprintf(
	    start, sizeof(start), "{\"seq\":%" PRId64 ",", check->next_seq);

	if (db_number(q, 0) != check->next_seq || !record ||
	    strncmp(record, start, (size_t)length) != 0)
		return false;
	db_read_bytes(q, 2, kept, sizeof(kept));
	if (db_error(q) != ERR_NONE ||
	    hasher_chain(store->hasher, check->hash, record, strlen(record),
		out_hash) != ERR_NONE)
		return false;
	return memcmp(kept, out_hash, sizeof(kept)) == 0;
}

/* At the end of the rows: is it the end of the chain as well? */
static void conclude(struct store *store, struct audit_check *check)
{
	if (store->head.seq != check->next_seq - 1 ||
	    memcmp(store->head.hash, check->hash, AUDIT_HASH_BYTES) != 0)
		check->first_bad = check->next_seq;
	check->next_seq = 0;
}

enum err audit_verify_step(struct store *store, const unsigned char *head,
    int64_t records, struct audit_check *check)
{
	struct db_query *q = db_query(store->db,
	    "SELECT seq, record, hash FROM audit WHERE seq >= ?1"
	    " ORDER BY seq LIMIT ?2");
	struct audit_check now = *check;
	int64_t seen = 0;
	enum err err;

	db_bind_number(q, 1, now.next_seq);
	db_bind_number(q, 2, records);
	for (; now.next_seq != 0 && db_next(q); seen++) {
		unsigned char hash[AUDIT_HASH_BYTES];

		now.records++;
		if (!follows(store, q, &now, hash)) {
			now.first_bad = now.next_seq;
			now.next_seq = 0;
			break;
		}
		memcpy(now.hash, hash, sizeof(hash));
		if (head && memcmp(head, hash, sizeof(hash)) == 0)
			now.head_found = true;
		now.next_seq++;
	}
	err = db_done(q);
	/* A hash of the wrong length is a bad record, not a failure. */
	if (err != ERR_NONE && now.first_bad == 0)
		return err;
	if (now.next_seq != 0 && seen < records)
		conclude(store, &now);
	*check = now;
	return ERR_NONE;
}
