/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a policy's text to its rules, line by line. What they mean is
 * policy.c's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/core/grace.h"
#include "server/core/policy_rules.h"

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

static enum err parse_card_removed(
    const char *word, struct rule *rule, char *problem)
{
	if (rule->has_card_removed || rule->action != POLICY_PERMIT)
		return complain(problem, rule->line,
		    "card_removed= is for permit, once",
		    "Remove it, or make this a permit rule.");
	for (size_t i = 0; i < COUNT(POLICY_CARD_REMOVED); i++) {
		if (strcmp(word, POLICY_CARD_REMOVED[i]) == 0) {
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
		if (strcmp(pair, POLICY_SELECTORS[i].key) != 0)
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

static bool is_name_taken(const struct policy *before, const char *name)
{
	for (size_t i = 0; i < before->count; i++)
		if (strcmp(before->rules[i].name, name) == 0)
			return true;
	for (size_t i = 0; i < before->approval_count; i++)
		if (strcmp(before->approvals[i].name, name) == 0)
			return true;
	return false;
}

/* The name behind the first word, which no line above may have. */
static enum err parse_name(char **rest, int line, const struct policy *before,
    char **out, char *problem)
{
	char *word = next_word(rest);

	if (!word || strchr(word, '='))
		return complain(problem, line, "the rule has no name",
		    "Write permit NAME KEY=VALUE ...");
	if (strlen(word) > NAME_BYTES_MAX)
		return complain(problem, line, "a name of over 256 bytes",
		    "It stands in each record and answer: make it short.");
	if (is_name_taken(before, word))
		return complain(problem, line,
		    "a rule of this name stands "
		    "above",
		    "Names appear in the record: give each its own.");
	*out = strdup(word);
	return *out ? ERR_NONE : ERR_MEMORY;
}

static enum err parse_rule(
    char *line, const struct policy *before, struct rule *rule, char *problem)
{
	char *rest = line;
	char *word = next_word(&rest);
	enum err err = parse_action(word, rule, problem);

	if (err != ERR_NONE)
		return err;
	err = parse_name(&rest, rule->line, before, &rule->name, problem);
	if (err != ERR_NONE)
		return err;
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

/* --- lines that are no rules ---------------------------------------------- */

/* `holiday DATE,DATE...` */
static enum err parse_holidays(
    char *rest, int line, struct policy *policy, char *problem)
{
	const char *list = next_word(&rest);

	if (list && !next_word(&rest) && !has_empty_item(list) &&
	    policy_holidays_read(list, &policy->holidays))
		return ERR_NONE;
	return complain(problem, line, "these are no holidays",
	    "Write for example: holiday 2026-05-04,2026-05-05 and no more "
	    "than 400 in all.");
}

/* `approve NAME actions=ACTION,ACTION...`. What actions there are, is not
 * known here. */
static enum err parse_approval(
    char *rest, int line, struct policy *policy, char *problem)
{
	static const char key[] = "actions=";
	struct approval approval = {.line = line};
	const char *list;
	enum err err;

	if (policy->approval_count == POLICY_APPROVALS_MAX)
		return complain(problem, line, "too many approve lines",
		    "16 are the most; an approve line takes a list.");
	err = parse_name(&rest, line, policy, &approval.name, problem);
	if (err != ERR_NONE)
		return err;
	list = next_word(&rest);
	if (list && strncmp(list, key, strlen(key)) == 0 &&
	    !has_empty_item(list + strlen(key)) && !next_word(&rest))
		approval.actions = strdup(list + strlen(key));
	else
		err = complain(problem, line, "actions= expected",
		    "Write for example: approve two actions=admin-add,thaw");
	if (err == ERR_NONE && !approval.actions)
		err = ERR_MEMORY;
	if (err == ERR_NONE)
		policy->approvals[policy->approval_count++] = approval;
	else
		free(approval.name);
	return err;
}

static const struct {
	const char *word;
	enum err (*parse)(
	    char *rest, int line, struct policy *policy, char *problem);
} special[] = {
    {"holiday", parse_holidays},
    {"approve", parse_approval},
};

/* Whether it is one of these, and then how that went. */
static bool take_special(
    char *line, int number, struct policy *policy, char *problem, enum err *out)
{
	char *rest = line + strspn(line, " \t");
	size_t length = strcspn(rest, " \t");

	for (size_t i = 0; i < COUNT(special); i++) {
		if (length != strlen(special[i].word) ||
		    strncmp(rest, special[i].word, length) != 0)
			continue;
		(void)next_word(&rest);
		*out = special[i].parse(rest, number, policy, problem);
		return true;
	}
	return false;
}

/* --- the whole ------------------------------------------------------------ */

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
		if (!has_content(line))
			continue;
		if (take_special(line, number, policy, problem, &err)) {
			if (err != ERR_NONE)
				return err;
			continue;
		}
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
