/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PAM items in, checked names out. rhost and tty are hints that the policy
 * may use; a malformed one is left out, never repaired.
 */
#include "pam_module/caller.h"

#include <string.h>

static void name_copy(const char *text, char out[NAME_BYTES_MAX + 1])
{
	size_t length = text ? strlen(text) : 0;

	out[0] = '\0';
	if (length == 0 || !text_is_name(text, length))
		return;
	memcpy(out, text, length + 1);
}

static enum err item_copy(
    pam_handle_t *pamh, int which, char out[NAME_BYTES_MAX + 1])
{
	const void *item = NULL;

	if (pam_get_item(pamh, which, &item) != PAM_SUCCESS)
		return ERR_MEMORY;
	name_copy(item, out);
	return ERR_NONE;
}

static enum err user_copy(
    pam_handle_t *pamh, bool may_ask, char out[NAME_BYTES_MAX + 1])
{
	const char *user = NULL;
	int code;

	if (!may_ask)
		return item_copy(pamh, PAM_USER, out);
	code = pam_get_user(pamh, &user, NULL);
	if (code == PAM_BUF_ERR)
		return ERR_MEMORY;
	if (code != PAM_SUCCESS || !user)
		return ERR_IO;
	name_copy(user, out);
	return ERR_NONE;
}

enum err caller_read(pam_handle_t *pamh, bool may_ask, struct caller *out)
{
	struct caller fresh;
	enum err err = user_copy(pamh, may_ask, fresh.user);

	if (err == ERR_NONE)
		err = item_copy(pamh, PAM_SERVICE, fresh.service);
	if (err == ERR_NONE)
		err = item_copy(pamh, PAM_TTY, fresh.tty);
	if (err == ERR_NONE)
		err = item_copy(pamh, PAM_RHOST, fresh.rhost);
	if (err == ERR_NONE)
		*out = fresh;
	return err;
}

bool caller_is_unchanged(pam_handle_t *pamh, const struct caller *caller)
{
	struct caller now;

	return caller_read(pamh, false, &now) == ERR_NONE &&
	       strcmp(now.user, caller->user) == 0 &&
	       strcmp(now.service, caller->service) == 0;
}

void caller_put(const struct caller *caller, struct frame_writer *writer)
{
	frame_put_text(writer, FRAME_USER, caller->user);
	frame_put_text(writer, FRAME_SERVICE, caller->service);
	if (caller->tty[0])
		frame_put_text(writer, FRAME_TTY, caller->tty);
	if (caller->rhost[0])
		frame_put_text(writer, FRAME_RHOST, caller->rhost);
}
