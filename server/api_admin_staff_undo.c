/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user/import-undo: takes the last staff list back, all of it or nothing.
 * Everybody is again as before; whoever was new is removed. What somebody
 * has changed since is never overwritten: then nothing is taken back.
 */
#include <stdio.h>
#include <string.h>

#include "server/api_admin_hold.h"
#include "server/staff_validity.h"
#include "server/store/staff_import.h"
#include "server/store/staff_plan.h"
#include "server/store/subject.h"

/* Is he still as the list left him? */
static bool is_untouched(
    const struct person *now, const struct staff_import_row *row)
{
	const struct person *left = &row->after;

	return now->state == left->state &&
	       strcmp(now->login, left->login) == 0 &&
	       strcmp(now->name, left->name) == 0 &&
	       strcmp(now->department, left->department) == 0 &&
	       strcmp(now->kind, left->kind) == 0 &&
	       strcmp(now->attendant, left->attendant) == 0 &&
	       strcmp(now->decision, left->decision) == 0 &&
	       now->valid_from == left->valid_from &&
	       now->valid_until == left->valid_until;
}

static enum err count_token(void *context, const struct token *token)
{
	size_t *count = context;

	*count += token->state != TOKEN_REVOKED;
	return ERR_NONE;
}

static enum err count_card(void *context, const struct card *card)
{
	size_t *count = context;

	*count += card->state == CARD_STATE_ACTIVE;
	return ERR_NONE;
}

/* Of somebody new: what he was given must be taken from him first. */
static enum err count_factors(
    struct store *store, const struct person *person, size_t *out)
{
	enum err err = token_each(store, person->id, count_token, out);

	return err ? err : card_each(store, person->id, count_card, out);
}

/* Frozen and enrolled are not a list's business and stay. */
static void put_back(struct person *person, const struct staff_import_row *row)
{
	const struct person *before = &row->before;

	if (row->was_new) {
		person->state = PERSON_REMOVED;
		return;
	}
	memcpy(person->login, before->login, sizeof(person->login));
	memcpy(person->name, before->name, sizeof(person->name));
	memcpy(
	    person->department, before->department, sizeof(person->department));
	memcpy(person->kind, before->kind, sizeof(person->kind));
	memcpy(person->attendant, before->attendant, sizeof(person->attendant));
	memcpy(person->decision, before->decision, sizeof(person->decision));
	person->state = before->state;
	person->valid_from = before->valid_from;
	person->valid_until = before->valid_until;
}

/* His account of before may be an administrator's by now. */
static enum err check_account(struct admin_job *job, struct store *store,
    const struct person *now, const struct staff_import_row *row)
{
	const char *obstacle = NULL;
	struct person after = *now;
	enum err err;

	put_back(&after, row);
	if (strcmp(after.login, now->login) == 0)
		return ERR_NONE;
	err = admin_find_obstacle_of_place(job, store, &after, &obstacle);
	if (err || !obstacle)
		return err;
	return admin_refuse(
	    job, 403, "%s %s Nothing was taken back.", now->user, obstacle);
}

static enum err check_row(struct admin_job *job, struct store *store,
    const struct staff_import_row *row)
{
	struct person now;
	size_t factors = 0;
	bool may = false;
	enum err err = person_by_id(store, row->person_id, &now);

	if (!err && row->was_new)
		err = count_factors(store, &now, &factors);
	if (err)
		return err;
	err = admin_check_person(job, store, &now, &may);
	if (err || !may)
		return err;
	if (!is_untouched(&now, row))
		return admin_refuse(job, 409,
		    "%s was changed since that list. Nothing was taken back; "
		    "`sekimorictl user change` puts one person right.",
		    now.user);
	if (factors > 0)
		return admin_refuse(job, 409,
		    "%s was new on that list and has a token or card by now. "
		    "Nothing was taken back; `sekimorictl user remove %s` "
		    "takes both.",
		    now.user, now.user);
	return check_account(job, store, &now, row);
}

/* A list that is taken back can bring people back, or give them more time. */
static enum err hold_row(struct admin_job *job, struct store *store,
    const struct staff_import_row *row)
{
	struct person now, after;
	bool held = false;
	enum err err = person_by_id(store, row->person_id, &now);

	if (err || job->waits)
		return err;
	after = now;
	put_back(&after, row);
	if (now.state == PERSON_SUSPENDED && after.state == PERSON_ACTIVE)
		err = admin_hold_as(job, store, "user/resume", &held);
	if (!err && !held && staff_validity_is_extended(&now, &after))
		err = admin_hold_as(job, store, "user/extend", &held);
	return err;
}

