/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sekimorictl admin signin`: staff number, password and one-time code in one
 * call, and one answer to whatever of it is wrong. The password is computed
 * between two transactions (server/password.h); the code is judged in the
 * second by the decision that logins use, with the person's own throttle. A
 * stranger, and whoever administers nothing, is a decoy all the way.
 *
 * With the right password a failure is the person's, as behind PAM's. Without,
 * it counts for the place it came from, which then waits, and nothing that a
 * stranger does from elsewhere locks an administrator out.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "server/api_admin.h"
#include "server/store/admin_session.h"
#include "server/store/subject.h"
#include "shared/encode.h"

enum {
	IPV6_NETWORK_BYTES = 8
};

enum signin_stage {
	SIGNIN_BEGIN = 0,
	SIGNIN_JUDGE, /* the password has been computed */
};

struct signin {
	struct person person; /* or his decoy */
	struct admin admin;
	bool known;                    /* he administers, and has a password */
	bool registered;               /* user is of the staff */
	char user[NAME_BYTES_MAX + 1]; /* for the record */
	char stranger[ENCODE_HEX_SIZE(PERSON_STRANGER_BYTES)];
	char hash[ADMIN_HASH_SIZE];
	int64_t place; /* of the unproven throttle */
	const char *serial;
	bool right; /* the password */
};

/* --- who is meant ----------------------------------------------------------
 */

/* Places are no terminals, whose numbers are above 0. Of an IPv6 address the
 * network is one, of which a single machine has all. */
static enum err find_place(
    const struct admin_job *job, const struct store *store, int64_t *out)
{
	unsigned char hash[32], address[16];
	uint64_t number = 0;
	bool has_network = inet_pton(AF_INET6, job->origin, address) == 1;
	enum err err = store_keyed_hash(store, "admin-place",
	    has_network ? (const void *)address : job->origin,
	    has_network ? IPV6_NETWORK_BYTES : strlen(job->origin), hash);

	memcpy(&number, hash, sizeof(number));
	*out = -1 - (int64_t)(number >> 1);
	return err;
}

static enum err name_stranger(
    const struct store *store, const char *id, struct signin *out)
{
	unsigned char hash[32];
	enum err err = store_keyed_hash(store, "user", id, strlen(id), hash);

	encode_hex(hash, PERSON_STRANGER_BYTES, out->stranger);
	return err;
}

/* The same statements whoever it is. */
static enum err meet(
    struct admin_job *job, struct store *store, struct signin *out)
{
	const char *id = job->arguments.id;
	struct person decoy;
	enum err found = person_find(store, id, &out->person);
	enum err err = person_find_decoy(store, id, &decoy);

	if (found && found != ERR_NOT_FOUND)
		return found;
	out->registered = found == ERR_NONE;
	snprintf(out->user, sizeof(out->user), "%s",
	    out->registered ? out->person.user : "");
	if (!err)
		err = name_stranger(store, id, out);
	if (!err)
		err = find_place(job, store, &out->place);
	if (err)
		return err;
	if (!out->registered)
		out->person = decoy;
	found = admin_get(store, out->person.id, &out->admin);
	err = admin_password_get(store, out->person.id, out->hash);
	if (err || (found && found != ERR_NOT_FOUND))
		return err ? err : found;
	out->known = !found && out->hash[0] != '\0';
	if (!out->known) {
		out->person = decoy;
		out->hash[0] = '\0';
	}
	return ERR_NONE;
}

static enum err begin(
    struct admin_job *job, struct store *store, const struct signin *signin)
{
	enum err err = admin_password_text(
	    store, job->arguments.password, &job->password.text);

	job->password.makes = false;
	memcpy(job->password.hash, signin->hash, sizeof(signin->hash));
	job->hashing = job->again = !err;
	job->next.stage = SIGNIN_JUDGE;
	return err;
}

/* --- judging ---------------------------------------------------------------
 */

static void take_code(const char *text, struct secret *out)
{
	for (size_t i = 0; text[i] && out->length < SECRET_BYTES_MAX; i++)
		if (!isspace((unsigned char)text[i]))
			out->bytes[out->length++] = (unsigned char)text[i];
}

/* A place that must wait does so whatever comes from there: otherwise a
 * guesser would be told by being let in. And failures without the password are
 * the place's alone: added to those of the person's terminals, they would let a
 * stranger shut his screen locker. */
static struct decision decide_signin(const struct admin_job *job,
    const struct signin *signin, struct subject *subject)
{
	static const struct policy_answer permit = {
	    .action = POLICY_PERMIT,
	    .factors = 1u << FACTOR_OTP,
	    .rule = "",
	};
	const struct decide_limits *limits = &job->server->settings.limits;
	struct question question = {
	    .factor = FACTOR_OTP,
	    .proven = signin->right,
	    .clock_trusted = job->time.trusted,
	    .now_s = job->time.now_s,
	};
	int64_t at_terminals = subject->throttle.unproven_total;
	struct decision decision;

	if (job->time.now_s < subject->throttle.here.wait_until)
		question.proven = false;
	if (!question.proven)
		subject->throttle.unproven_total = 0;
	/* Everything is evaluated, and nothing fits. */
	subject->known = signin->known && signin->right;
	take_code(job->arguments.code, &question.code);
	decision = decide(&question, subject, &permit, limits);
	if (!question.proven)
		decision.throttle.unproven_total = at_terminals;
	question_wipe(&question);
	return decision;
}

static enum err record(struct admin_job *job, struct store *store,
    const struct signin *signin, const struct decision *decision)
{
	struct audit_entry entry = {.kind = "admin", .time_ms = job->now_ms};
	bool done = decision->result == RESULT_ACCEPT;
	const char *reason = done ? NULL : reason_text(decision->reason);
	char same[NAME_BYTES_MAX + ADMIN_ORIGIN_SIZE + 64];

	audit_add_text(&entry, "action", job->verb->action);
	audit_add_text(&entry, "actor", job->actor);
	if (job->loginuid >= 0)
		audit_add_number(&entry, "loginuid", job->loginuid);
	/* What else was typed may be a password. */
	if (signin->registered)
		audit_add_text(&entry, "user", signin->user);
	else
		audit_add_text(&entry, "user_hash", signin->stranger);
	audit_add_text(&entry, "address", job->origin);
	audit_add_text(
	    &entry, "first_factor", signin->right ? "proven" : "unproven");
	audit_add_text(&entry, "token", signin->serial);
	audit_add_text(&entry, "result", done ? "done" : "refused");
	audit_add_text(&entry, "reason", reason);
	if (job->exchange)
		audit_add_text(&entry, "request", job->exchange->request_id);
	job->recorded = true;
	if (done || decision->evaluated)
		return audit_append(store, &entry, NULL);
	snprintf(same, sizeof(same), "signin|%s|%s|%s",
	    signin->registered ? signin->user : signin->stranger, job->origin,
	    reason);
	return audit_append_counted(store, &entry, same);
}

/* --- the session -----------------------------------------------------------
 */

static enum err open_session(
    struct admin_job *job, struct store *store, const struct signin *signin)
{
	char text[ENCODE_BASE64_SIZE(ADMIN_TOKEN_BYTES)];
	struct secret token = {0};
	enum err err = secret_random(&token, ADMIN_TOKEN_BYTES);

	if (!err)
		err = admin_session_begin(store, signin->person.id, token.bytes,
		    job->origin, job->time.now_s);
	if (!err) {
		encode_base64url(token.bytes, token.length, text);
		err = admin_answer(job,
		    json_pack("{s:s,s:s,s:s,s:s,s:I,s:i}", "session", text,
			"id", signin->person.user, "role",
			admin_role_text(signin->admin.role), "departments",
			signin->admin.departments, "until",
			(json_int_t)(job->time.now_s + ADMIN_SESSION_LIFE_S),
			"idle", ADMIN_SESSION_IDLE_S));
		secret_wipe_bytes(text, sizeof(text));
	}
	secret_wipe(&token);
	return err;
}

/* One sentence for everything. */
static enum err refuse(struct admin_job *job)
{
	return admin_refuse(job, 403,
	    "Signing in failed. Check staff number, password and code. A code "
	    "works once; after several failures only waiting helps.");
}

static enum err judge(
    struct admin_job *job, struct store *store, struct signin *signin)
{
	struct subject subject = {0};
	struct decision decision;
	enum err err = subject_load(store, &signin->person, FACTOR_OTP,
	    signin->place, job->time.now_s, &subject);

	if (err)
		goto out;
	decision = decide_signin(job, signin, &subject);
	err = subject_apply(store, &signin->person, FACTOR_OTP, signin->place,
	    &subject, &decision, signin->right, job->time.now_s);
	if (err)
		goto out;
	if (decision.token_index >= 0)
		signin->serial = subject.tokens[decision.token_index].serial;
	if (decision.result == RESULT_ACCEPT) {
		snprintf(job->actor, sizeof(job->actor), "admin %s",
		    signin->person.user);
		err = open_session(job, store, signin);
	} else {
		refuse(job);
	}
	if (!err)
		err = record(job, store, signin, &decision);
out:
	subject_wipe(&subject);
	return err;
}

static enum err admin_signin(struct admin_job *job, struct store *store)
{
	struct signin signin = {0};
	enum err err;

	if (!admin_needs_clock(job))
		return ERR_NONE;
	err = meet(job, store, &signin);
	if (err)
		return err;
	if (job->progress.stage == SIGNIN_BEGIN)
		return begin(job, store, &signin);
	if (job->password.err)
		return job->password.err;
	/* That of a moment ago may be his no longer. */
	signin.right =
	    job->password.right && strcmp(job->password.hash, signin.hash) == 0;
	return judge(job, store, &signin);
}

const struct admin_verb ADMIN_SIGNIN_VERBS[] = {
    {.path = "signin",
	.action = "admin signin",
	.members = {ADMIN_NAME(id, true),
	    {"password", JSON_MEMBER_TEXT, ADMIN_OFFSET(password), true, 0,
		SECRET_BYTES_MAX, NULL},
	    {"code", JSON_MEMBER_TEXT, ADMIN_OFFSET(code), true, 0, 64, NULL}},
	.is_open = true,
	.run = admin_signin},
    {0},
};
