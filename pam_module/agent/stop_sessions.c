/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/stop_sessions.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pam_module/agent/steady.h"
#include "pam_module/agent/unlockings.h"
#include "shared/log.h"

enum {
	FAILURES_A_LINE = 40, /* one line in the log for so many */
};

struct open_session {
	struct logind_open open;
	char person[NAME_BYTES_MAX + 1]; /* who is stopped; may be empty */
	bool stopped;
	bool is_due; /* to be locked or ended now, or again */
	bool is_told;
	int64_t again_ms;
	unsigned failures; /* of logind, in a row */
};

struct stop_sessions {
	const struct stop_setup *setup;
	struct open_session *items;
	size_t count;
	bool told_of_more;
	atomic_bool holds;
};

enum err stop_sessions_new(
    const struct stop_setup *setup, struct stop_sessions **out)
{
	struct stop_sessions *sessions = calloc(1, sizeof(*sessions));

	if (!sessions)
		return ERR_MEMORY;
	sessions->setup = setup;
	*out = sessions;
	return ERR_NONE;
}

void stop_sessions_free(struct stop_sessions *sessions)
{
	if (!sessions)
		return;
	free(sessions->items);
	free(sessions);
}

static struct open_session *find(
    const struct stop_sessions *sessions, const char *id)
{
	for (size_t i = 0; i < sessions->count; i++)
		if (strcmp(sessions->items[i].open.id, id) == 0)
			return &sessions->items[i];
	return NULL;
}

static void tell_of_more(struct stop_sessions *sessions, bool more)
{
	if (more && !sessions->told_of_more)
		log_line(LOG_ALERT,
		    "so many sessions are open that a freeze would not lock "
		    "them all",
		    LOG_NUMBER("locked", LOGIND_SESSIONS_MAX));
	sessions->told_of_more = more;
}

/* Those that were there before keep what is known of them. */
static enum err refresh(struct stop_sessions *sessions)
{
	struct logind_open *listed = NULL;
	struct open_session *items = NULL;
	size_t count = 0;
	bool more = false;
	enum err err = sessions->setup->list(&listed, &count, &more);

	if (err != ERR_NONE)
		return err;
	items = calloc(count + 1, sizeof(*items));
	for (size_t i = 0; items && i < count; i++) {
		const struct open_session *known = find(sessions, listed[i].id);

		if (known)
			items[i] = *known;
		items[i].open = listed[i];
	}
	free(listed);
	if (!items)
		return ERR_MEMORY;
	free(sessions->items);
	sessions->items = items;
	sessions->count = count;
	tell_of_more(sessions, more);
	/* Not by this list: a session may have opened since. */
	session_people_tidy(sessions->setup->people,
	    sessions->setup->logind.exists, sessions->setup->logind.context);
	return ERR_NONE;
}

bool stop_sessions_are_others(struct stop_sessions *sessions)
{
	struct logind_open *listed = NULL;
	size_t count = 0;
	bool more = false, others = false;

	if (sessions->setup->list(&listed, &count, &more) != ERR_NONE)
		return true;
	for (size_t i = 0; i < count && !others; i++)
		others = find(sessions, listed[i].id) == NULL;
	free(listed);
	return others;
}

/* NULL: none, or several. */
static const struct logind_open *find_desktop(
    const struct logind_open *listed, size_t count, const char *user)
{
	const struct logind_open *found = NULL;

	for (size_t i = 0; i < count; i++) {
		if (!listed[i].is_graphical ||
		    strcmp(listed[i].user, user) != 0)
			continue;
		if (found)
			return NULL;
		found = &listed[i];
	}
	return found;
}

static bool settle(const struct stop_sessions *sessions,
    const struct unlocking *unlocking, const struct logind_open *listed,
    size_t count)
{
	const struct logind_open *desktop =
	    find_desktop(listed, count, unlocking->user);
	struct session_person person = {.guest = -1};

	if (!desktop)
		return false;
	memcpy(person.session, desktop->id, sizeof(person.session));
	memcpy(person.user, unlocking->user, sizeof(person.user));
	memcpy(person.person, unlocking->person, sizeof(person.person));
	session_people_add(sessions->setup->people, &person);
	return true;
}

bool stop_sessions_settle(struct stop_sessions *sessions)
{
	struct unlockings *unlockings =
	    session_people_unlockings(sessions->setup->people);
	struct logind_open *listed = NULL;
	struct unlocking unlocking;
	size_t count = 0;
	bool more = false, moved = false;

	if (unlockings_due_ms(unlockings) > steady_ms())
		return false;
	if (sessions->setup->list(&listed, &count, &more) != ERR_NONE)
		count = 0;
	while (unlockings_take(unlockings, steady_ms(), &unlocking))
		moved = settle(sessions, &unlocking, listed, count) || moved;
	free(listed);
	return moved;
}

/* --- asking --------------------------------------------------------------- */

/* One session's questions: who opened it, and each guest. */
struct asked {
	struct session_person people[SESSION_PEOPLE_EACH_MAX];
	size_t count;
	size_t first; /* question */
	size_t questions;
};

static size_t add_questions(const struct open_session *item,
    struct asked *asked, struct stop_question *questions, size_t used)
{
	struct stop_question *opener = &questions[used];

	asked->first = used;
	opener->user = item->open.user;
	asked->questions = 1;
	for (size_t i = 0; i < asked->count; i++) {
		const struct session_person *person = &asked->people[i];

		if (person->guest == 0)
			opener->person = person->person;
		else
			questions[used + asked->questions++] =
			    (struct stop_question){
				.user = person->user, .person = person->person};
	}
	return used + asked->questions;
}

