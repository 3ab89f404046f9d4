/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/unlockings.h"

#include <string.h>

static void forget(struct unlockings *unlockings, size_t at)
{
	unlockings->count--;
	memmove(&unlockings->entries[at], &unlockings->entries[at + 1],
	    (unlockings->count - at) * sizeof(unlockings->entries[0]));
}

void unlockings_put(struct unlockings *unlockings,
    const struct unlocking *unlocking, int64_t now_ms)
{
	pthread_mutex_lock(&unlockings->lock);
	if (unlockings->count == UNLOCKINGS_MAX)
		forget(unlockings, 0);
	unlockings->entries[unlockings->count].unlocking = *unlocking;
	unlockings->entries[unlockings->count].due_ms =
	    now_ms + UNLOCKING_WAIT_MS;
	unlockings->count++;
	pthread_mutex_unlock(&unlockings->lock);
}

void unlockings_drop(struct unlockings *unlockings, const char *login)
{
	pthread_mutex_lock(&unlockings->lock);
	for (size_t i = unlockings->count; i > 0; i--)
		if (strcmp(unlockings->entries[i - 1].unlocking.login, login) ==
		    0)
			forget(unlockings, i - 1);
	pthread_mutex_unlock(&unlockings->lock);
}

bool unlockings_take(
    struct unlockings *unlockings, int64_t now_ms, struct unlocking *out)
{
	bool due;

	pthread_mutex_lock(&unlockings->lock);
	due = unlockings->count > 0 && unlockings->entries[0].due_ms <= now_ms;
	if (due) {
		*out = unlockings->entries[0].unlocking;
		forget(unlockings, 0);
	}
	pthread_mutex_unlock(&unlockings->lock);
	return due;
}

int64_t unlockings_due_ms(struct unlockings *unlockings)
{
	int64_t due_ms = INT64_MAX;

	pthread_mutex_lock(&unlockings->lock);
	if (unlockings->count > 0)
		due_ms = unlockings->entries[0].due_ms;
	pthread_mutex_unlock(&unlockings->lock);
	return due_ms;
}
