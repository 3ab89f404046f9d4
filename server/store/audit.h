/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The audit chain: hash(n) = SHA-256(hash(n-1) || record(n)), records being
 * one JSON object each (docs/PROTOCOL.md). Append joins the caller's
 * transaction. Repeats of a refusal that cost nothing are counted in an open
 * row instead of a record each; open rows commit with the decision, show in
 * lists, and are chained when their minute is over.
 */
#ifndef SEKIMORI_AUDIT_H
#define SEKIMORI_AUDIT_H

#include "server/store/store.h"

enum {
	AUDIT_FIELDS_MAX = 32,
	AUDIT_RECORD_BYTES_MAX = 8192,
	AUDIT_COALESCE_S = 60,
	AUDIT_JITTER_MS = 10000, /* further back the clock was set */
};

/* A number of the store: times in the chain have run backwards. */
#define AUDIT_UNORDERED "audit_unordered"

/* A record's member `mode`: a refusal that shadow mode let past. Asked for as
 * if it were a result. */
#define AUDIT_MODE_SHADOW "shadow"

/* A member of a record, after seq, time and kind. Texts are escaped here. */
struct audit_field {
	const char *key;
	const char *text; /* NULL: number */
	int64_t number;
};
#define AUDIT_TEXT(k, t) ((struct audit_field){(k), (t), 0})
#define AUDIT_NUMBER(k, n) ((struct audit_field){(k), NULL, (n)})

struct audit_entry {
	const char *kind; /* login, admin, terminal, session, server */
	int64_t time_ms;
	size_t count;
	struct audit_field fields[AUDIT_FIELDS_MAX];
};

/* Adds a field; ignored when text is NULL. Too many make the append fail
 * with ERR_TOO_LONG. Texts are borrowed until then. */
void audit_add_text(
    struct audit_entry *entry, const char *key, const char *text);
void audit_add_number(
    struct audit_entry *entry, const char *key, int64_t number);

/* Appends one record. *out_seq may be NULL. */
enum err audit_append(
    struct store *store, const struct audit_entry *entry, int64_t *out_seq);

/*
 * As audit_append, but if the same `same` (a text that names who, where and
 * why) was written less than AUDIT_COALESCE_S ago, it is counted in that
 * open row.
 */
enum err audit_append_counted(
    struct store *store, const struct audit_entry *entry, const char *same);
/* Chains the open rows whose minute is over at now (all with all = true). */
enum err audit_close_counted(struct store *store, int64_t now_ms, bool all);

/* Reads head and open rows; for store_open(). ERR_CORRUPT: no record. */
enum err audit_load(struct store *store);

/* The members of a record that stands for many. */
struct record_writer;
void audit_put_count(struct record_writer *writer, const char *members,
    int64_t count, int64_t first_ms, int64_t last_ms);

struct audit_query {
	const char *user, *account, *terminal, *result; /* NULL: any */
	const char *kind, *factor;
	int64_t from_ms, to_ms;        /* 0: no bound; to exclusive */
	int64_t after_seq, before_seq; /* 0: no bound; both exclusive */
	int64_t limit;                 /* newest that match; 0: all */
	bool oldest;    /* the oldest that match instead, for paging */
	bool with_open; /* open counted rows too, seq 0, at the end */
	/* Of the newest: how many records are looked at (0: as many as it
	 * takes), and below which number nothing was (0: it was the end). */
	int64_t look_at;
	int64_t *reached;
};
/* Calls each, oldest first, with the record's text. */
enum err audit_each(struct store *store, const struct audit_query *query,
    enum err (*each)(void *context, int64_t seq, const char *record,
	const unsigned char hash[AUDIT_HASH_BYTES]),
    void *context);

/* The hash of record seq. ERR_NOT_FOUND. */
enum err audit_hash_at(
    struct store *store, int64_t seq, unsigned char out[AUDIT_HASH_BYTES]);

struct audit_check {
	int64_t records;   /* looked at so far */
	int64_t first_bad; /* seq of the first that does not fit; 0: none */
	bool head_found;   /* the head asked for is one of the hashes */
	int64_t next_seq;  /* where audit_verify_step goes on; 0: done */
	unsigned char hash[AUDIT_HASH_BYTES];
};
/* Verifies up to `records` more records, so that logins go on in between.
 * Start with a zeroed check and next_seq = 1. head may be NULL. */
enum err audit_verify_step(struct store *store, const unsigned char *head,
    int64_t records, struct audit_check *check);

#endif
