/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/accepted_logins.h"

#include <stdio.h>
#include <string.h>

static bool is_kept(
    const struct accepted_logins *logins, size_t at, int64_t now_ms)
{
	return logins->entries[at].login.login[0] != '\0' &&
	       logins->entries[at].until_ms > now_ms;
}

/* Those by card are missed most. */
static bool goes_before(
    const struct accepted_logins *logins, size_t one, size_t other)
{
	bool one_by_card = logins->entries[one].login.by_card;

	if (one_by_card != logins->entries[other].login.by_card)
		return !one_by_card;
	return logins->entries[one].until_ms < logins->entries[other].until_ms;
}

/* A free place, or that of the first to go. */
static size_t find_place(const struct accepted_logins *logins, int64_t now_ms)
{
	size_t first = 0;

	for (size_t i = 0; i < ACCEPTED_LOGINS_MAX; i++) {
		if (!is_kept(logins, i, now_ms))
			return i;
		if (goes_before(logins, i, first))
			first = i;
	}
	return first;
}

void accepted_logins_put(struct accepted_logins *logins,
    const struct accepted_login *login, int64_t now_ms)
{
	size_t place;

	if (login->login[0] == '\0')
		return;
	pthread_mutex_lock(&logins->lock);
	place = find_place(logins, now_ms);
	logins->entries[place].login = *login;
	logins->entries[place].until_ms = now_ms + ACCEPTED_LOGINS_KEEP_MS;
	pthread_mutex_unlock(&logins->lock);
}

/* By name, or by parent and user if there is no name. */
static bool is_wanted(
    const struct accepted_login *login, const struct accepted_login *wanted)
{
	if (wanted->login[0] != '\0')
		return strcmp(login->login, wanted->login) == 0;
	return process_is_same(&login->asker.parent, &wanted->asker.parent) &&
	       strcmp(login->user, wanted->user) == 0;
}

static bool take(struct accepted_logins *logins,
    const struct accepted_login *wanted, int64_t now_ms,
    struct accepted_login *out)
{
	size_t found = ACCEPTED_LOGINS_MAX;

	pthread_mutex_lock(&logins->lock);
	for (size_t i = 0; i < ACCEPTED_LOGINS_MAX; i++)
		if (is_kept(logins, i, now_ms) &&
		    is_wanted(&logins->entries[i].login, wanted) &&
		    (found == ACCEPTED_LOGINS_MAX ||
			logins->entries[i].until_ms >
			    logins->entries[found].until_ms))
			found = i;
	if (found < ACCEPTED_LOGINS_MAX) {
		*out = logins->entries[found].login;
		memset(
		    &logins->entries[found], 0, sizeof(logins->entries[found]));
	}
	pthread_mutex_unlock(&logins->lock);
	return found < ACCEPTED_LOGINS_MAX;
}

bool accepted_logins_take(struct accepted_logins *logins, const char *name,
    int64_t now_ms, struct accepted_login *out)
{
	struct accepted_login wanted = {0};

	snprintf(wanted.login, sizeof(wanted.login), "%s", name);
	return *name != '\0' && take(logins, &wanted, now_ms, out);
}

bool accepted_logins_take_of_child(struct accepted_logins *logins,
    const struct process_id *parent, const char *user, int64_t now_ms,
    struct accepted_login *out)
{
	struct accepted_login wanted = {.asker = {.parent = *parent}};

	snprintf(wanted.user, sizeof(wanted.user), "%s", user);
	return take(logins, &wanted, now_ms, out);
}
