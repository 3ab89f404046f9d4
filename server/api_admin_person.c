/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sekimorictl user add`, `change` and `extend`: what is registered of a
 * person. They are a staff list of one row (staff_row.h), so that the same
 * things are refused and the same things are recorded.
 */
#include <stdio.h>
#include <string.h>

#include "server/api_admin_hold.h"
#include "server/staff_attendant.h"
#include "server/staff_note.h"
#include "server/staff_validity.h"

static enum err refuse_problem(
    struct admin_job *job, const struct staff_problem *problem)
{
	return admin_refuse(job, 400, "%s", problem->text);
}

/* The first where he sits, the others behind it; these are named in full, so
 * that what is not named is no more. */
static bool take_departments(struct admin_job *job, struct staff_row *row,
    char first[NAME_BYTES_MAX + 1])
{
	const char *list = job->arguments.departments;
	size_t length;

	if (!list)
		return true;
	length = strcspn(list, ",");
	if (row->department || length == 0)
		return admin_refuse(job, 400,
			   "Name the departments once, and none of them "
			   "empty."),
		       false;
	memcpy(first, list, length);
	first[length] = '\0';
	row->department = first;
	row->also = list[length] ? list + length + 1 : "-";
	return true;
}

/* What was asked for, as a row; refuses and returns false. */
static bool make_row(struct admin_job *job, struct staff_row *row,
    char first[NAME_BYTES_MAX + 1])
{
	const struct admin_arguments *a = &job->arguments;
	struct staff_problem problem = {"id", ""};

	*row = (struct staff_row){.id = a->id,
	    .login = a->login,
	    .name = a->name,
	    .department = a->department,
	    .from = a->from,
	    .until = a->until,
	    .attendant = a->attendant,
	    .decision = a->decision,
	    .kind = a->kind};
	if (!take_departments(job, row, first))
		return false;
	if (staff_row_check(row, &problem)) {
		refuse_problem(job, &problem);
		return false;
	}
	return true;
}

/* Registered all the same: who works tonight may be known before who is with
 * him. */
static const char UNATTENDED[] =
    "No attendant (立会者) answers for this contractor yet: `sekimorictl user "
    "change ID --attendant ID`.";

static enum err answer_person(struct admin_job *job,
    const struct person *before, const struct person *after, unsigned changes)
{
	json_t *answer = json_pack("{s:o,s:o,s:s?}", "user",
	    admin_person_json(after), "what", staff_change_words(changes),
	    "notice", staff_validity_is_unattended(after) ? UNATTENDED : NULL);

	json_decref(job->note);
	job->note = staff_note(before, after, changes);
	return job->note ? admin_answer(job, answer) : ERR_MEMORY;
}

/* Whoever administers some departments neither lets people into others nor
 * takes them out of them. */
static bool may_move(struct admin_job *job, const struct person *before,
    const struct person *after)
{
	const struct person *sides[] = {before, after};

	for (size_t i = 0; i < 2; i++) {
		const char *at = sides[i]->department;

		while (*at) {
			struct person one = {0};
			size_t length = strcspn(at, ",");

			memcpy(one.department, at, length);
			if (!person_in_department(
				sides[1 - i], one.department) &&
			    !admin_heeds(&job->admin, &one))
				return admin_refuse(job, 403,
					   "%s is not your department. Ask "
					   "somebody who administers it too.",
					   one.department),
				       false;
			at += length;
			at += *at == ',';
		}
	}
	return true;
}

/* Whether the asking one may leave a person so; refuses with 403. */
static enum err check_place(struct admin_job *job, struct store *store,
    const struct person *before, const struct person *after, bool *out_may)
{
	const char *obstacle = NULL;
	enum err err = ERR_NONE;

	*out_may = may_move(job, before, after);
	if (*out_may && !admin_heeds(&job->admin, after))
		obstacle = "would not be of your department. Say of which: "
			   "--department.";
	else if (*out_may && strcmp(before->login, after->login) != 0)
		err =
		    admin_find_obstacle_of_place(job, store, after, &obstacle);
	if (err || !obstacle)
		return err;
	*out_may = false;
	return admin_refuse(job, 403, "%s %s", after->user, obstacle);
}

/* What one row makes of a person, kept if that may be. before is zeroed for
 * somebody new. */
