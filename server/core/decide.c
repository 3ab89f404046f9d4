/* SPDX-License-Identifier: Apache-2.0 */
#include "server/core/decide.h"

#include <string.h>

static struct decision deny(enum reason reason)
{
	return (struct decision){
	    .result = RESULT_DENY,
	    .reason = reason,
	    .token_index = -1,
	    .astray_index = -1,
	    .emergency_index = -1,
	    .card_index = -1,
	};
}

static struct decision without_factor(enum result result)
{
	struct decision decision = deny(REASON_WRONG);

	decision.result = result;
	return decision;
}

static bool is_expired(const struct subject *subject, int64_t now_s)
{
	return subject->valid_until != 0 && now_s >= subject->valid_until;
}

static bool is_not_yet_valid(const struct subject *subject, int64_t now_s)
{
	return subject->valid_from != 0 && now_s < subject->valid_from;
}

/* Only who has not chosen a factor: what is typed is looked at. */
static bool has_grace(const struct question *question,
    const struct subject *subject, const struct policy_answer *permit)
{
	const struct grace_question asked = {.longest_s = permit->grace_s,
	    .factors = permit->factors,
	    .service = question->service,
	    .tty = question->tty,
	    .now_s = question->now_s};

	return subject->known && question->factor == FACTOR_NONE &&
	       question->service && question->tty &&
	       grace_holds(&subject->grace, &asked);
}

/*
 * What stands in the way before any code is asked for, in the contract's
 * order. True when *out is the answer.
 */
static bool settle_without_code(const struct question *question,
    const struct subject *subject, const struct policy_answer *permit,
    struct decision *out)
{
	if (!question->clock_trusted)
		*out = deny(REASON_CLOCK);
	else if (subject->frozen)
		*out = deny(REASON_FROZEN);
	else if (subject->suspended)
		*out = deny(REASON_SUSPENDED);
	else if (is_expired(subject, question->now_s))
		*out = deny(REASON_EXPIRED);
	else if (permit->action == POLICY_REFUSE ||
		 is_not_yet_valid(subject, question->now_s))
		*out = deny(REASON_NOT_PERMITTED);
	else if (permit->action == POLICY_EXEMPT &&
		 (subject->known || subject->shared))
		*out = without_factor(RESULT_EXEMPT);
	else if (has_grace(question, subject, permit)) {
		*out = without_factor(RESULT_ACCEPT);
		out->by_grace = true;
	} else if (!subject->enrolled)
		*out = deny(REASON_NOT_ENROLLED);
	else
		return false;
	return true;
}

/* A factor that policy does not offer is one the person does not have. */
static bool is_offered(enum factor factor, const struct policy_answer *permit)
{
	return (permit->factors & (1u << factor)) != 0;
}

/* Where the token is and what its clock is, by one code or by a pair. */
static enum otp_match match_token(const struct question *question,
    const struct otp_token *token, const struct otp_window *window,
    int64_t *out_counter, int64_t *out_drift)
{
	int64_t now_s = question->now_s;
	enum otp_match match;

	if (!question->paired) {
		match = otp_verify(
		    token, window, &question->code, now_s, out_counter);
		*out_drift = otp_learn(token, *out_counter, now_s);
		return match;
	}
	match = otp_verify_pair(
	    token, &question->code, &question->next, now_s, out_counter);
	*out_drift = otp_offset(token, *out_counter, now_s);
	if (match == OTP_MATCH &&
	    (*out_drift > OTP_DRIFT_MAX || *out_drift < -OTP_DRIFT_MAX))
		return OTP_NO_MATCH;
	return match;
}

static enum otp_match match_otp(const struct question *question,
    const struct subject *subject, const struct otp_window *window,
    struct decision *decision)
{
	enum otp_match best = OTP_NO_MATCH;

	for (size_t i = 0; i < subject->token_count; i++) {
		int64_t counter = 0, drift = 0;
		enum otp_match match = match_token(question,
		    &subject->tokens[i].otp, window, &counter, &drift);

		if (match == OTP_MATCH && best != OTP_MATCH) {
			decision->token_index = (int)i;
			decision->floor = counter + 1;
			decision->drift = drift;
		}
		if (match > best)
			best = match;
	}
	return best;
}

