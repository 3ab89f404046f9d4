/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/seat_watcher.h"

#include "pam_module/agent/card_watch.h"

static enum err start(void *context, const unsigned char key[CARD_HASH_BYTES],
    struct card_watch **out)
{
	const struct card_child *child = context;

	return card_watch_start(child, key, out);
}

static bool take(
    struct card_watch *watch, unsigned *out_beats, enum seat_reason *out_reason)
{
	if (card_watch_take(watch, out_beats))
		return true;
	*out_reason = card_watch_saw_it_leave(watch) ? SEAT_CARD_REMOVED
						     : SEAT_WATCHER_FAILED;
	return false;
}

struct seat_watcher seat_watcher_of(const struct card_child *child)
{
	return (struct seat_watcher){.start = start,
	    .fd = card_watch_fd,
	    .take = take,
	    .stop = card_watch_stop,
	    .context = (void *)(uintptr_t)child,
	    .first_beat_ms = SEAT_FIRST_BEAT_MS,
	    .silence_ms = CARD_WATCH_SILENCE_MS,
	    .look_ms = SEAT_LOOK_MS};
}
