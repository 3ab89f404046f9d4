/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signed heads of the server's audit chain. The terminal keeps the last one
 * it saw; whoever rolls the server back, or cuts its log, cannot know at which
 * number which terminal will ask for which hash. Pure: text in, answer out.
 */
#ifndef SEKIMORI_AGENT_HEAD_H
#define SEKIMORI_AGENT_HEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/err.h"
#include "shared/json.h"

enum {
	HEAD_KEY_BYTES = 32,
	HEAD_INSTANCE_SIZE = 65,
	HEAD_HASH_SIZE = 65
};

struct head {
	char instance[HEAD_INSTANCE_SIZE];
	int64_t seq;
	char hash[HEAD_HASH_SIZE]; /* lower-case hexadecimal */
	int64_t time;
	char signature[89]; /* base64 of 64 bytes */
};

/* From a parsed JSON object. ERR_INVALID for a member missing or odd. */
enum err head_read(json_t *object, struct head *out);

/* The same from text, as kept in the state directory. */
enum err head_parse(const char *text, size_t length, struct head *out);

/* One JSON line; the caller frees. */
enum err head_print(const struct head *head, char **out);

/* Whether the signature is by key (base64 of an Ed25519 public key, blanks
 * at its end ignored). */
bool head_is_genuine(const struct head *head, const char *key);

#endif
