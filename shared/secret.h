/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only home of seeds, codes, PINs and keys. A secret is a fixed-size
 * value, so that no copy is left behind in a grown buffer, and it is not a
 * string, so that no "%s" can print it. Whoever declares one wipes it, on
 * every path. Must not know what the secret is for.
 */
#ifndef SEKIMORI_SECRET_H
#define SEKIMORI_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/err.h"

enum {
	SECRET_BYTES_MAX = 128
};

struct secret {
	size_t length; /* bytes in use */
	unsigned char bytes[SECRET_BYTES_MAX];
};

/* Copies length bytes in. ERR_TOO_LONG leaves out untouched. */
enum err secret_set(struct secret *out, const void *bytes, size_t length);

/* Overwrites the whole value, also what is beyond length. NULL is fine. */
void secret_wipe(struct secret *secret);

/* Constant time for secrets of equal length; two empty ones are never equal,
 * so that a missing code can never match a missing seed. */
bool secret_equal(const struct secret *left, const struct secret *right);

/* Fills out with length random bytes from the kernel. */
enum err secret_random(struct secret *out, size_t length);

/* Wipes any memory in a way the compiler keeps. */
void secret_wipe_bytes(void *bytes, size_t length);

/* At program start: no core dumps, no ptrace by others, so that a crash
 * never writes a seed to disk. Failing to do so is an error. */
enum err secret_forbid_dumps(void);

#endif
