/* SPDX-License-Identifier: Apache-2.0 */
#include "server/login_shared.h"

#include <string.h>

#include "server/login_card.h"
#include "server/login_policy.h"
#include "server/store/card.h"

#define EVERY_FACTOR                                                           \
	(1u << FACTOR_OTP | 1u << FACTOR_EMERGENCY | 1u << FACTOR_CARD)

/* What has been seen of them so far. */
struct sharers {
	const struct login_call *login;
	const struct store *store;
	size_t count;
	bool enrolled;
	struct policy_answer all;
};

/* --- who it is --- */

/* Whoever holds the card that signed, of those who have the account. Nobody,
 * if the signature is not the card's. Strangers' accounts are asked about all
 * the same. */
static enum err find_card(struct login_call *login, struct store *store)
{
	struct person holder;
	int64_t id = 0;
	enum err err;

	if (!login->proof || login->card.standing == CARD_FORGED)
		return ERR_NONE;
	err = card_holder(store, login->card.key, login->claims.user, &id);
	if (err == ERR_NONE)
		err = person_by_id(store, id, &holder);
	if (err == ERR_NOT_FOUND)
		return ERR_NONE;
	if (err != ERR_NONE)
		return err;
	login->person = holder;
	login->match = PERSON_KNOWN;
	login->vouched = false;
	return ERR_NONE;
}

/* A password says whose account it is. Where several share one, or a staff
 * number was typed, it is as good as none. */
static bool is_vouched_for(const struct login_call *login)
{
	const struct login_claims *claims = &login->claims;

	return claims->proven && (claims->person[0] == '\0' ||
				     strcmp(claims->person, claims->user) == 0);
}

/* Whoever has the account, or of several the one who is named, by his number
 * or by the card that signed. */
enum err login_identify(struct login_call *login, struct store *store)
{
	bool is_named = login->claims.person[0] != '\0';
	enum err err = person_meet(store, login->claims.user,
	    is_named ? login->claims.person : NULL, &login->person,
	    &login->match, login->stranger);

	login->vouched = is_vouched_for(login);
	if (err == ERR_NONE && !login_knows(login) && !is_named)
		err = find_card(login, store);
	return err;
}

/* --- before anybody is named --- */

bool login_shared_is_told(const struct login_call *login)
{
	return login->match == PERSON_SHARED && login->factor == FACTOR_NONE &&
	       (login->claims.proven || login->own_account);
}

/* Refused, or exempt, is an account whose every person is; else there is
 * somebody to be asked. */
static void join(struct policy_answer *all, const struct policy_answer *one)
{
	if (all->action != one->action)
		all->action = POLICY_PERMIT;
	if (one->action == POLICY_PERMIT)
		all->factors |= one->factors;
}

/* Shadow mode lets persons past, not accounts: who is frozen or has left must
 * not get in as nobody in particular. */
static void have_him_named(struct sharers *sharers, struct policy_answer *one)
{
	if (one->action == POLICY_REFUSE)
		one->factors = EVERY_FACTOR;
	one->action = POLICY_PERMIT;
	one->shadow = false;
	sharers->enrolled = true;
}

static enum err add_sharer(void *context, const struct person *person)
{
	struct sharers *sharers = context;
	struct policy_answer one =
	    login_policy_of(sharers->login, sharers->store, person, true);

	if (one.action != POLICY_PERMIT)
		one.factors = 0;
	if (one.shadow)
		have_him_named(sharers, &one);
	if (sharers->count++ == 0)
		sharers->all = one;
	else
		join(&sharers->all, &one);
	if (person->enrolled_at != 0)
		sharers->enrolled = true;
	return ERR_NONE;
}

/* Too many to look at: whatever there is may be offered to one of them. */
static void offer_everything(struct sharers *sharers)
{
	sharers->all = (struct policy_answer){
	    .action = POLICY_PERMIT, .factors = EVERY_FACTOR, .rule = ""};
	sharers->enrolled = true;
}

enum err login_shared_gather(struct login_call *login, struct store *store,
    struct policy_answer *permit, struct subject *subject)
{
	struct sharers sharers = {.login = login, .store = store};
	enum err err = person_each_of_login(store, login->claims.user,
	    LOGIN_SHARERS_MAX + 1, add_sharer, &sharers);

	if (err != ERR_NONE)
		return err;
	if (sharers.count > LOGIN_SHARERS_MAX)
		offer_everything(&sharers);
	*permit = sharers.all;
	subject->shared = true;
	subject->enrolled = sharers.enrolled;
	memset(&subject->throttle, 0, sizeof(subject->throttle));
	return ERR_NONE;
}
