/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ctl/staff_text.h"

#include <errno.h>
#include <iconv.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/text.h"

static const char BOM[] = "\xef\xbb\xbf";
static const char *const NAMES[] = {"auto", "utf-8", "cp932"};

enum err staff_encoding_read(const char *word, enum staff_encoding *out)
{
	if (!word)
		word = NAMES[STAFF_AUTO];
	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++)
		if (strcmp(word, NAMES[i]) == 0) {
			*out = (enum staff_encoding)i;
			return ERR_NONE;
		}
	return ERR_INVALID;
}

const char *staff_encoding_text(enum staff_encoding encoding)
{
	return NAMES[encoding];
}

static enum err refuse(struct staff_text_problem *problem, const char *text)
{
	*problem = (struct staff_text_problem){0};
	snprintf(problem->text, sizeof(problem->text), "%s", text);
	return ERR_INVALID;
}

/* What people save by mistake. */
static const struct mistake {
	const char *begin;
	size_t length;
	const char *text;
} MISTAKES[] = {
    {"PK\x03\x04", 4,
	"This is a spreadsheet's own format. Save it as CSV first."},
    {"\xd0\xcf\x11\xe0", 4,
	"This is a spreadsheet's own format. Save it as CSV first."},
    {"\xff\xfe", 2, "This is UTF-16. Save it as \"CSV UTF-8\"."},
    {"\xfe\xff", 2, "This is UTF-16. Save it as \"CSV UTF-8\"."},
};

static enum err check_kind(
    const char *bytes, size_t length, struct staff_text_problem *problem)
{
	if (length == 0)
		return refuse(problem, "The file is empty.");
	if (length > STAFF_TEXT_BYTES_MAX)
		return refuse(problem,
		    "The file is larger than 4 MB, which no staff list is.");
	for (size_t i = 0; i < sizeof(MISTAKES) / sizeof(MISTAKES[0]); i++)
		if (length >= MISTAKES[i].length &&
		    memcmp(bytes, MISTAKES[i].begin, MISTAKES[i].length) == 0)
			return refuse(problem, MISTAKES[i].text);
	return memchr(bytes, '\0', length)
		   ? refuse(problem, "There is a NUL byte in it: no CSV file.")
		   : ERR_NONE;
}

/* Counts rows and cells of what could be read. */
static void find_place(
    const char *utf8, size_t length, struct staff_text_problem *problem)
{
	bool quoted = false;

	problem->row = problem->column = 1;
	for (size_t i = 0; i < length; i++) {
		if (utf8[i] == '"')
			quoted = !quoted;
		if (utf8[i] == '\n') {
			problem->row++;
			problem->column = 1;
		} else if (utf8[i] == ',' && !quoted) {
			problem->column++;
		}
	}
}

/* How much of it is UTF-8. A search: the check costs its length. */
static size_t utf8_length(const char *bytes, size_t length)
{
	size_t good = 0, step = 4096;

	while (good < length && step > 0) {
		size_t next = length - good < step ? length - good : step;
		bool fits = false;

		/* A character may end beyond the step. */
		for (size_t less = 0; less < 4 && less < next; less++)
			if (text_is_utf8(bytes + good, next - less)) {
				good += next - less;
				fits = true;
				break;
			}
		if (!fits)
			step /= 2;
	}
	return good;
}

static enum err take_utf8(const char *bytes, size_t length,
    struct staff_text *out, struct staff_text_problem *problem)
{
	if (!text_is_utf8(bytes, length)) {
		refuse(problem, "This is not UTF-8. Name the encoding: "
				"--encoding cp932.");
		find_place(bytes, utf8_length(bytes, length), problem);
		return ERR_INVALID;
	}
	out->bytes = malloc(length + 1);
	if (!out->bytes)
		return ERR_MEMORY;
	memcpy(out->bytes, bytes, length);
	out->bytes[length] = '\0';
	out->length = length;
	out->encoding = STAFF_UTF8;
	return ERR_NONE;
}

static enum err take_cp932(const char *bytes, size_t length,
    struct staff_text *out, struct staff_text_problem *problem)
{
	size_t room = length * 3, left = length, free_room = room;
	char *copy = strndup(bytes, length), *utf8 = malloc(room + 1);
	char *from = copy, *to = utf8;
	iconv_t converter = iconv_open("UTF-8", "CP932");
	enum err err = ERR_MEMORY;

	if (!copy || !utf8 || converter == (iconv_t)-1)
		goto out;
	err = ERR_NONE;
	if (iconv(converter, &from, &left, &to, &free_room) == (size_t)-1) {
		err = refuse(problem,
		    "This is neither UTF-8 nor CP932 (Shift_JIS). Save the "
		    "file as CSV once more.");
		find_place(utf8, room - free_room, problem);
		goto out;
	}
	utf8[room - free_room] = '\0';
	*out = (struct staff_text){utf8, room - free_room, STAFF_CP932};
	utf8 = NULL;
out:
	if (converter != (iconv_t)-1)
		iconv_close(converter);
	free(copy);
	free(utf8);
	return err;
}

enum err staff_text_decode(const char *bytes, size_t length,
    enum staff_encoding encoding, struct staff_text *out,
    struct staff_text_problem *problem)
{
	enum err err = check_kind(bytes, length, problem);
	bool marked = length >= 3 && memcmp(bytes, BOM, 3) == 0;

	if (err)
		return err;
	if (marked && encoding != STAFF_CP932)
		return take_utf8(bytes + 3, length - 3, out, problem);
	if (encoding == STAFF_AUTO)
		encoding =
		    text_is_utf8(bytes, length) ? STAFF_UTF8 : STAFF_CP932;
	return encoding == STAFF_UTF8 ? take_utf8(bytes, length, out, problem)
				      : take_cp932(bytes, length, out, problem);
}
