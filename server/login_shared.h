/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who it is that asks, where several may share an account; and what can be
 * asked of whichever of them as long as none is named. What is decided of a
 * person is decided elsewhere, and only once he is named.
 */
#ifndef SEKIMORI_LOGIN_SHARED_H
#define SEKIMORI_LOGIN_SHARED_H

#include "server/core/decide.h"
#include "server/login_call.h"

enum {
	/* Beyond it nothing is gathered: the staff number is asked for, and
	 * then everything is as for one person. */
	LOGIN_SHARERS_MAX = CARD_TAGS_SHARED,
};

/*
 * Who asks, into login->person, match and vouched: whoever has the account, or
 * of several the one who is named, by his number or by the card that signed.
 * After the card was looked at.
 */
enum err login_identify(struct login_call *login, struct store *store);

/*
 * Whether this call is told that the account is shared. A stranger who has
 * proved nothing is not: for him it is an account that nobody has.
 */
bool login_shared_is_told(const struct login_call *login);

/*
 * For a challenge that is told: *permit becomes what policy offers any of
 * them, and subject (a decoy's) what holds for the account: enrolled if any
 * is, exempt if all are, frozen, suspended or out of time if all are that,
 * without waits, which are a person's. Keys of all of them are in login->tags
 * where cards are offered.
 */
enum err login_shared_gather(struct login_call *login, struct store *store,
    struct policy_answer *permit, struct subject *subject);

#endif
