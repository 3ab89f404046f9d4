/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules' text: whatever comes in, either there is one line that says what
 * is wrong and where, or every question has an answer, a stranger is let past
 * by none, and shadow mode has an end.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/core/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_problem(const char problem[POLICY_PROBLEM_SIZE])
{
	require(memchr(problem, '\0', POLICY_PROBLEM_SIZE) != NULL);
	require(strncmp(problem, "line ", 5) == 0);
	require(!strchr(problem, '\n'));
}

static void check_answers(const struct policy *policy)
{
	for (int day = 0; day < 14; day++) {
		const struct policy_facts facts = {.user = "s1",
		    .department = "a,b",
		    .kind = "regular",
		    .terminal = "t",
		    .group = "",
		    .service = "sshd",
		    .now = {day % 7, day * 97 % 1440, 20000 + day}};
		struct policy_answer answer = policy_ask(policy, &facts, true);

		require(answer.action != POLICY_PERMIT || answer.factors != 0);
		require(!answer.shadow || (answer.shadow_until >= 20000 + day &&
					      answer.action != POLICY_EXEMPT));
		answer = policy_ask(policy, &facts, false);
		require(answer.action == POLICY_PERMIT && answer.factors != 0);
	}
}

static void check_lines(const struct policy *policy)
{
	struct policy_approval approval;
	struct policy_shadow shadow;
	char date[POLICY_DATE_SIZE];
	size_t index = 0;
	int again;

	while (policy_next_shadow(policy, NULL, NULL, &index, &shadow)) {
		policy_date_text(shadow.until, date);
		require(policy_date_read(date, strlen(date), &again));
		require(again == shadow.until && shadow.line > 0);
	}
	index = 0;
	while (policy_next_approval(policy, &index, &approval))
		require(approval.name[0] && approval.actions[0]);
	(void)policy_approval_of(policy, "admin-add");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	char problem[POLICY_PROBLEM_SIZE];
	struct policy *policy = NULL;
	enum err err =
	    policy_parse((const char *)bytes, length, &policy, problem);

	if (err) {
		require(!policy && err == ERR_INVALID);
		check_problem(problem);
		return 0;
	}
	check_answers(policy);
	check_lines(policy);
	policy_free(policy);
	return 0;
}
