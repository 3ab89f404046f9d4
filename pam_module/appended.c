/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One copy of what was typed lives here between conversation and
 * PAM_AUTHTOK; libpam wipes the item, this file wipes the copy.
 */
#include "pam_module/appended.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "pam_module/conversation.h"

static enum err typed_get(pam_handle_t *pamh, const char *prompt, char **out)
{
	const void *item = NULL;

	if (pam_get_item(pamh, PAM_AUTHTOK, &item) != PAM_SUCCESS)
		return ERR_MEMORY;
	if (!item)
		return conversation_ask(pamh, CONVERSATION_SILENT, prompt, out);
	*out = strdup(item);
	return *out ? ERR_NONE : ERR_MEMORY;
}

static bool ends_in_digits(const char *typed, size_t length, unsigned digits)
{
	if (length < digits)
		return false;
	for (unsigned i = 1; i <= digits; i++)
		if (typed[length - i] < '0' || typed[length - i] > '9')
			return false;
	return true;
}

enum err appended_cut(pam_handle_t *pamh, const char *prompt, unsigned digits,
    char out[APPENDED_DIGITS_MAX + 1])
{
	char code[APPENDED_DIGITS_MAX + 1] = "";
	enum err err;
	char *typed = NULL;
	size_t length;

	if (digits == 0 || digits > APPENDED_DIGITS_MAX)
		return ERR_INVALID;
	err = typed_get(pamh, prompt, &typed);
	if (err != ERR_NONE)
		goto out;
	length = strlen(typed);
	if (ends_in_digits(typed, length, digits)) {
		memcpy(code, typed + length - digits, digits);
		explicit_bzero(typed + length - digits, digits);
	}
	if (pam_set_item(pamh, PAM_AUTHTOK, typed) != PAM_SUCCESS) {
		err = ERR_MEMORY;
		goto out;
	}
	memcpy(out, code, sizeof(code));
out:
	explicit_bzero(code, sizeof(code));
	conversation_forget(&typed);
	return err;
}
