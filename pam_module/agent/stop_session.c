/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/stop_session.h"

#include <stdio.h>
#include <string.h>

#include "pam_module/agent/logind.h"
#include "pam_module/agent/steady.h"
#include "pam_module/agent/unlockings.h"

/* Also logins that are in no control group of the session they lead. */
static enum err find_session(pid_t caller, char out[SEAT_SESSION_SIZE])
{
	struct logind_session where = {0};
	enum err err = logind_session_id(caller, out);

	if (err == ERR_NONE)
		return ERR_NONE;
	err = logind_session_of(caller, &where);
	if (err == ERR_NONE)
		memcpy(out, where.id, sizeof(where.id));
	return err;
}

static bool is_account_s(const char *session, const char *user)
{
	char owner[NAME_BYTES_MAX + 1];

	return logind_user_of(session, owner) == ERR_NONE &&
	       strcmp(owner, user) == 0;
}

void stop_session_opened(struct stop *stop, struct session_people *people,
    const struct session *session, pid_t caller)
{
	struct session_person person = {.guest = caller};

	if (session->login[0] != '\0')
		unlockings_drop(
		    session_people_unlockings(people), session->login);
	if (session->person[0] != '\0' &&
	    find_session(caller, person.session) == ERR_NONE) {
		memcpy(person.user, session->user, sizeof(person.user));
		memcpy(person.person, session->person, sizeof(person.person));
		if (is_account_s(person.session, person.user))
			person.guest = 0;
		session_people_add(people, &person);
		/* Somebody has it already: a guest with the same account. */
		if (person.guest == 0) {
			person.guest = caller;
			session_people_add(people, &person);
		}
	}
	stop_look(stop);
}

/* The process's own guest, or of an account's own login its opener. */
static void tell_person(struct session_people *people, struct session *session,
    const char *id, pid_t caller)
{
	struct session_person found[SESSION_PEOPLE_EACH_MAX];
	size_t count = session_people_of(people, id, found);

	for (size_t i = 0; i < count; i++)
		if (strcmp(found[i].user, session->user) == 0 &&
		    (found[i].guest == caller ||
			(found[i].guest == 0 && session->person[0] == '\0')))
			memcpy(session->person, found[i].person,
			    sizeof(session->person));
}

void stop_session_closed(
    struct session_people *people, struct session *session, pid_t caller)
{
	char id[SEAT_SESSION_SIZE];

	if (find_session(caller, id) == ERR_NONE)
		tell_person(people, session, id, caller);
	session_people_end_guest(people, caller);
}

static void unlock_own(struct session_people *people,
    const struct accepted_login *login, const char *session)
{
	struct session_person unlocking = {.guest = -1};

	if (!is_account_s(session, login->user))
		return;
	memcpy(unlocking.session, session, strlen(session) + 1);
	memcpy(unlocking.user, login->user, sizeof(unlocking.user));
	memcpy(unlocking.person, login->person, sizeof(unlocking.person));
	session_people_add(people, &unlocking);
}

static void put_aside(
    struct session_people *people, const struct accepted_login *login)
{
	struct unlocking unlocking = {0};

	memcpy(unlocking.login, login->login, sizeof(unlocking.login));
	memcpy(unlocking.user, login->user, sizeof(unlocking.user));
	memcpy(unlocking.person, login->person, sizeof(unlocking.person));
	unlockings_put(
	    session_people_unlockings(people), &unlocking, steady_ms());
}

/* root's in a session are su and sudo, which report what they open. */
void stop_session_accepted(struct stop *stop, struct session_people *people,
    const struct accepted_login *login, const struct caller *caller)
{
	char session[SEAT_SESSION_SIZE];
	bool in_session = logind_session_id(caller->pid, session) == ERR_NONE;

	if (login->person[0] == '\0' || in_session == caller->is_root)
		return;
	if (in_session)
		unlock_own(people, login, session);
	else
		put_aside(people, login);
	stop_look(stop);
}
