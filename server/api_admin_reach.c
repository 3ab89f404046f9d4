/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which administrator may do what, and to whom. Roles are bits in the verbs'
 * tables; departments, oneself and other administrators are looked at here
 * and nowhere else. Root has no limits. Must not change anything.
 */
#include <string.h>

#include "server/api_admin.h"
#include "server/core/policy.h"

/* Who may take over the factors of whom: nobody those of a colleague with
 * more rights. An auditor reads what owners read. */
static const int RANKS[ADMIN_ROLE_COUNT] = {
    [ADMIN_ROLE_HELPDESK] = 1,
    [ADMIN_ROLE_ENROLLER] = 2,
    [ADMIN_ROLE_AUDITOR] = 3,
    [ADMIN_ROLE_OWNER] = 4,
};

const char *const ADMIN_GIVES_FACTOR[] = {"admin/password", "token/enroll",
    "token/confirm", "token/resync", "token/assign", "token/checkout",
    "token/found", "token/resume", "token/import", "card/invite", "card/enroll",
    "code/issue", "code/bulk", NULL};

static bool is_root(const struct admin_job *job)
{
	return job->admin.role == ADMIN_ROLE_OWNER && job->admin.person_id == 0;
}

static bool is_limited(const struct admin_job *job)
{
	return job->admin.departments[0] != '\0';
}

static bool only_reads(const struct admin_verb *verb)
{
	return verb->action == NULL;
}

bool admin_is_permitted(struct admin_job *job)
{
	const struct admin_verb *verb = job->verb;
	unsigned roles = verb->roles | ADMIN_MAY(ADMIN_ROLE_OWNER);

	if (verb->is_open)
		return true;
	if (only_reads(verb))
		roles |= ADMIN_MAY(ADMIN_ROLE_AUDITOR);
	if (job->admin.role == ADMIN_ROLE_NONE ||
	    !(roles & ADMIN_MAY(job->admin.role)))
		admin_refuse(job, 403,
		    "This is not for %s. Ask somebody who may: `sekimorictl "
		    "admin list` shows who has which role.",
		    job->admin.role == ADMIN_ROLE_NONE
			? "everybody"
			: admin_role_text(job->admin.role));
	else if (is_limited(job) && !verb->by_department)
		admin_refuse(job, 403,
		    "This concerns everybody, and you administer %s only. Ask "
		    "somebody who has no such limit.",
		    job->admin.departments);
	return job->status == 0;
}

/* Whether what he has is no more than what the asking one has. */
static bool is_below(const struct admin *asking, const struct admin *other)
{
	if (RANKS[other->role] == RANKS[asking->role])
		return admin_covers(asking, other);
	return RANKS[other->role] < RANKS[asking->role];
}

/*
 * Where rules ask for a second person, nobody may become him: by giving a
 * colleague who could approve a factor or a password that he knows. Root, who
 * can ask for nothing, may.
 */
static bool gives_factor_to_approver(const struct admin_job *job,
    const struct store *store, const struct admin *other)
{
	struct policy_approval approval;
	size_t index = 0;

	if (!policy_next_approval(store->policy, &index, &approval) ||
	    (other->role != ADMIN_ROLE_OWNER &&
		other->role != ADMIN_ROLE_ENROLLER))
		return false;
	for (size_t i = 0; ADMIN_GIVES_FACTOR[i]; i++)
		if (strcmp(job->verb->path, ADMIN_GIVES_FACTOR[i]) == 0)
			return true;
	return false;
}

static enum err find_obstacle_of_rank(const struct admin_job *job,
    struct store *store, const struct person *person, const char **out)
{
	struct admin other;
	enum err err = admin_get(store, person->id, &other);

	if (err == ERR_NOT_FOUND)
		return ERR_NONE;
	if (err == ERR_NONE && gives_factor_to_approver(job, store, &other))
		*out = "may approve requests, so that only root on the "
		       "server gives him a factor: sudo sekimorictl.";
	else if (err == ERR_NONE && !is_below(&job->admin, &other))
		*out = "administers with rights that you do not have. Ask "
		       "an owner.";
	return err;
}

