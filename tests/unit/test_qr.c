/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The QR code as drawn: square, four white modules around it, the three
 * finder patterns where readers look for them, nothing but colour and
 * blocks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/ctl/qr.h"

enum {
	WIDTH_MAX = 200
};

struct bitmap {
	int width, rows;
	bool dark[WIDTH_MAX][WIDTH_MAX];
};

/* Reads a drawing back; fails the test at anything unexpected. */
static void read_drawing(const char *text, struct bitmap *out)
{
	static const struct {
		const char *glyph;
		bool upper, lower;
	} glyphs[] = {{" ", 0, 0}, {"▀", 1, 0}, {"▄", 0, 1}, {"█", 1, 1}};

	memset(out, 0, sizeof(*out));
	while (*text) {
		int column = 0;

		assert_memory_equal(text, "\033[30;107m", 9);
		for (text += 9; *text != '\033'; column++) {
			size_t g = 0;

			while (g < 4 && strncmp(text, glyphs[g].glyph,
					    strlen(glyphs[g].glyph)) != 0)
				g++;
			assert_true(g < 4 && column < WIDTH_MAX);
			out->dark[out->rows][column] = glyphs[g].upper;
			out->dark[out->rows + 1][column] = glyphs[g].lower;
			text += strlen(glyphs[g].glyph);
		}
		assert_memory_equal(text, "\033[0m\n", 5);
		text += 5;
		assert_true(out->width == 0 || out->width == column);
		out->width = column;
		out->rows += 2;
	}
}

static void check_quiet_zone(const struct bitmap *map)
{
	for (int row = 0; row < map->rows; row++)
		for (int column = 0; column < map->width; column++) {
			bool inside = row >= 4 && column >= 4 &&
				      row < map->width - 4 &&
				      column < map->width - 4;

			if (!inside && map->dark[row][column])
				fail_msg("dark at %d,%d", row, column);
		}
}

/* A finder pattern: 7 by 7, dark frame, white ring, dark 3 by 3. */
static void check_finder(const struct bitmap *map, int top, int left)
{
	for (int row = 0; row < 7; row++)
		for (int column = 0; column < 7; column++) {
			bool frame =
			    row == 0 || row == 6 || column == 0 || column == 6;
			bool core =
			    row >= 2 && row <= 4 && column >= 2 && column <= 4;

			assert_int_equal(
			    map->dark[top + row][left + column], frame || core);
		}
}

static void test_drawing(void **state)
{
	static const char uri[] =
	    "otpauth://totp/Sekimori:s1042?secret="
	    "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Sekimori&algorithm=SHA1&"
	    "digits=6&period=30";
	struct bitmap *map = calloc(1, sizeof(*map));
	char *text = NULL;
	int width = 0;

	(void)state;
	assert_int_equal(qr_draw(uri, &text, &width), ERR_NONE);
	read_drawing(text, map);
	assert_int_equal(map->width, width);
	assert_true(map->rows == width || map->rows == width + 1);
	/* 17 + 4 * version modules and the quiet zone. */
	assert_int_equal((width - 2 * QR_QUIET_MODULES - 17) % 4, 0);
	check_quiet_zone(map);
	check_finder(map, 4, 4);
	check_finder(map, 4, width - 11);
	check_finder(map, width - 11, 4);
	/* Fits an 80-column terminal, 24 lines high it cannot be. */
	assert_true(width < 80);
	free(text);
	free(map);
}

static void test_too_long(void **state)
{
	char long_text[QR_TEXT_BYTES_MAX + 2];
	char *text = NULL;
	int width = -1;

	(void)state;
	memset(long_text, 'a', sizeof(long_text));
	long_text[sizeof(long_text) - 1] = '\0';
	assert_int_equal(qr_draw(long_text, &text, &width), ERR_TOO_LONG);
	assert_null(text);
	assert_int_equal(width, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_drawing),
	    cmocka_unit_test(test_too_long),
	};

	return cmocka_run_group_tests_name("qr", tests, NULL, NULL);
}
