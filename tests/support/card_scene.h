/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One login with a card, without a card: a server, a person and a card that
 * answer from lists. What happened is told as a line of words, in order:
 *
 *	look             the reader is looked at
 *	PIN CODE CARD    prompts (LAST: the last try, PAD: PIN on the reader);
 *	                 <…> is the message shown before one
 *	sign:1234        the card gets this PIN (sign:pad: its own pad has it)
 *	shut             the child is ended
 *	send:card        what goes to the server to finish the login
 *	name:s1          the login begins again with this staff number
 */
#ifndef SEKIMORI_CARD_SCENE_H
#define SEKIMORI_CARD_SCENE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pam_module/agent/login.h"

enum {
	STEPS_MAX = 12,
	TRACE_SIZE = 1024,
	BODY_SIZE = 16384,
	KEY = 7, /* each byte of the person's key */
};

struct signing {
	enum card_signing result;
	enum card_pin pin;
	int tries_left;
};

struct row {
	const char *name;
	const char *factors; /* members of the challenge's list */
	bool no_tags, unproven, once, no_terminal;
	bool asks, own;     /* asks who it is; by the account's own user */
	bool later;         /* more cards than can be named */
	const char *named;  /* to a beginning with a number; NULL: continue */
	const char *rhost;  /* NULL: none */
	const char *answer; /* to the finishing call; NULL: a wrong */
	const char *typed[STEPS_MAX];
	struct card_seen looks[STEPS_MAX];
	struct signing signs[STEPS_MAX];
	bool pad_fails;
	const char *trace;
	enum frame_result result;
	enum frame_message message;
	uint64_t number;
};

struct scene {
	const struct row *row;
	size_t typed, looks, signs, calls;
	int open; /* children */
	char challenge[BODY_SIZE];
	char begun[BODY_SIZE]; /* the last beginning */
	char trace[TRACE_SIZE];
	char path[TRACE_SIZE], body[BODY_SIZE];
	struct card_wanted wanted;
};

#define DENY_WRONG "{\"result\":\"deny\",\"reason\":\"wrong\"}"
#define NOBODY "" /* no server answers */
#define ACCEPT_ROW                                                             \
	"{\"result\":\"accept\",\"user\":\"s1042\",\"person\":\"s1042\","      \
	"\"by\":\"card\",\"login\":\"a-B_9\",\"card_removed\":\"lock\"}"
#define ANY "\"card\",\"otp\",\"emergency\""
#define CARD_ONLY "\"card\""
#define CODES "\"otp\",\"emergency\""

/* clang-format off */
/* PIN state, tries left, pad, longest PIN, each byte of the key */
#define SEEN(state, tries, pad, longest, byte)                                 \
	{.presence = CARD_PRESENT, .pin = (state), .tries_left = (tries),      \
	    .has_pin_pad = (pad), .pin_min = 4, .pin_max = (longest),          \
	    .key = {[0 ... 31] = (byte)}}
#define HERE SEEN(CARD_PIN_FINE, -1, false, 8, KEY)
#define PAD SEEN(CARD_PIN_FINE, -1, true, 8, KEY)
#define LOW(tries) SEEN(CARD_PIN_LOW, tries, false, 8, KEY)
#define FINAL SEEN(CARD_PIN_FINAL, -1, false, 8, KEY)
#define LOCKED SEEN(CARD_PIN_LOCKED, -1, false, 8, KEY)
#define NONE {.presence = CARD_ABSENT, .tries_left = -1}
#define OTHER {.presence = CARD_OTHER, .tries_left = -1}
#define SEVERAL {.presence = CARD_SEVERAL, .tries_left = -1}
#define TROUBLE {.presence = CARD_TROUBLE, .tries_left = -1}
#define SIGNS {CARD_SIGNED, CARD_PIN_FINE, -1}
#define MISS(left) {CARD_SIGNING_PIN_WRONG, CARD_PIN_LOW, left}
#define MISS_FINAL {CARD_SIGNING_PIN_WRONG, CARD_PIN_FINAL, -1}
#define MISS_LOCKED {CARD_SIGNING_PIN_WRONG, CARD_PIN_LOCKED, -1}
#define PULLED {CARD_SIGNING_TROUBLE, CARD_PIN_FINE, -1}
#define CANCELLED {CARD_SIGNING_CANCELLED, CARD_PIN_FINE, -1}
#define LOCKS {CARD_SIGNING_PIN_LOCKED, CARD_PIN_LOCKED, -1}
#define REFUSED FRAME_DENY, FRAME_MESSAGE_REFUSED, 0
#define IS_LOCKED FRAME_DENY_LOCKED, FRAME_MESSAGE_PIN_LOCKED, 0
/* clang-format on */

extern const unsigned char scene_challenge[CARD_CHALLENGE_BYTES];
extern const struct card_terminal scene_terminal;

/* One login; shapes NULL: none seen before. Also checks that no child is left
 * behind. scene->challenge, if not empty, answers the first call. */
enum err scene_play(struct scene *scene, const struct row *row,
    struct login_shapes *shapes, struct login_verdict *out);

/* One login that must go as the row says, with no PIN in what is sent. */
void scene_check(const struct row *row);

/* The parts, for a scene that has some other one. */
void scene_write_challenge(const struct row *row, char out[BODY_SIZE]);
enum err scene_perform(void *context, const struct server_request *request,
    struct server_reply *out);
enum err scene_ask(void *context, const struct login_question *question,
    unsigned char *typed, size_t typed_size, size_t *out_length);
struct card_seen scene_find(void *context, const struct card_wanted *wanted,
    int64_t deadline_ms, struct card_session **out);
enum card_signing scene_sign(void *context, struct card_session *session,
    const struct secret *pin, int64_t deadline_ms, struct card_seen *seen,
    struct card_signature *out);
enum err scene_start_pin_pad(void *context, struct card_session *session);
void scene_shut(void *context, struct card_session *session);
void scene_fill_signature(struct card_signature *out);

#endif
