/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Steps that name the next one. Every circle of them passes a prompt, and
 * prompts of each kind are counted, so that no card and no person keeps the
 * login going for ever.
 */
#include "pam_module/agent/card_dialogue.h"

#include <string.h>
#include <strings.h>

enum step {
	STEP_DONE = 0, /* dialogue.offer says what with, or dialogue.err */
	STEP_LOOK,
	STEP_CODE,
	STEP_CARD,
	STEP_LAST_TRY,
	STEP_PIN,
};

struct dialogue {
	const struct login_choosing *choosing;
	struct login_turn *turn;
	struct login_offer *offer;
	enum err err;
	bool can_use_card, can_use_code;
	unsigned codes, cards, pins; /* prompts so far */
	struct card_wanted wanted;
	struct card_session *session;
	struct card_seen seen;
	bool may_spend_last;
	enum frame_message message; /* for the next prompt or the refusal */
	uint64_t number;
};

static void say(struct dialogue *dialogue, enum frame_message message)
{
	dialogue->message = message;
	dialogue->number = 0;
}

static void say_tries(struct dialogue *dialogue, enum frame_message message)
{
	say(dialogue, message);
	if (dialogue->seen.pin == CARD_PIN_FINAL)
		dialogue->number = 1;
	else if (dialogue->seen.tries_left > 0)
		dialogue->number = (uint64_t)dialogue->seen.tries_left;
}

static void let_go(struct dialogue *dialogue)
{
	const struct card_reader *cards = dialogue->choosing->cards;

	if (dialogue->session)
		cards->close(cards->context, dialogue->session);
	dialogue->session = NULL;
	dialogue->may_spend_last = false;
}

/* Asks with the message that waits. False: the login is over. */
static bool ask(struct dialogue *dialogue, enum frame_prompt prompt,
    unsigned char typed[LOGIN_TYPED_MAX], size_t *out_length)
{
	struct login_question question = {.prompt = prompt};

	if (dialogue->choosing->proven) {
		question.message = dialogue->message;
		question.number = dialogue->number;
	}
	dialogue->err =
	    login_turn_ask(dialogue->turn, &question, typed, out_length);
	if (dialogue->err != ERR_NONE)
		return false;
	say(dialogue, 0);
	return true;
}

/* For prompts whose answer is that there was one. People type their PIN at
 * them: it is not looked at. */
static bool ask_for_enter(struct dialogue *dialogue, enum frame_prompt prompt)
{
	unsigned char typed[LOGIN_TYPED_MAX];
	size_t length = 0;
	bool answered = ask(dialogue, prompt, typed, &length);

	secret_wipe_bytes(typed, sizeof(typed));
	return answered;
}

static enum step nothing(struct dialogue *dialogue)
{
	dialogue->offer->kind = LOGIN_OFFER_NOTHING;
	dialogue->offer->message = dialogue->message;
	dialogue->offer->number = dialogue->number;
	return STEP_DONE;
}

static enum step locked(struct dialogue *dialogue)
{
	dialogue->offer->kind = LOGIN_OFFER_PIN_LOCKED;
	return STEP_DONE;
}

static enum step code_or_nothing(struct dialogue *dialogue)
{
	if (dialogue->can_use_code && dialogue->codes < LOGIN_CODE_PROMPTS_MAX)
		return STEP_CODE;
	return nothing(dialogue);
}

static enum step card_again(struct dialogue *dialogue)
{
	if (dialogue->cards < LOGIN_CARD_PROMPTS_MAX)
		return STEP_CARD;
	if (dialogue->codes > 0)
		return nothing(dialogue);
	return code_or_nothing(dialogue);
}

static enum step trouble(struct dialogue *dialogue)
{
	let_go(dialogue);
	say(dialogue, FRAME_MESSAGE_CARD_TROUBLE);
	return card_again(dialogue);
}

/* At the prompt for a number, and at the one for a code if what was typed is
 * both, as by whoever is not asked for his number. */
static bool take_person(
    struct dialogue *dialogue, const unsigned char *typed, size_t length)
{
	struct login_offer *offer = dialogue->offer;
	char number[NAME_BYTES_MAX + 1];
	size_t at;

