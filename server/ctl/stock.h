/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a file of new tokens is read into, whichever format it has: one token
 * at a time, what is wrong with it, and what it held that has no place here.
 * Sizes are fixed, so that values can go through a pipe as they are.
 */
#ifndef SEKIMORI_CTL_STOCK_H
#define SEKIMORI_CTL_STOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/err.h"
#include "shared/secret.h"

enum {
	STOCK_SERIAL_SIZE = 65, /* as the server's */
	STOCK_PROBLEM_SIZE = 200,
	STOCK_PLACE_SIZE = 64,
	STOCK_SEED_BYTES_MIN = 14, /* 112 bits */
	STOCK_SEED_BYTES_MAX = 64,
	STOCK_ROWS_MAX = 250000, /* of one file */
	STOCK_PROBLEMS_MAX = 20, /* told; reading stops there */
};

#define STOCK_COUNTER_MAX ((int64_t)1 << 50)

enum stock_type {
	STOCK_TOTP,
	STOCK_HOTP
};

enum stock_algorithm {
	STOCK_SHA1,
	STOCK_SHA256,
	STOCK_SHA512
};

/* Their names, as the server's interface has them; NULL: no such. */
const char *stock_type_text(enum stock_type type);
const char *stock_algorithm_text(enum stock_algorithm algorithm);

struct stock_row {
	uint64_t line; /* where it begins, from 1 */
	/* of a table; 0: there are none */
	uint16_t serial_column, secret_column;
	char serial[STOCK_SERIAL_SIZE];
	enum stock_type type;
	enum stock_algorithm algorithm;
	int digits, period_s; /* 0 s: HOTP */
	int64_t counter;      /* HOTP: the next that may be accepted */
	struct secret seed;
};

/* Line and column from 1; 0 is the file as a whole. place: a heading or an
 * element. Never says anything of a secret's value. */
struct stock_problem {
	uint64_t line, column;
	char place[STOCK_PLACE_SIZE];
	char text[STOCK_PROBLEM_SIZE];
};

/* What a good file held that has no place here. */
struct stock_report {
	uint64_t rows;
	uint64_t in_clear;   /* seeds that were not encrypted */
	uint64_t holders;    /* names of users, which the file may not decide */
	uint64_t dates;      /* of validity */
	uint64_t policies;   /* of keys: dates, PINs, numbers of uses */
	uint64_t drifts;     /* how far a token's clock is said to be off */
	uint64_t signatures; /* of the file, which are not checked */
	uint64_t columns;    /* that are not used */
};

/* Where a reader's results go. Whoever gets a row wipes nothing: it is the
 * reader's. An error ends the reading and is returned by it. */
struct stock_sink {
	enum err (*row)(void *context, const struct stock_row *row);
	enum err (*problem)(void *context, const struct stock_problem *problem);
	void *context;
};

/* Checks what every format has in common and that the server would refuse:
 * NULL, or what is wrong with row, and in *place which member it is. */
const char *stock_row_fault(const struct stock_row *row, const char **place);

#endif
