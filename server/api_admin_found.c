/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sekimorictl token found`: a lost token opens again only with another factor
 * of the same person, a code of another token or an emergency code. Must not
 * take a code of the token that was lost.
 */
#include "server/admin_code.h"
#include "server/store/subject.h"

enum err admin_token_found(struct admin_job *job, struct store *store);

static void refuse_other_code(struct admin_job *job,
    const struct person *person, const struct decision *decision)
{
	job->reason = reason_text(decision->reason);
	if (decision->reason == REASON_USED)
		admin_refuse(job, 409,
		    "This code was used already. Wait for the next one.");
	else if (decision->reason == REASON_THROTTLED)
		admin_refuse(job, 409,
		    "%s must wait after failures. `sekimorictl user unlock "
		    "%s` ends the wait.",
		    person->user, person->user);
	else if (decision->reason == REASON_WRONG)
		admin_refuse(job, 409,
		    "This is no code of another token of %s, and no emergency "
		    "code. `sekimorictl code issue %s` prints one for whoever "
		    "has no other token.",
		    person->user, person->user);
	else
		admin_refuse(job, 409,
		    "%s proves nothing with this factor now (%s): `sekimorictl "
		    "user show %s`.",
		    person->user, job->reason, person->user);
}

/* Emergency codes are longer than any other. */
static enum err read_other_code(const struct admin_job *job,
    const struct store *store, const struct person *person,
    struct question *out)
{
	struct secret typed = {0}, digits = {0};
	enum err err = ERR_NONE;

	admin_take_code(job->arguments.code, &typed);
	for (size_t i = 0; i < typed.length; i++)
		if (typed.bytes[i] != '-')
			digits.bytes[digits.length++] = typed.bytes[i];
	out->factor =
	    digits.length > OTP_DIGITS_MAX ? FACTOR_EMERGENCY : FACTOR_OTP;
	if (out->factor == FACTOR_OTP)
		err = secret_set(&out->code, digits.bytes, digits.length);
	else
		err = emergency_hash(store, person->id,
		    (const char *)digits.bytes, digits.length, &out->code);
	secret_wipe(&typed);
	secret_wipe(&digits);
	return err;
}

/* As a login by that factor would be decided, wherever policy allows it. */
static enum err try_other_code(struct admin_job *job, struct store *store,
    const struct person *person, bool *out_good)
{
	static const struct policy_answer permit = {
	    .action = POLICY_PERMIT,
	    .factors = 1u << FACTOR_OTP | 1u << FACTOR_EMERGENCY,
	    .rule = "",
	};
	struct question question = {
	    .proven = true, .clock_trusted = true, .now_s = job->time.now_s};
	struct subject subject = {0};
	struct decision decision;
	enum err err = read_other_code(job, store, person, &question);

	if (!err)
		err = subject_load(store, person, question.factor, 0,
		    job->time.now_s, &subject);
	if (err)
		goto out;
	decision =
	    decide(&question, &subject, &permit, &job->server->settings.limits);
	err = subject_apply(store, person, question.factor, 0, &subject,
	    &decision, true, job->time.now_s);
	*out_good = !err && decision.result == RESULT_ACCEPT;
	if (!err && !*out_good)
		refuse_other_code(job, person, &decision);
out:
	question_wipe(&question);
	subject_wipe(&subject);
	return err;
}

/*
 * A finder may have pressed the button and noted codes that are still to come:
 * a HOTP token waits for a code of its own. Those of a clock are over.
 */
static enum err bring_back(
    struct admin_job *job, struct store *store, struct token *token)
{
	const struct token_deed deed =
	    admin_deed(job, "found; another factor was shown");
	enum err err;

	token->state = token->otp.type == OTP_HOTP ? TOKEN_VOID : TOKEN_ACTIVE;
	err = token_save(store, token, &deed);
	return err ? err
		   : admin_answer_as(job, "token", admin_token_json(token));
}

enum err admin_token_found(struct admin_job *job, struct store *store)
{
	struct token token = {0};
	struct person person;
	bool found = false, good = false;
	enum err err = admin_find_token(job, store, false, &token, &found);

	if (err || !found || !admin_needs_clock(job))
		return err;
	if (token.state != TOKEN_LOST)
		return admin_refuse(job, 409,
		    "%s is %s. Only a lost token is found.", token.serial,
		    token_state_text(token.state));
	err = admin_find_person(job, store, token.user, &person, &found);
	if (!err && found)
		err = try_other_code(job, store, &person, &good);
	return err || !good ? err : bring_back(job, store, &token);
}
