/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may log in where with what. A policy is a text, one rule a line,
 *
 *     ACTION NAME [KEY=VALUE[,VALUE...]]...
 *
 * ACTION is permit, refuse or exempt; the first rule that matches decides,
 * and none is a refusal. Keys that select: user, department (any one of a
 * person's), kind, terminal, group, service (each absent: everything);
 * days=mon,tue,... and hours=08:30-17:15,... say when (policy_hours.h). Keys of
 * permit: factors=any or a list of card, otp, emergency; card_removed=lock,
 * logout or nothing (absent: lock), what becomes of a session whose card has
 * left; grace=5m (absent: none), how long after he opened his session by one of
 * these factors a person is asked for none, for services that the rule names.
 * `#` starts a comment line.
 *
 * shadow=2026-04-30 on permit or refuse is shadow mode until the end of that
 * day: what the rule would refuse is decided and recorded as ever, and then
 * let past (core/decide.c says what never is). A line `holiday DATE,DATE...`
 * says what days=holiday and days=workday mean, and a line `approve NAME
 * actions=admin-add,thaw,...` which commands wait for a second person. Pure.
 */
#ifndef SEKIMORI_POLICY_H
#define SEKIMORI_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/core/policy_hours.h"
#include "server/core/verdict.h"
#include "shared/err.h"

enum {
	POLICY_TEXT_BYTES_MAX = 65536,
	POLICY_RULES_MAX = 512,
	POLICY_APPROVALS_MAX = 16,
	POLICY_PROBLEM_SIZE = 256,
	POLICY_SHADOW_DAYS_MAX = 62, /* from taking effect on; who sets a
					policy heeds it */
};

/* The rule that `sekimorid init` installs. */
extern const char POLICY_DEFAULT_TEXT[];

enum policy_action {
	POLICY_REFUSE = 0,
	POLICY_PERMIT,
	POLICY_EXEMPT
};

/* Zero is the strictest that loses no work. */
enum policy_card_removed {
	POLICY_CARD_LOCK = 0,
	POLICY_CARD_LOGOUT,
	POLICY_CARD_NOTHING
};

const char *policy_card_removed_text(enum policy_card_removed removed);

struct policy; /* parsed; immutable */

/* Everything a rule may ask about. Strings are never NULL. */
struct policy_facts {
	const char *user;
	const char *department; /* several are separated by commas */
	const char *kind;
	const char *terminal;
	const char *group;
	const char *service;
	struct policy_moment now; /* in the server's zone */
};

struct policy_answer {
	enum policy_action action;
	unsigned factors; /* bit 1 << enum factor */
	const char *rule; /* its name, owned by the policy; "" when none
			     matched */
	int line;         /* of the rule; 0 when none matched */
	enum policy_card_removed card_removed;
	int64_t grace_s;  /* seconds; 0: none */
	bool shadow;      /* in shadow mode now */
	int shadow_until; /* the last day of it, policy_date(); 0: never */
};

/* ERR_INVALID fills problem with `line N: what. How to mend it.` */
enum err policy_parse(const char *text, size_t length, struct policy **out,
    char problem[POLICY_PROBLEM_SIZE]);
void policy_free(struct policy *policy);

/* Whether a value, which is not empty, stands in a list separated by commas. */
bool policy_list_has(const char *list, const char *value);

/* A rule with shadow=, over or not. */
struct policy_shadow {
	const char *rule; /* owned by the policy */
	int line, until;
};

/* The next one from *index (0 at first) on; false when there is none. With a
 * terminal and its group, those only that may apply there; else both NULL. */
bool policy_next_shadow(const struct policy *policy, const char *terminal,
    const char *group, size_t *index, struct policy_shadow *out);

/* An approve line; all of it is owned by the policy. */
struct policy_approval {
	const char *name, *actions; /* separated by commas */
	int line;
};

/* The next one from *index (0 at first) on; false when there is none. */
bool policy_next_approval(
    const struct policy *policy, size_t *index, struct policy_approval *out);
/* The name of the line by which a command waits, asked for as `admin-add`;
 * NULL when none does. A line may leave out the first word: `thaw`. */
const char *policy_approval_of(const struct policy *policy, const char *action);
/* Whether that is what a word of such a line means. */
bool policy_action_is(const char *word, size_t length, const char *action);

/*
 * known is false for somebody nobody knows: rules that name persons,
 * departments or kinds then do not match, and neither do refusals and
 * exemptions, so that a stranger walks the path of an ordinary person.
 */
struct policy_answer policy_ask(
    const struct policy *policy, const struct policy_facts *facts, bool known);

/* Whether any rule grants a grace, so that logins need to be remembered. */
bool policy_has_grace(const struct policy *policy);

#endif
