/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is written down of a login call's decision, in the transaction that
 * carries it out. Must not decide, and must not keep what a stranger typed.
 */
#ifndef SEKIMORI_LOGIN_RECORD_H
#define SEKIMORI_LOGIN_RECORD_H

#include "server/core/policy.h"
#include "server/login_call.h"

/* token_serial: of the token that let in, or NULL. astray_serial: of the one
 * that is probably out of step, or NULL. */
enum err login_record(struct login_call *login, struct store *store,
    const struct policy_answer *permit, const char *token_serial,
    const char *astray_serial);

#endif
