/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the bytes of a spreadsheet's file to UTF-8: UTF-8 with or without a
 * byte order mark, or CP932, which is what Japanese spreadsheets call
 * Shift_JIS (with NEC's and IBM's characters; the towns' own ones, 外字,
 * become private-use code points). It must happen before anything is split:
 * 0x5C and 0x7C are second bytes there. Must not know what a cell is.
 */
#ifndef SEKIMORI_CTL_STAFF_TEXT_H
#define SEKIMORI_CTL_STAFF_TEXT_H

#include <stddef.h>

#include "shared/err.h"

enum {
	STAFF_TEXT_BYTES_MAX = 4 * 1024 * 1024,
	STAFF_TEXT_PROBLEM_SIZE = 200,
};

enum staff_encoding {
	STAFF_AUTO,
	STAFF_UTF8,
	STAFF_CP932
};

struct staff_text {
	char *bytes; /* UTF-8 without byte order mark; NUL beyond length */
	size_t length;
	enum staff_encoding encoding; /* which it was */
};

/* Where the bytes stop making sense; row 0: the file as a whole. */
struct staff_text_problem {
	size_t row, column; /* column: cells before it and itself */
	char text[STAFF_TEXT_PROBLEM_SIZE];
};

/* "auto", "utf-8", "cp932"; NULL is auto. ERR_INVALID. */
enum err staff_encoding_read(const char *word, enum staff_encoding *out);
const char *staff_encoding_text(enum staff_encoding encoding);

/* ERR_INVALID fills problem. The caller frees out->bytes. */
enum err staff_text_decode(const char *bytes, size_t length,
    enum staff_encoding encoding, struct staff_text *out,
    struct staff_text_problem *problem);

#endif
