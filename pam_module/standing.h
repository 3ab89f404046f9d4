/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the last authentication in this PAM handle came to, for the account,
 * credential and session calls that follow it. Lives in the handle as PAM
 * data: lockers keep one handle for days, so each new authentication first
 * takes back what the one before had won.
 */
#ifndef SEKIMORI_STANDING_H
#define SEKIMORI_STANDING_H

#include "pam_module/caller.h"

enum standing {
	STANDING_REFUSED = 0,
	STANDING_ACCEPTED,
	STANDING_PASSED_OVER, /* exempt or nullok: nothing was proven */
	STANDING_NONE,        /* no authentication here for this caller */
};

enum {
	STANDING_LOGIN_BYTES_MAX = 255
};

struct standing_record {
	struct caller caller;
	enum standing standing;
	char login[STANDING_LOGIN_BYTES_MAX + 1]; /* the server's token */
};

/* The handle's record, set to a refusal of nobody; made if there is none.
 * NULL if memory is short. It belongs to the handle. */
struct standing_record *standing_reset(pam_handle_t *pamh);

/* The record if the last authentication was for this user and service,
 * else NULL. */
const struct standing_record *standing_find(
    pam_handle_t *pamh, const struct caller *caller);

/* As standing_find, STANDING_NONE where that is NULL. */
enum standing standing_of(pam_handle_t *pamh, const struct caller *caller);

#endif
