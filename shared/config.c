/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reader that goes through the text line by line and knows only its table
 * of keys. The first thing wrong ends it, with a sentence that says where,
 * what, and how to mend it; whatever of the file is repeated in it is
 * escaped. Keeps no state and calls nobody back but the key's is_valid.
 */
#include "shared/config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "shared/text.h"

enum {
	CONFIG_KEYS_MAX = 64,
	QUOTE_SIZE = 64, /* of a word of the file, in a message */
};

/* A piece of the file; not terminated. */
struct span {
	const char *bytes;
	size_t length;
};

struct reader {
	const char *name;
	size_t line;
	const struct config_key *keys;
	size_t key_count;
	const char *section; /* the table's own string; NULL before any */
	bool seen[CONFIG_KEYS_MAX];    /* by key */
	bool entered[CONFIG_KEYS_MAX]; /* by first key of the section */
	void *target;
	struct config_problem *problem;
};

/* "file:line: sentence"; always ERR_INVALID, for `return refuse(...)`. */
__attribute__((format(printf, 2, 3))) static enum err refuse(
    struct reader *reader, const char *format, ...)
{
	char *text = reader->problem->text;
	va_list arguments;
	size_t used;

	text_escape(
	    reader->name, strlen(reader->name), text, CONFIG_PROBLEM_SIZE / 2);
	used = strlen(text);
	used += (size_t)snprintf(
	    text + used, CONFIG_PROBLEM_SIZE - used, ":%zu: ", reader->line);
	va_start(arguments, format);
	vsnprintf(text + used, CONFIG_PROBLEM_SIZE - used, format, arguments);
	va_end(arguments);
	return ERR_INVALID;
}

static const char *quote(struct span span, char out[QUOTE_SIZE])
{
	text_escape(span.bytes, span.length, out, QUOTE_SIZE);
	return out;
}

static bool span_is(struct span span, const char *text)
{
	return strlen(text) == span.length &&
	       memcmp(text, span.bytes, span.length) == 0;
}

static struct span trim(struct span span)
{
	while (span.length > 0 &&
	       (span.bytes[0] == ' ' || span.bytes[0] == '\t')) {
		span.bytes++;
		span.length--;
	}
	while (span.length > 0 && (span.bytes[span.length - 1] == ' ' ||
				      span.bytes[span.length - 1] == '\t'))
		span.length--;
	return span;
}

/* --- the nearest name ---------------------------------------------------- */

enum {
	NEAREST_BYTES_MAX = 40,
	NEAREST_DISTANCE_MAX = 3
};

/* Levenshtein's distance; far for what is too long to be a typing error. */
static size_t distance(struct span span, const char *name)
{
	size_t row[NEAREST_BYTES_MAX + 1];
	const size_t length = strlen(name);

	if (span.length > NEAREST_BYTES_MAX || length > NEAREST_BYTES_MAX)
		return SIZE_MAX;
	for (size_t k = 0; k <= length; k++)
		row[k] = k;
	for (size_t i = 0; i < span.length; i++) {
		size_t diagonal = row[0];

		row[0] = i + 1;
		for (size_t k = 0; k < length; k++) {
			size_t best = diagonal + (span.bytes[i] != name[k]);

			diagonal = row[k + 1];
			if (row[k] + 1 < best)
				best = row[k] + 1;
			if (row[k + 1] + 1 < best)
				best = row[k + 1] + 1;
			row[k + 1] = best;
		}
	}
	return row[length];
}

/* The nearest section (section NULL) or key of it; NULL if none is near. */
static const char *find_nearest(
    const struct reader *reader, const char *section, struct span span)
{
	const char *nearest = NULL;
	size_t least = NEAREST_DISTANCE_MAX + 1;

	for (size_t i = 0; i < reader->key_count; i++) {
		const struct config_key *key = &reader->keys[i];
		const char *name = section ? key->name : key->section;
		size_t d = distance(span, name);

		if (section && strcmp(key->section, section) != 0)
			continue;
		if (d < least && d < strlen(name)) {
			least = d;
			nearest = name;
		}
	}
	return nearest;
}

/* --- values -------------------------------------------------------------- */

static void *target_of(
    const struct reader *reader, const struct config_key *key)
{
	return (char *)reader->target + key->offset;
}

