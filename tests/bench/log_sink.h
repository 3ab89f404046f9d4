/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log daemon at /dev/log for PAM modules that are measured: without one
 * each line that they log waits for the console. run.sh gives the bench a
 * /dev of its own.
 */
#ifndef SEKIMORI_BENCH_LOG_SINK_H
#define SEKIMORI_BENCH_LOG_SINK_H

#include <stdbool.h>

/* A child that takes what is logged and forgets it, until we end. */
bool log_sink_start(void);

#endif
