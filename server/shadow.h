/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is said of shadow mode wherever somebody should see it: in how the
 * server is, in its log, in the rules, on each terminal. What it lets past is
 * core/decide.c's.
 */
#ifndef SEKIMORI_SHADOW_H
#define SEKIMORI_SHADOW_H

#include "server/core/policy.h"
#include "server/store/store.h"

enum {
	SHADOW_TEXT_SIZE = 256
};

/*
 * Writes `everyone until 2026-04-30, counter until 2026-05-10`, of the rules
 * in force that are in shadow mode now, and returns how many those are; ""
 * for none. With a terminal and its group, of those that may apply there;
 * else both NULL.
 */
size_t shadow_text(const struct store *store, int64_t now_s,
    const char *terminal, const char *group, char out[SHADOW_TEXT_SIZE]);
/* The same of any policy, at a time of which nothing is doubted. */
size_t shadow_text_of(const struct policy *policy, int64_t at_s,
    const char *terminal, const char *group, char out[SHADOW_TEXT_SIZE]);

/* When the last day of a shadow mode is over; 0: nobody knows. */
int64_t shadow_end(int until);

/* Whether each shadow mode of a policy that takes effect then ends soon
 * enough; else problem says what to write. */
bool shadow_ends_in_time(const struct policy *policy, int64_t since_s,
    char problem[POLICY_PROBLEM_SIZE]);

#endif
