/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sekimori-card: one operation with a card, for sekimori-agent. Reads requests
 * from standard input, answers on standard output, and ends. It is the only
 * program here that loads PKCS #11 modules, so before it does it gives up all
 * it can; and whatever it says, only a signature proves anything. Arguments
 * are the modules to load, none for p11-kit's.
 *
 * Every step has an alarm of its own, in case that the agent is gone when a
 * module hangs.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pam_module/card/find.h"
#include "pam_module/card/reader.h"
#include "pam_module/card/sandbox.h"
#include "pam_module/card/sign.h"
#include "pam_module/card/watch.h"
#include "pam_module/card/wire.h"

enum {
	STEP_S_MAX = 6,    /* beyond the agent's own deadlines */
	PAD_S_MAX = 180,   /* somebody types */
	TYPING_S_MAX = 300 /* somebody looks for the PIN */
};

static bool read_all(void *out, size_t length)
{
	unsigned char *at = out;

	while (length > 0) {
		ssize_t got = read(STDIN_FILENO, at, length);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		at += got;
		length -= (size_t)got;
	}
	return true;
}

static bool write_all(const void *bytes, size_t length)
{
	const unsigned char *at = bytes;

	while (length > 0) {
		ssize_t done = write(STDOUT_FILENO, at, length);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		at += done;
		length -= (size_t)done;
	}
	return true;
}

static bool receive(struct wire_message *out)
{
	unsigned char header[WIRE_HEADER_BYTES];

	return read_all(header, sizeof(header)) &&
	       wire_measure(header, out) == ERR_NONE &&
	       read_all(out->body, out->length);
}

static bool answer(const struct wire_message *message)
{
	unsigned char header[WIRE_HEADER_BYTES];

	wire_header(message, header);
	return write_all(header, sizeof(header)) &&
	       write_all(message->body, message->length);
}

static bool receive_pin(struct secret *out)
{
	struct wire_message message = {0};
	bool received =
	    receive(&message) && wire_read_pin(&message, out) == ERR_NONE;

	secret_wipe_bytes(&message, sizeof(message));
	return received;
}

/* Until signed, or until no other PIN could help. */
static bool sign(struct card_key *key, const struct card_wanted *wanted,
    const struct card_seen *seen)
{
	struct wire_signing signing = {.seen = *seen};
	struct wire_message message = {0};
	struct secret pin = {0};
	bool goes_on = true;

	while (goes_on) {
		(void)alarm(TYPING_S_MAX);
		if (!receive_pin(&pin))
			return false;
		(void)alarm(pin.length > 0 ? STEP_S_MAX : PAD_S_MAX);
		sign_message(key, &wanted->message,
		    pin.length > 0 ? &pin : NULL, &signing);
		secret_wipe(&pin);
		wire_write_signing(&signing, &message);
		goes_on = answer(&message) &&
			  signing.outcome == CARD_SIGNING_PIN_WRONG;
	}
	/* Also after a failure: the PIN may have been right. */
	if (signing.outcome != CARD_SIGNING_PIN_WRONG)
		reader_forget_pin(&key->token);
	return signing.outcome == CARD_SIGNED;
}

static bool find_and_sign(
    const struct modules *modules, const struct card_wanted *wanted)
{
	struct card_key key = {0};
	struct card_seen seen = find_key(modules, wanted, time(NULL), &key);
	struct wire_message message = {0};
	bool signed_it;

	wire_write_seen(&seen, &message);
	signed_it = answer(&message) && seen.presence == CARD_PRESENT &&
		    sign(&key, wanted, &seen);
	card_key_free(&key);
	return signed_it;
}

static bool serve(char *const *paths)
{
	struct wire_message request = {0};
	struct card_wanted wanted = {0};
	struct modules modules = {0};
	unsigned char key[CARD_HASH_BYTES];

	if (!receive(&request))
		return false;
	if (wire_read_find(&request, &wanted) == ERR_NONE) {
		if (sandbox_die_with_parent() != ERR_NONE)
			return false;
		modules_load(paths, &modules);
		return find_and_sign(&modules, &wanted);
	}
	/* Not with the thread that began it: with the pipe. */
	if (wire_read_watch(&request, key) == ERR_NONE) {
		modules_load(paths, &modules);
		watch_key(&modules, key, STDIN_FILENO, STDOUT_FILENO);
	}
	return false;
}

int main(int argc, char **argv)
{
	bool done;

	(void)argc;
	(void)alarm(STEP_S_MAX);
	done = sandbox_enter(getenv(WIRE_FORBIDDEN)) == ERR_NONE &&
	       serve(argv + 1);
	/* Without the modules' own endings, which may hang or crash. */
	_exit(done ? EXIT_SUCCESS : EXIT_FAILURE);
}