static enum err apply_row(struct admin_job *job, struct store *store,
    const struct staff_row *row, const struct person *before)
{
	struct staff_problem problem = {"id", ""};
	bool known = before->id != 0, sound = true, held = false;
	struct person after = *before;
	unsigned changes = 0;
	enum err err = ERR_NONE;

	if (staff_row_apply(
		row, known, job->time.now_s, &after, &changes, &problem))
		return refuse_problem(job, &problem);
	if (staff_validity_differs(before, &after))
		err = staff_attendant_check(
		    store, NULL, false, &after, &sound, &problem);
	if (!err && !sound)
		return refuse_problem(job, &problem);
	if (!err)
		err = check_place(job, store, before, &after, &sound);
	if (!err && sound && staff_validity_is_extended(before, &after))
		err = admin_hold_as(job, store, "user/extend", &held);
	if (err || !sound || held)
		return err;
	err = known ? person_save(store, &after) : person_add(store, &after);
	if (err == ERR_EXISTS)
		return admin_refuse(job, 409,
		    "%s is registered already. `sekimorictl user show %s` "
		    "shows the entry.",
		    row->id, row->id);
	return err ? err : answer_person(job, before, &after, changes);
}

static enum err user_add(struct admin_job *job, struct store *store)
{
	const struct person nobody = {0};
	char first[NAME_BYTES_MAX + 1];
	struct staff_row row;

	snprintf(job->user, sizeof(job->user), "%s", job->arguments.id);
	if (!make_row(job, &row, first))
		return ERR_NONE;
	return apply_row(job, store, &row, &nobody);
}

static enum err user_change(struct admin_job *job, struct store *store)
{
	char first[NAME_BYTES_MAX + 1];
	struct person before;
	struct staff_row row;
	bool found = false;
	enum err err =
	    admin_find_person(job, store, job->arguments.id, &before, &found);

	if (err || !found || !make_row(job, &row, first))
		return err;
	return apply_row(job, store, &row, &before);
}

/* Longer, and nothing else. */
static enum err user_extend(struct admin_job *job, struct store *store)
{
	char first[NAME_BYTES_MAX + 1];
	struct person before;
	struct staff_row row;
	int64_t until = 0;
	bool found = false;
	enum err err =
	    admin_find_person(job, store, job->arguments.id, &before, &found);

	if (err || !found || !make_row(job, &row, first) ||
	    !admin_read_time(job, "--until", row.until, TIME_TEXT_END, &until))
		return err;
	if (before.valid_until == 0)
		return admin_refuse(job, 409,
		    "%s has no end. `sekimorictl user change %s --until DATE` "
		    "gives one.",
		    before.user, before.user);
	if (until <= before.valid_until)
		return admin_refuse(job, 409,
		    "%s may log in until then anyway. `sekimorictl user "
		    "change %s --until DATE` makes it shorter.",
		    before.user, before.user);
	return apply_row(job, store, &row, &before);
}

#define PERSON_MEMBERS                                                         \
	ADMIN_NAME(id, true), ADMIN_NAME(login, false),                        \
	    ADMIN_NAME(name, false), ADMIN_NAME(department, false),            \
	    ADMIN_NAME(departments, false),                                    \
	    {"kind", JSON_MEMBER_CHOICE, ADMIN_OFFSET(kind), false, 0, 0,      \
		PERSON_KINDS},                                                 \
	    ADMIN_NAME(from, false), ADMIN_NAME(until, false),                 \
	    ADMIN_NAME(attendant, false), ADMIN_NAME(decision, false)

const struct admin_verb ADMIN_PERSON_VERBS[] = {
    {.path = "user/add",
	.roles = ADMIN_ENROLLERS,
	.by_department = true,
	.action = "user add",
	.members = {PERSON_MEMBERS},
	.run = user_add},
    {.path = "user/change",
	.may_wait = true,
	.roles = ADMIN_ENROLLERS,
	.by_department = true,
	.action = "user change",
	.members = {PERSON_MEMBERS},
	.run = user_change},
    {.path = "user/extend",
	.may_wait = true,
	.roles = ADMIN_ENROLLERS,
	.by_department = true,
	.action = "user extend",
	.members = {ADMIN_NAME(id, true), ADMIN_NAME(until, true),
	    ADMIN_NAME(attendant, false), ADMIN_NAME(decision, false)},
	.run = user_extend},
    {0},
};
