/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of readers of new tokens: bytes in, what came of them kept. */
#ifndef SEKIMORI_TESTS_STOCK_SINK_H
#define SEKIMORI_TESTS_STOCK_SINK_H

#include <string.h>

#include "server/ctl/stock.h"
#include "server/ctl/stock_source.h"

enum {
	KEPT_MAX = 32
};

struct kept {
	struct stock_row rows[KEPT_MAX];
	struct stock_problem problems[KEPT_MAX];
	size_t row_count, problem_count;
	struct stock_report report;
	enum err err;
};

static inline enum err keep_row(void *context, const struct stock_row *row)
{
	struct kept *kept = context;

	if (kept->row_count < KEPT_MAX)
		kept->rows[kept->row_count] = *row;
	kept->row_count++;
	return ERR_NONE;
}

static inline enum err keep_problem(
    void *context, const struct stock_problem *problem)
{
	struct kept *kept = context;

	if (kept->problem_count < KEPT_MAX)
		kept->problems[kept->problem_count] = *problem;
	kept->problem_count++;
	return ERR_NONE;
}

/* Bytes in pieces of a size. */
struct pieces {
	const char *bytes;
	size_t length, at, most;
};

static inline ssize_t give_piece(void *context, void *out, size_t room)
{
	struct pieces *pieces = context;
	size_t length = pieces->length - pieces->at;

	if (length > room)
		length = room;
	if (length > pieces->most)
		length = pieces->most;
	memcpy(out, pieces->bytes + pieces->at, length);
	pieces->at += length;
	return (ssize_t)length;
}

#endif
