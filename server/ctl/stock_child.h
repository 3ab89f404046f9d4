/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process that reads files of new tokens. It has the file on its standard
 * input and a pipe on its standard output and can reach nothing else: no other
 * file, no network, no program, little memory. Whatever bug a parser has, all
 * that comes out is frames of a fixed size, and each of them is checked here
 * as if a stranger had sent it.
 */
#ifndef SEKIMORI_CTL_STOCK_CHILD_H
#define SEKIMORI_CTL_STOCK_CHILD_H

#include <sys/types.h>

#include "server/ctl/staff_text.h"
#include "server/ctl/stock.h"
#include "server/ctl/stock_words.h"

enum stock_format {
	STOCK_PSKC,
	STOCK_CSV,
};

struct stock_request {
	int fd; /* of the file, at its beginning; stays the caller's */
	enum stock_format format;
	enum staff_encoding encoding;
	const struct secret *key;              /* empty: none */
	const struct stock_headings *headings; /* NULL: none */
};

enum stock_frame_kind {
	STOCK_FRAME_NONE,
	STOCK_FRAME_ROW,
	STOCK_FRAME_PROBLEM,
	STOCK_FRAME_END, /* of a reading without failure; the last one */
};

struct stock_frame {
	enum stock_frame_kind kind;
	uint64_t bytes_read; /* of the file, so far */
	union {
		struct stock_row row;
		struct stock_problem problem;
		struct stock_report report;
	};
};

struct stock_child {
	pid_t pid;
	int fd;
	int status; /* as waitpid says, once it is over */
};

enum err stock_child_start(
    const struct stock_request *request, struct stock_child *out);
/* The next frame. ERR_IO: the child is gone without having come to an end;
 * ERR_CORRUPT: what it says cannot be. The caller wipes *out. */
enum err stock_child_next(struct stock_child *child, struct stock_frame *out);
/* Whether it still runs or not. */
void stock_child_end(struct stock_child *child);

#endif
