/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Staff lists as spreadsheets save them: the first byte says which encoding is
 * named, the rest is the file. Whatever comes in, either there are rows of
 * texts that the server would read, or problems with their places; and what
 * the list says stays text on a slip.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/ctl/staff_list.h"
#include "server/ctl/staff_slips.h"
#include "server/ctl/staff_text.h"
#include "shared/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_place(json_t *item)
{
	const char *text = json_string_value(json_object_get(item, "text"));

	require(json_integer_value(json_object_get(item, "row")) >= 1);
	require(json_integer_value(json_object_get(item, "column")) >= 0);
	require(text && text_is_utf8(text, strlen(text)));
}

static void check_places(json_t *places)
{
	json_t *item;
	size_t i;

	json_array_foreach(places, i, item) check_place(item);
}

static void check_row(json_t *row)
{
	const char *member;
	json_t *value;

	require(json_object_get(row, "id") && json_object_get(row, "row"));
	json_object_foreach(row, member, value)
	{
		if (json_is_string(value))
			require(text_is_name(json_string_value(value),
			    json_string_length(value)));
	}
	value = json_object_get(row, "also");
	if (!value)
		return;
	require(json_string_value(value)[0] != ',');
	require(!strstr(json_string_value(value), ",,"));
}

/* As the server would answer. */
static json_t *answer_of(json_t *rows)
{
	json_t *items = json_array(), *row;
	size_t i;

	json_array_foreach(rows, i, row) json_array_append_new(
	    items, json_pack("{s:O,s:[s],s:O?}", "person", row, "what", "new",
		       "department_before", json_object_get(row, "name")));
	return json_pack("{s:o}", "items", items);
}

/* Tags are the page's own, in pairs. */
static void check_page(const char *page)
{
	size_t opened = 0, closed = 0;

	for (; *page; page++) {
		opened += *page == '<';
		closed += *page == '>';
	}
	require(opened == closed);
}

static void check_slips(json_t *rows)
{
	json_t *answer = answer_of(rows);
	char *page = NULL;
	size_t length = 0, count = 0;
	FILE *to = open_memstream(&page, &length);

	require(staff_slips_write(to, answer, 0, &count) == ERR_NONE);
	fclose(to);
	require(count == json_array_size(rows));
	check_page(page);
	free(page);
	json_decref(answer);
}

static void read_list(const struct staff_text *text)
{
	struct staff_list list;
	enum err err = staff_list_read(text->bytes, text->length, NULL, &list);
	json_t *row;
	size_t i;

	require(err == ERR_NONE || err == ERR_INVALID);
	check_places(list.problems);
	check_places(list.notes);
	require((err == ERR_NONE) == (json_array_size(list.problems) == 0));
	if (err == ERR_NONE) {
		require(json_array_size(list.rows) > 0);
		json_array_foreach(list.rows, i, row) check_row(row);
		check_slips(list.rows);
	}
	staff_list_free(&list);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct staff_text_problem problem = {0};
	struct staff_text text = {0};
	enum err err;

	if (length < 1)
		return 0;
	err = staff_text_decode((const char *)bytes + 1, length - 1,
	    (enum staff_encoding)(bytes[0] % 3), &text, &problem);
	if (err == ERR_NONE) {
		require(text_is_utf8(text.bytes, text.length));
		read_list(&text);
	} else {
		require(err == ERR_INVALID && problem.text[0]);
	}
	free(text.bytes);
	return 0;
}
