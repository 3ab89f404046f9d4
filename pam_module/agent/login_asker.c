/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/login_asker.h"

#include <string.h>

void login_asker_note(const struct caller *caller,
    const struct secret *session_key, struct login_asker *out)
{
	struct process self;

	memset(out, 0, sizeof(*out));
	if (process_read(caller->pid, &self) != ERR_NONE)
		return;
	out->self = self.id;
	(void)process_identify(self.parent, &out->parent);
	if (caller_session(&self, session_key, out->session) != ERR_NONE)
		out->session[0] = '\0';
}

/* Set-uid programs have their starter's uid (su) or root's (sudo); then it is
 * that of the process which started them. */
static enum err find_starter(const struct process *self, uid_t *out)
{
	struct process parent;
	enum err err = ERR_NONE;

	*out = self->uid;
	if (self->uid == 0)
		err = process_read(self->parent, &parent);
	if (err == ERR_NONE && self->uid == 0)
		*out = parent.uid;
	return err;
}

bool login_asker_may_have_grace(
    const struct caller *caller, const char *user, const char *tty)
{
	struct process self;
	uid_t starter = (uid_t)-1;

	return caller->is_root && tty[0] != '\0' &&
	       process_read(caller->pid, &self) == ERR_NONE &&
	       strcmp(self.tty, tty) == 0 &&
	       find_starter(&self, &starter) == ERR_NONE &&
	       caller_is_account(starter, user);
}

bool login_asker_has_opened(
    const struct login_asker *then, const struct login_asker *now)
{
	return now->session[0] != '\0' &&
	       strcmp(now->session, then->session) != 0 &&
	       (process_is_same(&now->self, &then->self) ||
		   process_is_same(&now->self, &then->parent));
}
