/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/card_child.h"

#include <stdlib.h>

#include "pam_module/agent/card_process.h"
#include "pam_module/agent/steady.h"
#include "pam_module/card/wire.h"

enum {
	/* For the child to make the card forget the PIN. */
	FORGET_WAIT_MS = 500,
};

struct card_session {
	struct card_process process;
	struct card_seen seen;
	bool has_pad_request; /* the card waits for somebody at its PIN pad */
	bool is_broken;       /* nothing more can be asked */
	bool is_ending;       /* it does so by itself */
};

static enum err send_message(const struct card_process *process,
    const struct wire_message *message, int64_t deadline_ms)
{
	unsigned char header[WIRE_HEADER_BYTES];
	enum err err;

	wire_header(message, header);
	err = card_process_write(process, header, sizeof(header), deadline_ms);
	if (err == ERR_NONE)
		err = card_process_write(
		    process, message->body, message->length, deadline_ms);
	return err;
}

static enum err receive_message(const struct card_process *process,
    int64_t deadline_ms, struct wire_message *out)
{
	unsigned char header[WIRE_HEADER_BYTES];
	enum err err =
	    card_process_read(process, header, sizeof(header), deadline_ms);

	if (err == ERR_NONE)
		err = wire_measure(header, out);
	if (err == ERR_NONE)
		err = card_process_read(
		    process, out->body, out->length, deadline_ms);
	return err;
}

/* The caller's, but no step takes longer than it may. */
static int64_t earlier(int64_t deadline_ms, int wait_ms)
{
	int64_t latest_ms = steady_ms() + wait_ms;

	return deadline_ms < latest_ms ? deadline_ms : latest_ms;
}

static enum err ask(const struct card_process *process,
    const struct card_wanted *wanted, int64_t deadline_ms,
    struct card_seen *out)
{
	struct wire_message message;
	enum err err;

	wire_write_find(wanted, &message);
	err = send_message(process, &message, deadline_ms);
	if (err == ERR_NONE)
		err = receive_message(process, deadline_ms, &message);
	if (err == ERR_NONE)
		err = wire_read_seen(&message, out);
	return err;
}

static struct card_seen find(void *context, const struct card_wanted *wanted,
    int64_t deadline_ms, struct card_session **out)
{
	struct card_seen seen = {.tries_left = -1};
	struct card_session *session = calloc(1, sizeof(*session));

	*out = NULL;
	if (!session)
		return seen;
	if (wanted->tag_count > CARD_TAGS_SHARED ||
	    wanted->message.length > sizeof(wanted->message.bytes) ||
	    card_process_start(context, &session->process) != ERR_NONE) {
		free(session);
		return seen;
	}
	if (ask(&session->process, wanted,
		earlier(deadline_ms, CARD_FIND_WAIT_MS), &seen) != ERR_NONE ||
	    seen.presence != CARD_PRESENT) {
		card_process_end(&session->process);
		free(session);
		return seen;
	}
	session->seen = seen;
	*out = session;
	return seen;
}

static enum err request_signature(
    struct card_session *session, const struct secret *pin, int64_t deadline_ms)
{
	struct wire_message message;
	enum err err;

	wire_write_pin(pin, &message);
	err = send_message(&session->process, &message, deadline_ms);
	secret_wipe_bytes(&message, sizeof(message));
	return err;
}

/* A PIN that no card takes never leaves this process. */
static bool may_send(
    const struct card_session *session, const struct secret *pin)
{
	const struct card_seen *seen = &session->seen;

	if (session->is_broken || seen->has_pin_pad != (pin == NULL))
		return false;
	return !pin ||
	       (pin->length >= seen->pin_min && pin->length <= seen->pin_max);
}

static enum card_signing collect(struct card_session *session,
    int64_t deadline_ms, struct card_seen *seen, struct card_signature *out)
{
	struct wire_message message;
	struct wire_signing signing = {0};

	if (receive_message(&session->process, deadline_ms, &message) !=
		ERR_NONE ||
	    wire_read_signing(&message, &signing) != ERR_NONE)
		return CARD_SIGNING_TROUBLE;
	session->is_ending = signing.outcome != CARD_SIGNING_PIN_WRONG;
	/* Which key it is was settled when it was found. */
	if (signing.seen.presence == CARD_PRESENT) {
		session->seen.pin = signing.seen.pin;
		session->seen.tries_left = signing.seen.tries_left;
	}
	*seen = session->seen;
	if (signing.outcome == CARD_SIGNED)
		*out = signing.signature;
	return signing.outcome;
}

static enum card_signing sign(void *context, struct card_session *session,
    const struct secret *pin, int64_t deadline_ms, struct card_seen *seen,
    struct card_signature *out)
{
	enum card_signing outcome = CARD_SIGNING_TROUBLE;

	(void)context;
	*seen = session->seen;
	if (!may_send(session, pin))
		return CARD_SIGNING_TROUBLE;
	deadline_ms = earlier(deadline_ms, CARD_SIGN_WAIT_MS);
	if (session->has_pad_request ||
	    request_signature(session, pin, deadline_ms) == ERR_NONE)
		outcome = collect(session, deadline_ms, seen, out);
	session->has_pad_request = false;
	/* After anything but a wrong PIN the child ends. */
	session->is_broken = outcome != CARD_SIGNING_PIN_WRONG;
	return outcome;
}

static enum err start_pin_pad(void *context, struct card_session *session)
{
	enum err err;

	(void)context;
	if (!may_send(session, NULL) || session->has_pad_request)
		return ERR_NOT_ALLOWED;
	err = request_signature(session, NULL, steady_ms() + CARD_SIGN_WAIT_MS);
	session->has_pad_request = err == ERR_NONE;
	return err;
}

static void close_session(void *context, struct card_session *session)
{
	(void)context;
	if (!session)
		return;
	if (session->is_ending)
		card_process_await(
		    &session->process, steady_ms() + FORGET_WAIT_MS);
	card_process_end(&session->process);
	free(session);
}

struct card_reader card_child_reader(const struct card_child *child)
{
	return (struct card_reader){.find = find,
	    .sign = sign,
	    .start_pin_pad = start_pin_pad,
	    .close = close_session,
	    .context = (void *)(uintptr_t)child};
}