/* What stands in the way of the one who asks. */
static enum err find_own_obstacle(const struct admin_job *job,
    struct store *store, const struct person *person, bool changes,
    const char **out_obstacle)
{
	*out_obstacle = NULL;
	if (is_root(job))
		return ERR_NONE;
	if (!admin_heeds(&job->admin, person)) {
		*out_obstacle = "is not of your department.";
		return ERR_NONE;
	}
	if (!changes)
		return ERR_NONE;
	if (person->id != 0 && person->id == job->admin.person_id) {
		*out_obstacle = "is yourself. Ask another administrator.";
		return ERR_NONE;
	}
	return find_obstacle_of_rank(job, store, person, out_obstacle);
}

/* Of what is approved, also in the way of the one who approves. */
enum err admin_find_obstacle(const struct admin_job *job, struct store *store,
    const struct person *person, bool changes, const char **out_obstacle)
{
	struct admin_job second;
	enum err err =
	    find_own_obstacle(job, store, person, changes, out_obstacle);

	if (err || *out_obstacle || !job->approver)
		return err;
	second = (struct admin_job){
	    .verb = job->verb, .admin = job->approver->admin};
	return find_own_obstacle(&second, store, person, changes, out_obstacle);
}

enum err admin_check_person(struct admin_job *job, struct store *store,
    const struct person *person, bool *out_may)
{
	const char *obstacle = NULL;
	enum err err = admin_find_obstacle(
	    job, store, person, !only_reads(job->verb), &obstacle);

	*out_may = !err && !obstacle;
	if (err || !obstacle)
		return err;
	return admin_refuse(job, 403, "%s %s", person->user, obstacle);
}

enum err admin_check_holder(struct admin_job *job, struct store *store,
    int64_t person_id, bool *out_may)
{
	struct person person;
	enum err err;

	*out_may = true;
	if (person_id == 0 || is_root(job))
		return ERR_NONE;
	err = person_by_id(store, person_id, &person);
	if (err) {
		*out_may = false;
		return err == ERR_NOT_FOUND ? ERR_CORRUPT : err;
	}
	return admin_check_person(job, store, &person, out_may);
}

enum err admin_sees_holder(const struct admin_job *job, struct store *store,
    int64_t person_id, bool *out_sees)
{
	struct person person;
	enum err err = ERR_NONE;

	*out_sees = true;
	if (person_id == 0 || !is_limited(job))
		return ERR_NONE;
	err = person_by_id(store, person_id, &person);
	*out_sees = !err && admin_heeds(&job->admin, &person);
	return err == ERR_NOT_FOUND ? ERR_CORRUPT : err;
}

/* An account that somebody else has answers to both: whoever could tie a
 * token of his choice to it would open it. */
static enum err find_obstacle_of_login(const struct admin_job *job,
    struct store *store, const struct person *person, const char **out)
{
	bool taken = false;
	enum err err =
	    admin_has_login(store, person->login, person->id, &taken);

	if (!err && taken && job->admin.role != ADMIN_ROLE_OWNER)
		*out = "would share the account of an administrator. Ask an "
		       "owner.";
	if (err || *out || !is_limited(job))
		return err;
	err = person_has_login(store, person->login, &taken);
	if (!err && taken)
		*out = "would share somebody's account. Ask somebody who is "
		       "not limited to departments.";
	return err;
}

enum err admin_find_obstacle_of_place(const struct admin_job *job,
    struct store *store, const struct person *person, const char **out_obstacle)
{
	*out_obstacle = NULL;
	if (is_root(job))
		return ERR_NONE;
	if (!admin_heeds(&job->admin, person)) {
		*out_obstacle = "would not be of your department. Say of "
				"which: --department.";
		return ERR_NONE;
	}
	return find_obstacle_of_login(job, store, person, out_obstacle);
}
