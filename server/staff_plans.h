/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes over staff lists whose day has come, as user/import does: judged anew,
 * all of it or nothing, with the same records. For housekeeping, inside its
 * transaction.
 */
#ifndef SEKIMORI_STAFF_PLANS_H
#define SEKIMORI_STAFF_PLANS_H

#include "server/server.h"

enum err staff_plans_run(
    struct server *server, struct store *store, int64_t now_s, int64_t now_ms);

#endif
