/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who administers and may come in now, and how many owners there are for what
 * two must agree to. Must not change anything.
 */
#include <string.h>

#include "server/api_admin_hold.h"
#include "server/core/policy.h"

static bool is_there(const struct person *person, int64_t now_s)
{
	return person->state == PERSON_ACTIVE && !person->frozen &&
	       now_s >= person->valid_from &&
	       (person->valid_until == 0 || now_s < person->valid_until);
}

static enum err find_office(struct store *store, int64_t person_id,
    int64_t now_s, struct admin *out, bool *out_is)
{
	struct person person;
	enum err err = person_by_id(store, person_id, &person);

	*out_is = false;
	if (err == ERR_NONE)
		err = admin_get(store, person_id, out);
	if (err == ERR_NONE)
		*out_is = is_there(&person, now_s);
	return err == ERR_NOT_FOUND ? ERR_NONE : err;
}

enum err admin_is_in_office(struct admin_job *job, struct store *store,
    int64_t person_id, struct admin *out, bool *out_is)
{
	return find_office(store, person_id, job->time.now_s, out, out_is);
}

struct owners {
	struct store *store;
	int64_t now_s;
	int count;
};

static enum err count_owner(void *context, const struct admin *admin,
    const char *user, const char *name)
{
	struct owners *owners = context;
	struct admin same;
	bool is = false;
	enum err err = ERR_NONE;

	(void)user;
	(void)name;
	if (admin->role == ADMIN_ROLE_OWNER)
		err = find_office(
		    owners->store, admin->person_id, owners->now_s, &same, &is);
	owners->count += is;
	return err;
}

enum err admin_count_owners(struct store *store, int64_t now_s, int *out_count)
{
	struct owners owners = {.store = store, .now_s = now_s};
	enum err err = admin_each(store, count_owner, &owners);

	*out_count = owners.count;
	return err;
}

/* By which somebody comes back who has not been removed. */
static bool brings_back(const struct admin_verb *verb)
{
	static const char *const paths[] = {
	    "user/thaw", "user/resume", "user/extend", NULL};

	for (size_t i = 0; paths[i]; i++)
		if (strcmp(paths[i], verb->path) == 0)
			return true;
	return false;
}

enum err admin_brings_owner_back(
    const struct admin_job *job, struct store *store, bool *out_does)
{
	struct person person;
	struct admin admin;
	enum err err;

	*out_does = false;
	if (!brings_back(job->verb))
		return ERR_NONE;
	err = person_find(store, job->arguments.id, &person);
	if (err == ERR_NONE)
		err = admin_get(store, person.id, &admin);
	*out_does = err == ERR_NONE && admin.role == ADMIN_ROLE_OWNER;
	return err == ERR_NOT_FOUND ? ERR_NONE : err;
}

struct others {
	int64_t but_person_id;
	int owners;
	bool is_owner; /* the one left out */
};

static enum err count_other(void *context, const struct admin *admin,
    const char *user, const char *name)
{
	struct others *others = context;

	(void)user;
	(void)name;
	if (admin->role != ADMIN_ROLE_OWNER)
		return ERR_NONE;
	if (admin->person_id == others->but_person_id)
		others->is_owner = true;
	else
		others->owners++;
	return ERR_NONE;
}

/* Whoever is only suspended can be let in again, so he counts. */
enum err admin_keep_owners(
    struct admin_job *job, struct store *store, const struct person *leaving)
{
	struct others others = {.but_person_id = leaving->id};
	struct policy_approval approval;
	size_t index = 0;
	enum err err = ERR_NONE;

	if (!policy_next_approval(store->policy, &index, &approval))
		return ERR_NONE;
	err = admin_each(store, count_other, &others);
	if (err || !others.is_owner || others.owners >= ADMIN_APPROVERS_MIN)
		return err;
	return admin_refuse(job, 409,
	    "Rule %s needs two owners, and without %s there would be %d. Add "
	    "another first: `sekimorictl admin add ID --role owner`.",
	    approval.name, leaving->user, others.owners);
}
