/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How failures slow an attacker down (CONTRACT promise 5, NIST SP 800-63B-4
 * section 3.2.2). Arithmetic only. A person's factor has one count of proven
 * failures (the password was right, so this hurts) and, for unproven ones,
 * one count per terminal, so that nobody locks out a colleague from another
 * desk. Their sum bounds how much may be guessed without a password.
 */
#ifndef SEKIMORI_THROTTLE_H
#define SEKIMORI_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

struct throttle_limits {
	int64_t after; /* failures in a row before the first wait */
	int64_t first_wait_s;
	int64_t longest_wait_s;
	int64_t disable_at; /* failures in a row that disable the factor */
};

struct throttle_count {
	int64_t failures;   /* evaluated, in a row */
	int64_t wait_until; /* unix seconds; 0: none */
};

struct throttle {
	struct throttle_count proven;
	struct throttle_count here; /* unproven, at this terminal */
	int64_t unproven_total;     /* sum of `here` over all terminals */
};

enum throttle_state {
	THROTTLE_DISABLED = 0,
	THROTTLE_WAITING,
	THROTTLE_OPEN
};

/* May an attempt be evaluated now? *out_retry_at is set when WAITING. */
enum throttle_state throttle_check(const struct throttle *throttle,
    const struct throttle_limits *limits, bool proven, int64_t now_s,
    int64_t *out_retry_at);

/* The state after one more evaluated failure. */
struct throttle throttle_charge(const struct throttle *throttle,
    const struct throttle_limits *limits, bool proven, int64_t now_s);

/* The state after a success: a proven one clears everything, an unproven one
 * only what this terminal has counted. */
struct throttle throttle_clear(const struct throttle *throttle, bool proven);

#endif
