/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much one terminal may ask (CONTRACT section 2: terminal_rate,
 * terminal_failures). A fixed table of buckets found by the certificate's
 * fingerprint, or where the store is at hand by the terminal, which a new
 * certificate does not change; when it is full the longest idle bucket is
 * taken over. Time is
 * an argument. In memory only: what must survive a restart is the throttle's.
 */
#ifndef SEKIMORI_RATE_H
#define SEKIMORI_RATE_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/certificate.h"
#include "shared/err.h"

enum {
	RATE_TERMINALS_MAX = 4096,
	RATE_BURST_SECONDS = 10,
	RATE_FAILURE_WINDOW_S = 60,
};

struct rate_table;

struct rate_table *rate_new(void);
void rate_free(struct rate_table *table);

enum rate_kind { /* what a terminal's bucket counts */
	RATE_FAILURES = 1,
	RATE_RENEWALS,
	RATE_RECORDS,
	RATE_SESSIONS,
	/* of addresses, administrators' */
	RATE_SIGNINS,
	RATE_TOKENS,
	RATE_WAITS,
	RATE_GRACES,
};

/* The key of a terminal by its number in the store. */
void rate_terminal_key(enum rate_kind kind, int64_t terminal_id,
    unsigned char out[CERTIFICATE_HASH_BYTES]);

/* A bucket beside the certificate's own, for calls that cost it nothing. */
void rate_beside_key(enum rate_kind kind,
    const unsigned char fingerprint[CERTIFICATE_HASH_BYTES],
    unsigned char out[CERTIFICATE_HASH_BYTES]);

/* Takes one from the bucket that refills with `rate` a second; false when it
 * is empty. rate 0: always true. */
bool rate_take(struct rate_table *table,
    const unsigned char key[CERTIFICATE_HASH_BYTES], int64_t rate,
    int64_t now_ms);

/* Failures in the running minute are fewer than `limit` (0: always). */
bool rate_failures_allow(struct rate_table *table,
    const unsigned char key[CERTIFICATE_HASH_BYTES], int64_t limit,
    int64_t now_ms);
void rate_count_failure(struct rate_table *table,
    const unsigned char key[CERTIFICATE_HASH_BYTES], int64_t now_ms);

#endif
