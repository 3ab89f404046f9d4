/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table by person in memory, open addressing, never shrinking: persons do
 * not go either.
 */
#include "server/store/last_login.h"

#include <stdlib.h>
#include <string.h>

enum {
	CAPACITY_MIN = 256, /* a power of two, as every capacity is */
	REPLACED_MIN = 64,
};

struct entry {
	int64_t person_id; /* 0: free */
	int64_t at, failures;
	char *terminal;
	bool bound;
	bool changed; /* and not written down */
};

/* What a change of this transaction has replaced. */
struct replaced {
	int64_t person_id, at, failures;
	char *terminal; /* with has_moved; else it stayed */
	bool bound, has_moved;
};

struct last_logins {
	size_t capacity, count;
	struct entry *entries;
	/* Persons of changed entries; as much room as there are entries. */
	int64_t *changed;
	size_t changed_count;
	/* Those written by the last save, in case it does not last. */
	int64_t saved[LAST_LOGIN_SAVED_MAX];
	size_t saved_count;
	struct replaced *replaced;
	size_t replaced_count, replaced_room;
};

/* The place of a person, or the free one where he would be. */
static struct entry *find(const struct last_logins *logins, int64_t person_id)
{
	uint64_t at = (uint64_t)person_id * UINT64_C(0x9e3779b97f4a7c15) >> 32;

	for (;; at++) {
		struct entry *entry =
		    &logins->entries[at & (logins->capacity - 1)];

		if (entry->person_id == 0 || entry->person_id == person_id)
			return entry;
	}
}

static bool grow(struct last_logins *logins)
{
	struct last_logins wider = {.capacity = logins->capacity * 2};
	int64_t *changed =
	    realloc(logins->changed, wider.capacity * sizeof(*logins->changed));

	if (!changed)
		return false;
	logins->changed = changed;
	wider.entries = calloc(wider.capacity, sizeof(*wider.entries));
	if (!wider.entries)
		return false;
	for (size_t i = 0; i < logins->capacity; i++)
		if (logins->entries[i].person_id != 0)
			*find(&wider, logins->entries[i].person_id) =
			    logins->entries[i];
	free(logins->entries);
	logins->entries = wider.entries;
	logins->capacity = wider.capacity;
	return true;
}

/* NULL: no memory. */
static struct entry *make_entry(struct last_logins *logins, int64_t person_id)
{
	struct entry *entry = find(logins, person_id);

	if (entry->person_id != 0)
		return entry;
	if (logins->count >= logins->capacity / 2) {
		if (!grow(logins))
			return NULL;
		entry = find(logins, person_id);
	}
	logins->count++;
	entry->person_id = person_id;
	return entry;
}

/* --- loading and saving -------------------------------------------------- */

static enum err new_logins(struct last_logins **out)
{
	struct last_logins *logins = calloc(1, sizeof(*logins));

	if (!logins)
		return ERR_MEMORY;
	logins->capacity = CAPACITY_MIN;
	logins->entries = calloc(CAPACITY_MIN, sizeof(*logins->entries));
	logins->changed = calloc(CAPACITY_MIN, sizeof(*logins->changed));
	if (!logins->entries || !logins->changed) {
		free(logins->entries);
		free(logins->changed);
		free(logins);
		return ERR_MEMORY;
	}
	*out = logins;
	return ERR_NONE;
}

static enum err read_row(struct store *store, struct db_query *q)
{
	struct entry *entry = make_entry(store->last_logins, db_number(q, 0));
	const char *terminal = db_text(q, 2);

	if (!entry)
		return ERR_MEMORY;
	entry->at = db_number(q, 1);
	entry->failures = db_number(q, 3);
	entry->bound = db_number(q, 4) != 0;
	entry->terminal = strdup(terminal ? terminal : "");
	return entry->terminal ? ERR_NONE : ERR_MEMORY;
}

enum err last_logins_load(struct store *store)
{
	enum err err = new_logins(&store->last_logins), done;
	struct db_query *q;

	if (err != ERR_NONE)
		return err;
	q = db_query(store->db,
	    "SELECT person_id, at, terminal, failures, bound FROM last_login");
	while (err == ERR_NONE && db_next(q))
		err = read_row(store, q);
	done = db_done(q);
	return err != ERR_NONE ? err : done;
}

void last_logins_free(struct last_logins *logins)
{
	if (!logins)
		return;
	last_logins_settle(logins);
	free(logins->replaced);
	for (size_t i = 0; i < logins->capacity; i++)
		free(logins->entries[i].terminal);
	free(logins->entries);
	free(logins->changed);
	free(logins);
}

static enum err write_row(struct store *store, const struct entry *entry)
{
	struct db_query *q = db_query(store->db,
	    "INSERT INTO last_login (person_id, at, terminal, failures, bound)"
	    " VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (person_id) DO UPDATE SET"
	    " at = excluded.at, terminal = excluded.terminal,"
	    " failures = excluded.failures, bound = excluded.bound");

