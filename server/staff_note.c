/* SPDX-License-Identifier: Apache-2.0 */
#include "server/staff_note.h"

#include <string.h>

#include "server/staff_row.h"

const char *const STAFF_CHANGE_NAMES[STAFF_CHANGE_COUNT] = {
    "new", "moved", "renamed", "changed", "leaving"};

json_t *staff_change_words(unsigned changes)
{
	json_t *words = json_array();

	for (size_t i = 0; words && i < STAFF_CHANGE_COUNT; i++)
		if (changes & 1u << i)
			json_array_append_new(
			    words, json_string(STAFF_CHANGE_NAMES[i]));
	return words;
}

static json_t *joined(unsigned changes)
{
	char words[64] = "";

	for (size_t i = 0; i < STAFF_CHANGE_COUNT; i++)
		if (changes & 1u << i) {
			strcat(words, words[0] ? " " : "");
			strcat(words, STAFF_CHANGE_NAMES[i]);
		}
	return json_string(words[0] ? words : "none");
}

static void add_text(
    json_t *note, const char *key, const char *before, const char *after)
{
	char key_before[32];

	if (strcmp(before, after) == 0)
		return;
	snprintf(key_before, sizeof(key_before), "%s_before", key);
	json_object_set_new(note, key_before, json_string(before));
	json_object_set_new(note, key, json_string(after));
}

static void add_number(
    json_t *note, const char *key, int64_t before, int64_t after)
{
	char key_before[32];

	if (before == after)
		return;
	snprintf(key_before, sizeof(key_before), "%s_before", key);
	json_object_set_new(note, key_before, json_integer(before));
	json_object_set_new(note, key, json_integer(after));
}

json_t *staff_note(
    const struct person *before, const struct person *after, unsigned changes)
{
	json_t *note = json_pack("{s:o}", "change", joined(changes));

	if (!note)
		return NULL;
	if (after->decision[0] && strcmp(before->decision, after->decision))
		json_object_set_new(
		    note, "decision", json_string(after->decision));
	if (changes & STAFF_NEW && after->attendant[0]) {
		json_object_set_new(
		    note, "attendant", json_string(after->attendant));
		json_object_set_new(
		    note, "until", json_integer(after->valid_until));
	}
	if (changes & STAFF_NEW)
		return note;
	add_text(note, "attendant", before->attendant, after->attendant);
	add_text(note, "name", before->name, after->name);
	add_text(note, "department", before->department, after->department);
	add_text(note, "login", before->login, after->login);
	add_text(note, "kind", before->kind, after->kind);
	add_number(note, "from", before->valid_from, after->valid_from);
	add_number(note, "until", before->valid_until, after->valid_until);
	return note;
}
