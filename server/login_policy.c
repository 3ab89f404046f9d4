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

	/* No rule is known to hold at a time that no calendar has. */
	if (!time_text_of_week(
		login->call.now_s, &facts.now.day, &facts.now.minute))
		return (struct policy_answer){
		    .action = POLICY_REFUSE, .rule = ""};
	return policy_ask(store->policy, &facts, known);
}