	db_bind_number(q, 1, entry->person_id);
	db_bind_number(q, 2, entry->at);
	db_bind_text(q, 3, entry->terminal ? entry->terminal : "");
	db_bind_number(q, 4, entry->failures);
	db_bind_number(q, 5, entry->bound);
	return db_run(q);
}

static void set_changed(struct last_logins *logins, struct entry *entry)
{
	if (entry->changed)
		return;
	entry->changed = true;
	logins->changed[logins->changed_count++] = entry->person_id;
}

enum err last_logins_save(struct store *store, bool *out_more)
{
	struct last_logins *logins = store->last_logins;
	enum err err = ERR_NONE;

	logins->saved_count = 0;
	while (err == ERR_NONE && logins->changed_count > 0 &&
	       logins->saved_count < LAST_LOGIN_SAVED_MAX) {
		int64_t id = logins->changed[--logins->changed_count];
		struct entry *entry = find(logins, id);

		entry->changed = false;
		logins->saved[logins->saved_count++] = id;
		err = write_row(store, entry);
	}
	*out_more = logins->changed_count > 0;
	return err;
}

/* --- with the transaction ------------------------------------------------ */

/* NULL: no memory, and nothing may be changed. */
static struct replaced *replace(
    struct last_logins *logins, const struct entry *entry)
{
	struct replaced *replaced = logins->replaced;

	if (logins->replaced_count == logins->replaced_room) {
		size_t room = logins->replaced_room * 2 + REPLACED_MIN;

		replaced = realloc(replaced, room * sizeof(*replaced));
		if (!replaced)
			return NULL;
		logins->replaced = replaced;
		logins->replaced_room = room;
	}
	replaced += logins->replaced_count++;
	*replaced = (struct replaced){.person_id = entry->person_id,
	    .at = entry->at,
	    .failures = entry->failures,
	    .bound = entry->bound};
	return replaced;
}

static void put_back(struct last_logins *logins, struct replaced *replaced)
{
	struct entry *entry = find(logins, replaced->person_id);

	entry->at = replaced->at;
	entry->failures = replaced->failures;
	entry->bound = replaced->bound;
	if (!replaced->has_moved)
		return;
	free(entry->terminal);
	entry->terminal = replaced->terminal;
}

void last_logins_undo(struct last_logins *logins)
{
	if (!logins)
		return;
	while (logins->replaced_count > 0)
		put_back(logins, &logins->replaced[--logins->replaced_count]);
	for (size_t i = 0; i < logins->saved_count; i++)
		set_changed(logins, find(logins, logins->saved[i]));
	logins->saved_count = 0;
}

void last_logins_settle(struct last_logins *logins)
{
	if (!logins)
		return;
	for (size_t i = 0; i < logins->replaced_count; i++)
		free(logins->replaced[i].terminal);
	logins->replaced_count = logins->saved_count = 0;
}

/* --- one person ---------------------------------------------------------- */

struct last_login last_login_of(const struct store *store, int64_t person_id)
{
	const struct entry *entry = find(store->last_logins, person_id);

	return (struct last_login){.at = entry->at,
	    .failures = entry->failures,
	    .bound = entry->bound,
	    .terminal = entry->terminal ? entry->terminal : ""};
}

/* The person's entry, about to change; NULL: no memory. */
static struct entry *open_entry(
    struct store *store, int64_t person_id, struct replaced **out)
{
	struct last_logins *logins = store->last_logins;
	struct entry *entry = make_entry(logins, person_id);

	*out = entry ? replace(logins, entry) : NULL;
	if (!*out)
		return NULL;
	set_changed(logins, entry);
	return entry;
}

void last_login_note(struct store *store, int64_t person_id,
    const char *terminal, int64_t now_s, bool was_told)
{
	struct replaced *replaced;
	struct entry *entry = open_entry(store, person_id, &replaced);

	if (!entry)
		return;
	if (!entry->terminal || strcmp(entry->terminal, terminal) != 0) {
		replaced->terminal = entry->terminal;
		replaced->has_moved = true;
		entry->terminal = strdup(terminal);
	}
	/* With his first login he has just got it. */
	if (was_told || entry->at == 0)
		entry->bound = false;
	entry->at = now_s;
	entry->failures = 0;
}

void last_login_note_failure(struct store *store, int64_t person_id)
{
	struct replaced *replaced;
	struct entry *entry = open_entry(store, person_id, &replaced);

	if (entry)
		entry->failures++;
}

void last_login_note_binding(struct store *store, int64_t person_id)
{
	struct replaced *replaced;
	struct entry *entry = open_entry(store, person_id, &replaced);

	if (entry)
		entry->bound = true;
}
