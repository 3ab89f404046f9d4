/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One batch, one transaction. Everything that touches the store is a job;
 * jobs are folded in order, each seeing what those before it did, committed
 * together, and only then finished, so that nothing is told before it is on
 * disk. While a single job waits it runs on the loop's own thread (no hand
 * over, half the latency); under load a committer thread takes what has
 * gathered, or half of it where commits are quick. Whichever it is, one thread
 * at a time holds the store. If a batch fails, it is rolled back and each job
 * is tried by itself.
 */
#ifndef SEKIMORI_BATCH_H
#define SEKIMORI_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/err.h"

struct store;
struct event_base;

enum {
	BATCH_JOBS_MAX = 256,     /* in one transaction */
	BATCH_WAITING_MAX = 4096, /* beyond this ERR_BUSY, which is 503 */
};

struct job {
	/* Inside the transaction, on whichever thread holds the store. May
	 * run twice, so it sets its outputs afresh each time. An error rolls
	 * back everything it did; a refusal is not an error. */
	enum err (*run)(struct job *job, struct store *store);
	/* On the loop's thread, once: after the commit (ERR_NONE) or after
	 * the failure. Frees the job. */
	void (*finish)(struct job *job, enum err err);
	/* Takes long (imports, verification, backups): never on the loop's
	 * thread, so that the network goes on meanwhile. */
	bool is_long;
	/* Belong to the batch while submitted. */
	struct job *next;
	enum err err;
};

struct batch;

/* store is borrowed for the batch's lifetime. Starts the committer. */
enum err batch_new(
    struct store *store, struct event_base *base, struct batch **out);

/* The same over other transactions than those of store.h, for tests. */
struct batch_transactions {
	enum err (*begin)(struct store *store);
	enum err (*commit)(struct store *store);
	void (*rollback)(struct store *store);
};
enum err batch_new_over(const struct batch_transactions *transactions,
    struct store *store, struct event_base *base, struct batch **out);

/* Runs and finishes what waits, then stops the committer. */
void batch_free(struct batch *batch);

/* From the loop's thread. On ERR_BUSY the job stays the caller's. */
enum err batch_submit(struct batch *batch, struct job *job);

/* From the loop's thread, after each turn of the loop: starts what was
 * gathered in it. True if that was one job alone, which is over now. */
bool batch_kick(struct batch *batch);

/* For readiness and metrics. Any thread. */
struct batch_health {
	bool last_failed; /* the last transaction */
	enum err last_err;
	long waiting; /* submitted and not finished */
	unsigned long long commits, jobs, failures;
	int64_t last_commit_us; /* how long it took */
};
struct batch_health batch_health(struct batch *batch);

#endif
