/* SPDX-License-Identifier: Apache-2.0 */
#include "server/core/policy.h"

#include <stdlib.h>
#include <string.h>

#include "server/core/policy_rules.h"

const char POLICY_DEFAULT_TEXT[] =
    "# The first rule that matches decides; none is a refusal.\n"
    "permit everyone factors=any\n";

const struct policy_selector POLICY_SELECTORS[SELECTOR_COUNT] = {
    {"user", offsetof(struct policy_facts, user), true},
    {"department", offsetof(struct policy_facts, department), true},
    {"kind", offsetof(struct policy_facts, kind), true},
    {"terminal", offsetof(struct policy_facts, terminal), false},
    {"group", offsetof(struct policy_facts, group), false},
    {"service", offsetof(struct policy_facts, service), false},
};

const char *const POLICY_CARD_REMOVED[CARD_REMOVED_COUNT] = {
    [POLICY_CARD_LOCK] = "lock",
    [POLICY_CARD_LOGOUT] = "logout",
    [POLICY_CARD_NOTHING] = "nothing",
};

const char *policy_card_removed_text(enum policy_card_removed removed)
{
	return POLICY_CARD_REMOVED[removed];
}

void policy_free(struct policy *policy)
{
	if (!policy)
		return;
	for (size_t i = 0; i < policy->count; i++) {
		free(policy->rules[i].name);
		for (size_t j = 0; j < SELECTOR_COUNT; j++)
			free(policy->rules[i].values[j]);
	}
	for (size_t i = 0; i < policy->approval_count; i++) {
		free(policy->approvals[i].name);
		free(policy->approvals[i].actions);
	}
	free(policy);
}

static bool list_has(const char *list, const char *value, size_t length)
{
	while (*list && length > 0) {
		size_t item = strcspn(list, ",");

		if (item == length && memcmp(list, value, length) == 0)
			return true;
		list += item;
		list += *list == ',';
	}
	return false;
}

bool policy_list_has(const char *list, const char *value)
{
	return list_has(list, value, strlen(value));
}

/* Whether any of the values, separated by commas, stands in the list. */
static bool lists_meet(const char *list, const char *values)
{
	while (*values) {
		size_t length = strcspn(values, ",");

		if (list_has(list, values, length))
			return true;
		values += length;
		values += *values == ',';
	}
	return false;
}

static const char *fact(const struct policy_facts *facts, size_t offset)
{
	const char *value;

	memcpy(&value, (const char *)facts + offset, sizeof(value));
	return value;
}

/* Only departments come in several: a terminal says what its service is called,
 * and must not name two. */
static bool rule_selects(const char *list, const char *value, size_t selector)
{
	return selector == SELECTOR_DEPARTMENT ? lists_meet(list, value)
					       : policy_list_has(list, value);
}

static bool rule_matches(const struct rule *rule,
    const struct policy_holidays *holidays, const struct policy_facts *facts,
    bool known)
{
	if (!known && rule->action != POLICY_PERMIT)
		return false;
	for (size_t i = 0; i < SELECTOR_COUNT; i++) {
		if (!rule->values[i])
			continue;
		if (!known && POLICY_SELECTORS[i].about_person)
			return false;
		if (!rule_selects(rule->values[i],
			fact(facts, POLICY_SELECTORS[i].offset), i))
			return false;
	}
	return policy_hours_hold(&rule->hours, &facts->now, holidays);
}

/* A rule without a last day, or a day of no calendar, is not compared: none of
 * them may mean shadow mode. */
static bool is_in_shadow(
    const struct rule *rule, const struct policy_moment *now)
{
	return rule->shadow_until > 0 && now->date > 0 &&
	       now->date <= rule->shadow_until;
}

struct policy_answer policy_ask(
    const struct policy *policy, const struct policy_facts *facts, bool known)
{
	struct policy_answer none = {.action = POLICY_REFUSE, .rule = ""};

	for (size_t i = 0; i < policy->count; i++) {
		const struct rule *rule = &policy->rules[i];

		if (rule_matches(rule, &policy->holidays, facts, known))
			return (struct policy_answer){
			    .action = rule->action,
			    .factors = rule->factors,
			    .rule = rule->name,
			    .line = rule->line,
			    .card_removed = rule->card_removed,
			    .grace_s = rule->grace_s,
			    .shadow = is_in_shadow(rule, &facts->now),
			    .shadow_until = rule->shadow_until,
			};
	}
	/*
	 * Nothing permits: a person of flesh and blood is told so; a
	 * stranger is told what a stranger is always told.
	 */
	if (!known)
		none = (struct policy_answer){.action = POLICY_PERMIT,
		    .factors = FACTORS_ANY,
		    .rule = ""};
	return none;
}

bool policy_has_grace(const struct policy *policy)
{
	for (size_t i = 0; i < policy->count; i++)
		if (policy->rules[i].grace_s)
			return true;
	return false;
}

/* Of a selector that a terminal settles; NULL is any. */
static bool may_select(const struct rule *rule, const char *key, const char *is)
{
	for (size_t i = 0; is && i < SELECTOR_COUNT; i++)
		if (strcmp(POLICY_SELECTORS[i].key, key) == 0 &&
		    rule->values[i])
			return policy_list_has(rule->values[i], is);
	return true;
}

bool policy_next_shadow(const struct policy *policy, const char *terminal,
    const char *group, size_t *index, struct policy_shadow *out)
{
	while (*index < policy->count) {
		const struct rule *rule = &policy->rules[(*index)++];

		if (!rule->shadow_until ||
		    !may_select(rule, "terminal", terminal) ||
		    !may_select(rule, "group", group))
			continue;
		*out = (struct policy_shadow){
		    rule->name, rule->line, rule->shadow_until};
		return true;
	}
	return false;
}

bool policy_action_is(const char *word, size_t length, const char *action)
{
	const char *behind = strchr(action, '-');

	return (strlen(action) == length && !strncmp(word, action, length)) ||
	       (behind && strlen(behind + 1) == length &&
		   !strncmp(word, behind + 1, length));
}

bool policy_next_approval(
    const struct policy *policy, size_t *index, struct policy_approval *out)
{
	const struct approval *approval;

	if (*index >= policy->approval_count)
		return false;
	approval = &policy->approvals[(*index)++];
	*out = (struct policy_approval){
	    approval->name, approval->actions, approval->line};
	return true;
}

const char *policy_approval_of(const struct policy *policy, const char *action)
{
	for (size_t i = 0; i < policy->approval_count; i++) {
		const char *rest = policy->approvals[i].actions;

		while (*rest) {
			size_t length = strcspn(rest, ",");

			if (policy_action_is(rest, length, action))
				return policy->approvals[i].name;
			rest += length;
			rest += *rest == ',';
		}
	}
	return NULL;
}
