/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/card_watch.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "pam_module/agent/card_process.h"
#include "pam_module/agent/steady.h"
#include "pam_module/card/wire.h"

enum {
	REQUEST_WAIT_MS = 1000, /* it fits into the pipe: never waited for */
	BEATS_MAX = 64,         /* taken at once */
};

struct card_watch {
	struct card_process process;
	bool is_gone, has_left;
};

static enum err request(const struct card_process *process,
    const unsigned char key[CARD_HASH_BYTES])
{
	struct wire_message message;
	unsigned char header[WIRE_HEADER_BYTES];
	int64_t deadline_ms = steady_ms() + REQUEST_WAIT_MS;
	enum err err;

	wire_write_watch(key, &message);
	wire_header(&message, header);
	err = card_process_write(process, header, sizeof(header), deadline_ms);
	if (err == ERR_NONE)
		err = card_process_write(
		    process, message.body, message.length, deadline_ms);
	return err;
}

enum err card_watch_start(const struct card_child *child,
    const unsigned char key[CARD_HASH_BYTES], struct card_watch **out)
{
	struct card_watch *watch = calloc(1, sizeof(*watch));
	enum err err;

	if (!watch)
		return ERR_MEMORY;
	err = card_process_start(child, &watch->process);
	if (err != ERR_NONE) {
		free(watch);
		return err;
	}
	err = request(&watch->process, key);
	if (err != ERR_NONE) {
		card_watch_stop(watch);
		return err;
	}
	*out = watch;
	return ERR_NONE;
}

int card_watch_fd(const struct card_watch *watch)
{
	return watch->process.from;
}

bool card_watch_take(struct card_watch *watch, unsigned *out_beats)
{
	unsigned char beats[BEATS_MAX];
	ssize_t got = read(watch->process.from, beats, sizeof(beats));

	if (out_beats)
		*out_beats = 0;
	if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
		watch->is_gone = true;
	for (ssize_t i = 0; i < got; i++) {
		watch->is_gone = watch->is_gone || beats[i] != WIRE_BEAT;
		watch->has_left = watch->has_left || beats[i] == WIRE_GONE;
	}
	if (out_beats && got > 0)
		*out_beats = (unsigned)got;
	return !watch->is_gone;
}

bool card_watch_saw_it_leave(const struct card_watch *watch)
{
	return watch->has_left;
}

void card_watch_stop(struct card_watch *watch)
{
	if (!watch)
		return;
	card_process_end(&watch->process);
	free(watch);
}
