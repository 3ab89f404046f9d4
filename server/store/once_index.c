/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Open addressing with linear probing and removal by shifting back, so that
 * there are no tombstones to gather. Keys are keyed hashes already: their
 * first eight bytes are as good as any hash of them.
 */
#include "server/store/once_index.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
	SLOTS_MIN = 4096
}; /* powers of two only */

struct entry {
	uint64_t prefix;
	uint32_t id_low; /* the rest is that of last_id or just below */
	uint32_t used;
};

struct change {
	struct entry entry;
	bool added;
};

struct once_index {
	struct entry *slots;
	size_t slot_count, used;
	int64_t last_id, settled_last_id;
	struct change *changes;
	size_t change_count, change_room;
};

static uint64_t prefix_of(const unsigned char *key)
{
	uint64_t prefix;

	memcpy(&prefix, key, sizeof(prefix));
	return prefix;
}

enum err once_index_new(struct once_index **out)
{
	struct once_index *index = calloc(1, sizeof(*index));

	if (!index)
		return ERR_MEMORY;
	index->slot_count = SLOTS_MIN;
	index->slots = calloc(SLOTS_MIN, sizeof(*index->slots));
	if (!index->slots) {
		free(index);
		return ERR_MEMORY;
	}
	*out = index;
	return ERR_NONE;
}

void once_index_free(struct once_index *index)
{
	if (!index)
		return;
	free(index->slots);
	free(index->changes);
	free(index);
}

static size_t home_of(const struct once_index *index, uint64_t prefix)
{
	return (size_t)prefix & (index->slot_count - 1);
}

static size_t after(const struct once_index *index, size_t at)
{
	return (at + 1) & (index->slot_count - 1);
}

static void insert(struct once_index *index, struct entry entry)
{
	size_t at = home_of(index, entry.prefix);

	while (index->slots[at].used)
		at = after(index, at);
	index->slots[at] = entry;
	index->used++;
}

static enum err resize(struct once_index *index, size_t slot_count)
{
	struct entry *old = index->slots;
	size_t old_count = index->slot_count;
	struct entry *slots = calloc(slot_count, sizeof(*slots));

	if (!slots)
		return ERR_MEMORY;
	index->slots = slots;
	index->slot_count = slot_count;
	index->used = 0;
	for (size_t i = 0; i < old_count; i++) {
		if (old[i].used)
			insert(index, old[i]);
	}
	free(old);
	return ERR_NONE;
}

/* Closes the gap at `hole`: whoever stands further from home than the hole
 * moves into it. */
static void shift_back(struct once_index *index, size_t hole)
{
	size_t mask = index->slot_count - 1;

	for (size_t at = after(index, hole); index->slots[at].used;
	     at = after(index, at)) {
		size_t home = home_of(index, index->slots[at].prefix);

		if (((at - home) & mask) < ((at - hole) & mask))
			continue;
		index->slots[hole] = index->slots[at];
		hole = at;
	}
	memset(&index->slots[hole], 0, sizeof(index->slots[hole]));
	index->used--;
}

static bool take_out(struct once_index *index, struct entry entry)
{
	size_t at = home_of(index, entry.prefix);

	for (; index->slots[at].used; at = after(index, at)) {
		if (index->slots[at].prefix == entry.prefix &&
		    index->slots[at].id_low == entry.id_low) {
			shift_back(index, at);
			return true;
		}
	}
	return false;
}

/* Room for one more change and one more entry, before anything changes, so
 * that taking back never needs memory. */
static enum err make_room(struct once_index *index)
{
	if (index->change_count == index->change_room) {
		size_t room = index->change_room ? index->change_room * 2 : 256;
		struct change *changes =
		    reallocarray(index->changes, room, sizeof(*changes));

		if (!changes)
			return ERR_MEMORY;
		index->changes = changes;
		index->change_room = room;
	}
	if ((index->used + index->change_count + 1) * 5 > index->slot_count * 4)
		return resize(index, index->slot_count * 2);
	return ERR_NONE;
}

static void note(struct once_index *index, struct entry entry, bool added)
{
	index->changes[index->change_count++] =
	    (struct change){.entry = entry, .added = added};
}

enum err once_index_add(
    struct once_index *index, const unsigned char *key, int64_t id)
{
	const struct entry entry = {prefix_of(key), (uint32_t)id, 1};
	enum err err = make_room(index);

	if (err != ERR_NONE)
		return err;
	insert(index, entry);
	index->last_id = id;
	note(index, entry, true);
	return ERR_NONE;
}

enum err once_index_remove(
    struct once_index *index, const unsigned char *key, int64_t id)
{
	const struct entry entry = {prefix_of(key), (uint32_t)id, 1};
	enum err err = make_room(index);

	if (err != ERR_NONE)
		return err;
	if (take_out(index, entry))
		note(index, entry, false);
	return ERR_NONE;
}

int64_t once_index_next(
    const struct once_index *index, const unsigned char *key, uint64_t *cursor)
{
	uint64_t prefix = prefix_of(key);
	size_t at = *cursor ? (size_t)(*cursor - 1) : home_of(index, prefix);

	for (; index->slots[at].used; at = after(index, at)) {
		uint32_t behind;

		if (index->slots[at].prefix != prefix)
			continue;
		*cursor = (uint64_t)after(index, at) + 1;
		behind = (uint32_t)index->last_id - index->slots[at].id_low;
		return index->last_id - (int64_t)behind;
	}
	return 0;
}

int64_t once_index_last(const struct once_index *index)
{
	return index->last_id;
}

void once_index_settle(struct once_index *index)
{
	index->change_count = 0;
	index->settled_last_id = index->last_id;
	/* After a rush; failing to shrink costs nothing but memory. */
	if (index->slot_count > SLOTS_MIN &&
	    index->used * 8 < index->slot_count)
		(void)resize(index, index->slot_count / 2);
}

void once_index_undo(struct once_index *index)
{
	while (index->change_count > 0) {
		const struct change *change =
		    &index->changes[--index->change_count];

		if (change->added)
			(void)take_out(index, change->entry);
		else
			insert(index, change->entry);
	}
	index->last_id = index->settled_last_id;
}
