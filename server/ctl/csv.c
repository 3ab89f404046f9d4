/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ctl/csv.h"

#include <stdbool.h>
#include <string.h>

/* With what a formula begins, also as typed on a Japanese keyboard. */
static bool is_formula(const char *cell)
{
	static const char *const starts[] = {
	    "=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"};

	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
		if (strncmp(cell, starts[i], strlen(starts[i])) == 0)
			return true;
	return false;
}

static void write_cell(FILE *to, const char *cell)
{
	fputc('"', to);
	/* Some skip spaces before they look. */
	if (is_formula(cell + strspn(cell, " ")))
		fputc('\'', to);
	for (; *cell; cell++) {
		if (*cell == '"')
			fputc('"', to);
		fputc(*cell, to);
	}
	fputc('"', to);
}

void csv_begin(FILE *to)
{
	fputs("\xef\xbb\xbf", to);
}

void csv_row(FILE *to, const char *const *cells, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			fputc(',', to);
		write_cell(to, cells[i]);
	}
	fputs("\r\n", to);
}
