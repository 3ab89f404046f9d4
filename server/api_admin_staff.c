/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user/import: a town's staff list, all of it in one transaction or nothing;
 * and user/import-check, which says row by row what that would do and
 * changes nothing. Both judge by the same function (staff_row.h). Whoever
 * leaves is suspended, not removed: it can be taken back.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/api_admin_hold.h"
#include "server/staff_judge.h"
#include "server/staff_note.h"
#include "server/staff_row.h"
#include "server/staff_validity.h"
#include "server/store/staff_import.h"
#include "server/store/staff_plan.h"
#include "server/store/subject.h"

struct import {
	struct staff_context list;
	struct staff_judgement judged; /* of the row at hand */
	json_t *items, *problems;
	json_int_t counts[STAFF_CHANGE_COUNT +
			  1]; /* by bit of enum staff_change; then unchanged */
	bool apply;
	bool extends;   /* somebody may log in for longer */
	int64_t number; /* of this import; 0: nothing was changed yet */
};

enum {
	UNCHANGED = STAFF_CHANGE_COUNT
};

/* --- the answer ------------------------------------------------------------
 */

static enum err add_problem(struct import *import, int64_t row, const char *id,
    const struct staff_problem *problem)
{
	return json_array_append_new(import->problems,
		   json_pack("{s:I,s:s,s:s,s:s}", "row", (json_int_t)row, "id",
		       id, "member", problem->member, "text", problem->text))
		   ? ERR_MEMORY
		   : ERR_NONE;
}

static void count_changes(struct import *import, unsigned changes)
{
	for (size_t i = 0; i < STAFF_CHANGE_COUNT; i++)
		import->counts[i] += (changes >> i) & 1;
	import->counts[UNCHANGED] += changes == 0;
}

static enum err note_serial(void *context, const struct token *token)
{
	if (token->state != TOKEN_PENDING && token->state != TOKEN_ACTIVE &&
	    token->state != TOKEN_SUSPENDED)
		return ERR_NONE;
	return json_array_append_new(context, json_string(token->serial))
		   ? ERR_MEMORY
		   : ERR_NONE;
}

/* What he has in hand, to be used on or to be given back. */
static enum err add_tokens(
    struct import *import, json_t *item, const struct person *before)
{
	json_t *serials = json_array();
	enum err err = serials ? ERR_NONE : ERR_MEMORY;

	if (!err && before->id)
		err = token_each(
		    import->list.store, before->id, note_serial, serials);
	if (json_object_set_new(item, "tokens", serials) && !err)
		err = ERR_MEMORY;
	return err;
}

static enum err add_item(struct import *import, int64_t row)
{
	const struct staff_judgement *judged = &import->judged;
	unsigned changes = judged->changes;
	const char *note = judged->note[0] ? judged->note : NULL;
	json_t *item;

	count_changes(import, changes);
	if (!changes && !note)
		return ERR_NONE;
	item = json_pack("{s:o,s:I,s:o,s:s?,s:b}", "person",
	    admin_person_json(&judged->after), "row", (json_int_t)row, "what",
	    staff_change_words(changes), "note", note, "shares",
	    judged->shares);
	if (item && changes & STAFF_MOVED && !(changes & STAFF_NEW))
		json_object_set_new(item, "department_before",
		    json_string(judged->before.department));
	if (item && changes & STAFF_RENAMED && !(changes & STAFF_NEW))
		json_object_set_new(
		    item, "name_before", json_string(judged->before.name));
	if (json_array_append_new(import->items, item))
		return ERR_MEMORY;
	return add_tokens(import, item, &judged->before);
}

static enum err answer_import(struct import *import)
{
	json_t *answer = json_pack("{s:O,s:O,s:o,s:o}", "items", import->items,
	    "problems", import->problems, "import",
	    import->number ? json_integer(import->number) : json_null(),
	    "effective",
	    import->list.job->arguments.effective
		? admin_time(import->list.now_s)
		: json_null());

	for (size_t i = 0; answer && i < STAFF_CHANGE_COUNT; i++)
		json_object_set_new(answer, STAFF_CHANGE_NAMES[i],
		    json_integer(import->counts[i]));
	if (answer && json_object_set_new(answer, "unchanged",
			  json_integer(import->counts[UNCHANGED]))) {
		json_decref(answer);
		return ERR_MEMORY;
	}
	return admin_answer(import->list.job, answer);
}

/* --- one person ------------------------------------------------------------
 */

