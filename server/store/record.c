/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/record.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "shared/text.h"

enum {
	MS_PER_S = 1000,
	YEAR_MAX = 9999,
	CHARACTER_BYTES_MAX = 4
};

/* --- writing ------------------------------------------------------------- */

static void put(struct record_writer *writer, const char *bytes, size_t length)
{
	if (length > sizeof(writer->bytes) - writer->length) {
		writer->failed = true;
		return;
	}
	memcpy(writer->bytes + writer->length, bytes, length);
	writer->length += length;
}

/* As they stand, without being looked at. */
static bool is_plain(unsigned char byte)
{
	return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

static void put_escape(struct record_writer *writer, unsigned code)
{
	char text[8];

	if (code == '"' || code == '\\') {
		text[0] = '\\';
		text[1] = (char)code;
		put(writer, text, 2);
		return;
	}
	snprintf(text, sizeof(text), "\\u%04x", code & 0xffff);
	put(writer, text, 6);
}

/* One character beyond ASCII, or a mark in place of a byte that is none.
 * Returns how many bytes it read. */
static size_t put_wide(
    struct record_writer *writer, const char *bytes, size_t left)
{
	static const char replacement[] = "\xef\xbf\xbd";

	for (size_t n = 2; n <= CHARACTER_BYTES_MAX && n <= left; n++) {
		if (!text_is_utf8(bytes, n))
			continue;
		/* C1 controls: U+0080 to U+009F. */
		if ((unsigned char)bytes[0] == 0xc2 &&
		    (unsigned char)bytes[1] < 0xa0)
			put_escape(writer, (unsigned char)bytes[1]);
		else
			put(writer, bytes, n);
		return n;
	}
	put(writer, replacement, sizeof(replacement) - 1);
	return 1;
}

static void put_escaped(struct record_writer *writer, const char *text)
{
	size_t left = strlen(text);

	while (left > 0 && !writer->failed) {
		size_t n = 0;

		while (n < left && is_plain((unsigned char)text[n]))
			n++;
		put(writer, text, n);
		if (n < left && (unsigned char)text[n] < 0x80)
			put_escape(writer, (unsigned char)text[n++]);
		else if (n < left)
			n += put_wide(writer, text + n, left - n);
		text += n;
		left -= n;
	}
}

static void put_key(struct record_writer *writer, const char *key)
{
	bool first =
	    writer->length == 0 || writer->bytes[writer->length - 1] == '{';

	put(writer, first ? "\"" : ",\"", first ? 1 : 2);
	put(writer, key, strlen(key));
	put(writer, "\":", 2);
}

void record_put_text(
    struct record_writer *writer, const char *key, const char *text)
{
	put_key(writer, key);
	put(writer, "\"", 1);
	put_escaped(writer, text);
	put(writer, "\"", 1);
}

void record_put_number(
    struct record_writer *writer, const char *key, int64_t number)
{
	char text[TEXT_NUMBER_SIZE];
	size_t length = text_number(number, text);

	put_key(writer, key);
	put(writer, text, length);
}

/* Exactly count digits and a mark behind them. */
static char *put_digits(char *at, int value, int count, char mark)
{
	for (int i = count - 1; i >= 0; i--, value /= 10)
		at[i] = (char)('0' + value % 10);
	at[count] = mark;
	return at + count + 1;
}

/* By hand, because every record needs it and snprintf takes its time. */
void record_put_time(
    struct record_writer *writer, const char *key, int64_t time_ms)
{
	time_t seconds = (time_t)(time_ms / MS_PER_S);
	char text[RECORD_TIME_SIZE];
	char *at = text;
	struct tm tm = {0};

	if (time_ms < 0 || !gmtime_r(&seconds, &tm) ||
	    tm.tm_year > YEAR_MAX - 1900) {
		writer->failed = true;
		return;
	}
	at = put_digits(at, tm.tm_year + 1900, 4, '-');
	at = put_digits(at, tm.tm_mon + 1, 2, '-');
	at = put_digits(at, tm.tm_mday, 2, 'T');
	at = put_digits(at, tm.tm_hour, 2, ':');
	at = put_digits(at, tm.tm_min, 2, ':');
	at = put_digits(at, tm.tm_sec, 2, '.');
	at = put_digits(at, (int)(time_ms % MS_PER_S), 3, 'Z');
	*at = '\0';
	record_put_text(writer, key, text);
}

void record_put_members(
    struct record_writer *writer, const char *members, size_t length)
{
	if (writer->length > 0 && writer->bytes[writer->length - 1] != '{')
		put(writer, ",", 1);
	put(writer, members, length);
}

void record_put_plain(struct record_writer *writer, const char *text)
{
	put(writer, text, strlen(text));
}

void record_open(struct record_writer *writer)
{
	put(writer, "{", 1);
}

void record_close(struct record_writer *writer)
{
	put(writer, "}", 1);
}

/* --- looking for a member ------------------------------------------------ */

void record_filter_set(
    struct record_filter *filter, const char *key, const char *value)
{
	filter->key = value ? key : NULL;
	filter->value.length = 0;
	filter->value.failed = false;
	if (value)
		put_escaped(&filter->value, value);
}

/* From behind an opening quote to the closing one, or NULL. */
static const char *end_of_string(const char *at)
{
	for (; *at && *at != '"'; at++) {
		if (*at == '\\' && *++at == '\0')
			return NULL;
	}
	return *at ? at : NULL;
}

static bool is_exactly(
    const char *start, const char *end, const char *wanted, size_t length)
{
	return (size_t)(end - start) == length &&
	       memcmp(start, wanted, length) == 0;
}

bool record_matches(const struct record_filter *filter, const char *record)
{
	const char *at = record;

	if (!filter->key)
		return true;
	while (*at == '{' || *at == ',') {
		const char *key = at + 2, *end, *value;
		bool found;

		if (at[1] != '"' || !(end = end_of_string(key)) ||
		    end[1] != ':')
			return false;
		found = is_exactly(key, end, filter->key, strlen(filter->key));
		value = end + 2;
		if (*value != '"') { /* a number */
			at = value + strcspn(value, ",}");
			continue;
		}
		end = end_of_string(value + 1);
		if (found || !end)
			return end &&
			       is_exactly(value + 1, end, filter->value.bytes,
				   filter->value.length);
		at = end + 1;
	}
	return false;
}