static enum otp_match match_emergency(const struct question *question,
    const struct subject *subject, struct decision *decision)
{
	enum otp_match best = OTP_NO_MATCH;

	for (size_t i = 0; i < subject->emergency_count; i++) {
		const struct emergency_code *code = &subject->emergency[i];

		if (!secret_equal(&code->hash, &question->code) ||
		    question->now_s >= code->until)
			continue;
		if (code->spent) {
			best = OTP_SPENT;
			continue;
		}
		decision->emergency_index = (int)i;
		return OTP_MATCH;
	}
	return best;
}

int subject_find_card(
    const struct subject *subject, const unsigned char key[CARD_KEY_BYTES])
{
	int found = -1;

	for (size_t i = 0; i < subject->card_count; i++)
		if (memcmp(subject->cards[i].key, key, CARD_KEY_BYTES) == 0)
			found = (int)i;
	return found;
}

/* Finds the signer among the person's cards; whether his certificate stands
 * is asked by is_unfit. */
static enum otp_match match_card(const struct question *question,
    const struct subject *subject, struct decision *decision)
{
	int found = subject_find_card(subject, question->card.key);

	if (found < 0 || question->card.standing == CARD_FORGED)
		return OTP_NO_MATCH;
	decision->card_index = found;
	return OTP_MATCH;
}

static enum otp_match match(const struct question *question,
    const struct subject *subject, const struct otp_window *window,
    struct decision *decision)
{
	switch (question->factor) {
	case FACTOR_OTP:
		return match_otp(question, subject, window, decision);
	case FACTOR_EMERGENCY:
		return match_emergency(question, subject, decision);
	case FACTOR_CARD:
		return match_card(question, subject, decision);
	case FACTOR_NONE:
		break;
	}
	return OTP_NO_MATCH;
}

/*
 * For the operator: whose clock or counter is probably out of step? One token
 * is looked at for each wrong code, another for the next; who has none is
 * looked at as well. So it takes as long for everybody.
 */
static int find_astray(const struct question *question,
    const struct subject *subject, const struct otp_window *window)
{
	static const struct otp_token nobody = {
	    .digits = 6, .period_s = 30, .seed = {.length = 20}};
	int64_t failures =
	    subject->throttle.proven.failures + subject->throttle.here.failures;
	bool any = subject->token_count > 0;
	size_t i = any ? (size_t)failures % subject->token_count : 0;
	bool is = otp_is_astray(any ? &subject->tokens[i].otp : &nobody, window,
	    &question->code, question->now_s);

	return is && any ? (int)i : -1;
}

/* The person's own card, behind a certificate that is not good now: nobody
 * has guessed, so nobody is charged. */
static bool is_unfit(
    const struct question *question, const struct decision *decision)
{
	return decision->card_index >= 0 &&
	       question->card.standing != CARD_GOOD;
}

/* Looks at the code. The charge is already in `charged`; a match takes it
 * back, `used` does too, because it is not a failure. */
static struct decision evaluate(const struct question *question,
    const struct subject *subject, const struct policy_answer *permit,
    const struct decide_limits *limits, const struct throttle *charged)
{
	struct decision decision = deny(REASON_WRONG);
	enum otp_match found =
	    match(question, subject, &limits->window, &decision);

	if (!subject->known || !is_offered(question->factor, permit))
		found = OTP_NO_MATCH;
	else if (is_unfit(question, &decision)) {
		decision = deny(REASON_WRONG);
		decision.card_unfit = true;
		return decision;
	}

	decision.evaluated = true;
	if (found == OTP_MATCH) {
		decision.result = RESULT_ACCEPT;
		decision.throttle =
		    throttle_clear(&subject->throttle, question->proven);
		decision.throttle_changed =
		    subject->throttle.proven.failures != 0 ||
		    subject->throttle.here.failures != 0 ||
		    subject->throttle.unproven_total != 0;
		return decision;
	}
	decision.token_index = -1;
	decision.emergency_index = -1;
	decision.card_index = -1;
	if (found == OTP_SPENT) {
		decision.reason = REASON_USED;
		return decision;
	}
	if (question->factor == FACTOR_OTP)
		decision.astray_index =
		    find_astray(question, subject, &limits->window);
	decision.throttle = *charged;
	decision.throttle_changed = true;
	return decision;
}

