/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Codes in admin commands: judged, charged and spent by the same decision as a
 * login's. No command compares a code itself.
 */
#ifndef SEKIMORI_ADMIN_CODE_H
#define SEKIMORI_ADMIN_CODE_H

#include "server/api_admin.h"

enum admin_code_use {
	ADMIN_CODE_SHOWS, /* that the token is in hand */
	ADMIN_CODE_LENDS, /* the same, unless one-time codes are disabled */
	ADMIN_CODE_BINDS, /* the factor too: admin_bind_factor comes next */
};

/*
 * Whether the request's code, or the two in a row of it, are this token's;
 * person is charged. Otherwise refuses. On success drift and last use are in
 * *token.
 */
enum err admin_try_code(struct admin_job *job, struct store *store,
    const struct person *person, struct token *token, enum admin_code_use use,
    bool *out_good);

/* One-time codes of this person are good from now on, whatever they were. */
enum err admin_bind_factor(
    struct admin_job *job, struct store *store, struct person *person);
/* The first authenticator a person ever had. */
enum err admin_note_enrolled(
    struct admin_job *job, struct store *store, struct person *person);

/* What of the request's code counts: no spaces. */
void admin_take_code(const char *text, struct secret *out);

#endif
