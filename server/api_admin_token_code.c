/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Codes from a token in hand, and `sekimorictl token confirm` and `token
 * resync`, which are nothing else. Must not compare a code itself.
 */
#include "server/admin_code.h"

#include <ctype.h>

#include "server/store/subject.h"
#include "server/store/last_login.h"

enum err admin_token_confirm(struct admin_job *job, struct store *store);
enum err admin_token_resync(struct admin_job *job, struct store *store);

/* Of a token that may be nobody's yet: `token resync` is not for it. */
static void refuse_astray(struct admin_job *job, const struct token *token)
{
	if (token->person_id == 0)
		admin_refuse(job, 409,
		    "%s is probably out of step. Give two codes in a row: "
		    "--code CODE --next CODE.",
		    token->serial);
	else
		admin_refuse(job, 409,
		    "%s is probably out of step. With two codes in a row: "
		    "`sekimorictl token resync %s CODE CODE`.",
		    token->serial, token->serial);
}

static void refuse_code(struct admin_job *job, const struct person *person,
    const struct token *token, const struct decision *decision)
{
	job->reason = reason_text(decision->reason);
	switch (decision->reason) {
	case REASON_USED:
		admin_refuse(job, 409,
		    "This code was used already. Wait for the next one.");
		return;
	case REASON_THROTTLED:
		admin_refuse(job, 409,
		    "%s must wait after failures. `sekimorictl user unlock "
		    "%s` ends the wait.",
		    person->user, person->user);
		return;
	case REASON_DISABLED:
		admin_refuse(job, 409,
		    "One-time codes of %s are disabled after too many "
		    "failures, and so a spare would open nothing. `sekimorictl "
		    "code issue %s` helps for now, `sekimorictl token confirm` "
		    "with the own token binds them anew.",
		    person->user, person->user);
		return;
	case REASON_WRONG:
	case REASON_SUSPENDED:
	case REASON_FROZEN:
	case REASON_NOT_ENROLLED:
	case REASON_NOT_PERMITTED:
	case REASON_EXPIRED:
	case REASON_CLOCK:
		break;
	}
	if (job->arguments.next)
		admin_refuse(job, 409,
		    "These are not two codes of %s in a row, of about this "
		    "time. %s",
		    token->serial,
		    decision->astray_index >= 0
			? "The first is one of its codes: the second must be "
			  "the very next, and a clock more than ten steps off "
			  "must be set or the token replaced."
			: "Type the one it shows, wait, and type the next.");
	else if (decision->astray_index >= 0)
		refuse_astray(job, token);
	else
		admin_refuse(job, 409,
		    "This is not the code of %s now. Check that the device "
		    "shows the right time and the right entry, and try the "
		    "next code.",
		    token->serial);
}

void admin_take_code(const char *text, struct secret *out)
{
	secret_wipe(out);
	for (size_t i = 0; text[i] && out->length < SECRET_BYTES_MAX; i++)
		if (!isspace((unsigned char)text[i]))
			out->bytes[out->length++] = (unsigned char)text[i];
}

/*
 * Asks the same decision as a login does, about this token alone: the code
 * is charged and spent. Waits hold; a disabled factor hinders only what would
 * be of no use with it, for by a code it is bound anew.
 */
static struct decision decide_code(struct admin_job *job,
    const struct token *token, enum admin_code_use use, struct subject *subject)
{
	static const struct policy_answer permit = {
	    .action = POLICY_PERMIT,
	    .factors = 1u << FACTOR_OTP,
	    .rule = "",
	};
	struct decide_limits limits = job->server->settings.limits;
	struct question question = {
	    .factor = FACTOR_OTP,
	    .proven = true,
	    .clock_trusted = true,
	    .now_s = job->time.now_s,
	};
	struct decision decision;

	if (use != ADMIN_CODE_LENDS)
		limits.throttle.disable_at = INT64_MAX;
	subject->known = subject->enrolled = true;
	subject->frozen = subject->suspended = false;
	subject->valid_from = subject->valid_until = 0;
	subject->emergency_count = 0;
	subject->token_count = 1;
	secret_wipe_bytes(&subject->tokens, sizeof(subject->tokens));
	subject->tokens[0].id = token->id;
	subject->tokens[0].otp = token->otp;
	admin_take_code(job->arguments.code, &question.code);
	question.paired = job->arguments.next != NULL;
	if (question.paired)
		admin_take_code(job->arguments.next, &question.next);
	decision = decide(&question, subject, &permit, &limits);
	question_wipe(&question);
	return decision;
}

