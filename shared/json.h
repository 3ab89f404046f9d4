/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strict JSON at the edges. jansson does the parsing; this file owns what
 * strict means: one object, whole input, no duplicate members, valid UTF-8,
 * at most JSON_DEPTH_MAX levels, and a table of members that says which may
 * appear and what they may hold. A wrong document yields a sentence for the
 * error reply and never its own text, which may hold a code.
 */
#ifndef SEKIMORI_JSON_H
#define SEKIMORI_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/err.h"

enum {
	JSON_DEPTH_MAX = 8,
	JSON_PROBLEM_SIZE = 160
};

struct json_problem {
	char text[JSON_PROBLEM_SIZE]; /* "member \"user\" is missing" */
};

/*
 * At program start: what jansson frees is overwritten first, because seeds
 * and codes pass through it. Its allocator is the process's, so only main()
 * calls this, before the first document.
 */
void json_wipe_freed(void);

/* Parses one object. The caller frees *out with json_decref. */
enum err json_read(const char *bytes, size_t length, json_t **out,
    struct json_problem *problem);

enum json_member_kind {
	JSON_MEMBER_NAME,   /* const char *: text_is_name(), 1..maximum bytes */
	JSON_MEMBER_TEXT,   /* const char *: no control characters, may be
			       empty, 0..maximum bytes */
	JSON_MEMBER_LINES,  /* const char *: as TEXT but tab and line feed may
			       stand in it */
	JSON_MEMBER_NUMBER, /* int64_t, minimum..maximum */
	JSON_MEMBER_BOOL,   /* bool */
	JSON_MEMBER_CHOICE, /* int, index into choices */
	JSON_MEMBER_ARRAY,  /* json_t *: an array of at most maximum items */
	JSON_MEMBER_OBJECT, /* json_t * */
};

struct json_member {
	const char *name;
	enum json_member_kind kind;
	size_t offset;
	bool required;
	int64_t minimum, maximum; /* maximum 0 for texts: NAME_BYTES_MAX */
	const char *const *choices;
};

/*
 * Checks object against the table and stores each member in target, which
 * the caller zeroed or filled with defaults; strings and arrays point into
 * object and live as long as it. refuse_unknown is true for servers and false
 * for clients (CONTRACT section 4). ERR_INVALID fills problem.
 */
enum err json_take(json_t *object, const struct json_member *members,
    size_t member_count, bool refuse_unknown, void *target,
    struct json_problem *problem);

#endif
