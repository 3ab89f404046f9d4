/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/card_logins.h"

#include <stdio.h>
#include <string.h>

static bool is_kept(const struct card_logins *logins, size_t at, int64_t now_ms)
{
	return logins->entries[at].login.login[0] != '\0' &&
	       logins->entries[at].until_ms > now_ms;
}

/* A free place, or that of the oldest. */
static size_t find_place(const struct card_logins *logins, int64_t now_ms)
{
	size_t oldest = 0;

	for (size_t i = 0; i < CARD_LOGINS_MAX; i++) {
		if (!is_kept(logins, i, now_ms))
			return i;
		if (logins->entries[i].until_ms <
		    logins->entries[oldest].until_ms)
			oldest = i;
	}
	return oldest;
}

void card_logins_put(
    struct card_logins *logins, const struct card_login *login, int64_t now_ms)
{
	size_t place;

	if (login->login[0] == '\0')
		return;
	pthread_mutex_lock(&logins->lock);
	place = find_place(logins, now_ms);
	logins->entries[place].login = *login;
	logins->entries[place].until_ms = now_ms + CARD_LOGINS_KEEP_MS;
	pthread_mutex_unlock(&logins->lock);
}

/* By name, or by parent and user if there is no name. */
static bool is_wanted(
    const struct card_login *login, const struct card_login *wanted)
{
	if (wanted->login[0] != '\0')
		return strcmp(login->login, wanted->login) == 0;
	return login->parent == wanted->parent &&
	       strcmp(login->user, wanted->user) == 0;
}

static bool take(struct card_logins *logins, const struct card_login *wanted,
    int64_t now_ms, struct card_login *out)
{
	bool found = false;

	pthread_mutex_lock(&logins->lock);
	for (size_t i = 0; i < CARD_LOGINS_MAX && !found; i++) {
		if (!is_kept(logins, i, now_ms) ||
		    !is_wanted(&logins->entries[i].login, wanted))
			continue;
		*out = logins->entries[i].login;
		memset(&logins->entries[i], 0, sizeof(logins->entries[i]));
		found = true;
	}
	pthread_mutex_unlock(&logins->lock);
	return found;
}

bool card_logins_take(struct card_logins *logins, const char *name,
    int64_t now_ms, struct card_login *out)
{
	struct card_login wanted = {0};

	snprintf(wanted.login, sizeof(wanted.login), "%s", name);
	return *name != '\0' && take(logins, &wanted, now_ms, out);
}

bool card_logins_take_of_child(struct card_logins *logins, pid_t parent,
    const char *user, int64_t now_ms, struct card_login *out)
{
	struct card_login wanted = {.parent = parent};

	snprintf(wanted.user, sizeof(wanted.user), "%s", user);
	return parent > 0 && take(logins, &wanted, now_ms, out);
}
