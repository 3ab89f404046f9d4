/* SPDX-License-Identifier: Apache-2.0 */
#include "shared/json_plain.h"

#include <string.h>

#include "shared/text.h"

struct plain_texts {
	const char *values[JSON_PLAIN_MEMBERS_MAX]; /* NULL: not there */
	size_t lengths[JSON_PLAIN_MEMBERS_MAX];
};

static char *skip_space(char *at)
{
	while (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')
		at++;
	return at;
}

/* A text from its opening quote on: cuts it off at the closing one and
 * returns what follows, or NULL. Stops at NUL like at any control. */
static char *cut_text(char *at, const char **out, size_t *out_length)
{
	char *start = at + 1;

	if (*at != '"')
		return NULL;
	for (at = start; *at != '"'; at++)
		if (*at < 0x20 || *at > 0x7e || *at == '\\')
			return NULL;
	*at = '\0';
	*out = start;
	*out_length = (size_t)(at - start);
	return skip_space(at + 1);
}

static size_t find_member(
    const struct json_member *members, size_t count, const char *name)
{
	size_t i = 0;

	while (i < count && strcmp(members[i].name, name) != 0)
		i++;
	return i;
}

/* `"name": "text"`; returns what follows, or NULL. */
static char *cut_member(char *at, const struct json_member *members,
    size_t count, struct plain_texts *texts)
{
	const char *name = NULL, *value = NULL;
	size_t length = 0, i;

	at = cut_text(skip_space(at), &name, &length);
	if (!at || *at != ':')
		return NULL;
	at = cut_text(skip_space(at + 1), &value, &length);
	if (!at)
		return NULL;
	i = find_member(members, count, name);
	if (i == count || texts->values[i])
		return NULL;
	texts->values[i] = value;
	texts->lengths[i] = length;
	return at;
}

static bool cut_object(char *text, size_t length,
    const struct json_member *members, size_t count, struct plain_texts *texts)
{
	char *at = skip_space(text);

	if (*at != '{')
		return false;
	do
		at = cut_member(at + 1, members, count, texts);
	while (at && *at == ',');
	return at && *at == '}' && skip_space(at + 1) == text + length;
}

static int find_choice(const char *const *choices, const char *value)
{
	for (int i = 0; choices[i]; i++)
		if (strcmp(choices[i], value) == 0)
			return i;
	return -1;
}

static bool is_taken(
    const struct json_member *member, const char *value, size_t length)
{
	size_t most =
	    member->maximum > 0 ? (size_t)member->maximum : NAME_BYTES_MAX;

	if (!value)
		return !member->required;
	switch (member->kind) {
	case JSON_MEMBER_NAME:
		return length <= most && text_is_name(value, length);
	case JSON_MEMBER_TEXT:
	case JSON_MEMBER_LINES:
		return length <= most;
	case JSON_MEMBER_CHOICE:
		return find_choice(member->choices, value) >= 0;
	case JSON_MEMBER_NUMBER:
	case JSON_MEMBER_BOOL:
	case JSON_MEMBER_ARRAY:
	case JSON_MEMBER_OBJECT:
		break;
	}
	return false;
}

bool json_plain_take(char *text, size_t length,
    const struct json_member *members, size_t member_count, void *target)
{
	struct plain_texts texts = {0};

	if (member_count > JSON_PLAIN_MEMBERS_MAX ||
	    !cut_object(text, length, members, member_count, &texts))
		return false;
	for (size_t i = 0; i < member_count; i++)
		if (!is_taken(&members[i], texts.values[i], texts.lengths[i]))
			return false;
	for (size_t i = 0; i < member_count; i++) {
		void *place = (char *)target + members[i].offset;

		if (!texts.values[i])
			continue;
		if (members[i].kind == JSON_MEMBER_CHOICE)
			*(int *)place =
			    find_choice(members[i].choices, texts.values[i]);
		else
			*(const char **)place = texts.values[i];
	}
	return true;
}
