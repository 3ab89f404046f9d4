/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table walk behind strict JSON. Two passes, check then store, so that a
 * refused document leaves the caller's struct alone. Sentences are made of
 * the table's words only: nothing the sender wrote comes back, not even the
 * name of an unknown member, for a code may stand anywhere in a broken
 * document.
 */
#include "shared/json.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/secret.h"
#include "shared/text.h"

static void wipe_and_free(void *memory)
{
	secret_wipe_bytes(memory, malloc_usable_size(memory));
	free(memory);
}

void json_wipe_freed(void)
{
	json_set_alloc_funcs(malloc, wipe_and_free);
}

__attribute__((format(printf, 2, 3))) static enum err refuse(
    struct json_problem *problem, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(problem->text, sizeof(problem->text), format, arguments);
	va_end(arguments);
	return ERR_INVALID;
}

/* Before jansson recurses. Brackets in strings do not count; whether they
 * match is jansson's to say. */
static bool is_too_deep(const char *bytes, size_t length)
{
	bool in_string = false;
	size_t depth = 0;

	for (size_t i = 0; i < length; i++) {
		char c = bytes[i];

		if (in_string && c == '\\')
			i++;
		else if (c == '"')
			in_string = !in_string;
		else if (!in_string && (c == '{' || c == '['))
			depth++;
		else if (!in_string && (c == '}' || c == ']') && depth > 0)
			depth--;
		if (depth > JSON_DEPTH_MAX)
			return true;
	}
	return false;
}

/* jansson's own text quotes the document, so only its number is used. */
static const char *reason_of(enum json_error_code code)
{
	static const struct {
		enum json_error_code code;
		const char *reason;
	} reasons[] = {
	    {json_error_duplicate_key, "a member appears twice"},
	    {json_error_end_of_input_expected, "something follows the object"},
	    {json_error_premature_end_of_input, "it ends too early"},
	    {json_error_invalid_utf8, "it is not UTF-8"},
	    {json_error_null_character, "a text holds NUL"},
	    {json_error_null_byte_in_key, "a text holds NUL"},
	    {json_error_numeric_overflow, "a number is too large"},
	};

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].code == code)
			return reasons[i].reason;
	return "its syntax is wrong";
}

enum err json_read(const char *bytes, size_t length, json_t **out,
    struct json_problem *problem)
{
	json_error_t error;
	json_t *read = NULL;

	if (is_too_deep(bytes, length))
		return refuse(problem,
		    "the JSON document is nested more than %d deep",
		    (int)JSON_DEPTH_MAX);
	read = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, &error);
	if (!read && json_error_code(&error) == json_error_out_of_memory)
		return ERR_MEMORY;
	if (!read)
		return refuse(problem, "not a JSON document: %s",
		    reason_of(json_error_code(&error)));
	if (!json_is_object(read)) {
		json_decref(read);
		return refuse(problem, "the JSON document is not an object");
	}
	*out = read;
	return ERR_NONE;
}

static size_t longest_text(const struct json_member *member)
{
	return member->maximum > 0 ? (size_t)member->maximum : NAME_BYTES_MAX;
}

static enum err check_text(const struct json_member *member,
    const json_t *value, bool (*is_valid)(const char *, size_t),
    const char *expected, struct json_problem *problem)
{
	if (!json_is_string(value))
		return refuse(
		    problem, "member \"%s\" must be a text", member->name);
	if (json_string_length(value) > longest_text(member))
		return refuse(problem,
		    "member \"%s\" must be at most %zu bytes long",
		    member->name, longest_text(member));
	if (!is_valid(json_string_value(value), json_string_length(value)))
		return refuse(
		    problem, "member \"%s\" must %s", member->name, expected);
	return ERR_NONE;
}

static enum err check_number(const struct json_member *member,
    const json_t *value, struct json_problem *problem)
{
	if (json_is_integer(value) &&
	    json_integer_value(value) >= member->minimum &&
	    json_integer_value(value) <= member->maximum)
		return ERR_NONE;
	return refuse(problem,
	    "member \"%s\" must be a whole number from %lld to %lld",
	    member->name, (long long)member->minimum,
	    (long long)member->maximum);
}