static void judge(struct open_session *item, const struct asked *asked,
    const struct stop_question *questions)
{
	const struct stop_question *stopped = NULL;

	for (size_t i = asked->questions; i > 0; i--)
		if (questions[asked->first + i - 1].stopped)
			stopped = &questions[asked->first + i - 1];
	item->stopped = stopped != NULL;
	item->is_due = item->stopped;
	if (!item->stopped) {
		item->is_told = false;
		return;
	}
	snprintf(item->person, sizeof(item->person), "%s",
	    stopped->person ? stopped->person : "");
}

static enum err ask_server(struct stop_sessions *sessions, struct asked *asked,
    struct stop_question *questions, char out_number[STOP_NUMBER_SIZE])
{
	size_t used = 0;
	bool holds = false;
	enum err err;

	for (size_t i = 0; i < sessions->count; i++) {
		struct open_session *item = &sessions->items[i];

		asked[i].count = session_people_of(
		    sessions->setup->people, item->open.id, asked[i].people);
		used = add_questions(item, &asked[i], questions, used);
	}
	err = stop_ask(&sessions->setup->ask, questions, used, out_number);
	if (err != ERR_NONE)
		return err;
	for (size_t i = 0; i < sessions->count; i++) {
		judge(&sessions->items[i], &asked[i], questions);
		holds = holds || sessions->items[i].stopped;
	}
	atomic_store(&sessions->holds, holds);
	return ERR_NONE;
}

enum err stop_sessions_ask(
    struct stop_sessions *sessions, char out_number[STOP_NUMBER_SIZE])
{
	struct stop_question *questions = NULL;
	struct asked *asked = NULL;
	enum err err = refresh(sessions);

	if (err != ERR_NONE)
		return err;
	asked = calloc(sessions->count + 1, sizeof(*asked));
	questions = calloc(sessions->count * (1 + SESSION_PEOPLE_EACH_MAX) + 1,
	    sizeof(*questions));
	err = asked && questions
		  ? ask_server(sessions, asked, questions, out_number)
		  : ERR_MEMORY;
	free(questions);
	free(asked);
	return err;
}

bool stop_sessions_hold(struct stop_sessions *sessions)
{
	return atomic_load(&sessions->holds);
}

/* --- acting --------------------------------------------------------------- */

static bool is_left(
    const struct stop_sessions *sessions, const struct open_session *item)
{
	return !item->open.is_graphical &&
	       sessions->setup->text == STOP_TEXT_LEAVE;
}

static void log_session(
    int level, const char *what, const struct open_session *item, enum err err)
{
	log_line(level, what, LOG_TEXT("session", item->open.id),
	    LOG_TEXT("user", item->open.user), LOG_TEXT("person", item->person),
	    LOG_TEXT("service", item->open.service),
	    LOG_TEXT("reason", "frozen"),
	    LOG_TEXT("error", err == ERR_NONE ? "" : err_text(err)));
}

static const char *words_of(const char *event)
{
	if (strcmp(event, "left_open") == 0)
		return "session left open, as agent.conf says";
	return strcmp(event, "locked") == 0 ? "session locked"
					    : "session ended";
}

/* The first time. */
static void tell(struct stop_sessions *sessions, struct open_session *item,
    const char *event)
{
	struct session session = {0};

	if (item->is_told)
		return;
	item->is_told = true;
	log_session(LOG_NOTICE, words_of(event), item, ERR_NONE);
	memcpy(session.user, item->open.user, sizeof(session.user));
	memcpy(session.person, item->person, sizeof(session.person));
	memcpy(session.service, item->open.service, sizeof(session.service));
	memcpy(session.tty, item->open.tty, sizeof(session.tty));
	/* logind may not know it; the server must be told something. */
	if (session.service[0] == '\0')
		memcpy(session.service, "logind", sizeof("logind"));
	sessions->setup->tell(sessions->setup->tell_context, &session, event);
}

static void done(struct stop_sessions *sessions, struct open_session *item)
{
	item->is_due = false;
	item->failures = 0;
	item->again_ms = 0;
	tell(sessions, item, item->open.is_graphical ? "locked" : "logged_out");
}

static void leave(struct stop_sessions *sessions, struct open_session *item)
{
	item->is_due = false;
	tell(sessions, item, "left_open");
}

static void act(struct stop_sessions *sessions, struct open_session *item)
{
	const struct seat_logind *logind = &sessions->setup->logind;
	enum err err = item->open.is_graphical
			   ? logind->lock(logind->context, item->open.id)
			   : logind->end(logind->context, item->open.id);

	if (err == ERR_NONE) {
		done(sessions, item);
	} else if (err == ERR_NOT_FOUND) {
		item->is_due = false;
	} else {
		item->again_ms = steady_ms() + STOP_RETRY_MS;
		if (item->failures++ % FAILURES_A_LINE == 0)
			log_session(LOG_ALERT,
			    "frozen, and logind does not act on the session; "
			    "trying again",
			    item, err);
	}
}

void stop_sessions_act(struct stop_sessions *sessions)
{
	for (size_t i = 0; i < sessions->count; i++) {
		struct open_session *item = &sessions->items[i];

		if (!item->is_due || steady_ms() < item->again_ms)
			continue;
		if (is_left(sessions, item))
			leave(sessions, item);
		else
			act(sessions, item);
	}
}

int64_t stop_sessions_due_ms(const struct stop_sessions *sessions)
{
	int64_t due_ms = unlockings_due_ms(
	    session_people_unlockings(sessions->setup->people));

	for (size_t i = 0; i < sessions->count; i++)
		if (sessions->items[i].is_due &&
		    sessions->items[i].again_ms < due_ms)
			due_ms = sessions->items[i].again_ms;
	return due_ms;
}
