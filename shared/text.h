/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a name may look like, and how any text is made safe to print. Names
 * come from login prompts, certificates and files; nothing else in the tree
 * decides whether bytes are acceptable text.
 */
#ifndef SEKIMORI_TEXT_H
#define SEKIMORI_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	NAME_BYTES_MAX = 256, /* of a user, service, terminal; without NUL */
	TEXT_NUMBER_SIZE = 21 /* of any number, with sign and NUL */
};

/* Well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates). */
bool text_is_utf8(const char *bytes, size_t length);

/* UTF-8 without control characters (C0, DEL, C1), hence without NUL; empty is
 * fine. text_is_lines takes tab and line feed as well. */
bool text_is_line(const char *bytes, size_t length);
bool text_is_lines(const char *bytes, size_t length);

/* 1 to NAME_BYTES_MAX bytes of UTF-8 without control characters (C0, DEL,
 * C1) and without NUL. */
bool text_is_name(const char *bytes, size_t length);

/* A staff number, serial or terminal name, which appears in paths of the
 * HTTP interface and in file names: a name made of ASCII letters, digits and
 * "._@-" only, not beginning with '.' or '-'. */
bool text_is_identifier(const char *bytes, size_t length);

/* Copies text into out, each byte that is not printable UTF-8 as \xNN, and
 * the backslash too so that nobody types an escape himself; cut at out_size
 * with "..." at the end; always terminates. For logs. */
void text_escape(const char *bytes, size_t length, char *out, size_t out_size);

/* In decimal, with NUL; returns the length. For where each request needs one:
 * snprintf() takes ten times as long. */
size_t text_number(int64_t number, char out[TEXT_NUMBER_SIZE]);

#endif
