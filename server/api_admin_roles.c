/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sekimorictl admin add`, `list` and `remove`: who administers. Root on the
 * socket needs no row here and cannot be taken away, so that the last owner
 * may go.
 */
#include <stdio.h>

#include "server/api_admin_hold.h"

static json_t *admin_json(
    const struct admin *admin, const char *user, const char *name)
{
	return json_pack("{s:s,s:s,s:s,s:s,s:o}", "id", user, "name", name,
	    "role", admin_role_text(admin->role), "departments",
	    admin->departments, "added", admin_time(admin->added_at));
}

/* --- add ------------------------------------------------------------------ */

/* False after a refusal. */
static bool read_rights(struct admin_job *job, struct admin *out)
{
	const struct admin_arguments *a = &job->arguments;

	out->role = (enum admin_role)(a->role + 1);
	out->added_at = job->time.now_s;
	if (!a->departments)
		return true;
	if (out->role != ADMIN_ROLE_ENROLLER &&
	    out->role != ADMIN_ROLE_HELPDESK)
		admin_refuse(job, 400,
		    "An %s has no --department: this role is for everybody.",
		    admin_role_text(out->role));
	else if (!admin_departments_are_sound(a->departments))
		admin_refuse(job, 400,
		    "--department is a name, or several separated by commas.");
	else
		snprintf(out->departments, sizeof(out->departments), "%s",
		    a->departments);
	return job->status == 0;
}

static enum err count_active(void *context, const struct token *token)
{
	size_t *count = context;

	*count += token->state == TOKEN_ACTIVE;
	return ERR_NONE;
}

/* Without a second factor he cannot sign in yet. */
static const char NO_TOKEN[] =
    "This person has no active token to sign in with yet: `sekimorictl token "
    "enroll ID`, and confirm it.";

/* Nobody but an owner ties somebody to an administrator's account, and who was
 * tied to it before should not be left there unseen. */
static const char SHARES[] =
    "Others have the same account (`sekimorictl user list --login ACCOUNT`): "
    "whoever gives them a token or code lets them into it. Give this person "
    "one of his own: `sekimorictl user change ID --login ACCOUNT`.";

static enum err answer_added(struct admin_job *job, struct store *store,
    const struct admin *admin, const struct person *person)
{
	char notice[sizeof(NO_TOKEN) + sizeof(SHARES)] = "";
	size_t tokens = 0;
	bool shares = false;
	enum err err = token_each(store, person->id, count_active, &tokens);

	if (!err)
		err = person_login_is_shared(store, person->login, &shares);
	if (err)
		return err;
	snprintf(notice, sizeof(notice), "%s%s%s", tokens ? "" : NO_TOKEN,
	    !tokens && shares ? " " : "", shares ? SHARES : "");
	return admin_answer(
	    job, json_pack("{s:o,s:s?}", "admin",
		     admin_json(admin, person->user, person->name), "notice",
		     notice[0] ? notice : NULL));
}

static enum err admin_add_verb(struct admin_job *job, struct store *store)
{
	struct admin admin = {0};
	struct person person;
	bool found = false;
	enum err err =
	    admin_find_person(job, store, job->arguments.id, &person, &found);

	if (err || !found || !read_rights(job, &admin))
		return err;
	admin.person_id = person.id;
	err = admin_put(store, &admin);
	if (err == ERR_EXISTS)
		return admin_refuse(job, 409,
		    "%s administers already. `sekimorictl admin remove %s` "
		    "first, to give another role.",
		    person.user, person.user);
	return err ? err : answer_added(job, store, &admin, &person);
}

/* --- list, remove --------------------------------------------------------- */

struct listed {
	struct admin_job *job;
	struct store *store;
	json_t *items;
};

static enum err add_item(void *context, const struct admin *admin,
    const char *user, const char *name)
{
	struct listed *listed = context;
	char hash[ADMIN_HASH_SIZE];
	int64_t sessions = 0;
	json_t *item;
	enum err err =
	    admin_password_get(listed->store, admin->person_id, hash);

	if (!err)
		err = admin_sessions_count(listed->store, admin->person_id,
		    listed->job->time.now_s, &sessions);
	if (err)
		return err;
	item = admin_json(admin, user, name);
	if (item && (json_object_set_new(
			 item, "password", json_boolean(hash[0] != '\0')) ||
			json_object_set_new(
			    item, "sessions", json_integer(sessions)))) {
		json_decref(item);
		return ERR_MEMORY;
	}
	return json_array_append_new(listed->items, item) ? ERR_MEMORY
							  : ERR_NONE;
}

static enum err admin_list(struct admin_job *job, struct store *store)
{
	struct listed listed = {job, store, json_array()};
	enum err err =
	    listed.items ? admin_each(store, add_item, &listed) : ERR_MEMORY;

	if (err) {
		json_decref(listed.items);
		return err;
	}
	return admin_answer_as(job, "items", listed.items);
}

static enum err admin_remove(struct admin_job *job, struct store *store)
{
	struct person person;
	struct admin admin;
	bool found = false;
	enum err err =
	    admin_find_person(job, store, job->arguments.id, &person, &found);

	if (err || !found)
		return err;
	err = admin_get(store, person.id, &admin);
	if (err == ERR_NOT_FOUND)
		return admin_refuse(job, 404,
		    "%s administers nothing. `sekimorictl admin list` shows "
		    "who does.",
		    person.user);
	if (!err)
		err = admin_keep_owners(job, store, &person);
	if (err || job->status)
		return err;
	err = admin_drop(store, person.id);
	return err ? err
		   : admin_answer_as(job, "admin",
			 admin_json(&admin, person.user, person.name));
}

const struct admin_verb ADMIN_ADMIN_VERBS[] = {
    {.path = "admin/add",
	.may_wait = true,
	.action = "admin add",
	.members = {ADMIN_NAME(id, true),
	    {"role", JSON_MEMBER_CHOICE, ADMIN_OFFSET(role), true, 0, 0,
		ADMIN_ROLES},
	    {"departments", JSON_MEMBER_TEXT, ADMIN_OFFSET(departments), false,
		0, ADMIN_DEPARTMENTS_SIZE - 1, NULL}},
	.run = admin_add_verb},
    {.path = "admin/list", .run = admin_list},
    {.path = "admin/remove",
	.may_wait = true,
	.action = "admin remove",
	.members = {ADMIN_NAME(id, true)},
	.run = admin_remove},
    {0},
};