/* Its index, or -1. */
static int find_choice(const char *const *choices, const json_t *value)
{
	const char *text = json_string_value(value);

	for (int i = 0; text && choices[i]; i++)
		if (strcmp(choices[i], text) == 0)
			return i;
	return -1;
}

static enum err check_choice(const struct json_member *member,
    const json_t *value, struct json_problem *problem)
{
	size_t used;

	if (find_choice(member->choices, value) >= 0)
		return ERR_NONE;
	refuse(problem, "member \"%s\" must be one of:", member->name);
	for (size_t i = 0; member->choices[i]; i++) {
		used = strlen(problem->text);
		snprintf(problem->text + used, sizeof(problem->text) - used,
		    " %s", member->choices[i]);
	}
	return ERR_INVALID;
}

static enum err check_array(const struct json_member *member,
    const json_t *value, struct json_problem *problem)
{
	if (json_is_array(value) &&
	    json_array_size(value) <= (size_t)member->maximum)
		return ERR_NONE;
	return refuse(problem,
	    "member \"%s\" must be an array of at most %lld items",
	    member->name, (long long)member->maximum);
}

static enum err check_member(const struct json_member *member,
    const json_t *value, struct json_problem *problem)
{
	switch (member->kind) {
	case JSON_MEMBER_NAME:
		return check_text(member, value, text_is_name,
		    "not be empty or hold control characters", problem);
	case JSON_MEMBER_TEXT:
		return check_text(member, value, text_is_line,
		    "not hold control characters", problem);
	case JSON_MEMBER_LINES:
		return check_text(member, value, text_is_lines,
		    "not hold control characters other than tab and line feed",
		    problem);
	case JSON_MEMBER_NUMBER:
		return check_number(member, value, problem);
	case JSON_MEMBER_BOOL:
		if (json_is_boolean(value))
			return ERR_NONE;
		return refuse(problem, "member \"%s\" must be true or false",
		    member->name);
	case JSON_MEMBER_CHOICE:
		return check_choice(member, value, problem);
	case JSON_MEMBER_ARRAY:
		return check_array(member, value, problem);
	case JSON_MEMBER_OBJECT:
		if (json_is_object(value))
			return ERR_NONE;
		return refuse(
		    problem, "member \"%s\" must be an object", member->name);
	}
	return refuse(problem, "member \"%s\" is not supported", member->name);
}

static void store_member(
    const struct json_member *member, json_t *value, void *target)
{
	void *place = (char *)target + member->offset;

	switch (member->kind) {
	case JSON_MEMBER_NAME:
	case JSON_MEMBER_TEXT:
	case JSON_MEMBER_LINES:
		*(const char **)place = json_string_value(value);
		return;
	case JSON_MEMBER_NUMBER:
		*(int64_t *)place = json_integer_value(value);
		return;
	case JSON_MEMBER_BOOL:
		*(bool *)place = json_is_true(value);
		return;
	case JSON_MEMBER_CHOICE:
		*(int *)place = find_choice(member->choices, value);
		return;
	case JSON_MEMBER_ARRAY:
	case JSON_MEMBER_OBJECT:
		*(json_t **)place = value;
		return;
	}
}

enum err json_take(json_t *object, const struct json_member *members,
    size_t member_count, bool refuse_unknown, void *target,
    struct json_problem *problem)
{
	size_t known = 0;

	if (!json_is_object(object))
		return refuse(problem, "an object is expected");
	for (size_t i = 0; i < member_count; i++) {
		json_t *value = json_object_get(object, members[i].name);
		enum err err;

		if (!value && members[i].required)
			return refuse(problem, "member \"%s\" is missing",
			    members[i].name);
		if (!value)
			continue;
		known++;
		err = check_member(&members[i], value, problem);
		if (err)
			return err;
	}
	if (refuse_unknown && known < json_object_size(object))
		return refuse(problem, "there is a member unknown here");
	for (size_t i = 0; i < member_count; i++) {
		json_t *value = json_object_get(object, members[i].name);

		if (value)
			store_member(&members[i], value, target);
	}
	return ERR_NONE;
}