static enum err record_change(struct import *import,
    const struct person *before, const struct person *after, unsigned changes)
{
	const struct admin_job *job = import->list.job;
	struct audit_entry entry = {.kind = "admin", .time_ms = job->now_ms};
	json_t *note = staff_note(before, after, changes);
	enum err err;

	if (!note)
		return ERR_MEMORY;
	audit_add_text(&entry, "action", "user import");
	audit_add_text(&entry, "actor", job->actor);
	if (job->loginuid >= 0)
		audit_add_number(&entry, "loginuid", job->loginuid);
	audit_add_text(&entry, "target", after->user);
	audit_add_text(&entry, "user", after->user);
	audit_add_number(&entry, "import", import->number);
	if (job->arguments.import)
		audit_add_number(&entry, "plan", job->arguments.import);
	admin_add_note(&entry, note);
	audit_add_text(&entry, "result", "done");
	err = audit_append(import->list.store, &entry, NULL);
	json_decref(note);
	return err;
}

/* Writes a person with the record of it, if this is no check. */
static enum err keep(struct import *import, const struct person *before,
    struct person *after, unsigned changes)
{
	enum err err = ERR_NONE;

	if (!import->apply || !changes)
		return ERR_NONE;
	if (import->number == 0)
		err = staff_import_begin(
		    import->list.store, import->list.now_s, &import->number);
	if (!err)
		err = changes & STAFF_NEW
			  ? person_add(import->list.store, after)
			  : person_save(import->list.store, after);
	/* An envelope in the drawer is not to open again with a resume. */
	if (!err && changes & STAFF_LEAVING)
		err = emergency_void(import->list.store, after->id);
	if (!err)
		err = staff_import_keep(import->list.store, import->number,
		    changes & STAFF_NEW ? NULL : before, after);
	return err ? err : record_change(import, before, after, changes);
}

static enum err import_row(struct import *import, const struct staff_row *row)
{
	struct staff_judgement *judged = &import->judged;
	enum err err = staff_judge(&import->list, row, judged);

	if (err)
		return err;
	if (judged->problem.text[0])
		return add_problem(import, row->row, row->id, &judged->problem);
	import->extends |=
	    staff_validity_is_extended(&judged->before, &judged->after);
	err = keep(import, &judged->before, &judged->after, judged->changes);
	return err ? err : add_item(import, row->row);
}

static enum err import_item(struct import *import, json_t *item)
{
	const char *id = json_string_value(json_object_get(item, "id"));
	const struct staff_mention *first;
	struct staff_problem problem = {"id", ""};
	struct staff_row row = {0};

	if (staff_row_read(item, &row, &problem))
		return add_problem(import,
		    json_integer_value(json_object_get(item, "row")),
		    id ? id : "", &problem);
	first = staff_mention_find(&import->list.ids, row.id);
	if (first && first->text != row.id) {
		snprintf(problem.text, sizeof(problem.text),
		    "Row %lld has this staff number already. Take one of the "
		    "two rows away.",
		    (long long)first->row);
		return add_problem(import, row.row, row.id, &problem);
	}
	return import_row(import, &row);
}

/* --- those who are no longer on the list -----------------------------------
 */

struct absent {
	struct import *import;
	json_t *ids; /* rows are not changed while they are walked through */
	size_t seen;
	char last[NAME_BYTES_MAX + 1];
};

/* Contractors are not on a staff list. */
static enum err note_absent(void *context, const struct person *person)
{
	struct absent *absent = context;
	const struct import *import = absent->import;

	absent->seen++;
	snprintf(absent->last, sizeof(absent->last), "%s", person->user);
	if (person->state != PERSON_ACTIVE ||
	    strcmp(person->kind, PERSON_KINDS[PERSON_CONTRACTOR]) == 0 ||
	    staff_mention_find(&import->list.ids, person->user))
		return ERR_NONE;
	return json_array_append_new(absent->ids, json_string(person->user))
		   ? ERR_MEMORY
		   : ERR_NONE;
}

static enum err suspend_absent(struct import *import)
{
	struct absent absent = {.import = import, .ids = json_array()};
	enum err err = absent.ids ? ERR_NONE : ERR_MEMORY;
	json_t *id;
	size_t i;

	do {
		absent.seen = 0;
		if (!err)
			err = person_each(import->list.store, absent.last,
			    ADMIN_PAGE_MAX, note_absent, &absent);
	} while (!err && absent.seen == ADMIN_PAGE_MAX);
	json_array_foreach(absent.ids, i, id)
	{
		struct staff_row row = {
		    .id = json_string_value(id), .kind = -1, .leaving = true};

		if (!err)
			err = import_row(import, &row);
	}
	json_decref(absent.ids);
	return err;
}

/* --- the whole list --------------------------------------------------------
 */

static enum err pass(struct import *import, bool apply)
{
	json_t *item;
	enum err err = ERR_NONE;
	size_t i;

