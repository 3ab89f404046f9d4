/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/login_turn.h"

#include "pam_module/agent/steady.h"

static void renew(struct login_turn *turn)
{
	turn->answer_by_ms = steady_ms() + LOGIN_ANSWER_WAIT_MS;
}

void login_turn_begin(
    struct login_turn *turn, const struct login_person *person)
{
	turn->person = person;
	turn->asks = 0;
	renew(turn);
}

enum err login_turn_ask(struct login_turn *turn,
    const struct login_question *question, unsigned char typed[LOGIN_TYPED_MAX],
    size_t *out_length)
{
	enum err err;

	if (turn->asks >= LOGIN_ASKS_MAX)
		return ERR_TOO_LONG;
	turn->asks++;
	err = turn->person->ask(turn->person->context, question, typed,
	    LOGIN_TYPED_MAX, out_length);
	renew(turn);
	return err;
}

int64_t login_turn_deadline(
    const struct login_turn *turn, int wait_ms, int spare_ms)
{
	int64_t longest_ms = steady_ms() + wait_ms;
	int64_t latest_ms = turn->answer_by_ms - spare_ms;

	return longest_ms < latest_ms ? longest_ms : latest_ms;
}