	if (dialogue->choosing->is_named)
		return false;
	at = typed_number(typed, length, number);
	if (number[0] == '\0')
		return false;
	offer->typed = typed_read(typed + at, length - at, &offer->code);
	if (!dialogue->choosing->challenge->asks_person &&
	    (at == length || offer->typed == TYPED_NO_CODE))
		return false;
	offer->kind = LOGIN_OFFER_PERSON;
	memcpy(offer->person, number, sizeof(offer->person));
	return true;
}

static void take_code(
    struct dialogue *dialogue, const unsigned char *typed, size_t length)
{
	struct login_offer *offer = dialogue->offer;

	if (take_person(dialogue, typed, length) ||
	    dialogue->choosing->challenge->asks_person)
		return;
	offer->typed = typed_read(typed, length, &offer->code);
	if (offer->typed != TYPED_EMPTY)
		offer->kind = LOGIN_OFFER_CODE;
}

static enum step step_code(struct dialogue *dialogue)
{
	const enum frame_prompt prompt =
	    dialogue->choosing->challenge->asks_person ? FRAME_PROMPT_PERSON
						       : FRAME_PROMPT_CODE;
	unsigned char typed[LOGIN_TYPED_MAX];
	size_t length = 0;

	let_go(dialogue);
	dialogue->codes++;
	if (ask(dialogue, prompt, typed, &length))
		take_code(dialogue, typed, length);
	secret_wipe_bytes(typed, sizeof(typed));
	if (dialogue->err != ERR_NONE ||
	    dialogue->offer->kind != LOGIN_OFFER_NOTHING)
		return STEP_DONE;
	if (dialogue->can_use_card && dialogue->codes == 1 &&
	    dialogue->cards < LOGIN_CARD_PROMPTS_MAX)
		return STEP_CARD;
	return nothing(dialogue);
}

static enum step step_card(struct dialogue *dialogue)
{
	dialogue->cards++;
	if (!ask_for_enter(dialogue, FRAME_PROMPT_CARD))
		return STEP_DONE;
	return dialogue->can_use_card ? STEP_LOOK : nothing(dialogue);
}

/* The child's word for which key it found is checked, not believed. */
static bool is_wanted(
    const struct card_wanted *wanted, const unsigned char key[CARD_HASH_BYTES])
{
	unsigned char tag[CARD_TAG_BYTES];

	if (wanted->tag_count == 0)
		return true;
	if (card_tag(wanted->challenge, key, tag) != ERR_NONE)
		return false;
	for (size_t i = 0; i < wanted->tag_count; i++)
		if (memcmp(wanted->tags[i], tag, sizeof(tag)) == 0)
			return true;
	return false;
}

static enum frame_message why_missing(const struct dialogue *dialogue)
{
	bool any_key = dialogue->choosing->any_key;

	switch (dialogue->seen.presence) {
	case CARD_ABSENT:
		return FRAME_MESSAGE_CARD_ABSENT;
	case CARD_OTHER:
		return any_key ? FRAME_MESSAGE_ENROLL_NO_KEY
			       : FRAME_MESSAGE_CARD_OTHER;
	case CARD_SEVERAL:
		return any_key ? FRAME_MESSAGE_ENROLL_SEVERAL
			       : FRAME_MESSAGE_CARD_SEVERAL;
	case CARD_TROUBLE:
	case CARD_PRESENT: /* not as it should be */
		break;
	}
	return FRAME_MESSAGE_CARD_TROUBLE;
}

static enum step is_missing(struct dialogue *dialogue)
{
	bool is_absent = dialogue->seen.presence == CARD_ABSENT;
	bool is_first = dialogue->cards == 0;

	let_go(dialogue);
	if (!is_first || !is_absent)
		say(dialogue, why_missing(dialogue));
	if (is_first)
		return dialogue->can_use_code ? STEP_CODE : STEP_CARD;
	if (!is_absent || !dialogue->can_use_code)
		return card_again(dialogue);
	return dialogue->codes > 0 ? nothing(dialogue) : STEP_CODE;
}

static bool is_locked(const struct card_seen *seen)
{
	return seen->pin == CARD_PIN_LOCKED || seen->tries_left == 0;
}

