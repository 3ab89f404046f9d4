/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ctl/inventory_before.h"

#include <csv.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/ctl/staff_text.h"
#include "server/ctl/staff_words.h"

enum {
	COLUMNS = 4,
	CELLS_MAX = 64,
};

/* In English and Japanese, as handle_inventory.c writes them. */
static const struct {
	const char *member, *en, *ja;
} KNOWN[COLUMNS] = {
    {"serial", "serial", "機器番号"},
    {"user", "holder", "職員番号"},
    {"name", "name", "氏名"},
    {"department", "department", "所属"},
};

struct reader {
	struct csv_parser parser;
	const char *path;
	size_t row, cell;
	size_t column[COLUMNS]; /* from 1; 0: not there */
	json_t *item;           /* of the row that is being read */
	json_t *all;
	enum err err;
};

static void read_heading(struct reader *reader, const char *text)
{
	for (size_t i = 0; i < COLUMNS; i++)
		if (strcmp(text, KNOWN[i].en) == 0 ||
		    strcmp(text, KNOWN[i].ja) == 0)
			reader->column[i] = reader->cell;
}

static void keep_cell(struct reader *reader, const char *text, size_t length)
{
	for (size_t i = 0; i < COLUMNS; i++)
		if (reader->column[i] == reader->cell &&
		    json_object_set_new(reader->item, KNOWN[i].member,
			json_stringn(text, length)))
			reader->err = ERR_MEMORY;
}

static void on_cell(void *cell, size_t length, void *context)
{
	struct reader *reader = context;
	const char *text = cell ? cell : "";
	char heading[64];

	if (reader->err || ++reader->cell > CELLS_MAX)
		return;
	staff_trim(&text, &length);
	if (reader->row == 0) {
		snprintf(heading, sizeof(heading), "%.*s", (int)length, text);
		read_heading(reader, heading);
		return;
	}
	/* What csv.c puts before a formula. */
	if (length > 0 && text[0] == '\'') {
		text++;
		length--;
	}
	keep_cell(reader, text, length);
}

static void on_row(int end, void *context)
{
	struct reader *reader = context;
	const char *serial =
	    json_string_value(json_object_get(reader->item, "serial"));

	(void)end;
	if (reader->err)
		return;
	if (reader->row == 0 && reader->column[0] == 0)
		reader->err = ERR_INVALID;
	else if (serial && *serial &&
		 json_object_set(reader->all, serial, reader->item))
		reader->err = ERR_MEMORY;
	json_decref(reader->item);
	reader->item = json_object();
	if (!reader->item)
		reader->err = ERR_MEMORY;
	reader->row++;
	reader->cell = 0;
}

static enum err parse(
    const char *path, const struct staff_text *text, json_t **out)
{
	struct reader reader = {
	    .path = path, .item = json_object(), .all = json_object()};
	enum err err = ERR_MEMORY;

	if (!reader.item || !reader.all ||
	    csv_init(&reader.parser, CSV_STRICT | CSV_STRICT_FINI))
		goto out;
	if (csv_parse(&reader.parser, text->bytes, text->length, on_cell,
		on_row, &reader) != text->length ||
	    csv_fini(&reader.parser, on_cell, on_row, &reader))
		err = ERR_INVALID;
	else
		err = reader.column[0] ? reader.err : ERR_INVALID;
	csv_free(&reader.parser);
	if (err == ERR_INVALID)
		fprintf(stderr,
		    "sekimorictl: %s: row %zu: not an inventory that `report "
		    "inventory --csv` wrote.\n",
		    path, reader.row + 1);
out:
	json_decref(reader.item);
	if (err == ERR_NONE)
		*out = reader.all;
	else
		json_decref(reader.all);
	return err;
}

static enum err read_file(const char *path, char **out, size_t *out_length)
{
	FILE *file = fopen(path, "re");
	char *bytes = malloc(STAFF_TEXT_BYTES_MAX + 1);
	enum err err = ERR_NONE;

	if (!file || !bytes) {
		fprintf(stderr, "sekimorictl: %s: %m.\n", path);
		err = ERR_IO;
	} else {
		*out_length = fread(bytes, 1, STAFF_TEXT_BYTES_MAX + 1, file);
		if (ferror(file))
			err = ERR_IO;
	}
	if (file)
		fclose(file);
	if (err)
		free(bytes);
	else
		*out = bytes;
	return err;
}

enum err inventory_before_read(const char *path, json_t **out)
{
	struct staff_text_problem problem = {0};
	struct staff_text text = {0};
	char *bytes = NULL;
	size_t length = 0;
	enum err err = read_file(path, &bytes, &length);

	if (err)
		return err;
	err = staff_text_decode(bytes, length, STAFF_AUTO, &text, &problem);
	free(bytes);
	if (err == ERR_INVALID)
		fprintf(stderr, "sekimorictl: %s:%zu:%zu: %s\n", path,
		    problem.row, problem.column, problem.text);
	if (!err)
		err = parse(path, &text, out);
	free(text.bytes);
	return err;
}

/* --- comparing ------------------------------------------------------------
 */

static const char *text_of(json_t *item, const char *name)
{
	const char *text = json_string_value(json_object_get(item, name));

	return text ? text : "";
}

static json_t *change_of(json_t *item, json_t *before)
{
	json_t *then = json_object_get(before, text_of(item, "serial"));

	if (!then)
		return json_string("new");
	if (strcmp(text_of(then, "user"), text_of(item, "user")) != 0)
		return json_string("other holder");
	return json_null();
}

enum err inventory_before_compare(json_t *items, json_t *before)
{
	json_t *item;
	const char *serial;
	size_t i;

	json_array_foreach(items, i, item)
	{
		if (json_object_set_new(
			item, "change", change_of(item, before)))
			return ERR_MEMORY;
		json_object_del(before, text_of(item, "serial"));
	}
	json_object_foreach(before, serial, item)
	{
		if (json_object_set_new(item, "change", json_string("gone")) ||
		    json_array_append(items, item))
			return ERR_MEMORY;
	}
	return ERR_NONE;
}
