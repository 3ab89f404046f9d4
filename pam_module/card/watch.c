/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/card/watch.h"

#include <poll.h>
#include <time.h>
#include <unistd.h>

#include "pam_module/agent/card_watch.h"
#include "pam_module/card/find.h"
#include "pam_module/card/wire.h"

enum {
	/* One look at the token; beyond it the process ends by SIGALRM. */
	LOOK_S_MAX = 2,
};

static bool tell(int fd, enum card_presence presence)
{
	const unsigned char byte =
	    presence == CARD_PRESENT ? WIRE_BEAT : WIRE_GONE;

	return write(fd, &byte, 1) == 1;
}

/* Waits for the next look. False: the agent is gone, or says something. */
static bool wait_beat(int fd)
{
	struct pollfd item = {.fd = fd, .events = POLLIN};

	return poll(&item, 1, CARD_WATCH_BEAT_MS) == 0;
}

void watch_key(const struct modules *modules,
    const unsigned char key[CARD_HASH_BYTES], int in_fd, int out_fd)
{
	struct card_wanted wanted = {.tag_count = 1};
	struct card_key found = {0};
	enum card_presence presence;

	if (card_tag(wanted.challenge, key, wanted.tags[0]) != ERR_NONE ||
	    find_key(modules, &wanted, time(NULL), &found).presence !=
		CARD_PRESENT)
		return;
	do {
		(void)alarm(LOOK_S_MAX);
		presence = token_look(&found.token);
	} while (presence != CARD_TROUBLE && tell(out_fd, presence) &&
		 presence == CARD_PRESENT && wait_beat(in_fd));
	card_key_free(&found);
}