/* A plain decimal, nothing before or after it, within int64_t. */
static bool parse_decimal(struct span span, int64_t *out)
{
	const bool negative = span.length > 0 && span.bytes[0] == '-';
	int64_t value = 0;

	if (span.length == (size_t)negative)
		return false;
	for (size_t i = negative; i < span.length; i++) {
		int64_t digit = span.bytes[i] - '0';

		if (digit < 0 || digit > 9 || value < (INT64_MIN + digit) / 10)
			return false;
		/* Downwards, where there is room for one more. */
		value = value * 10 - digit;
	}
	if (!negative && value == INT64_MIN)
		return false;
	*out = negative ? value : -value;
	return true;
}

static enum err take_number(
    struct reader *reader, const struct config_key *key, struct span value)
{
	int64_t number = 0;

	if (!parse_decimal(value, &number))
		return refuse(reader,
		    "%s is not a whole number. Write a number from %lld to "
		    "%lld.",
		    key->name, (long long)key->minimum,
		    (long long)key->maximum);
	if (number < key->minimum || number > key->maximum)
		return refuse(reader,
		    "%s is out of range. Write a number from %lld to %lld.",
		    key->name, (long long)key->minimum,
		    (long long)key->maximum);
	*(int64_t *)target_of(reader, key) = number;
	return ERR_NONE;
}

static enum err take_duration(
    struct reader *reader, const struct config_key *key, struct span value)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	struct span digits = {value.bytes, value.length - 1};
	int64_t number = -1, seconds = 0;

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (value.bytes[digits.length] == units[i].unit)
			seconds = units[i].seconds;
	if (seconds == 0 || !parse_decimal(digits, &number) || number < 0)
		return refuse(reader,
		    "%s is not a duration. Write a number and one of s, m, h "
		    "and d, such as 90s or 12h.",
		    key->name);
	if (number > INT64_MAX / seconds || number * seconds < key->minimum ||
	    number * seconds > key->maximum)
		return refuse(reader,
		    "%s is out of range. Write a duration from %llds to "
		    "%llds.",
		    key->name, (long long)key->minimum,
		    (long long)key->maximum);
	*(int64_t *)target_of(reader, key) = number * seconds;
	return ERR_NONE;
}

static enum err take_choice(
    struct reader *reader, const struct config_key *key, struct span value)
{
	char known[CONFIG_PROBLEM_SIZE / 4] = "";
	size_t used = 0;

	for (int i = 0; key->choices[i]; i++) {
		if (span_is(value, key->choices[i])) {
			*(int *)target_of(reader, key) = i;
			return ERR_NONE;
		}
		if (used < sizeof(known))
			used +=
			    (size_t)snprintf(known + used, sizeof(known) - used,
				"%s%s", i > 0 ? ", " : "", key->choices[i]);
	}
	return refuse(reader, "%s is none of its choices. Write one of: %s.",
	    key->name, known);
}

/* Copies one text or item after the key's own check. */
static enum err copy_text(struct reader *reader, const struct config_key *key,
    struct span value, char out[CONFIG_VALUE_SIZE])
{
	if (value.length >= CONFIG_VALUE_SIZE)
		return refuse(reader, "%s is too long. Write at most %d bytes.",
		    key->name, (int)CONFIG_VALUE_SIZE - 1);
	memcpy(out, value.bytes, value.length);
	out[value.length] = '\0';
	/* The text itself is not repeated: it may be an address with a
	 * password that does not belong here. */
	if (key->is_valid && !key->is_valid(out))
		return refuse(reader,
		    "what %s says cannot be right. Write it as %s.", key->name,
		    key->expected ? key->expected : "the manual says");
	return ERR_NONE;
}

static bool is_absolute_path(struct span value)
{
	size_t start = 1;

	if (value.bytes[0] != '/')
		return false;
	for (size_t i = 1; i <= value.length; i++) {
		struct span step = {value.bytes + start, i - start};

		if (i < value.length && value.bytes[i] != '/')
			continue;
		if (span_is(step, ".") || span_is(step, ".."))
			return false;
		start = i + 1;
	}
	return true;
}