enum err admin_note_enrolled(
    struct admin_job *job, struct store *store, struct person *person)
{
	if (person->enrolled_at != 0)
		return ERR_NONE;
	person->enrolled_at = job->time.now_s;
	return person_save(store, person);
}

enum err admin_bind_factor(
    struct admin_job *job, struct store *store, struct person *person)
{
	enum err err = throttle_forget(store, person->id, FACTOR_OTP);

	return err ? err : admin_note_enrolled(job, store, person);
}

/* Token and factor are good from now on, whatever they were before; by a spare
 * the factor is not bound anew. */
static enum err bind_token(struct admin_job *job, struct store *store,
    struct person *person, struct token *token)
{
	const struct token_deed deed = admin_deed(job, "its code was seen");
	enum err err;

	if (token->state == TOKEN_PENDING)
		last_login_note_binding(store, person->id);
	token->state = TOKEN_ACTIVE;
	token->confirmed_at = job->time.now_s;
	err = token_save(store, token, &deed);
	if (err)
		return err;
	return token->loan_until ? admin_note_enrolled(job, store, person)
				 : admin_bind_factor(job, store, person);
}

/*
 * Only codes of a token that opens something count as the person's success,
 * and a disabled factor waits for `token confirm`.
 */
static void leave_throttle(const struct admin_job *job,
    const struct token *token, const struct subject *subject,
    struct decision *decision)
{
	int64_t disable_at = job->server->settings.limits.throttle.disable_at;

	if (token->state != TOKEN_ACTIVE ||
	    token_is_due(token, job->time.now_s) ||
	    subject->throttle.proven.failures >= disable_at)
		decision->throttle_changed = false;
}

enum err admin_try_code(struct admin_job *job, struct store *store,
    const struct person *person, struct token *token, enum admin_code_use use,
    bool *out_good)
{
	struct subject subject = {0};
	struct decision decision;
	enum err err = subject_load(
	    store, person, FACTOR_OTP, 0, job->time.now_s, &subject);

	*out_good = false;
	if (err)
		goto out;
	decision = decide_code(job, token, use, &subject);
	if (use != ADMIN_CODE_BINDS && decision.result == RESULT_ACCEPT)
		leave_throttle(job, token, &subject, &decision);
	err = subject_apply(store, person, FACTOR_OTP, 0, &subject, &decision,
	    true, job->time.now_s);
	if (err)
		goto out;
	if (decision.result != RESULT_ACCEPT) {
		refuse_code(job, person, token, &decision);
		goto out;
	}
	*out_good = true;
	token->last_used_at = job->time.now_s;
	token->otp.drift = decision.drift;
	token->out_of_step = false;
out:
	subject_wipe(&subject);
	return err;
}

static enum err settle_code(struct admin_job *job, struct store *store,
    struct person *person, struct token *token)
{
	bool binds = job->arguments.next == NULL, good = false;
	enum admin_code_use use =
	    token->loan_until ? ADMIN_CODE_LENDS : ADMIN_CODE_BINDS;
	enum err err = admin_try_code(
	    job, store, person, token, binds ? use : ADMIN_CODE_SHOWS, &good);

	if (err || !good)
		return err;
	if (binds)
		err = bind_token(job, store, person, token);
	return err ? err
		   : admin_answer_as(job, "token", admin_token_json(token));
}

/* Tries the codes on a token in one of these states, as bits. */
static enum err take_codes(struct admin_job *job, struct store *store,
    unsigned states, const char *otherwise)
{
	struct token token = {0};
	struct person person;
	bool found = false;
	enum err err = admin_find_token(job, store, true, &token, &found);

	if (err || !found)
		goto out;
	if (!admin_needs_clock(job))
		goto out;
	if (!(states & 1u << token.state)) {
		admin_refuse(job, 409, "%s is %s. %s", token.serial,
		    token_state_text(token.state), otherwise);
		goto out;
	}
	err = admin_find_person(job, store, token.user, &person, &found);
	if (!err && found)
		err = settle_code(job, store, &person, &token);
out:
	token_wipe(&token);
	return err;
}

enum err admin_token_confirm(struct admin_job *job, struct store *store)
{
	return take_codes(job, store,
	    1u << TOKEN_PENDING | 1u << TOKEN_ACTIVE | 1u << TOKEN_VOID,
	    "Enrol a new token, or resume this one if it is suspended.");
}

/* Its state stays: being in step is not being confirmed. */
enum err admin_token_resync(struct admin_job *job, struct store *store)
{
	return take_codes(job, store,
	    1u << TOKEN_PENDING | 1u << TOKEN_ACTIVE | 1u << TOKEN_SUSPENDED |
		1u << TOKEN_VOID,
	    "It opens nothing any more.");
}
