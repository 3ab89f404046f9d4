/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sekimorictl code issue`: an emergency code for somebody whose token lies
 * at home. Kept as a keyed hash only; good for one login.
 */
#include <string.h>

#include "server/api_admin.h"
#include "server/store/subject.h"

enum {
	CODE_DIGITS = 10,
};

/* Digits, each as likely as any other: bytes that would favour the small
 * ones are thrown away. */
static enum err make_digits(char out[CODE_DIGITS + 1])
{
	struct secret random = {0};
	size_t count = 0;
	enum err err = ERR_NONE;

	while (count < CODE_DIGITS) {
		err = secret_random(&random, CODE_DIGITS);
		if (err)
			break;
		for (size_t i = 0; i < random.length && count < CODE_DIGITS;
		     i++)
			if (random.bytes[i] < 250)
				out[count++] =
				    (char)('0' + random.bytes[i] % 10);
	}
	out[count] = '\0';
	secret_wipe(&random);
	return err;
}

static enum err keep_code(struct admin_job *job, struct store *store,
    const struct person *person, int64_t until)
{
	char digits[CODE_DIGITS + 1];
	struct secret hash = {0};
	enum err err = make_digits(digits);

	if (!err)
		err = emergency_hash(
		    store, person->id, digits, CODE_DIGITS, &hash);
	if (!err)
		err = emergency_add(
		    store, person->id, &hash, until, job->time.now_s);
	/* This is how that factor is bound anew. Otherwise whoever guesses at
	 * it often enough has taken it from the person for good. */
	if (!err)
		err = throttle_forget(store, person->id, FACTOR_EMERGENCY);
	if (err == ERR_FULL || err == ERR_TOO_LONG)
		err = admin_refuse(job, 409,
		    "%s has too many open emergency codes.", person->user);
	else if (!err)
		err = admin_answer(job, json_pack("{s:s,s:I}", "code", digits,
					    "until", (json_int_t)until));
	secret_wipe_bytes(digits, sizeof(digits));
	secret_wipe(&hash);
	return err;
}

enum err admin_issue_code(struct admin_job *job, struct store *store,
    struct person *person, int64_t until)
{
	enum err err = keep_code(job, store, person, until);

	if (err || job->status != 0 || person->enrolled_at != 0)
		return err;
	/* Handed over face to face it is an authenticator like any other: a
	 * new colleague works with it until the token has come. */
	person->enrolled_at = job->time.now_s;
	return person_save(store, person);
}

static enum err code_issue(struct admin_job *job, struct store *store)
{
	struct person person;
	int64_t until = 0;
	bool found = false;
	enum err err =
	    admin_find_person(job, store, job->arguments.id, &person, &found);

	if (err || !found || !admin_needs_clock(job))
		return err;
	if (!admin_read_until_tonight(job, &until))
		return ERR_NONE;
	return admin_issue_code(job, store, &person, until);
}

const struct admin_verb ADMIN_CODE_VERBS[] = {
    {.path = "code/issue",
	.may_wait = true,
	.roles = ADMIN_DELEGATES,
	.by_department = true,
	.action = "code issue",
	.members = {ADMIN_NAME(id, true), ADMIN_NAME(until, false)},
	.run = code_issue},
    {0},
};
