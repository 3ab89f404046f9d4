/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many of each there are, for `server status` and metrics.
 */
#ifndef SEKIMORI_TOTALS_H
#define SEKIMORI_TOTALS_H

#include "server/store/store.h"

struct totals {
	int64_t people;    /* not removed */
	int64_t tokens;    /* that may open something */
	int64_t terminals; /* that have joined */
	int64_t requests;  /* that wait for a second person */
};

enum err totals_count(struct store *store, int64_t now_s, struct totals *out);

#endif
