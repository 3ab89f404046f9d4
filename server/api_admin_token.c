/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sekimorictl token`: enrolling, states. A new seed leaves this file once, in
 * the answer of token/enroll, and nowhere else. The import is in
 * api_admin_import.c, what takes codes in api_admin_token_code.c, handing out
 * and back in api_admin_custody.c, lists in api_admin_token_list.c.
 */
#include <stdio.h>
#include <string.h>

#include "server/api_admin.h"
#include "server/store/subject.h"
#include "shared/encode.h"

enum {
	OTPAUTH_SIZE = 1024
};

static const char *const ALGORITHMS[] = {"sha1", "sha256", "sha512", NULL};
/* A seed as long as the hash: RFC 4226, section 4, RFC 6238, section 5.1. */
static const size_t SEED_BYTES[] = {20, 32, 64};

static enum err answer_token(struct admin_job *job, const struct token *token)
{
	return admin_answer_as(job, "token", admin_token_json(token));
}

/* --- enroll -------------------------------------------------------------- */

/* Fills the token from the arguments; false after a refusal. */
static bool describe_token(struct admin_job *job, struct token *token)
{
	const struct admin_arguments *a = &job->arguments;

	token->otp.type = OTP_TOTP;
	token->otp.algorithm =
	    a->algorithm < 0 ? OTP_SHA1 : (enum otp_algorithm)a->algorithm;
	token->otp.digits = a->digits ? (int)a->digits : 6;
	token->otp.period_s = a->period ? a->period : 30;
	token->created_at = job->time.now_s;
	if (token->otp.digits != 6 && token->otp.digits != 8)
		admin_refuse(job, 400, "--digits is 6 or 8.");
	else if (token->otp.period_s != 30 && token->otp.period_s != 60)
		admin_refuse(job, 400, "--period is 30 or 60.");
	return job->status == 0;
}

/* The seed as given in base32, or a random one. */
static enum err make_seed(struct admin_job *job, struct token *token)
{
	const char *text = job->arguments.secret;
	size_t length = 0;
	enum err err;

	if (!text)
		return secret_random(
		    &token->otp.seed, SEED_BYTES[token->otp.algorithm]);
	err = decode_base32(text, strlen(text), token->otp.seed.bytes,
	    SECRET_BYTES_MAX, &length);
	if (err)
		return admin_refuse(
		    job, 400, "The secret is not written in base32.");
	token->otp.seed.length = length;
	if (length < OTP_SEED_BYTES_MIN)
		return admin_refuse(job, 400,
		    "The secret has less than 112 bits (23 characters of "
		    "base32). Leave it out and one is made.");
	if (length > 64)
		return admin_refuse(
		    job, 400, "The secret is longer than 64 bytes.");
	return ERR_NONE;
}

/* otpauth://totp/Sekimori:USER?secret=… ; a staff number needs no escaping
 * but for "@", which a path may hold. */
static json_t *otpauth_uri(const struct token *token)
{
	static const char *const names[] = {"SHA1", "SHA256", "SHA512"};
	char seed[ENCODE_BASE32_SIZE(SECRET_BYTES_MAX)];
	char uri[OTPAUTH_SIZE];
	json_t *text;

	encode_base32(token->otp.seed.bytes, token->otp.seed.length, seed);
	snprintf(uri, sizeof(uri),
	    "otpauth://totp/Sekimori:%s?secret=%s&issuer=Sekimori"
	    "&algorithm=%s&digits=%d&period=%lld",
	    token->user, seed, names[token->otp.algorithm], token->otp.digits,
	    (long long)token->otp.period_s);
	text = json_string(uri);
	secret_wipe_bytes(seed, sizeof(seed));
	secret_wipe_bytes(uri, sizeof(uri));
	return text;
}

static enum err answer_enrolled(
    struct admin_job *job, const struct token *token)
{
	json_t *shown = json_pack("{s:s,s:s}", "serial", token->serial, "state",
	    token_state_text(token->state));

	return admin_answer(job, json_pack("{s:o,s:o}", "token", shown,
				     "otpauth", otpauth_uri(token)));
}

static enum err token_enroll(struct admin_job *job, struct store *store)
{
	struct token token = {.state = TOKEN_PENDING};
	const struct token_deed deed = admin_deed(job, "enrolled");
	struct person person;
	bool found = false;
	enum err err =
	    admin_find_person(job, store, job->arguments.id, &person, &found);

	if (err || !found || !describe_token(job, &token))
		return err;
	err = make_seed(job, &token);
	if (err || job->status)
		goto out;
	token.person_id = person.id;
	memcpy(token.user, person.user, sizeof(token.user));
	err = token_add(store, &token, &deed);
	if (err == ERR_EXISTS)
		err = admin_refuse(job, 409,
		    "This secret belongs to a token already. Two tokens "
		    "cannot share one.");
	else if (!err)
		err = answer_enrolled(job, &token);
out:
	token_wipe(&token);
	return err;
}

/* --- states -------------------------------------------------------------- */

/* Which states a verb may leave, as bits, and where it leads. */
struct transition {
	unsigned from;
	enum token_state to;
	const char *otherwise; /* what to do instead */
	const char *why;       /* for the ledger */
};

static enum err move_token(struct admin_job *job, struct store *store,
    const struct transition *transition)
{
	const struct token_deed deed = admin_deed(job, transition->why);
	struct token token = {0};
	bool found = false;
	enum err err = admin_find_token(job, store, false, &token, &found);

	if (err || !found)
		return err;
	if (token.state != transition->to) {
		if (!(transition->from & (1u << token.state)))
			return admin_refuse(job, 409, "%s is %s. %s",
			    token.serial, token_state_text(token.state),
			    transition->otherwise);
		token.state = transition->to;
		err = token_save(store, &token, &deed);
	}
	return err ? err : answer_token(job, &token);
}

static enum err token_suspend(struct admin_job *job, struct store *store)
{
	static const struct transition suspend = {1u << TOKEN_ACTIVE,
	    TOKEN_SUSPENDED, "Only an active token can be suspended.",
	    "suspended"};

	return move_token(job, store, &suspend);
}

static enum err token_resume(struct admin_job *job, struct store *store)
{
	static const struct transition resume = {1u << TOKEN_SUSPENDED,
	    TOKEN_ACTIVE,
	    "Only a suspended token can be resumed; a lost one comes back by "
	    "`sekimorictl token found`.",
	    "resumed"};

	return move_token(job, store, &resume);
}

static enum err token_lost(struct admin_job *job, struct store *store)
{
	static const struct transition lost = {
	    1u << TOKEN_PENDING | 1u << TOKEN_ACTIVE | 1u << TOKEN_SUSPENDED |
		1u << TOKEN_VOID,
	    TOKEN_LOST, "It opens nothing any more.", "reported lost"};

	return move_token(job, store, &lost);
}

static enum err token_revoke(struct admin_job *job, struct store *store)
{
	static const struct transition revoke = {
	    1u << TOKEN_PENDING | 1u << TOKEN_ACTIVE | 1u << TOKEN_SUSPENDED |
		1u << TOKEN_LOST | 1u << TOKEN_VOID,
	    TOKEN_REVOKED,
	    "It is nobody's: `sekimorictl token retire SERIAL` gives it up.",
	    "revoked"};

	return move_token(job, store, &revoke);
}

/* api_admin_import.c */
enum err admin_token_import(struct admin_job *job, struct store *store);
/* api_admin_token_code.c */
enum err admin_token_confirm(struct admin_job *job, struct store *store);
enum err admin_token_resync(struct admin_job *job, struct store *store);

#define SERIAL_AND_REASON                                                      \
	{                                                                      \
		ADMIN_NAME(serial, true), ADMIN_NAME(reason, false)            \
	}

const struct admin_verb ADMIN_TOKEN_VERBS[] = {
    {.path = "token/enroll",
	.roles = ADMIN_ENROLLERS,
	.by_department = true,
	.action = "token enroll",
	.members = {ADMIN_NAME(id, true),
	    {"algorithm", JSON_MEMBER_CHOICE, ADMIN_OFFSET(algorithm), false, 0,
		0, ALGORITHMS},
	    ADMIN_NUMBER(digits, 1, 99), ADMIN_NUMBER(period, 1, 9999),
	    ADMIN_NAME(secret, false)},
	.run = token_enroll},
    {.path = "token/confirm",
	.roles = ADMIN_ENROLLERS,
	.by_department = true,
	.action = "token confirm",
	.members = {ADMIN_NAME(serial, true),
	    {"code", JSON_MEMBER_TEXT, ADMIN_OFFSET(code), true, 0, 64, NULL}},
	.run = admin_token_confirm},
    {.path = "token/resync",
	.roles = ADMIN_DELEGATES,
	.by_department = true,
	.action = "token resync",
	.members = {ADMIN_NAME(serial, true),
	    {"code", JSON_MEMBER_TEXT, ADMIN_OFFSET(code), true, 0, 64, NULL},
	    {"next", JSON_MEMBER_TEXT, ADMIN_OFFSET(next), true, 0, 64, NULL}},
	.run = admin_token_resync},
    {.path = "token/import",
	.roles = ADMIN_ENROLLERS,
	.action = "token import",
	.members = {ADMIN_BOOL(create_users),
	    {"rows", JSON_MEMBER_ARRAY, ADMIN_OFFSET(rows), true, 0,
		ADMIN_IMPORT_ROWS_MAX, NULL}},
	.run = admin_token_import,
	.is_long = true},
    {.path = "token/suspend",
	.roles = ADMIN_DELEGATES,
	.by_department = true,
	.action = "token suspend",
	.members = SERIAL_AND_REASON,
	.run = token_suspend},
    {.path = "token/resume",
	.roles = ADMIN_DELEGATES,
	.by_department = true,
	.action = "token resume",
	.members = SERIAL_AND_REASON,
	.run = token_resume},
    {.path = "token/lost",
	.roles = ADMIN_DELEGATES,
	.by_department = true,
	.action = "token lost",
	.members = SERIAL_AND_REASON,
	.run = token_lost},
    {.path = "token/revoke",
	.roles = ADMIN_ENROLLERS,
	.by_department = true,
	.action = "token revoke",
	.members = SERIAL_AND_REASON,
	.run = token_revoke},
    {0},
};
