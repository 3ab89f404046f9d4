/* SPDX-License-Identifier: Apache-2.0 */
#include "server/core/policy.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/core/grace.h"

const char POLICY_DEFAULT_TEXT[] =
    "# The first rule that matches decides; none is a refusal.\n"
    "permit everyone factors=any\n";

enum {
	SELECTOR_DEPARTMENT = 1, /* their indices */
	SELECTOR_SERVICE = 5,
	SELECTOR_COUNT = 6
};

#define FACTORS_ANY                                                            \
	(1u << FACTOR_CARD | 1u << FACTOR_OTP | 1u << FACTOR_EMERGENCY)

/* A comma-separated list, kept as it stands; NULL selects everything. */
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

struct policy {
	struct policy_holidays holidays;
	size_t count;
	struct rule rules[];
};

/* Which member of the facts each selecting key looks at, and whether it says
 * something about the person, which of a stranger nothing is known. */
static const struct selector {
	const char *key;
	size_t offset;
	bool about_person;
} selectors[SELECTOR_COUNT] = {
    {"user", offsetof(struct policy_facts, user), true},
    {"department", offsetof(struct policy_facts, department), true},
    {"kind", offsetof(struct policy_facts, kind), true},
    {"terminal", offsetof(struct policy_facts, terminal), false},
    {"group", offsetof(struct policy_facts, group), false},
    {"service", offsetof(struct policy_facts, service), false},
};

static const struct {
	const char *word;
	enum policy_action action;
} actions[] = {
    {"permit", POLICY_PERMIT},
    {"refuse", POLICY_REFUSE},
    {"exempt", POLICY_EXEMPT},
};

static const struct {
	const char *word;
	unsigned factors;
} factor_words[] = {
    {"any", FACTORS_ANY},
    {"card", 1u << FACTOR_CARD},
    {"otp", 1u << FACTOR_OTP},
    {"emergency", 1u << FACTOR_EMERGENCY},
};

