/* SPDX-License-Identifier: Apache-2.0 */
#include "server/login_policy.h"

#include "server/store/store.h"
#include "server/time_text.h"

struct policy_answer login_policy_of(const struct login_call *login,
    const struct store *store, const struct person *person, bool known)
{
	struct policy_facts facts = {
	    .user = person->user,
	    .department = person->department,
	    .kind = person->kind,
	    .terminal = login->call.terminal.name,
	    .group = login->call.terminal.group,
	    .service = login->claims.service,
	};

	struct policy_answer answer = {.action = POLICY_REFUSE, .rule = ""};

	/* No rule is known to hold at a time that no calendar has. */
	if (!time_text_moment(login->call.now_s, &facts.now))
		return answer;
	answer = policy_ask(store->policy, &facts, known);
	/* A clock that was set back must not make shadow mode longer. */
	if (login->call.now_s < store->policy_since_s)
		answer.shadow = false;
	return answer;
}
