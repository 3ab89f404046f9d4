/* SPDX-License-Identifier: Apache-2.0 */
#include "server/staff_judge.h"

#include <stdio.h>
#include <string.h>

#include "server/staff_attendant.h"
#include "server/staff_validity.h"

static void note(struct staff_judgement *judged, const char *text)
{
	size_t used = strlen(judged->note);

	snprintf(judged->note + used, sizeof(judged->note) - used, "%s%s",
	    used ? "; " : "", text);
}

/* Whoever gets an account by default must not fall into somebody else's:
 * several may share one only where the list says so. */
static enum err check_login(const struct staff_context *list,
    const struct staff_row *row, struct staff_problem *problem)
{
	const struct staff_mention *other =
	    staff_mention_find(&list->logins, row->id);
	bool taken = false;
	enum err err;

	if (row->login || row->leaving)
		return ERR_NONE;
	if (other) {
		staff_refuse(problem, "id",
		    "Row %lld gives the account of this number to somebody "
		    "else. Write an account for both.",
		    (long long)other->row);
		return ERR_NONE;
	}
	err = person_has_login(list->store, row->id, &taken);
	if (!err && taken)
		staff_refuse(problem, "id",
		    "An account of this name belongs to somebody registered "
		    "already. Write an account in this row.");
	return err;
}

/* Who administers is not changed by a list of somebody who has fewer rights,
 * nor is anybody given his account. */
static enum err check_reach(
    const struct staff_context *list, struct staff_judgement *judged)
{
	const char *obstacle = NULL;
	enum err err = ERR_NONE;

	if (!judged->changes)
		return ERR_NONE;
	if (!(judged->changes & STAFF_NEW))
		err = admin_find_obstacle(
		    list->job, list->store, &judged->before, true, &obstacle);
	if (!err && !obstacle)
		err = admin_find_obstacle_of_place(
		    list->job, list->store, &judged->after, &obstacle);
	if (obstacle)
		staff_refuse(
		    &judged->problem, "id", "This person %s", obstacle);
	return err;
}

/* A mistyped account would keep its holder out, who must say from then on
 * who he is. */
static enum err find_sharer(const struct staff_context *list,
    const struct staff_row *row, struct staff_judgement *judged)
{
	enum err err = ERR_NONE;

	if (!row->login || row->leaving ||
	    strcmp(judged->before.login, row->login) == 0)
		return ERR_NONE;
	if (staff_mention_is_repeated(&list->logins, row->login))
		judged->shares = true;
	else
		err =
		    person_has_login(list->store, row->login, &judged->shares);
	if (judged->shares)
		note(judged, "shares the account with somebody else");
	return err;
}

static enum err note_attended(
    const struct staff_context *list, struct staff_judgement *judged)
{
	char users[NAME_BYTES_MAX + 1], text[2 * NAME_BYTES_MAX];
	enum err err = person_attended(list->store, judged->before.user, users);

	if (err || !users[0])
		return err;
	snprintf(
	    text, sizeof(text), "attends %s: name another attendant", users);
	note(judged, text);
	return ERR_NONE;
}

static enum err note_standing(const struct staff_context *list,
    const struct staff_row *row, bool known, struct staff_judgement *judged)
{
	if (row->leaving && !known)
		note(judged, "leaving, and not registered");
	else if (judged->changes & STAFF_LEAVING)
		return note_attended(list, judged);
	else if (judged->before.state == PERSON_SUSPENDED && !row->leaving)
		note(judged, "is suspended and stays so");
	if (staff_validity_is_unattended(&judged->after) && !row->leaving)
		note(judged, "a contractor without an attendant (立会者)");
	return ERR_NONE;
}

static enum err check_attendant(
    const struct staff_context *list, struct staff_judgement *judged)
{
	bool sound = true;

	if (!staff_validity_differs(&judged->before, &judged->after))
		return ERR_NONE;
	return staff_attendant_check(list->store, &list->ids, list->whole,
	    &judged->after, &sound, &judged->problem);
}

enum err staff_judge(const struct staff_context *list,
    const struct staff_row *row, struct staff_judgement *out)
{
	enum err err;
	bool known;

	memset(out, 0, sizeof(*out));
	err = person_find(list->store, row->id, &out->before);
	if (err && err != ERR_NOT_FOUND)
		return err;
	known = err == ERR_NONE;
	err = known ? ERR_NONE : check_login(list, row, &out->problem);
	if (err || out->problem.text[0])
		return err;
	out->after = out->before;
	if (staff_row_apply(row, known, list->now_s, &out->after, &out->changes,
		&out->problem))
		return ERR_NONE;
	err = check_attendant(list, out);
	if (!err && !out->problem.text[0])
		err = check_reach(list, out);
	if (!err)
		err = find_sharer(list, row, out);
	if (!err)
		err = note_standing(list, row, known, out);
	if (!known)
		snprintf(
		    out->after.user, sizeof(out->after.user), "%s", row->id);
	return err;
}
