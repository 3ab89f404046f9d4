/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Versions of the policy text, with who set them, on what ground, and who is
 * said to have approved. In force is the one that took effect last; older
 * ones stay for the auditor. A version may be set for a day to come: it takes
 * effect by policy_store_take_due(), and until then it can be cancelled.
 */
#ifndef SEKIMORI_POLICY_STORE_H
#define SEKIMORI_POLICY_STORE_H

#include "server/store/store.h"

/* Texts are never NULL; what is read belongs to whoever read it. */
struct policy_version {
	int64_t version;
	int64_t since;  /* when it took effect or is to */
	int64_t set_at; /* when it was set */
	int64_t turn;   /* 0: it did not take effect yet */
	char *text, *author, *reason, *approver;
	char *cancelled; /* by whom; "": it was not */
};

/* What is written beside a text; reason and approver may be "". */
struct policy_ground {
	const char *author, *reason, *approver;
	int64_t effective; /* when it is to take effect; 0: at once */
};

/* Stores a text that policy_parse accepts, and puts it in force unless it is
 * for a time to come. ERR_INVALID fills problem. Takes effect on commit; a
 * rollback brings back the old. */
enum err policy_store_set(struct store *store, const char *text, size_t length,
    const struct policy_ground *ground, int64_t now_s, int64_t *out_version,
    char *problem);
/* Parses what is in force into store->policy; for store_open(). */
enum err policy_store_load(struct store *store);

/*
 * Puts in force what is due, with a record each; costs one comparison when
 * nothing is. For whoever asks the rules, before he does, and only at a time
 * that is believed.
 */
enum err policy_store_take_due(
    struct store *store, int64_t now_s, int64_t now_ms);
/* Cancels one that did not take effect yet. ERR_NOT_FOUND: there is none of
 * that number; ERR_EXISTS: it has taken effect or is cancelled already. */
enum err policy_store_cancel(
    struct store *store, int64_t version, const char *actor);

/* The version in force at a time, also one to come (0: now). */
enum err policy_store_get(
    struct store *store, int64_t at_s, struct policy_version *out);
enum err policy_store_get_version(
    struct store *store, int64_t version, struct policy_version *out);
/* All but their texts ("" there), newest first. */
enum err policy_store_each(struct store *store,
    enum err (*each)(void *context, const struct policy_version *version),
    void *context);
/* Frees what policy_store_get made; all NULL is fine. */
void policy_version_free(struct policy_version *version);

#endif
