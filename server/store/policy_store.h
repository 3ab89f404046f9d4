/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Versions of the policy text. The newest is in force; older ones stay for
 * the auditor.
 */
#ifndef SEKIMORI_POLICY_STORE_H
#define SEKIMORI_POLICY_STORE_H

#include "server/store/store.h"

/* Stores a text that policy_parse accepts and puts it in force. ERR_INVALID
 * fills problem. Takes effect on commit; a rollback brings back the old. */
enum err policy_store_set(struct store *store, const char *text, size_t length,
    const char *author, int64_t now_s, char *problem);
/* Parses the newest into store->policy; for store_open(). */
enum err policy_store_load(struct store *store);
/* The text in force at a time (0: now); the caller frees *out_text. */
enum err policy_store_get(struct store *store, int64_t at_s, char **out_text,
    int64_t *out_version, int64_t *out_since);

#endif