static const char *const card_removed_words[] = {
    [POLICY_CARD_LOCK] = "lock",
    [POLICY_CARD_LOGOUT] = "logout",
    [POLICY_CARD_NOTHING] = "nothing",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static enum err complain(
    char *problem, int line, const char *what, const char *mend)
{
	snprintf(
	    problem, POLICY_PROBLEM_SIZE, "line %d: %s. %s", line, what, mend);
	return ERR_INVALID;
}

static enum err parse_action(const char *word, struct rule *rule, char *problem)
{
	for (size_t i = 0; i < COUNT(actions); i++) {
		if (strcmp(word, actions[i].word) == 0) {
			rule->action = actions[i].action;
			return ERR_NONE;
		}
	}
	return complain(problem, rule->line, "unknown action",
	    "A rule begins with permit, refuse or exempt.");
}

static enum err parse_factors(char *list, struct rule *rule, char *problem)
{
	char *rest = list;
	char *word;

	while ((word = strsep(&rest, ",")) != NULL) {
		unsigned found = 0;

		for (size_t i = 0; i < COUNT(factor_words); i++)
			if (strcmp(word, factor_words[i].word) == 0)
				found = factor_words[i].factors;
		if (!found)
			return complain(problem, rule->line, "unknown factor",
			    "Write factors=any, or some of card, otp and "
			    "emergency separated by commas.");
		rule->factors |= found;
	}
	return ERR_NONE;
}

const char *policy_card_removed_text(enum policy_card_removed removed)
{
	return card_removed_words[removed];
}

static enum err parse_card_removed(
    const char *word, struct rule *rule, char *problem)
{
	if (rule->has_card_removed || rule->action != POLICY_PERMIT)
		return complain(problem, rule->line,
		    "card_removed= is for permit, once",
		    "Remove it, or make this a permit rule.");
	for (size_t i = 0; i < COUNT(card_removed_words); i++) {
		if (strcmp(word, card_removed_words[i]) == 0) {
			rule->card_removed = (enum policy_card_removed)i;
			rule->has_card_removed = true;
			return ERR_NONE;
		}
	}
	return complain(problem, rule->line, "unknown word for card_removed",
	    "Write lock, logout or nothing.");
}

static enum err parse_grace(const char *text, struct rule *rule, char *problem)
{
	if (rule->grace_s || rule->action != POLICY_PERMIT)
		return complain(problem, rule->line,
		    "grace= is for permit, once",
		    "Remove it, or make this a permit rule.");
	if (grace_read(text, &rule->grace_s))
		return ERR_NONE;
	return complain(problem, rule->line, "this is no length of a grace",
	    "Write for example grace=5m; 15m is the longest.");
}

/* A grace for everything would be one for lockers. */
static enum err check_grace(const struct rule *rule, char *problem)
{
	const char *rest = rule->values[SELECTOR_SERVICE];
	char item[NAME_BYTES_MAX + 1];

	if (!rule->grace_s)
		return ERR_NONE;
	if (!rest)
		return complain(problem, rule->line, "grace= for every service",
		    "Name those it is for, as in service=sudo,su.");
	while (*rest) {
		size_t length = strcspn(rest, ",");

		snprintf(item, sizeof(item), "%.*s", (int)length, rest);
		if (!grace_is_for(item))
			return complain(problem, rule->line,
			    "grace= for what locks a screen or opens a session",
			    "Make that service a rule of its own, without "
			    "grace=.");
		rest += length;
		rest += *rest == ',';
	}
	return ERR_NONE;
}

static enum err parse_shadow(
    const char *value, struct rule *rule, char *problem)
{
	if (rule->shadow_until || rule->action == POLICY_EXEMPT)
		return complain(problem, rule->line,
		    "shadow= is for permit and refuse, once",
		    "An exempt rule lets everybody past anyway.");
	if (policy_date_read(value, strlen(value), &rule->shadow_until) &&
	    rule->shadow_until > 0)
		return ERR_NONE;
	return complain(problem, rule->line, "shadow mode needs its last day",
	    "Write for example shadow=2026-04-30.");
}

static bool is_hours_key(const char *key)
{
	return strcmp(key, "days") == 0 || strcmp(key, "hours") == 0;
}

static enum err parse_hours(
    const char *key, const char *value, struct rule *rule, char *problem)
{
	bool days = strcmp(key, "days") == 0;

	if (days ? rule->hours.days != 0 : rule->hours.count != 0)
		return complain(problem, rule->line, "the same key twice",
		    "Give all its values separated by commas.");
	if (days && !policy_hours_read_days(value, &rule->hours))
		return complain(problem, rule->line, "unknown day",
		    "Days are mon, tue, wed, thu, fri, sat, sun, workday and "
		    "holiday.");
	if (!days && !policy_hours_read_spans(value, &rule->hours))
		return complain(problem, rule->line, "these are no hours",
		    "Write for example hours=08:30-12:00,13:00-17:15, at most "
		    "eight; all day is 00:00-24:00.");
	return ERR_NONE;
}

static bool has_empty_item(const char *list)
{
	size_t length = strlen(list);

	return length == 0 || list[0] == ',' || list[length - 1] == ',' ||
	       strstr(list, ",,") != NULL;
}

static enum err parse_pair(char *pair, struct rule *rule, char *problem)
{
	char *value = strchr(pair, '=');

	if (!value || has_empty_item(value + 1))
		return complain(problem, rule->line,
		    "KEY=VALUE expected, without an empty value",
		    "Write for example service=sshd,login.");
	*value++ = '\0';
	if (strcmp(pair, "factors") == 0) {
		if (rule->factors || rule->action != POLICY_PERMIT)
			return complain(problem, rule->line,
			    "factors= is for permit, once",
			    "Remove it, or make this a permit rule.");
		return parse_factors(value, rule, problem);
	}
	if (strcmp(pair, "card_removed") == 0)
		return parse_card_removed(value, rule, problem);
	if (strcmp(pair, "grace") == 0)
		return parse_grace(value, rule, problem);
	if (strcmp(pair, "shadow") == 0)
		return parse_shadow(value, rule, problem);
	if (is_hours_key(pair))
		return parse_hours(pair, value, rule, problem);
	for (size_t i = 0; i < SELECTOR_COUNT; i++) {
		if (strcmp(pair, selectors[i].key) != 0)
			continue;
		if (rule->values[i])
			return complain(problem, rule->line,
			    "the same key twice",
			    "Give all its values separated by commas.");
		rule->values[i] = strdup(value);
		return rule->values[i] ? ERR_NONE : ERR_MEMORY;
	}
	return complain(problem, rule->line, "unknown key",
	    "Keys are user, department, kind, terminal, group, service, "
	    "days, hours, factors, card_removed, grace and shadow.");
}

static char *next_word(char **rest)
{
	char *word;

	do
		word = strsep(rest, " \t");
	while (word && *word == '\0');
	return word;
}

/* `holiday DATE,DATE...`; *out_is says whether it is that line. */
static enum err parse_holidays(
    char *line, int number, struct policy *policy, char *problem, bool *out_is)
{
	char *rest = line + strspn(line, " \t");
	size_t length = strlen("holiday");
	const char *list;

	*out_is = strncmp(rest, "holiday", length) == 0 &&
		  strspn(rest + length, " \t") > 0;
	if (!*out_is)
		return ERR_NONE;
	(void)next_word(&rest);
	list = next_word(&rest);
	if (list && !next_word(&rest) && !has_empty_item(list) &&
	    policy_holidays_read(list, &policy->holidays))
		return ERR_NONE;
	return complain(problem, number, "these are no holidays",
	    "Write for example: holiday 2026-05-04,2026-05-05 and no more "
	    "than 400 in all.");
}

static enum err parse_rule(
    char *line, const struct policy *before, struct rule *rule, char *problem)
{
	char *rest = line;
	char *word = next_word(&rest);
	enum err err = parse_action(word, rule, problem);

	if (err != ERR_NONE)
		return err;
	word = next_word(&rest);
	if (!word || strchr(word, '='))
		return complain(problem, rule->line, "the rule has no name",
		    "Write permit NAME KEY=VALUE ...");
	for (size_t i = 0; i < before->count; i++)
		if (strcmp(before->rules[i].name, word) == 0)
			return complain(problem, rule->line,
			    "a rule of this name stands above",
			    "Names appear in the record: give each its own.");
	rule->name = strdup(word);
	if (!rule->name)
		return ERR_MEMORY;
	while ((word = next_word(&rest)) != NULL) {
		err = parse_pair(word, rule, problem);
		if (err != ERR_NONE)
			return err;
	}
	if (rule->action == POLICY_PERMIT && !rule->factors)
		return complain(problem, rule->line, "permit without factors",
		    "Add factors=any, or say which.");
	return check_grace(rule, problem);
}

static bool has_content(const char *line)
{
	line += strspn(line, " \t");
	return *line != '\0' && *line != '#';
}

static bool has_control_character(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];

		if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f)
			return true;
	}
	return false;
}

