/* SPDX-License-Identifier: Apache-2.0 */
#include "server/login_shared.h"

#include <string.h>

#include "server/login_card.h"
#include "server/login_policy.h"
#include "server/store/card.h"

#define EVERY_FACTOR                                                           \
	(1u << FACTOR_OTP | 1u << FACTOR_EMERGENCY | 1u << FACTOR_CARD)

/* How far somebody would get whatever he typed, in the contract's order. */
enum reach {
	REACH_FROZEN = 0,
	REACH_SUSPENDED,
	REACH_EXPIRED,
	REACH_NOT_YET,
	REACH_FACTOR,
};

/* What has been seen of them so far. */
struct sharers {
	const struct login_call *login;
	const struct store *store;
	size_t count;
	bool enrolled;
	enum reach furthest;
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

/* A password says whose account it is. Where several share one, or another
 * number was typed, it is as good as none: also for him whose number is the
 * account's name. */
static enum err vouch(struct login_call *login, struct store *store)
{
	const struct login_claims *claims = &login->claims;
	bool is_shared = false;
	enum err err = ERR_NONE;

	login->vouched = claims->proven;
	if (claims->person[0] == '\0')
		return ERR_NONE;
	if (strcmp(claims->person, claims->user) == 0)
		err = person_login_is_shared(store, claims->user, &is_shared);
	else
		login->vouched = false;
	if (is_shared)
		login->vouched = false;
	return err;
}

/* Whoever has the account, or of several the one who is named, by his number
 * or by the card that signed. */
enum err login_identify(struct login_call *login, struct store *store)
{
	bool is_named = login->claims.person[0] != '\0';
	enum err err = person_meet(store, login->claims.user,
	    is_named ? login->claims.person : NULL, &login->person,
	    &login->match, login->stranger);

	if (err == ERR_NONE)
		err = vouch(login, store);
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

static enum reach reach_of(const struct person *person, int64_t now_s)
{
	if (person->frozen)
		return REACH_FROZEN;
	if (person->state != PERSON_ACTIVE)
		return REACH_SUSPENDED;
	if (person->valid_until != 0 && now_s >= person->valid_until)
		return REACH_EXPIRED;
	return now_s < person->valid_from ? REACH_NOT_YET : REACH_FACTOR;
}

/* Where every one of them is stopped so is the account: an exemption asks for
 * nobody's name. */
static void stop_at(enum reach furthest, int64_t now_s, struct subject *subject)
{
	switch (furthest) {
	case REACH_FROZEN:
		subject->frozen = true;
		return;
	case REACH_SUSPENDED:
		subject->suspended = true;
		return;
	case REACH_EXPIRED:
		subject->valid_until = now_s;
		return;
	case REACH_NOT_YET:
		subject->valid_from = INT64_MAX;
		return;
	case REACH_FACTOR:
		return;
	}
}

static enum err add_sharer(void *context, const struct person *person)
{
	struct sharers *sharers = context;
	struct policy_answer one =
	    login_policy_of(sharers->login, sharers->store, person, true);
	enum reach reach = reach_of(person, sharers->login->call.now_s);

	if (reach > sharers->furthest)
		sharers->furthest = reach;
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
	sharers->furthest = REACH_FACTOR;
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
	stop_at(sharers.furthest, login->call.now_s, subject);
	subject->shared = true;
	subject->enrolled = sharers.enrolled;
	memset(&subject->throttle, 0, sizeof(subject->throttle));
	return ERR_NONE;
}
