/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a policy is made of, between those who read its text (policy_read.c)
 * and those who ask it (policy.c). For these two alone.
 */
#ifndef SEKIMORI_POLICY_RULES_H
#define SEKIMORI_POLICY_RULES_H

#include "server/core/policy.h"

enum {
	SELECTOR_DEPARTMENT = 1, /* their indices */
	SELECTOR_SERVICE = 5,
	SELECTOR_COUNT = 6
};

#define FACTORS_ANY                                                            \
	(1u << FACTOR_CARD | 1u << FACTOR_OTP | 1u << FACTOR_EMERGENCY)

/* Lists are separated by commas, kept as it stands; NULL selects
 * everything. */
struct rule {
	enum policy_action action;
	unsigned factors;
	enum policy_card_removed card_removed;
	bool has_card_removed;
	int64_t grace_s;
	struct policy_hours hours;
	int shadow_until; /* 0: no shadow mode */
	int line;
	char *name;
	char *values[SELECTOR_COUNT];
};

/* What waits for a second person. */
struct approval {
	int line;
	char *name;
	char *actions; /* separated by commas */
};

struct policy {
	struct policy_holidays holidays;
	size_t approval_count;
	struct approval approvals[POLICY_APPROVALS_MAX];
	size_t count;
	struct rule rules[];
};

/* Which member of the facts each selecting key looks at, and whether it says
 * something about the person, which of a stranger nothing is known. */
struct policy_selector {
	const char *key;
	size_t offset;
	bool about_person;
};
extern const struct policy_selector POLICY_SELECTORS[SELECTOR_COUNT];

/* By enum policy_card_removed. */
enum {
	CARD_REMOVED_COUNT = POLICY_CARD_NOTHING + 1
};
extern const char *const POLICY_CARD_REMOVED[CARD_REMOVED_COUNT];

#endif
