/* SPDX-License-Identifier: Apache-2.0 */
#include "server/staff_mentions.h"

#include <stdlib.h>
#include <string.h>

static int compare_mentions(const void *left, const void *right)
{
	const struct staff_mention *a = left, *b = right;
	int order = strcmp(a->text, b->text);

	return order ? order : (a->row > b->row) - (a->row < b->row);
}

enum err staff_mentions_note(
    json_t *rows, const char *member, struct staff_mentions *out)
{
	size_t count = json_array_size(rows), i;
	json_t *item;

	out->items = calloc(count + 1, sizeof(*out->items));
	if (!out->items)
		return ERR_MEMORY;
	out->count = 0;
	json_array_foreach(rows, i, item)
	{
		const char *text =
		    json_string_value(json_object_get(item, member));

		if (text)
			out->items[out->count++] = (struct staff_mention){text,
			    json_integer_value(json_object_get(item, "row")),
			    item};
	}
	qsort(out->items, out->count, sizeof(*out->items), compare_mentions);
	return ERR_NONE;
}

const struct staff_mention *staff_mention_find(
    const struct staff_mentions *mentions, const char *text)
{
	const struct staff_mention *items = mentions->items;
	size_t low = 0, high = mentions->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(items[middle].text, text) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < mentions->count && strcmp(items[low].text, text) == 0
		   ? &items[low]
		   : NULL;
}

bool staff_mention_is_repeated(
    const struct staff_mentions *mentions, const char *text)
{
	const struct staff_mention *first = staff_mention_find(mentions, text);

	return first && first + 1 < mentions->items + mentions->count &&
	       strcmp(first[1].text, text) == 0;
}
