/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration files: `[section]`, `key = value`, `#` comments at the start
 * of a line, lists separated by spaces. A table says which keys exist and
 * what they may be; whatever the table does not allow is an error that names
 * file and line and says how to mend it, and nothing is started. No
 * environment, no includes, no continuation lines. Sans I/O but for
 * config_read_file. Knows no key by name.
 */
#ifndef SEKIMORI_CONFIG_H
#define SEKIMORI_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/err.h"

enum {
	CONFIG_LINE_BYTES_MAX = 1024,
	CONFIG_FILE_BYTES_MAX = 65536,
	CONFIG_VALUE_SIZE = 512, /* of a text target, NUL included */
	CONFIG_LIST_MAX = 16,
	CONFIG_PROBLEM_SIZE = 512,
};

enum config_kind {
	CONFIG_NUMBER,   /* int64_t, minimum to maximum */
	CONFIG_TEXT,     /* char[CONFIG_VALUE_SIZE], not empty */
	CONFIG_PATH,     /* the same, absolute, without "." or ".." steps */
	CONFIG_CHOICE,   /* int, index into choices */
	CONFIG_LIST,     /* struct config_list, at least one item */
	CONFIG_DURATION, /* int64_t seconds: a number and s, m, h or d */
};

struct config_list {
	size_t count;
	char items[CONFIG_LIST_MAX][CONFIG_VALUE_SIZE];
};

struct config_key {
	const char *section;
	const char *name;
	enum config_kind kind;
	size_t offset; /* of the target in the caller's struct */
	int64_t minimum, maximum;
	const char *const *choices; /* NULL-terminated */
	bool (*is_valid)(
	    const char *text); /* optional, for each text or item */
	const char *expected;  /* "HOST:PORT"; for the message */
	bool required;
};

/* What is wrong, as one line: `file:line: what. How to mend it.` */
struct config_problem {
	char text[CONFIG_PROBLEM_SIZE];
};

/*
 * Parses length bytes of configuration into target, which the caller filled
 * with defaults. name stands in messages. On failure target's content is
 * unspecified and problem is filled.
 */
enum err config_parse(const char *name, const char *bytes, size_t length,
    const struct config_key *keys, size_t key_count, void *target,
    struct config_problem *problem);

/*
 * Reads and parses a file. Refused: a path that is not a regular file, one
 * that is a symbolic link, one that group or others can write, one that
 * neither root nor the caller owns, one over CONFIG_FILE_BYTES_MAX.
 */
enum err config_read_file(const char *path, const struct config_key *keys,
    size_t key_count, void *target, struct config_problem *problem);

#endif
