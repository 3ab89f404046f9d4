/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One authentication between agent and person: BEGIN, then what the agent
 * asks or tells, then its verdict. Passes words along and judges nothing;
 * whatever goes wrong on the way ends in a refusal of some kind.
 */
#ifndef SEKIMORI_DIALOGUE_H
#define SEKIMORI_DIALOGUE_H

#include <security/pam_modules.h>
#include <stdbool.h>

#include "pam_module/caller.h"
#include "pam_module/options.h"
#include "pam_module/situation.h"
#include "pam_module/standing.h"

struct dialogue_request {
	pam_handle_t *pamh;
	const struct options *options;
	const struct caller *caller;
	bool silent; /* PAM_SILENT */
};

/* out_login gets the login's token where the verdict is acceptance and
 * carries one, else is untouched. */
enum situation dialogue_run(const struct dialogue_request *request,
    char out_login[STANDING_LOGIN_BYTES_MAX + 1]);

#endif
