/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of an audit record: one flat JSON object of texts and numbers,
 * written here by hand because each decision needs one and it must not fail
 * half-way. What comes out is valid UTF-8 without control characters, whatever
 * went in. Knows no chain.
 */
#ifndef SEKIMORI_RECORD_H
#define SEKIMORI_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/err.h"

enum {
	RECORD_BYTES_MAX = 8192,
	RECORD_TIME_SIZE = 32
};

/* Zeroed memory is an empty one. */
struct record_writer {
	size_t length;
	bool failed; /* something did not fit */
	char bytes[RECORD_BYTES_MAX];
};

/* The build zeroes what a function declares; here that would be 8 KiB to wipe
 * for some hundred bytes, at each decision. Set length and failed by hand. */
#define RECORD_UNINITIALIZED __attribute__((uninitialized))

/* Members are separated here; braces are not written. Keys need no escape. */
void record_put_text(
    struct record_writer *writer, const char *key, const char *text);
void record_put_number(
    struct record_writer *writer, const char *key, int64_t number);
/* RFC 3339, UTC, milliseconds. */
void record_put_time(
    struct record_writer *writer, const char *key, int64_t time_ms);
/* Members that were written before. */
void record_put_members(
    struct record_writer *writer, const char *members, size_t length);
/* Text as it stands, without a comma before it. */
void record_put_plain(struct record_writer *writer, const char *text);
/* Braces. */
void record_open(struct record_writer *writer);
void record_close(struct record_writer *writer);

/* A member to look for; its value is escaped once. */
struct record_filter {
	const char *key; /* NULL: matches everything */
	struct record_writer value;
};
void record_filter_set(
    struct record_filter *filter, const char *key, const char *value);
bool record_matches(const struct record_filter *filter, const char *record);

#endif
