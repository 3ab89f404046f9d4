/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makers' files of tokens: the first byte says which format and whether there
 * is a key, the rest is the file, in pieces of its third byte's size. Whatever
 * comes out must be a token that the server would look at.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/ctl/stock_csv.h"
#include "server/ctl/stock_pskc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	IS_CSV = 1,
	HAS_KEY = 2,
	IS_CP932 = 4,
};

struct input {
	const uint8_t *bytes;
	size_t length, piece;
};

static ssize_t give(void *context, void *out, size_t room)
{
	struct input *input = context;
	size_t length = input->length < room ? input->length : room;

	if (length > input->piece)
		length = input->piece;
	memcpy(out, input->bytes, length);
	input->bytes += length;
	input->length -= length;
	return (ssize_t)length;
}

static enum err take_row(void *context, const struct stock_row *row)
{
	const char *place;

	(void)context;
	if (stock_row_fault(row, &place))
		abort();
	return ERR_NONE;
}

static enum err take_problem(void *context, const struct stock_problem *problem)
{
	size_t *count = context;

	if (++*count > STOCK_PROBLEMS_MAX ||
	    !memchr(problem->text, '\0', sizeof(problem->text)) ||
	    !memchr(problem->place, '\0', sizeof(problem->place)))
		abort();
	return ERR_NONE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t problems = 0;
	struct input input = {0};
	const struct stock_source source = {give, &input};
	const struct stock_sink sink = {take_row, take_problem, &problems};
	struct secret key = {.length = 16, .bytes = "0123456789abcdef"};
	struct stock_report report;
	struct stock_text *text = NULL;
	enum err err = ERR_NONE;

	if (size < 2)
		return 0;
	input = (struct input){data + 2, size - 2, (size_t)data[1] * 16 + 1};
	if (!(data[0] & HAS_KEY))
		key.length = 0;
	if (stock_pskc_prepare() != ERR_NONE)
		abort();
	if (!(data[0] & IS_CSV)) {
		err = stock_pskc_read(&source, &key, &sink, &report);
	} else if (stock_text_new(data[0] & IS_CP932 ? STAFF_CP932 : STAFF_AUTO,
		       &text) == ERR_NONE) {
		err = stock_csv_read(&source, text, NULL, &sink, &report);
		stock_text_free(text);
	}
	if (err == ERR_INVALID && problems == 0)
		abort();
	if (err == ERR_NONE && problems > 0)
		abort();
	return 0;
}
