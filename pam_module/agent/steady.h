/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clock of deadlines: milliseconds that only go forward. Knows nothing of
 * the time of day, which may be wrong.
 */
#ifndef SEKIMORI_AGENT_STEADY_H
#define SEKIMORI_AGENT_STEADY_H

#include <stdint.h>

/* Milliseconds of CLOCK_MONOTONIC. */
int64_t steady_ms(void);

/* What is left until deadline_ms, for poll(): 0 to 600,000. */
int steady_left_ms(int64_t deadline_ms);

#endif
