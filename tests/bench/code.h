/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The people of the bench: user uN holds the seed that is N as 20 ASCII
 * digits, on every system compared. Codes are SHA-1, 6 digits, 30 s.
 */
#ifndef SEKIMORI_BENCH_CODE_H
#define SEKIMORI_BENCH_CODE_H

#include <stdint.h>

enum {
	CODE_SIZE = 7,
	CODE_PERIOD_S = 30
};

/* The code of user number `user` at a counter (HOTP) or step (TOTP). */
void code_make(long user, int64_t counter, char out[CODE_SIZE]);

/* Today's step. */
int64_t code_step_now(void);

/* A code that is none of those around now. */
void code_make_wrong(long user, char out[CODE_SIZE]);

#endif
