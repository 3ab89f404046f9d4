/* SPDX-License-Identifier: Apache-2.0 */
#include "server/shadow.h"

#include <stdio.h>
#include <string.h>

#include "server/time_text.h"

static void add_rule(
    const struct policy_shadow *shadow, char out[SHADOW_TEXT_SIZE])
{
	size_t used = strlen(out);
	char date[POLICY_DATE_SIZE];
	int length;

	policy_date_text(shadow->until, date);
	length = snprintf(out + used, SHADOW_TEXT_SIZE - used, "%s%s until %s",
	    used > 0 ? ", " : "", shadow->rule, date);
	if (length < 0 || (size_t)length >= SHADOW_TEXT_SIZE - used)
		out[used] = '\0'; /* whole rules only */
}

size_t shadow_text_of(const struct policy *policy, int64_t at_s,
    const char *terminal, const char *group, char out[SHADOW_TEXT_SIZE])
{
	struct policy_shadow shadow;
	struct policy_moment now;
	size_t index = 0, count = 0;

	out[0] = '\0';
	if (!time_text_moment(at_s, &now))
		return 0;
	while (policy_next_shadow(policy, terminal, group, &index, &shadow)) {
		if (now.date > shadow.until)
			continue;
		count++;
		add_rule(&shadow, out);
	}
	/* None has room: that there are some is said all the same. */
	if (count > 0 && !out[0])
		snprintf(out, SHADOW_TEXT_SIZE, "%zu rules", count);
	return count;
}

size_t shadow_text(const struct store *store, int64_t now_s,
    const char *terminal, const char *group, char out[SHADOW_TEXT_SIZE])
{
	out[0] = '\0';
	if (now_s < store->policy_since_s)
		return 0;
	return shadow_text_of(store->policy, now_s, terminal, group, out);
}

int64_t shadow_end(int until)
{
	char date[POLICY_DATE_SIZE];
	int64_t end = 0;

	policy_date_text(until, date);
	if (time_text_read(date, TIME_TEXT_END, 0, &end) != ERR_NONE)
		return 0;
	return end;
}

bool shadow_ends_in_time(const struct policy *policy, int64_t since_s,
    char problem[POLICY_PROBLEM_SIZE])
{
	struct policy_shadow shadow;
	struct policy_moment since;
	char last[POLICY_DATE_SIZE];
	size_t index = 0;

	if (!time_text_moment(since_s, &since))
		return false;
	policy_date_text(since.date + POLICY_SHADOW_DAYS_MAX, last);
	while (policy_next_shadow(policy, NULL, NULL, &index, &shadow)) {
		if (shadow.until < since.date) {
			snprintf(problem, POLICY_PROBLEM_SIZE,
			    "line %d: this shadow mode is over before it "
			    "begins. Remove shadow=, or give a later day.",
			    shadow.line);
			return false;
		}
		if (shadow.until <= since.date + POLICY_SHADOW_DAYS_MAX)
			continue;
		snprintf(problem, POLICY_PROBLEM_SIZE,
		    "line %d: shadow mode is for %d days at most. Write "
		    "shadow=%s or an earlier day.",
		    shadow.line, POLICY_SHADOW_DAYS_MAX, last);
		return false;
	}
	return true;
}
