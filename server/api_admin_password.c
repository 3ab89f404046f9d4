/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sekimorictl admin password`: an owner gives one, an administrator changes
 * his own, for which he must know the old one: a session that was taken over
 * is not worth a password. Computed between transactions (server/password.h).
 */
#include <stdio.h>
#include <string.h>

#include "server/api_admin.h"
#include "server/store/admin_session.h"
#include "shared/encode.h"

_Static_assert((int)ADMIN_HASH_SIZE == (int)PASSWORD_HASH_SIZE,
    "the store keeps what is computed");

enum password_stage {
	PASSWORD_BEGIN = 0,
	PASSWORD_OLD, /* the old one has been compared */
	PASSWORD_NEW, /* the new one has been hashed */
};

enum err admin_password_text(
    const struct store *store, const char *password, struct secret *out)
{
	unsigned char keyed[32];
	char hex[ENCODE_HEX_SIZE(sizeof(keyed))];
	enum err err = store_keyed_hash(
	    store, "admin-password", password, strlen(password), keyed);

	if (!err) {
		encode_hex(keyed, sizeof(keyed), hex);
		err = secret_set(out, hex, strlen(hex));
	}
	secret_wipe_bytes(keyed, sizeof(keyed));
	secret_wipe_bytes(hex, sizeof(hex));
	return err;
}

/*
 * One person is not two: who could give a colleague of his own rank a password
 * instead of the one he has, and a token besides, could approve in his name
 * what he asked for himself. Root on the server can, and is seen.
 */
static enum err check_first(
    struct admin_job *job, struct store *store, const struct person *person)
{
	char hash[ADMIN_HASH_SIZE];
	struct admin other;
	enum err err = admin_get(store, person->id, &other);

	if (err == ERR_NOT_FOUND || job->admin.person_id == 0)
		return ERR_NONE;
	if (!err)
		err = admin_password_get(store, person->id, hash);
	if (err || other.role != job->admin.role || !hash[0])
		return err;
	return admin_refuse(job, 403,
	    "%s has a password, and as many rights as you. Only root on the "
	    "server gives a new one.",
	    person->user);
}

static bool is_own(const struct admin_job *job, const struct person *person)
{
	return person->id == job->admin.person_id;
}

/* Whose; false in *out_found after a refusal. */
static enum err find_whose(struct admin_job *job, struct store *store,
    struct person *out, bool *out_found)
{
	const char *id = job->arguments.id;
	enum err err = ERR_NONE;

	*out_found = false;
	if (!id && job->admin.person_id == 0)
		return admin_refuse(job, 400,
		    "Say whose password: `sekimorictl admin password ID`.");
	if (job->admin.person_id != 0)
		err = person_by_id(store, job->admin.person_id, out);
	if (err)
		return err;
	*out_found =
	    !id || (job->admin.person_id != 0 && strcmp(id, out->user) == 0);
	if (*out_found)
		return ERR_NONE;
	if (job->admin.role != ADMIN_ROLE_OWNER)
		return admin_refuse(
		    job, 403, "Only an owner gives somebody else a password.");
	err = admin_find_person(job, store, id, out, out_found);
	if (!err && *out_found)
		err = check_first(job, store, out);
	*out_found = *out_found && !err && !job->status;
	return err;
}

static int count_characters(const char *text)
{
	int count = 0;

	for (; *text; text++)
		count += ((unsigned char)*text & 0xc0) != 0x80;
	return count;
}

static bool is_sound(struct admin_job *job, const struct person *person)
{
	const struct admin_arguments *a = &job->arguments;

	if (count_characters(a->password) < PASSWORD_CHARACTERS_MIN)
		admin_refuse(job, 400, "A password has at least %d characters.",
		    PASSWORD_CHARACTERS_MIN);
	else if (strstr(a->password, person->user))
		admin_refuse(job, 400,
		    "A password with the staff number in it is no password.");
	else if (is_own(job, person) && !a->current)
		admin_refuse(job, 400,
		    "Your present password is needed besides: --current -.");
	return job->status == 0;
}

static enum err hash(
    struct admin_job *job, const struct store *store, const char *password)
{
	enum err err =
	    admin_password_text(store, password, &job->password.text);

	job->hashing = job->again = !err;
	return err;
}

static enum err compare_old(
    struct admin_job *job, struct store *store, const struct person *person)
{
	enum err err =
	    admin_password_get(store, person->id, job->password.hash);

	job->password.makes = false;
	job->next.stage = PASSWORD_OLD;
	return err ? err : hash(job, store, job->arguments.current);
}

/* Whoever has a session and not the password has taken it. */
static enum err end_session(struct admin_job *job, struct store *store)
{
	enum err err = admin_session_end(store, job->token);

	return err ? err
		   : admin_refuse(job, 403,
			 "This is not your present password. You are signed "
			 "out.");
}

static enum err make_new(struct admin_job *job, struct store *store)
{
	job->password.makes = true;
	job->next.stage = PASSWORD_NEW;
	return hash(job, store, job->arguments.password);
}

static enum err keep(
    struct admin_job *job, struct store *store, const struct person *person)
{
	enum err err =
	    admin_password_set(store, person->id, job->password.hash);

	if (err == ERR_NOT_FOUND)
		return admin_refuse(job, 404,
		    "%s administers nothing. First: `sekimorictl admin add "
		    "%s --role ROLE`.",
		    person->user, person->user);
	snprintf(job->user, sizeof(job->user), "%s", person->user);
	return err ? err : admin_answer(job, json_object());
}

static enum err admin_password(struct admin_job *job, struct store *store)
{
	struct person person;
	bool found = false;
	enum err err = find_whose(job, store, &person, &found);

	if (err || !found || !is_sound(job, &person))
		return err;
	if (job->progress.stage != PASSWORD_BEGIN && job->password.err)
		return job->password.err;
	switch ((enum password_stage)job->progress.stage) {
	case PASSWORD_BEGIN:
		return is_own(job, &person) ? compare_old(job, store, &person)
					    : make_new(job, store);
	case PASSWORD_OLD:
		return job->password.right ? make_new(job, store)
					   : end_session(job, store);
	case PASSWORD_NEW:
		return keep(job, store, &person);
	}
	return ERR_INVALID;
}

const struct admin_verb ADMIN_PASSWORD_VERBS[] = {
    {.path = "admin/password",
	.action = "admin password",
	.roles = ADMIN_EVERYBODY,
	.by_department = true,
	.members = {ADMIN_NAME(id, false),
	    {"password", JSON_MEMBER_TEXT, ADMIN_OFFSET(password), true, 0,
		SECRET_BYTES_MAX, NULL},
	    {"current", JSON_MEMBER_TEXT, ADMIN_OFFSET(current), false, 0,
		SECRET_BYTES_MAX, NULL}},
	.run = admin_password},
    {0},
};
