/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/stop_session.h"

#include <stdio.h>
#include <string.h>

#include "pam_module/agent/logind.h"

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

void stop_session_unlocked(struct stop *stop, struct session_people *people,
    const char *user, const char *person, pid_t caller)
{
	struct session_person unlocking = {.guest = -1};

	if (*person == '\0' ||
	    logind_session_id(caller, unlocking.session) != ERR_NONE ||
	    !is_account_s(unlocking.session, user))
		return;
	snprintf(unlocking.user, sizeof(unlocking.user), "%s", user);
	snprintf(unlocking.person, sizeof(unlocking.person), "%s", person);
	session_people_add(people, &unlocking);
	stop_look(stop);
}
