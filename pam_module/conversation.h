/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Speaking with the person through the application's conversation function.
 * Treats that function as hostile: it may fail, answer with nothing or with
 * far too much. Must not know what is asked or why.
 */
#ifndef SEKIMORI_CONVERSATION_H
#define SEKIMORI_CONVERSATION_H

#include <security/pam_modules.h>

#include "shared/err.h"

enum conversation_echo {
	CONVERSATION_SILENT = 0,
	CONVERSATION_ECHO
};

/* Asks. The answer, a secret of any length, is the caller's to
 * give to conversation_forget. ERR_IO if there is none: a missing answer is
 * a failure and never an empty one. */
enum err conversation_ask(pam_handle_t *pamh, enum conversation_echo echo,
    const char *prompt, char **out);

/* Shows one line; style is PAM_TEXT_INFO or PAM_ERROR_MSG. That nobody saw
 * it changes nothing. */
void conversation_tell(pam_handle_t *pamh, int style, const char *text);

/* Wipes, frees and sets to NULL. NULL inside is fine. */
void conversation_forget(char **answer);

#endif
