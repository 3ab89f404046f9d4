/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sekimorictl code issue --department`: emergency codes for a whole
 * department, as when its tokens have not come. Whom the administrator may
 * give none is left out and named. Which code it is, is api_admin_code.c's.
 */
#include <stdlib.h>
#include <string.h>

#include "server/api_admin.h"

enum {
	BULK_MAX = 500, /* persons of one department */
};

struct crowd {
	const struct admin_job *job;
	const char *department;
	size_t count;
	struct person *people; /* BULK_MAX + 1 of them */
};

static bool is_meant(const struct crowd *crowd, const struct person *person)
{
	return person_in_department(person, crowd->department) &&
	       admin_heeds(&crowd->job->admin, person) &&
	       person->state == PERSON_ACTIVE && !person->frozen &&
	       (person->valid_until == 0 ||
		   crowd->job->time.now_s < person->valid_until);
}

static enum err add_person(void *context, const struct person *person)
{
	struct crowd *crowd = context;

	if (is_meant(crowd, person) && crowd->count <= BULK_MAX)
		crowd->people[crowd->count++] = *person;
	return ERR_NONE;
}

static enum err record(
    struct admin_job *job, struct store *store, const struct person *person)
{
	struct audit_entry entry = {.kind = "admin", .time_ms = job->now_ms};

	audit_add_text(&entry, "action", "code issue");
	audit_add_text(&entry, "actor", job->actor);
	if (job->approver)
		audit_add_text(&entry, "approved_by", job->approver->actor);
	if (job->loginuid >= 0)
		audit_add_number(&entry, "loginuid", job->loginuid);
	audit_add_text(&entry, "target", person->user);
	audit_add_text(&entry, "user", person->user);
	audit_add_text(&entry, "result", "done");
	return audit_append(store, &entry, NULL);
}

static enum err issue_one(struct admin_job *job, struct store *store,
    struct person *person, int64_t until, json_t *items)
{
	json_t *item;
	enum err err = admin_issue_code(job, store, person, until);

	if (err || job->status)
		return err;
	item = json_pack("{s:s,s:s,s:O,s:I}", "id", person->user, "name",
	    person->name, "code", json_object_get(job->answer, "code"), "until",
	    (json_int_t)until);
	err = record(job, store, person);
	return json_array_append_new(items, item) ? ERR_MEMORY : err;
}

/* Whom he may not give one is no reason for the others to wait. */
static enum err issue_all(struct admin_job *job, struct store *store,
    struct crowd *crowd, int64_t until, json_t *items, json_t *skipped)
{
	enum err err = ERR_NONE;

	for (size_t i = 0; i < crowd->count && !err && !job->status; i++) {
		struct person *person = &crowd->people[i];
		const char *obstacle = NULL;

		err = admin_find_obstacle(job, store, person, true, &obstacle);
		if (!err && obstacle)
			err = json_array_append_new(
				  skipped, json_pack("{s:s,s:s}", "id",
					       person->user, "why", obstacle))
				  ? ERR_MEMORY
				  : ERR_NONE;
		else if (!err)
			err = issue_one(job, store, person, until, items);
	}
	return err;
}

static enum err issue_crowd(struct admin_job *job, struct store *store,
    struct crowd *crowd, int64_t until)
{
	json_t *items = json_array(), *skipped = json_array();
	enum err err = items && skipped
			   ? issue_all(job, store, crowd, until, items, skipped)
			   : ERR_MEMORY;

	/* Half a department's codes would be worse than none. */
	if (!err && job->status)
		job->undo = true;
	if (!err && !job->status) {
		job->note =
		    json_pack("{s:s,s:I}", "department", crowd->department,
			"codes", (json_int_t)json_array_size(items));
		err = admin_answer(job,
		    json_pack("{s:O,s:O}", "items", items, "skipped", skipped));
	}
	json_decref(items);
	json_decref(skipped);
	return err;
}

static enum err code_bulk(struct admin_job *job, struct store *store)
{
	struct crowd crowd = {
	    .department = job->arguments.department, .job = job};
	int64_t until = 0;
	enum err err = ERR_MEMORY;

	if (!admin_needs_clock(job) || !admin_read_until_tonight(job, &until))
		return ERR_NONE;
	crowd.people = calloc(BULK_MAX + 1, sizeof(*crowd.people));
	if (crowd.people)
		err = person_each(store, "", INT64_MAX, add_person, &crowd);
	if (!err && crowd.count == 0)
		err = admin_refuse(job, 404,
		    "Nobody is in %s. `sekimorictl user list` shows who is "
		    "where.",
		    crowd.department);
	else if (!err && crowd.count > BULK_MAX)
		err = admin_refuse(job, 409,
		    "%s has over %d people. Issue codes one by one.",
		    crowd.department, BULK_MAX);
	else if (!err)
		err = issue_crowd(job, store, &crowd, until);
	free(crowd.people);
	return err;
}

const struct admin_verb ADMIN_CODE_BULK_VERBS[] = {
    {.path = "code/bulk",
	.may_wait = true,
	.roles = ADMIN_ENROLLERS,
	.by_department = true,
	.action = "code bulk",
	.members = {ADMIN_NAME(department, true), ADMIN_NAME(until, false)},
	.run = code_bulk,
	.is_long = true},
    {0},
};