static bool is_final(const struct card_seen *seen)
{
	return seen->pin == CARD_PIN_FINAL || seen->tries_left == 1;
}

static enum step step_look(struct dialogue *dialogue)
{
	const struct card_reader *cards = dialogue->choosing->cards;

	let_go(dialogue);
	dialogue->seen = cards->find(cards->context, &dialogue->wanted,
	    login_turn_deadline(dialogue->turn, CARD_FIND_WAIT_MS, 0),
	    &dialogue->session);
	if (dialogue->seen.presence != CARD_PRESENT || !dialogue->session ||
	    !is_wanted(&dialogue->wanted, dialogue->seen.key))
		return is_missing(dialogue);
	memcpy(dialogue->offer->key, dialogue->seen.key, CARD_HASH_BYTES);
	if (is_locked(&dialogue->seen))
		return locked(dialogue);
	if (dialogue->seen.pin == CARD_PIN_LOW || is_final(&dialogue->seen))
		say_tries(dialogue, FRAME_MESSAGE_PIN_LOW);
	return STEP_PIN;
}

static bool is_yes(const unsigned char *typed, size_t length)
{
	static const char *const words[] = {"yes", "y", "はい"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strlen(words[i]) == length &&
		    strncasecmp(words[i], (const char *)typed, length) == 0)
			return true;
	return false;
}

static enum step step_last_try(struct dialogue *dialogue)
{
	unsigned char typed[LOGIN_TYPED_MAX];
	size_t length = 0;

	dialogue->may_spend_last =
	    ask(dialogue, FRAME_PROMPT_LAST_TRY, typed, &length) &&
	    is_yes(typed, length);
	secret_wipe_bytes(typed, sizeof(typed));
	if (dialogue->err != ERR_NONE)
		return STEP_DONE;
	return dialogue->may_spend_last ? STEP_PIN : code_or_nothing(dialogue);
}

/* Its shape is all that can be checked here; the server checks the rest. */
static bool is_whole(const struct card_signature *signature)
{
	return (signature->algorithm == CARD_RSA_PKCS1_SHA256 ||
		   signature->algorithm == CARD_ECDSA_SHA256) &&
	       signature->certificate_length > 0 &&
	       signature->certificate_length <= CARD_CERTIFICATE_BYTES_MAX &&
	       signature->signature_length > 0 &&
	       signature->signature_length <= CARD_SIGNATURE_BYTES_MAX;
}

static enum step pin_was_wrong(struct dialogue *dialogue)
{
	dialogue->may_spend_last = false;
	if (is_locked(&dialogue->seen))
		return locked(dialogue);
	say_tries(dialogue, FRAME_MESSAGE_PIN_WRONG);
	return STEP_PIN;
}

static enum step sign(struct dialogue *dialogue, const struct secret *pin)
{
	const struct card_reader *cards = dialogue->choosing->cards;
	struct login_offer *offer = dialogue->offer;

	switch (cards->sign(cards->context, dialogue->session, pin,
	    login_turn_deadline(
		dialogue->turn, CARD_SIGN_WAIT_MS, LOGIN_SERVER_SPARE_MS),
	    &dialogue->seen, &offer->signature)) {
	case CARD_SIGNED:
		if (!is_whole(&offer->signature))
			break;
		offer->kind = LOGIN_OFFER_CARD;
		return STEP_DONE;
	case CARD_SIGNING_PIN_WRONG:
		return pin_was_wrong(dialogue);
	case CARD_SIGNING_PIN_LOCKED:
		return locked(dialogue);
	case CARD_SIGNING_CANCELLED:
		return code_or_nothing(dialogue);
	case CARD_SIGNING_TROUBLE:
		break;
	}
	return trouble(dialogue);
}

static enum step use_pin_pad(struct dialogue *dialogue)
{
	const struct card_reader *cards = dialogue->choosing->cards;

	if (cards->start_pin_pad(cards->context, dialogue->session) != ERR_NONE)
		return trouble(dialogue);
	if (!ask_for_enter(dialogue, FRAME_PROMPT_PIN_PAD))
		return STEP_DONE;
	return sign(dialogue, NULL);
}

