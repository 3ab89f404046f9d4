/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Versions of the policy text. The newest is in force; older ones stay for
 * the auditor, with who set them, on what ground, and who is said to have
 * approved.
 */
#ifndef SEKIMORI_POLICY_STORE_H
#define SEKIMORI_POLICY_STORE_H

#include "server/store/store.h"

/* Never NULL; what is read belongs to whoever read it. */
struct policy_version {
	int64_t version, since;
	char *text, *author, *reason, *approver;
};

/* What is written beside a text; reason and approver may be "". */
struct policy_ground {
	const char *author, *reason, *approver;
};

/* Stores a text that policy_parse accepts and puts it in force. ERR_INVALID
 * fills problem. Takes effect on commit; a rollback brings back the old. */
enum err policy_store_set(struct store *store, const char *text, size_t length,
    const struct policy_ground *ground, int64_t now_s, char *problem);
/* Parses the newest into store->policy; for store_open(). */
enum err policy_store_load(struct store *store);
/* The version in force at a time (0: now). */
enum err policy_store_get(
    struct store *store, int64_t at_s, struct policy_version *out);
/* Frees what policy_store_get made; all NULL is fine. */
void policy_version_free(struct policy_version *version);

#endif
