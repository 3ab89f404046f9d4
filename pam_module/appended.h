/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For programs that can answer only once: login password and code in one
 * answer, the code behind. Cuts them apart and hands the rest on to the
 * modules that follow. Must not know whether either is right.
 */
#ifndef SEKIMORI_APPENDED_H
#define SEKIMORI_APPENDED_H

#include <security/pam_modules.h>

#include "shared/err.h"

enum {
	APPENDED_DIGITS_MAX = 8
};

/*
 * Takes PAM_AUTHTOK, or asks if there is none, cuts the last digits bytes
 * off into out if they are all ASCII digits (else out is empty) and leaves
 * what remains as PAM_AUTHTOK. out is a secret. ERR_MEMORY, ERR_IO if the
 * conversation failed, ERR_INVALID for a number of digits that no code has.
 */
enum err appended_cut(pam_handle_t *pamh, const char *prompt, unsigned digits,
    char out[APPENDED_DIGITS_MAX + 1]);

#endif