enum factor decide_only_factor(const struct policy_answer *permit)
{
	for (enum factor f = FACTOR_OTP; f <= FACTOR_CARD; f++)
		if (permit->factors == 1u << f)
			return f;
	return FACTOR_NONE;
}

/* Waits belong to a factor, and a challenge names none. */
static bool is_throttle_asked(
    const struct question *question, const struct policy_answer *permit)
{
	return question->factor != FACTOR_NONE ||
	       decide_only_factor(permit) != FACTOR_NONE;
}

static bool is_empty(const struct question *question)
{
	if (question->factor == FACTOR_CARD)
		return !question->card_shown;
	return question->code.length == 0 ||
	       (question->paired && question->next.length == 0);
}

/* As if there were no shadow mode. */
static struct decision decide_strictly(const struct question *question,
    const struct subject *subject, const struct policy_answer *permit,
    const struct decide_limits *limits)
{
	struct decision decision = deny(REASON_WRONG);
	struct throttle charged;

	if (settle_without_code(question, subject, permit, &decision))
		return decision;

	if (is_throttle_asked(question, permit)) {
		switch (throttle_check(&subject->throttle, &limits->throttle,
		    question->proven, question->now_s, &decision.retry_at)) {
		case THROTTLE_DISABLED:
			return deny(REASON_DISABLED);
		case THROTTLE_WAITING:
			decision.reason = REASON_THROTTLED;
			return decision;
		case THROTTLE_OPEN:
			break;
		}
	}
	if (question->factor == FACTOR_NONE)
		return without_factor(RESULT_CONTINUE);
	if (is_empty(question))
		return deny(REASON_WRONG);

	charged = throttle_charge(&subject->throttle, &limits->throttle,
	    question->proven, question->now_s);
	return evaluate(question, subject, permit, limits, &charged);
}

/* Shadow mode takes back what the rule and the second factor refuse, and
 * nothing that was said about this person, this terminal or this time. */
static bool may_be_shadowed(enum reason reason, const struct question *question,
    const struct subject *subject, const struct policy_answer *permit)
{
	switch (reason) {
	case REASON_CLOCK:
	case REASON_FROZEN:
	case REASON_SUSPENDED:
	case REASON_EXPIRED:
		return false;
	case REASON_NOT_PERMITTED:
		return permit->action == POLICY_REFUSE &&
		       !is_not_yet_valid(subject, question->now_s);
	case REASON_NOT_ENROLLED:
	case REASON_DISABLED:
	case REASON_THROTTLED:
	case REASON_USED:
	case REASON_WRONG:
		return true;
	}
	return false;
}

struct decision decide(const struct question *question,
    const struct subject *subject, const struct policy_answer *permit,
    const struct decide_limits *limits)
{
	struct decision decision =
	    decide_strictly(question, subject, permit, limits);

	if (decision.result == RESULT_DENY && permit->shadow &&
	    question->first_factor && subject->known &&
	    may_be_shadowed(decision.reason, question, subject, permit)) {
		decision.result = RESULT_EXEMPT;
		decision.shadowed = true;
	}
	return decision;
}

void subject_wipe(struct subject *subject)
{
	secret_wipe_bytes(
	    subject->tokens, subject->token_count * sizeof(subject->tokens[0]));
	secret_wipe_bytes(subject->emergency,
	    subject->emergency_count * sizeof(subject->emergency[0]));
	subject->token_count = subject->emergency_count = 0;
	subject->card_count = 0;
}

void question_wipe(struct question *question)
{
	secret_wipe_bytes(question, sizeof(*question));
}
