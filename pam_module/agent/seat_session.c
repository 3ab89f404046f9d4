/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/seat_session.h"

#include <string.h>

#include "pam_module/agent/logind.h"
#include "pam_module/agent/steady.h"
#include "shared/log.h"

static void tell(int level, const char *what, const struct session *session,
    const char *id, const char *why)
{
	log_line(level, what, LOG_TEXT("session", id),
	    LOG_TEXT("user", session->user),
	    LOG_TEXT("service", session->service), LOG_TEXT("error", why));
}

static void tell_watched(const struct session *session,
    const struct logind_session *where, enum card_removed removed)
{
	if (where->is_text_console && removed == CARD_REMOVED_LOCK)
		tell(LOG_WARNING,
		    "session watched, but a text console has nothing that "
		    "locks: the policy should say card_removed=logout",
		    session, where->id, "");
	else
		tell(LOG_INFO, "session watched", session, where->id, "");
}

static void bind_seat(struct seats *seats, const struct accepted_login *by_card,
    const struct session *session, const struct logind_session *where)
{
	struct seat seat = {.removed = by_card->removed, .opened = *session};
	enum err err;

	memcpy(seat.session, where->id, sizeof(seat.session));
	memcpy(seat.key, by_card->key, sizeof(seat.key));
	err = seats_bind(seats, &seat);
	if (err == ERR_NONE || err == ERR_IO)
		tell_watched(session, where, by_card->removed);
	else if (err != ERR_EXISTS)
		tell(LOG_ALERT,
		    "session opened by card cannot be watched: its card's "
		    "leaving will not lock it",
		    session, where->id, err_text(err));
}

static bool take_login(struct accepted_logins *logins, struct session *session,
    pid_t caller, struct accepted_login *out)
{
	int64_t now_ms = steady_ms();
	struct process process;
	bool found;

	if (session->login[0] != '\0')
		found =
		    accepted_logins_take(logins, session->login, now_ms, out);
	else
		found = process_read(caller, &process) == ERR_NONE &&
			accepted_logins_take_of_child(
			    logins, &process.id, session->user, now_ms, out);
	if (!found)
		return false;
	memcpy(session->login, out->login, sizeof(session->login));
	memcpy(session->person, out->person, sizeof(session->person));
	session->asker = out->asker;
	return true;
}

void seat_session_opened(struct seats *seats, struct accepted_logins *logins,
    struct session *session, pid_t caller)
{
	struct logind_session where = {0};
	struct accepted_login accepted;
	enum err err;

	if (!take_login(logins, session, caller, &accepted) ||
	    !accepted.by_card || accepted.removed == CARD_REMOVED_NOTHING)
		return;
	err = logind_session_of(caller, &where);
	if (err == ERR_NOT_FOUND)
		tell(LOG_NOTICE,
		    "opened by card, but in no session of logind: not watched",
		    session, "", "");
	else if (err != ERR_NONE)
		tell(LOG_ALERT,
		    "logind does not say which session was opened by card: its "
		    "card's leaving will not lock it",
		    session, "", err_text(err));
	else if (where.is_leader)
		bind_seat(seats, &accepted, session, &where);
}

void seat_session_unlocked(struct seats *seats,
    const struct accepted_login *by_card, bool by_root, pid_t caller)
{
	struct seat to = {.removed = by_card->removed};
	bool in_session = logind_session_id(caller, to.session) == ERR_NONE;

	if (!by_card->by_card || in_session == by_root)
		return;
	if (!in_session)
		to.session[0] = '\0';
	memcpy(to.key, by_card->key, sizeof(to.key));
	memcpy(to.opened.user, by_card->user, sizeof(to.opened.user));
	memcpy(to.opened.person, by_card->person, sizeof(to.opened.person));
	memcpy(to.opened.login, by_card->login, sizeof(to.opened.login));
	seats_hand_over(seats, &to);
}

void seat_session_closed(struct seats *seats, pid_t caller)
{
	struct logind_session where = {0};

	/* Most are none of ours. Those that end otherwise are found by their
	 * absence. */
	if (logind_session_id(caller, where.id) != ERR_NONE ||
	    !seats_watch(seats, where.id))
		return;
	if (logind_session_of(caller, &where) == ERR_NONE && where.is_leader)
		seats_release(seats, where.id);
}
