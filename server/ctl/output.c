/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ctl/output.h"

#include <langinfo.h>
#include <libsmartcols/libsmartcols.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "shared/text.h"

void output_open(void)
{
	setlocale(LC_ALL, "");
	if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
		setlocale(LC_CTYPE, "C.UTF-8");
}

/* A zone name goes into the environment of libc's file search, so only what
 * zone names are made of. */
static bool is_zone_name(const char *zone)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_+-/";

	return zone[0] != '\0' && zone[0] != '/' && strlen(zone) < 64 &&
	       zone[strspn(zone, allowed)] == '\0';
}

void output_set_zone(json_t *answer)
{
	const char *zone = json_string_value(json_object_get(answer, "zone"));

	if (zone && is_zone_name(zone)) {
		setenv("TZ", zone, 1);
		tzset();
	}
}

static void write_time(time_t when, char out[OUTPUT_CELL_SIZE])
{
	struct tm parts;

	if (!localtime_r(&when, &parts) ||
	    strftime(out, OUTPUT_CELL_SIZE, "%Y-%m-%d %H:%M:%S", &parts) == 0)
		out[0] = '\0';
}

/* RFC 3339 in UTC, as audit records have it; false for anything else. */
static bool read_utc(const char *text, time_t *out)
{
	struct tm parts = {0};
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &parts);

	if (!rest)
		return false;
	if (*rest == '.')
		rest += 1 + strspn(rest + 1, "0123456789");
	if (strcmp(rest, "Z") != 0)
		return false;
	*out = timegm(&parts);
	return true;
}

/* Somebody registered until 31 March is shown that day, not the next. */
static void write_end(time_t when, char out[OUTPUT_CELL_SIZE])
{
	struct tm parts;

	if (!localtime_r(&when, &parts))
		return;
	if (parts.tm_hour != 0 || parts.tm_min != 0 || parts.tm_sec != 0) {
		write_time(when, out);
		return;
	}
	when--;
	if (!localtime_r(&when, &parts) ||
	    strftime(out, OUTPUT_CELL_SIZE, "%Y-%m-%d", &parts) == 0)
		out[0] = '\0';
}

static void write_time_cell(json_t *value, char out[OUTPUT_CELL_SIZE])
{
	const char *text = json_string_value(value);
	time_t when = 0;

	if (json_is_integer(value))
		when = (time_t)json_integer_value(value);
	else if (text && !read_utc(text, &when)) {
		text_escape(text, strlen(text), out, OUTPUT_CELL_SIZE);
		return;
	}
	if (when != 0)
		write_time(when, out);
}

void output_cell(json_t *object, const struct output_column *column,
    char out[OUTPUT_CELL_SIZE])
{
	json_t *value = json_object_get(object, column->member);

	out[0] = '\0';
	switch (column->kind) {
	case OUTPUT_TIME:
		write_time_cell(value, out);
		return;
	case OUTPUT_END:
		if (json_integer_value(value) != 0)
			write_end((time_t)json_integer_value(value), out);
		return;
	case OUTPUT_YES:
		if (json_is_true(value))
			strcpy(out, "yes");
		return;
	case OUTPUT_TEXT:
	case OUTPUT_NUMBER:
		break;
	}
	if (json_is_integer(value))
		snprintf(out, OUTPUT_CELL_SIZE, "%lld",
		    (long long)json_integer_value(value));
	else if (json_is_string(value))
		text_escape(json_string_value(value), json_string_length(value),
		    out, OUTPUT_CELL_SIZE);
}

static struct libscols_table *table_new(FILE *to)
{
	struct libscols_table *table = scols_new_table();

	if (table)
		scols_table_set_stream(table, to);
	return table;
}

static bool has_content(json_t *items, const struct output_column *column)
{
	char cell[OUTPUT_CELL_SIZE];
	json_t *item;
	size_t i;

	json_array_foreach(items, i, item)
	{
		output_cell(item, column, cell);
		if (cell[0] != '\0')
			return true;
	}
	return false;
}

static enum err fill_row(struct libscols_table *table, json_t *item,
    const struct output_column *const *used, size_t count)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);
	char cell[OUTPUT_CELL_SIZE];

	if (!line)
		return ERR_MEMORY;
	for (size_t i = 0; i < count; i++) {
		output_cell(item, used[i], cell);
		scols_line_set_data(line, i, cell);
	}
	return ERR_NONE;
}

void output_table(FILE *to, json_t *items, const struct output_column *columns)
{
	const struct output_column *used[OUTPUT_COLUMNS_MAX];
	struct libscols_table *table = NULL;
	size_t count = 0, i;
	json_t *item;

	if (json_array_size(items) == 0) {
		fputs("None.\n", to);
		return;
	}
	table = table_new(to);
	if (!table)
		return;
	for (; columns->heading && count < OUTPUT_COLUMNS_MAX; columns++) {
		if (!has_content(items, columns))
			continue;
		scols_table_new_column(table, columns->heading, 0,
		    columns->kind == OUTPUT_NUMBER ? SCOLS_FL_RIGHT : 0);
		used[count++] = columns;
	}
	json_array_foreach(
	    items, i, item) if (fill_row(table, item, used, count)) break;
	scols_print_table(table);
	scols_unref_table(table);
}

void output_object(
    FILE *to, json_t *object, const struct output_column *columns)
{
	struct libscols_table *table = table_new(to);
	struct libscols_line *line;
	char cell[OUTPUT_CELL_SIZE];

	if (!table)
		return;
	scols_table_enable_noheadings(table, 1);
	scols_table_new_column(table, "what", 0, 0);
	scols_table_new_column(table, "value", 0, 0);
	for (size_t i = 0; columns[i].heading; i++) {
		output_cell(object, &columns[i], cell);
		if (cell[0] == '\0')
			continue;
		line = scols_table_new_line(table, NULL);
		if (!line)
			break;
		scols_line_set_data(line, 0, columns[i].heading);
		scols_line_set_data(line, 1, cell);
	}
	scols_print_table(table);
	scols_unref_table(table);
}

static int write_bytes(const char *bytes, size_t length, void *to)
{
	return fwrite(bytes, 1, length, to) == length ? 0 : -1;
}

void output_json(FILE *to, json_t *object)
{
	json_dump_callback(object, write_bytes, to, JSON_COMPACT);
	fputc('\n', to);
}

void output_sentence(FILE *to, const char *sentence, const char *text)
{
	char escaped[OUTPUT_CELL_SIZE];
	const char *gap;

	text_escape(text, strlen(text), escaped, sizeof(escaped));
	while ((gap = strstr(sentence, "{}"))) {
		fprintf(to, "%.*s%s", (int)(gap - sentence), sentence, escaped);
		sentence = gap + 2;
	}
	fprintf(to, "%s\n", sentence);
}
