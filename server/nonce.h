/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random numbers that are told as soon as they are drawn: challenges and the
 * names of requests. One system call for many of them. Not for keys, seeds or
 * codes: these are secret_random's.
 */
#ifndef SEKIMORI_NONCE_H
#define SEKIMORI_NONCE_H

#include <stddef.h>

#include "shared/err.h"

enum {
	NONCE_BYTES_MAX = 64
};

/* Any thread. ERR_IO when the kernel has none to give, ERR_TOO_LONG. */
enum err nonce_take(void *out, size_t length);

#endif
