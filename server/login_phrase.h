/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The answers of the login call as JSON (CONTRACT section 4). They are written
 * straight to text, because every decision needs one. Must not decide.
 */
#ifndef SEKIMORI_LOGIN_PHRASE_H
#define SEKIMORI_LOGIN_PHRASE_H

#include "server/core/policy.h"
#include "server/login_call.h"

/* Sets the call's reply from login->decision. ERR_MEMORY, ERR_CRYPTO. */
enum err login_phrase(struct login_call *login, const struct store *store,
    const struct policy_answer *permit);

#endif
