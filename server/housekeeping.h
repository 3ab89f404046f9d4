/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must happen without anybody asking: the time mark is kept, counted
 * audit rows are chained when their minute is over, old attempts dropped,
 * certificates renewed. Each is a job like any other. The regular commit
 * also tells readiness whether the disk still takes writes.
 */
#ifndef SEKIMORI_HOUSEKEEPING_H
#define SEKIMORI_HOUSEKEEPING_H

#include "server/server.h"

enum {
	HOUSEKEEPING_EVERY_S = 2
};

struct housekeeping;

/* Starts the timer on the server's loop. */
enum err housekeeping_start(struct server *server, struct housekeeping **out);
void housekeeping_stop(struct housekeeping *keeping);

/* At start and in tests: keeps the mark, renews what is due, loads the
 * authority and hands
 * the identity to the HTTP side, at once. */
enum err housekeeping_refresh_identity(struct server *server);

/* At the end: chains open rows and keeps the mark, at once. */
enum err housekeeping_conclude(struct server *server);

#endif
