/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What policy says of somebody who asks to log in: gathers the facts. Must not
 * know what is made of the answer.
 */
#ifndef SEKIMORI_LOGIN_POLICY_H
#define SEKIMORI_LOGIN_POLICY_H

#include "server/core/policy.h"
#include "server/login_call.h"

/* known is false for a stranger, whose person is a decoy. */
struct policy_answer login_policy_of(const struct login_call *login,
    const struct store *store, const struct person *person, bool known);

#endif