static enum err record_undo(const struct admin_job *job, struct store *store,
    const struct person *person)
{
	struct audit_entry entry = {.kind = "admin", .time_ms = job->now_ms};

	audit_add_text(&entry, "action", "user import undo");
	audit_add_text(&entry, "actor", job->actor);
	if (job->loginuid >= 0)
		audit_add_number(&entry, "loginuid", job->loginuid);
	audit_add_text(&entry, "target", person->user);
	audit_add_text(&entry, "user", person->user);
	audit_add_text(&entry, "change",
	    person->state == PERSON_REMOVED ? "removed" : "as before");
	audit_add_number(&entry, "import", job->arguments.import);
	audit_add_text(&entry, "result", "done");
	return audit_append(store, &entry, NULL);
}

static enum err undo_row(struct admin_job *job, struct store *store,
    const struct staff_import_row *row)
{
	struct person person;
	enum err err = person_by_id(store, row->person_id, &person);

	if (err)
		return err;
	put_back(&person, row);
	if (row->was_new) {
		err = emergency_void(store, person.id);
		if (!err)
			err = card_revoke_all(store, person.id);
	}
	if (!err)
		err = person_save(store, &person);
	return err ? err : record_undo(job, store, &person);
}

/* Calls step for every person of the import, until one is refused. */
static enum err walk(struct admin_job *job, struct store *store,
    enum err (*step)(struct admin_job *job, struct store *store,
	const struct staff_import_row *row),
    json_int_t *out_count)
{
	struct staff_import_row row = {0};
	json_int_t count = 0;
	enum err err;

	while ((err = staff_import_next(store, job->arguments.import,
		    row.person_id, &row)) == ERR_NONE) {
		err = step(job, store, &row);
		if (err || job->status)
			return err;
		count++;
	}
	*out_count = count;
	return err == ERR_NOT_FOUND ? ERR_NONE : err;
}

/* What has not taken effect yet is simply forgotten. */
static enum err answer_cancelled(struct admin_job *job, struct store *store)
{
	struct audit_entry entry = {.kind = "admin", .time_ms = job->now_ms};
	int64_t import = job->arguments.import;
	enum err err;

	audit_add_text(&entry, "action", "user import cancel");
	audit_add_text(&entry, "actor", job->actor);
	audit_add_number(&entry, "import", import);
	audit_add_text(&entry, "result", "done");
	err = audit_append(store, &entry, NULL);
	return err ? err
		   : admin_answer(job, json_pack("{s:I,s:i}", "import",
					   (json_int_t)import, "people", 0));
}

static enum err user_import_undo(struct admin_job *job, struct store *store)
{
	json_int_t count = 0;
	int64_t last = 0;
	bool planned = false;
	enum err err = staff_plan_drop(store, job->arguments.import, &planned);

	if (!err && planned)
		return answer_cancelled(job, store);
	if (!err)
		err = staff_import_last(store, &last);
	if (err)
		return err;
	if (last == 0)
		return admin_refuse(
		    job, 404, "There is no staff list to take back.");
	if (last != job->arguments.import)
		return admin_refuse(job, 409,
		    "Only the last staff list can be taken back, which is "
		    "number %lld.",
		    (long long)last);
	err = walk(job, store, check_row, &count);
	if (!err && !job->status)
		err = walk(job, store, hold_row, &count);
	if (err || job->status || job->waits)
		return err;
	err = walk(job, store, undo_row, &count);
	if (!err)
		err = staff_import_undone(store, last);
	return err ? err
		   : admin_answer(job, json_pack("{s:I,s:I}", "import",
					   (json_int_t)last, "people", count));
}

const struct admin_verb ADMIN_STAFF_UNDO_VERBS[] = {
    {.path = "user/import-undo",
	.may_wait = true,
	.roles = ADMIN_ENROLLERS,
	.action = "user import undo",
	.members = {{"import", JSON_MEMBER_NUMBER, ADMIN_OFFSET(import), true,
	    1, (int64_t)1 << 50, NULL}},
	.run = user_import_undo,
	.is_long = true},
    {0},
};