static enum err take_path(
    struct reader *reader, const struct config_key *key, struct span value)
{
	if (!is_absolute_path(value))
		return refuse(reader,
		    "%s is not an absolute path. Write one that begins with "
		    "\"/\" and has no \".\" or \"..\" steps.",
		    key->name);
	return copy_text(reader, key, value, target_of(reader, key));
}

/* Cuts the next word off the front of rest; false if there is none. */
static bool next_item(struct span *rest, struct span *out)
{
	size_t length = 0;

	*rest = trim(*rest);
	while (length < rest->length && rest->bytes[length] != ' ' &&
	       rest->bytes[length] != '\t')
		length++;
	*out = (struct span){rest->bytes, length};
	rest->bytes += length;
	rest->length -= length;
	return length > 0;
}

/* Whether the item after the last is one of those before. */
static bool is_listed(const struct config_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i], list->items[list->count]) == 0)
			return true;
	return false;
}

static enum err take_list(
    struct reader *reader, const struct config_key *key, struct span value)
{
	struct config_list *list = target_of(reader, key);
	struct span item;

	list->count = 0;
	while (next_item(&value, &item)) {
		enum err err;

		if (list->count == CONFIG_LIST_MAX)
			return refuse(reader,
			    "%s has too many items. Write at most %d.",
			    key->name, (int)CONFIG_LIST_MAX);
		err = copy_text(reader, key, item, list->items[list->count]);
		if (err)
			return err;
		if (is_listed(list))
			return refuse(reader,
			    "item %zu of %s stands there already. Remove one "
			    "of the two.",
			    list->count + 1, key->name);
		list->count++;
	}
	return ERR_NONE;
}

static enum err take_value(
    struct reader *reader, const struct config_key *key, struct span value)
{
	switch (key->kind) {
	case CONFIG_NUMBER:
		return take_number(reader, key, value);
	case CONFIG_TEXT:
		return copy_text(reader, key, value, target_of(reader, key));
	case CONFIG_PATH:
		return take_path(reader, key, value);
	case CONFIG_CHOICE:
		return take_choice(reader, key, value);
	case CONFIG_LIST:
		return take_list(reader, key, value);
	case CONFIG_DURATION:
		return take_duration(reader, key, value);
	}
	return ERR_INVALID;
}

/* --- lines --------------------------------------------------------------- */

static enum err enter_section(struct reader *reader, struct span line)
{
	struct span name = {line.bytes + 1, line.length - 2};
	const char *nearest;
	char word[QUOTE_SIZE];

	if (line.length < 2 || line.bytes[line.length - 1] != ']')
		return refuse(reader,
		    "a section line lacks its \"]\". Write it as [section] "
		    "with nothing after it.");
	for (size_t i = 0; i < reader->key_count; i++) {
		if (!span_is(name, reader->keys[i].section))
			continue;
		if (reader->entered[i])
			return refuse(reader,
			    "section [%s] appears a second time. Move its keys "
			    "to the first.",
			    reader->keys[i].section);
		reader->entered[i] = true;
		reader->section = reader->keys[i].section;
		return ERR_NONE;
	}
	nearest = find_nearest(reader, NULL, name);
	if (nearest)
		return refuse(reader,
		    "section [%s] is unknown. Did you mean [%s]?",
		    quote(name, word), nearest);
	return refuse(reader,
	    "section [%s] is unknown. Remove it, or look its name up in the "
	    "manual.",
	    quote(name, word));
}

static enum err refuse_key(struct reader *reader, struct span name)
{
	const char *nearest = find_nearest(reader, reader->section, name);
	char word[QUOTE_SIZE];

	quote(name, word);
	if (nearest)
		return refuse(reader,
		    "key \"%s\" is unknown in [%s]. Did you mean %s?", word,
		    reader->section, nearest);
	for (size_t i = 0; i < reader->key_count; i++)
		if (span_is(name, reader->keys[i].name))
			return refuse(reader,
			    "key \"%s\" is unknown in [%s]. Move it to [%s].",
			    word, reader->section, reader->keys[i].section);
	return refuse(reader,
	    "key \"%s\" is unknown in [%s]. Remove it, or look its name up in "
	    "the manual.",
	    word, reader->section);
}

