/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads users.oath, the file of pam_oath and oath-toolkit:
 *
 *   HOTP/T30/6  USER  PIN  HEXSEED  [MOVING FACTOR [LAST CODE [TIME]]]
 *
 * A line becomes a row; a file is read twice, the first time only to find
 * what is wrong with it, so that nothing is sent from a bad one. Memory does
 * not grow with the file but for one fingerprint a row (duplicates). Knows
 * nothing of the server; holds one seed at a time.
 */
#ifndef SEKIMORI_CTL_IMPORT_OATH_H
#define SEKIMORI_CTL_IMPORT_OATH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "shared/err.h"
#include "shared/secret.h"
#include "shared/text.h"

enum {
	IMPORT_OATH_LINE_BYTES_MAX = 1024,
	IMPORT_OATH_ROWS_MAX = 1000000,
	IMPORT_OATH_PROBLEMS_MAX = 20, /* told; the rest is counted */
	IMPORT_OATH_PROBLEM_SIZE = 160,
	IMPORT_OATH_SEED_BYTES_MIN = 14, /* 112 bits */
	IMPORT_OATH_SEED_BYTES_MAX = 64,
};

struct import_oath_row {
	char user[NAME_BYTES_MAX + 1];
	bool is_totp;
	int digits, period_s;
	struct secret seed;
	bool has_counter;
	int64_t counter; /* HOTP: the next that may be accepted */
	bool had_pin, had_totp_counter, had_no_digits; /* what is lost or
							  was guessed */
};

struct import_oath_problem {
	size_t row, column; /* both from 1; column 0: the whole line */
	char text[IMPORT_OATH_PROBLEM_SIZE];
};

/*
 * Understands one line without its line feed. ERR_NOT_FOUND: blank or a
 * comment. ERR_INVALID fills problem but for its row, and never with the
 * seed. The caller wipes out->seed.
 */
enum err import_oath_line(const char *line, size_t length,
    struct import_oath_row *out, struct import_oath_problem *problem);

/* Calls each for every row in the file's order; stops when it fails. Also
 * fails at a line that is wrong, with problem filled. */
enum err import_oath_each(FILE *file,
    enum err (*each)(
	void *context, size_t row_number, const struct import_oath_row *row),
    void *context, struct import_oath_problem *problem);

struct import_oath_report {
	size_t rows, pins, totp_counters, guessed_digits;
	size_t problem_count; /* may exceed the array */
	struct import_oath_problem problems[IMPORT_OATH_PROBLEMS_MAX];
};

/* The first reading: everything that is wrong, a seed standing twice
 * included. ERR_INVALID if anything is, ERR_TOO_LONG beyond
 * IMPORT_OATH_ROWS_MAX, ERR_IO. */
enum err import_oath_check(FILE *file, struct import_oath_report *out);

#endif