/* A limit of zero was not told. */
static bool fits(const struct card_seen *seen, size_t length)
{
	return length >= seen->pin_min &&
	       (seen->pin_max == 0 || length <= seen->pin_max);
}

static enum step use_pin(
    struct dialogue *dialogue, const unsigned char *typed, size_t length)
{
	struct secret pin = {0};
	enum step step;

	if (length == 0 && dialogue->can_use_code)
		return code_or_nothing(dialogue);
	if (length == 0 || !fits(&dialogue->seen, length) ||
	    secret_set(&pin, typed, length) != ERR_NONE) {
		say(dialogue, FRAME_MESSAGE_PIN_LENGTH);
		return STEP_PIN;
	}
	step = sign(dialogue, &pin);
	secret_wipe(&pin);
	return step;
}

static enum step ask_pin(struct dialogue *dialogue)
{
	unsigned char typed[LOGIN_TYPED_MAX];
	enum step step = STEP_DONE;
	size_t length = 0;

	if (ask(dialogue, FRAME_PROMPT_PIN, typed, &length))
		step = use_pin(dialogue, typed, length);
	secret_wipe_bytes(typed, sizeof(typed));
	return step;
}

static enum step step_pin(struct dialogue *dialogue)
{
	if (dialogue->pins == LOGIN_PIN_PROMPTS_MAX)
		return nothing(dialogue);
	if (is_final(&dialogue->seen) && !dialogue->may_spend_last)
		return STEP_LAST_TRY;
	dialogue->pins++;
	return dialogue->seen.has_pin_pad ? use_pin_pad(dialogue)
					  : ask_pin(dialogue);
}

static enum step take(struct dialogue *dialogue, enum step step)
{
	if (step != STEP_LOOK && dialogue->turn->asks >= LOGIN_ASKS_MAX)
		return nothing(dialogue);
	switch (step) {
	case STEP_DONE:
		break;
	case STEP_LOOK:
		return step_look(dialogue);
	case STEP_CODE:
		return step_code(dialogue);
	case STEP_CARD:
		return step_card(dialogue);
	case STEP_LAST_TRY:
		return step_last_try(dialogue);
	case STEP_PIN:
		return step_pin(dialogue);
	}
	return STEP_DONE;
}

static enum step first_step(const struct dialogue *dialogue)
{
	if (dialogue->can_use_card &&
	    !(dialogue->choosing->looked && dialogue->can_use_code))
		return STEP_LOOK;
	return dialogue->can_use_code ? STEP_CODE : STEP_CARD;
}

enum err card_dialogue_run(const struct login_choosing *choosing,
    struct login_turn *turn, struct login_offer *out)
{
	const struct login_challenge *challenge = choosing->challenge;
	struct dialogue dialogue = {.choosing = choosing,
	    .turn = turn,
	    .offer = out,
	    .can_use_code = challenge->offers_codes,
	    .can_use_card = challenge->offers_card && choosing->message &&
			    (challenge->tag_count > 0 || choosing->any_key)};
	enum step step;

	/* Where a card is demanded and none can be found, who it is has to be
	 * known before one can. */
	if (challenge->asks_person && !dialogue.can_use_card)
		dialogue.can_use_code = true;
	step = first_step(&dialogue);
	memset(out, 0, sizeof(*out));
	out->is_card_demanded = !dialogue.can_use_code;
	if (dialogue.can_use_card) {
		memcpy(dialogue.wanted.challenge, challenge->challenge,
		    CARD_CHALLENGE_BYTES);
		memcpy(dialogue.wanted.tags, challenge->tags,
		    sizeof(dialogue.wanted.tags));
		dialogue.wanted.tag_count = challenge->tag_count;
		dialogue.wanted.message = *choosing->message;
	}
	while (step != STEP_DONE)
		step = take(&dialogue, step);
	if (out->kind == LOGIN_OFFER_CARD) {
		out->session = dialogue.session;
		dialogue.session = NULL;
	}
	let_go(&dialogue);
	return dialogue.err;
}

void login_offer_end(struct login_offer *offer, const struct card_reader *cards)
{
	if (offer->session)
		cards->close(cards->context, offer->session);
	secret_wipe_bytes(offer, sizeof(*offer));
}
