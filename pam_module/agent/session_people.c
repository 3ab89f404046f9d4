/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/session_people.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pam_module/agent/session_people_file.h"
#include "pam_module/agent/unlockings.h"
#include "shared/log.h"

struct session_people {
	const char *directory;
	struct unlockings unlockings;
	pthread_mutex_t lock; /* over what follows */
	bool changed;         /* and not written down */
	size_t count;
	struct session_person items[SESSION_PEOPLE_MAX]; /* the oldest first */
	struct session_person kept[SESSION_PEOPLE_MAX];  /* being written */
};

enum err session_people_new(const char *directory, struct session_people **out)
{
	struct session_people *people = calloc(1, sizeof(*people));
	enum err err;

	if (!people)
		return ERR_MEMORY;
	people->directory = directory;
	pthread_mutex_init(&people->lock, NULL);
	pthread_mutex_init(&people->unlockings.lock, NULL);
	err = session_people_read(directory, people->items, &people->count);
	if (err != ERR_NONE)
		log_line(LOG_ERR,
		    "who is in which session cannot be read: of shared "
		    "accounts it is not known who is logged in",
		    LOG_TEXT("error", err_text(err)));
	*out = people;
	return ERR_NONE;
}

void session_people_free(struct session_people *people)
{
	if (!people)
		return;
	pthread_mutex_destroy(&people->unlockings.lock);
	pthread_mutex_destroy(&people->lock);
	free(people);
}

struct unlockings *session_people_unlockings(struct session_people *people)
{
	return &people->unlockings;
}

static void forget(struct session_people *people, size_t at)
{
	people->count--;
	memmove(&people->items[at], &people->items[at + 1],
	    (people->count - at) * sizeof(people->items[0]));
	people->changed = true;
}

/* Nothing new: the session is somebody's, or he is in it already. */
static bool is_known(
    const struct session_people *people, const struct session_person *person)
{
	for (size_t i = 0; i < people->count; i++) {
		const struct session_person *other = &people->items[i];

		if (strcmp(other->session, person->session) != 0)
			continue;
		if (other->guest == 0 && person->guest == 0)
			return true;
		if (other->guest == 0 &&
		    strcmp(other->person, person->person) == 0)
			return true;
	}
	return false;
}

/* Whoever unlocks takes the place of who did before. */
static void end_unlocked(
    struct session_people *people, const struct session_person *person)
{
	for (size_t i = people->count; i > 0; i--)
		if (people->items[i - 1].guest < 0 &&
		    strcmp(people->items[i - 1].session, person->session) == 0)
			forget(people, i - 1);
}

void session_people_add(
    struct session_people *people, const struct session_person *person)
{
	pthread_mutex_lock(&people->lock);
	if (person->guest < 0)
		end_unlocked(people, person);
	if (!is_known(people, person)) {
		if (people->count == SESSION_PEOPLE_MAX)
			forget(people, 0);
		people->items[people->count++] = *person;
		people->changed = true;
	}
	pthread_mutex_unlock(&people->lock);
}

void session_people_end_guest(struct session_people *people, pid_t guest)
{
	pthread_mutex_lock(&people->lock);
	for (size_t i = people->count; i > 0; i--)
		if (people->items[i - 1].guest == guest)
			forget(people, i - 1);
	pthread_mutex_unlock(&people->lock);
}

size_t session_people_of(struct session_people *people, const char *session,
    struct session_person out[SESSION_PEOPLE_EACH_MAX])
{
	size_t count = 0;

	pthread_mutex_lock(&people->lock);
	for (size_t i = 0; i < people->count && count < SESSION_PEOPLE_EACH_MAX;
	     i++)
		if (strcmp(people->items[i].session, session) == 0)
			out[count++] = people->items[i];
	pthread_mutex_unlock(&people->lock);
	return count;
}

/* A number that came round keeps a guest for a while longer. */
static bool is_gone(const struct session_person *person)
{
	return person->guest > 0 && kill(person->guest, 0) != 0 &&
	       errno == ESRCH;
}

void session_people_tidy(struct session_people *people,
    bool (*exists)(void *context, const char *session), void *context)
{
	enum err err = ERR_NONE;
	size_t count = 0;
	bool changed;

	pthread_mutex_lock(&people->lock);
	for (size_t i = people->count; i > 0; i--)
		if (is_gone(&people->items[i - 1]) ||
		    !exists(context, people->items[i - 1].session))
			forget(people, i - 1);
	changed = people->changed;
	people->changed = false;
	if (changed) {
		count = people->count;
		memcpy(people->kept, people->items,
		    count * sizeof(people->items[0]));
	}
	pthread_mutex_unlock(&people->lock);
	if (changed)
		err = session_people_write(
		    people->directory, people->kept, count);
	if (err != ERR_NONE)
		log_line(LOG_ERR,
		    "who is in which session cannot be written down: a "
		    "restart of the agent would forget it",
		    LOG_TEXT("error", err_text(err)));
}
