/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ctl/qr.h"

#include <qrencode.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/secret.h"

static const char LINE_START[] = "\033[30;107m";
static const char LINE_END[] = "\033[0m\n";
/* By upper and lower module: white is nothing, dark is ink. */
static const char *const HALVES[2][2] = {{" ", "▄"}, {"▀", "█"}};

static bool is_dark(const QRcode *code, int row, int column)
{
	row -= QR_QUIET_MODULES;
	column -= QR_QUIET_MODULES;
	return row >= 0 && column >= 0 && row < code->width &&
	       column < code->width &&
	       (code->data[row * code->width + column] & 1);
}

static char *draw(const QRcode *code, int width)
{
	size_t line = (size_t)width * 3 + sizeof(LINE_START) + sizeof(LINE_END);
	size_t lines = ((size_t)width + 1) / 2;
	char *text = malloc(line * lines + 1), *end = text;

	if (!text)
		return NULL;
	for (int row = 0; row < width; row += 2) {
		end = stpcpy(end, LINE_START);
		for (int column = 0; column < width; column++)
			end =
			    stpcpy(end, HALVES[is_dark(code, row, column)]
					      [is_dark(code, row + 1, column)]);
		end = stpcpy(end, LINE_END);
	}
	return text;
}

enum err qr_draw(const char *text, char **out, int *out_width)
{
	QRcode *code = NULL;
	char *drawing = NULL;
	int width;
	enum err err = ERR_TOO_LONG;

	if (strlen(text) > QR_TEXT_BYTES_MAX)
		return ERR_TOO_LONG;
	code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_L);
	if (!code)
		return ERR_MEMORY;
	width = code->width + 2 * QR_QUIET_MODULES;
	drawing = draw(code, width);
	if (!drawing) {
		err = ERR_MEMORY;
		goto out;
	}
	*out = drawing;
	*out_width = width;
	err = ERR_NONE;
out:
	secret_wipe_bytes(
	    code->data, (size_t)code->width * (size_t)code->width);
	QRcode_free(code);
	return err;
}
