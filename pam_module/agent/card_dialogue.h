/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a challenge to something that can be sent: a code, a card's signature,
 * or nothing. The person chooses without a menu: a card that is there asks
 * for its PIN, no card asks for a code, an empty answer switches to the
 * other. This file owns that order and a card's tries; it must not know the
 * server. A PIN goes to the card and nowhere else, an empty one not even
 * there, and the last try is spent on a yes only.
 */
#ifndef SEKIMORI_AGENT_CARD_DIALOGUE_H
#define SEKIMORI_AGENT_CARD_DIALOGUE_H

#include <stdbool.h>
#include <stdint.h>

#include "pam_module/agent/card.h"
#include "pam_module/agent/login_reply.h"
#include "pam_module/agent/login_turn.h"
#include "pam_module/agent/typed.h"
#include "shared/secret.h"

enum {
	LOGIN_PIN_PROMPTS_MAX = 3,
	LOGIN_CARD_PROMPTS_MAX = 3,
	LOGIN_CODE_PROMPTS_MAX = 2,
	LOGIN_SERVER_SPARE_MS = 600, /* left for the server by a signing */
};

struct login_choosing {
	const struct login_challenge *challenge;
	/* To be signed; NULL: no card can be used, whatever is offered. */
	const struct card_message *message;
	const struct card_reader *cards;
	bool proven;   /* messages may be shown */
	bool looked;   /* for a card, a moment ago: codes are asked for first */
	bool is_named; /* no number is looked for in what is typed any more */
	bool any_key;  /* of an enrolment: no tags, whichever key there is */
};

enum login_offer_kind {
	LOGIN_OFFER_NOTHING = 0, /* to be sent as an empty attempt */
	LOGIN_OFFER_CODE,
	LOGIN_OFFER_CARD,
	LOGIN_OFFER_PIN_LOCKED, /* nothing to be sent */
	LOGIN_OFFER_PERSON,     /* a number, perhaps with a code */
};

/* To be given to login_offer_end(). */
struct login_offer {
	enum login_offer_kind kind;
	bool is_card_demanded; /* no code was asked for */
	/* Why a card came to nothing; 0: no reason of ours. */
	enum frame_message message;
	uint64_t number;
	char person[NAME_BYTES_MAX + 1]; /* of a person */
	enum typed_kind typed;           /* of a code */
	struct secret code;
	struct card_signature signature; /* of a card */
	struct card_session *session; /* of a card: it still has to forget the
					 PIN, which the server need not wait
					 for */
	unsigned char key[CARD_HASH_BYTES];
};

/* Any error: the person has gone. */
enum err card_dialogue_run(const struct login_choosing *choosing,
    struct login_turn *turn, struct login_offer *out);

/* Wipes it; no child is left behind. */
void login_offer_end(
    struct login_offer *offer, const struct card_reader *cards);

#endif