static enum err parse_lines(char *copy, struct policy *policy, char *problem)
{
	char *rest = copy;
	char *line;
	enum err err = ERR_NONE;

	for (int number = 1; (line = strsep(&rest, "\n")) != NULL; number++) {
		bool is_holidays = false;

		if (!has_content(line))
			continue;
		err =
		    parse_holidays(line, number, policy, problem, &is_holidays);
		if (err != ERR_NONE)
			return err;
		if (is_holidays)
			continue;
		if (policy->count == POLICY_RULES_MAX)
			return complain(problem, number, "too many rules",
			    "512 are the most.");
		/* Counted before it is parsed, so that what a failed parse
		 * has allocated is freed with the rest. */
		policy->rules[policy->count].line = number;
		err = parse_rule(
		    line, policy, &policy->rules[policy->count], problem);
		policy->count++;
		if (err != ERR_NONE)
			return err;
	}
	if (policy->count == 0)
		return complain(problem, 1, "no rule",
		    "A policy without a rule refuses everybody; say so "
		    "with: refuse everyone");
	return ERR_NONE;
}

enum err policy_parse(const char *text, size_t length, struct policy **out,
    char problem[POLICY_PROBLEM_SIZE])
{
	struct policy *policy = NULL;
	char *copy = NULL;
	enum err err = ERR_MEMORY;

	problem[0] = '\0';
	if (length > POLICY_TEXT_BYTES_MAX)
		return complain(problem, 1, "the policy is over 64 KiB",
		    "Use departments and groups instead of names.");
	if (has_control_character(text, length))
		return complain(problem, 1, "control characters",
		    "Save the file as plain UTF-8 text with Unix line "
		    "ends.");
	policy =
	    calloc(1, sizeof(*policy) + POLICY_RULES_MAX * sizeof(struct rule));
	copy = strndup(text, length);
	if (!policy || !copy)
		goto out;
	err = parse_lines(copy, policy, problem);
	if (err != ERR_NONE)
		goto out;
	*out = policy;
	policy = NULL;
out:
	policy_free(policy);
	free(copy);
	return err;
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
		if (!known && selectors[i].about_person)
			return false;
		if (!rule_selects(
			rule->values[i], fact(facts, selectors[i].offset), i))
			return false;
	}
	return policy_hours_hold(&rule->hours, &facts->now, holidays);
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
			    .shadow = facts->now.date <= rule->shadow_until,
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
		if (strcmp(selectors[i].key, key) == 0 && rule->values[i])
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
