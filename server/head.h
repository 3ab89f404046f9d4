/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signed heads of the audit chain (docs/PROTOCOL.md): what a terminal keeps
 * so that a server that was rolled back is noticed.
 */
#ifndef SEKIMORI_HEAD_H
#define SEKIMORI_HEAD_H

#include "server/keys/authority.h"
#include "server/store/store.h"
#include "shared/json.h"

/* {"instance","seq","hash","time","signature"}; the caller releases it. */
enum err head_sign(const struct store *store, const struct authority *authority,
    int64_t now_s, json_t **out);

#endif