static enum err take_assignment(
    struct reader *reader, struct span name, struct span value)
{
	for (size_t i = 0; i < reader->key_count; i++) {
		const struct config_key *key = &reader->keys[i];

		if (strcmp(key->section, reader->section) != 0 ||
		    !span_is(name, key->name))
			continue;
		if (reader->seen[i])
			return refuse(reader,
			    "%s is set a second time. Remove one of the two.",
			    key->name);
		reader->seen[i] = true;
		if (value.length == 0)
			return refuse(reader,
			    "%s has no value. Write one after the \"=\", or "
			    "remove the line for the default.",
			    key->name);
		return take_value(reader, key, value);
	}
	return refuse_key(reader, name);
}

/* What no line may hold, whatever it says. */
static enum err check_bytes(struct reader *reader, struct span line)
{
	const char *carriage = memchr(line.bytes, '\r', line.length);

	if (line.length > CONFIG_LINE_BYTES_MAX)
		return refuse(reader,
		    "the line is too long. Write at most %d bytes.",
		    (int)CONFIG_LINE_BYTES_MAX);
	if (memchr(line.bytes, '\0', line.length))
		return refuse(reader,
		    "the line holds a NUL byte. Save the file as plain UTF-8 "
		    "text.");
	if (carriage)
		return refuse(reader,
		    "the line holds a carriage return. Save the file with "
		    "Unix line ends.");
	if (reader->line == 1 && line.length >= 3 &&
	    memcmp(line.bytes, "\xef\xbb\xbf", 3) == 0)
		return refuse(reader,
		    "the file begins with a byte order mark. Save it as UTF-8 "
		    "without one.");
	if (!text_is_utf8(line.bytes, line.length))
		return refuse(reader,
		    "the line is not UTF-8. Save the file as plain UTF-8 "
		    "text.");
	if (!text_is_lines(line.bytes, line.length))
		return refuse(
		    reader, "the line holds a control character. Remove it.");
	return ERR_NONE;
}

static enum err take_line(struct reader *reader, struct span line)
{
	enum err err = check_bytes(reader, line);
	const char *equals;
	size_t before;

	if (err)
		return err;
	line = trim(line);
	if (line.length == 0 || line.bytes[0] == '#')
		return ERR_NONE;
	if (line.bytes[0] == '[')
		return enter_section(reader, line);
	equals = memchr(line.bytes, '=', line.length);
	if (!equals)
		return refuse(reader,
		    "the line has no \"=\". Write it as key = value, or begin "
		    "it with # for a comment.");
	if (!reader->section)
		return refuse(reader,
		    "a key stands before any section. Write a [section] line "
		    "above it.");
	before = (size_t)(equals - line.bytes);
	return take_assignment(reader, trim((struct span){line.bytes, before}),
	    trim((struct span){equals + 1, line.length - before - 1}));
}

static enum err check_required(struct reader *reader)
{
	for (size_t i = 0; i < reader->key_count; i++)
		if (reader->keys[i].required && !reader->seen[i])
			return refuse(reader,
			    "%s is missing in [%s]. Add a line \"%s = ...\" "
			    "to that section.",
			    reader->keys[i].name, reader->keys[i].section,
			    reader->keys[i].name);
	return ERR_NONE;
}

enum err config_parse(const char *name, const char *bytes, size_t length,
    const struct config_key *keys, size_t key_count, void *target,
    struct config_problem *problem)
{
	struct reader reader = {
	    .name = name,
	    .line = 1,
	    .keys = keys,
	    .key_count = key_count,
	    .target = target,
	    .problem = problem,
	};

	if (key_count > CONFIG_KEYS_MAX) {
		refuse(&reader,
		    "the program knows more than %d keys. This is "
		    "an error in the program.",
		    (int)CONFIG_KEYS_MAX);
		return ERR_TOO_LONG;
	}
	if (length > CONFIG_FILE_BYTES_MAX) {
		refuse(&reader, "the file is too long. Write at most %d bytes.",
		    (int)CONFIG_FILE_BYTES_MAX);
		return ERR_TOO_LONG;
	}
	for (size_t at = 0; at < length; reader.line++) {
		const char *end = memchr(bytes + at, '\n', length - at);
		size_t n = end ? (size_t)(end - bytes) - at : length - at;
		enum err err = take_line(&reader, (struct span){bytes + at, n});

		if (err)
			return err;
		at += n + 1;
	}
	if (reader.line > 1)
		reader.line--;
	return check_required(&reader);
}
