/* SPDX-License-Identifier: Apache-2.0 */
#include "server/rate.h"

#include <stdlib.h>
#include <string.h>

#include "shared/secret.h"

enum {
	PROBES_MAX = 16
};

struct bucket {
	unsigned char key[CERTIFICATE_HASH_BYTES];
	bool taken;
	int64_t last_ms;      /* when credit was reckoned */
	int64_t credit_milli; /* thousandths of an attempt */
	int64_t window_ms;    /* when the minute of failures began */
	int64_t failures;
};

struct rate_table {
	uint64_t salt; /* so that nobody chooses whose bucket is near his */
	struct bucket buckets[RATE_TERMINALS_MAX];
};

struct rate_table *rate_new(void)
{
	struct rate_table *table = calloc(1, sizeof(*table));
	struct secret salt = {0};

	if (!table || secret_random(&salt, sizeof(table->salt)) != ERR_NONE) {
		free(table);
		return NULL;
	}
	memcpy(&table->salt, salt.bytes, sizeof(table->salt));
	secret_wipe(&salt);
	return table;
}

void rate_free(struct rate_table *table)
{
	free(table);
}

void rate_terminal_key(enum rate_kind kind, int64_t terminal_id,
    unsigned char out[CERTIFICATE_HASH_BYTES])
{
	/* Numbers follow one another; their buckets should not. */
	uint64_t spread = (uint64_t)terminal_id * 0x9e3779b97f4a7c15u;

	memset(out, 0, CERTIFICATE_HASH_BYTES);
	for (int i = 0; i < 8; i++)
		out[i] = (unsigned char)(spread >> (56 - 8 * i));
	out[8] = (unsigned char)kind;
}

void rate_beside_key(enum rate_kind kind,
    const unsigned char fingerprint[CERTIFICATE_HASH_BYTES],
    unsigned char out[CERTIFICATE_HASH_BYTES])
{
	memcpy(out, fingerprint, CERTIFICATE_HASH_BYTES);
	out[CERTIFICATE_HASH_BYTES - 1] ^= (unsigned char)kind;
}

_Static_assert(
    CERTIFICATE_HASH_BYTES % sizeof(uint64_t) == 0, "a key is read by words");

/* All of the key counts: addresses have little in common with hashes, and those
 * that are alike must not push each other out. */
static size_t find_start(
    const struct rate_table *table, const unsigned char *key)
{
	uint64_t mix = table->salt, word;

	for (size_t at = 0; at < CERTIFICATE_HASH_BYTES; at += sizeof(word)) {
		memcpy(&word, key + at, sizeof(word));
		mix = (mix ^ word) * 0x9e3779b97f4a7c15u;
		mix ^= mix >> 32;
	}
	return (size_t)(mix % RATE_TERMINALS_MAX);
}

static struct bucket *find(
    struct rate_table *table, const unsigned char *key, int64_t now_ms)
{
	size_t start = find_start(table, key);
	struct bucket *oldest = &table->buckets[start];

	for (size_t i = 0; i < PROBES_MAX; i++) {
		struct bucket *bucket =
		    &table->buckets[(start + i) % RATE_TERMINALS_MAX];

		if (bucket->taken &&
		    memcmp(bucket->key, key, sizeof(bucket->key)) == 0)
			return bucket;
		if (!bucket->taken) {
			oldest = bucket;
			break;
		}
		if (bucket->last_ms < oldest->last_ms)
			oldest = bucket;
	}
	memset(oldest, 0, sizeof(*oldest));
	memcpy(oldest->key, key, sizeof(oldest->key));
	oldest->taken = true;
	oldest->last_ms = now_ms;
	oldest->window_ms = now_ms;
	oldest->credit_milli = INT64_MAX; /* full; cut to the burst below */
	return oldest;
}

bool rate_take(struct rate_table *table,
    const unsigned char key[CERTIFICATE_HASH_BYTES], int64_t rate,
    int64_t now_ms)
{
	struct bucket *bucket;
	int64_t full = rate * RATE_BURST_SECONDS * 1000;
	int64_t elapsed_ms;

	if (rate == 0)
		return true;
	bucket = find(table, key, now_ms);
	elapsed_ms = now_ms - bucket->last_ms;
	if (elapsed_ms < 0)
		elapsed_ms = 0;
	if (elapsed_ms >= RATE_BURST_SECONDS * 1000 ||
	    bucket->credit_milli >= full)
		bucket->credit_milli = full;
	else
		bucket->credit_milli += elapsed_ms * rate;
	if (bucket->credit_milli > full)
		bucket->credit_milli = full;
	bucket->last_ms = now_ms;
	if (bucket->credit_milli < 1000)
		return false;
	bucket->credit_milli -= 1000;
	return true;
}

static void turn_window(struct bucket *bucket, int64_t now_ms)
{
	int64_t elapsed_ms = now_ms - bucket->window_ms;

	bucket->last_ms = now_ms;
	if (elapsed_ms >= 0 && elapsed_ms < RATE_FAILURE_WINDOW_S * 1000)
		return;
	bucket->window_ms = now_ms;
	bucket->failures = 0;
}

bool rate_failures_allow(struct rate_table *table,
    const unsigned char key[CERTIFICATE_HASH_BYTES], int64_t limit,
    int64_t now_ms)
{
	struct bucket *bucket;

	if (limit == 0)
		return true;
	bucket = find(table, key, now_ms);
	turn_window(bucket, now_ms);
	return bucket->failures < limit;
}

void rate_count_failure(struct rate_table *table,
    const unsigned char key[CERTIFICATE_HASH_BYTES], int64_t now_ms)
{
	struct bucket *bucket = find(table, key, now_ms);

	turn_window(bucket, now_ms);
	bucket->failures++;
}