	import->apply = apply;
	memset(import->counts, 0, sizeof(import->counts));
	json_array_clear(import->items);
	json_array_foreach(import->list.job->arguments.rows, i, item) if (!err)
	    err = import_item(import, item);
	if (!err && import->list.job->arguments.whole_staff)
		err = suspend_absent(import);
	return err;
}

static enum err refuse_first(struct import *import)
{
	json_t *first = json_array_get(import->problems, 0);

	return admin_refuse(import->list.job, 409,
	    "Row %lld, %s: %s %zu rows are wrong; nothing was imported.",
	    (long long)json_integer_value(json_object_get(first, "row")),
	    json_string_value(json_object_get(first, "member")),
	    json_string_value(json_object_get(first, "text")),
	    json_array_size(import->problems));
}

/* Keeps the list for its day, when it is judged anew. */
static enum err plan_import(struct import *import)
{
	struct admin_job *job = import->list.job;
	struct staff_plan plan = {.due_at = import->list.now_s,
	    .whole_staff = job->arguments.whole_staff,
	    .people = (int64_t)json_array_size(job->arguments.rows),
	    .rows = json_dumps(job->arguments.rows, JSON_COMPACT)};
	struct audit_entry entry = {.kind = "admin", .time_ms = job->now_ms};
	enum err err = plan.rows ? ERR_NONE : ERR_MEMORY;

	memcpy(plan.actor, job->actor, sizeof(plan.actor));
	plan.person_id = job->admin.person_id;
	if (!err)
		err = staff_import_begin(
		    import->list.store, job->time.now_s, &import->number);
	plan.import = import->number;
	if (!err)
		err = staff_plan_add(import->list.store, &plan);
	free(plan.rows);
	audit_add_text(&entry, "action", "user import plan");
	audit_add_text(&entry, "actor", job->actor);
	audit_add_number(&entry, "import", plan.import);
	audit_add_number(&entry, "effective", plan.due_at);
	audit_add_text(&entry, "result", "done");
	return err ? err : audit_append(import->list.store, &entry, NULL);
}

/* Everything is judged before anything is changed. */
static enum err run_judged(struct import *import, bool apply)
{
	bool later = import->list.job->arguments.effective != NULL;
	json_t *rows = import->list.job->arguments.rows;
	bool held = false;
	enum err err = staff_mentions_note(rows, "id", &import->list.ids);

	if (!err)
		err = staff_mentions_note(rows, "login", &import->list.logins);

	if (!err)
		err = pass(import, false);
	if (!err && apply && json_array_size(import->problems) > 0)
		return refuse_first(import);
	if (!err && apply && import->extends)
		err = admin_hold_as(
		    import->list.job, import->list.store, "user/extend", &held);
	if (held)
		return err;
	if (!err && apply)
		err = later ? plan_import(import) : pass(import, true);
	return err ? err : answer_import(import);
}

static enum err run_import(
    struct admin_job *job, struct store *store, bool apply)
{
	struct import import = {.list = {.job = job,
				    .store = store,
				    .whole = job->arguments.whole_staff,
				    .now_s = job->time.now_s}};
	enum err err = ERR_MEMORY;

	if (!admin_read_time(job, "--effective", job->arguments.effective,
		TIME_TEXT_BEGINNING, &import.list.now_s))
		return ERR_NONE;
	if (job->arguments.effective && import.list.now_s <= job->time.now_s)
		return admin_refuse(job, 400,
		    "--effective is not in the future. Leave it out to import "
		    "the list now.");
	import.items = json_array();
	import.problems = json_array();
	if (import.items && import.problems)
		err = run_judged(&import, apply);
	json_decref(import.items);
	json_decref(import.problems);
	free(import.list.ids.items);
	free(import.list.logins.items);
	return err;
}

static enum err user_import(struct admin_job *job, struct store *store)
{
	return run_import(job, store, true);
}

static enum err user_import_check(struct admin_job *job, struct store *store)
{
	return run_import(job, store, false);
}

#define LIST                                                                   \
	{                                                                      \
		{"rows", JSON_MEMBER_ARRAY, ADMIN_OFFSET(rows), true, 1,       \
		    STAFF_ROWS_MAX, NULL},                                     \
		    ADMIN_BOOL(whole_staff), ADMIN_NAME(effective, false)      \
	}

const struct admin_verb ADMIN_STAFF_VERBS[] = {
    {.path = "user/import",
	.may_wait = true,
	.roles = ADMIN_ENROLLERS,
	.action = "user import",
	.members = LIST,
	.run = user_import,
	.is_long = true},
    {.path = "user/import-check",
	.roles = ADMIN_ENROLLERS,
	.members = LIST,
	.run = user_import_check,
	.is_long = true},
    {0},
};
