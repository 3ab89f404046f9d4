/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sekimorictl user`: who there is, and what stops or frees them.
 */
#include <stdio.h>
#include <string.h>

#include "server/api_admin_hold.h"
#include "server/store/subject.h"

enum {
	DAY_S = 24 * 60 * 60
};

static enum err answer_person(
    struct admin_job *job, const struct person *person)
{
	return admin_answer_as(job, "user", admin_person_json(person));
}

static void copy_name(char out[NAME_BYTES_MAX + 1], const char *text)
{
	snprintf(out, NAME_BYTES_MAX + 1, "%s", text ? text : "");
}

struct listed {
	const struct admin_job *job; /* who looks for whom */
	struct admin_page page;
};

/* Whether he is one of those asked for. ending: within so many days from now;
 * whose end has passed is not about to end. */
static bool is_wanted(const struct admin_job *job, const struct person *person)
{
	const struct admin_arguments *a = &job->arguments;
	int64_t until = person->valid_until, now_s = job->time.now_s;

	if (a->login && strcmp(person->login, a->login) != 0)
		return false;
	if (a->department && !person_in_department(person, a->department))
		return false;
	if (a->kind >= 0 && strcmp(person->kind, PERSON_KINDS[a->kind]) != 0)
		return false;
	if (a->state && strcmp(person_state_text(person->state), a->state) != 0)
		return false;
	return a->ending == 0 ||
	       (until > now_s && until <= now_s + a->ending * DAY_S);
}

static enum err add_item(void *context, const struct person *person)
{
	struct listed *listed = context;
	struct admin_page *page = &listed->page;

	page->seen++;
	copy_name(page->last, person->user);
	if (!admin_heeds(&listed->job->admin, person) ||
	    !is_wanted(listed->job, person))
		return ERR_NONE;
	return json_array_append_new(page->items, admin_person_json(person))
		   ? ERR_MEMORY
		   : ERR_NONE;
}

static enum err user_list(struct admin_job *job, struct store *store)
{
	const char *after = job->arguments.following;
	struct listed listed = {job, {.items = json_array()}};
	enum err err = ERR_MEMORY;

	if (listed.page.items)
		err = person_each(store, after ? after : "", ADMIN_PAGE_MAX,
		    add_item, &listed);
	if (!err)
		err = admin_answer_page(job, &listed.page);
	json_decref(listed.page.items);
	return err;
}

/* --- show ---------------------------------------------------------------- */

struct shown {
	struct admin_job *job;
	json_t *items;
	int64_t retry_at; /* of the one-time code, first factor proven */
};

static enum err add_throttle(void *context, const struct throttle_row *row)
{
	static const char *const states[] = {"disabled", "waiting", "open"};
	struct shown *shown = context;
	struct throttle throttle = {0};
	enum throttle_state state;
	int64_t retry_at = 0;
	bool proven = row->terminal_id == 0;
	json_t *item;

	if (proven)
		throttle.proven = row->count;
	else
		throttle.here = row->count;
	throttle.unproven_total = row->unproven_total;
	state = throttle_check(&throttle,
	    &shown->job->server->settings.limits.throttle, proven,
	    shown->job->time.now_s, &retry_at);
	if (state != THROTTLE_WAITING)
		retry_at = 0;
	if (proven && row->factor == FACTOR_OTP)
		shown->retry_at = retry_at;
	item = json_pack("{s:s,s:s,s:I,s:I,s:s,s:o}", "factor",
	    factor_text(row->factor), "first_factor",
	    proven ? "proven" : "unproven", "failures",
	    (json_int_t)row->count.failures, "unproven_total",
	    (json_int_t)row->unproven_total, "state", states[state],
	    "wait_until", admin_time(retry_at));
	return json_array_append_new(shown->items, item) ? ERR_MEMORY
							 : ERR_NONE;
}

static enum err add_token(void *context, const struct token *token)
{
	json_t *items = context;

	return json_array_append_new(items, admin_token_json(token))
		   ? ERR_MEMORY
		   : ERR_NONE;
}

struct shown_cards {
	const struct admin_job *job;
	const struct store *store;
	json_t *items;
};

static enum err add_card(void *context, const struct card *card)
{
	struct shown_cards *shown = context;

	return json_array_append_new(shown->items,
		   admin_card_json(shown->job, shown->store, card))
		   ? ERR_MEMORY
		   : ERR_NONE;
}

static enum err list_cards(const struct admin_job *job, struct store *store,
    int64_t person_id, json_t *answer)
{
	struct shown_cards shown = {job, store, json_array()};
	enum err err = ERR_MEMORY;

	if (shown.items)
		err = card_each(store, person_id, add_card, &shown);
	if (!err && json_object_set(answer, "cards", shown.items))
		err = ERR_MEMORY;
	json_decref(shown.items);
	return err;
}

/* --- of an account that several have --- */

struct sharers {
	const struct admin_job *job;
	const struct person *shown; /* not counted; NULL: everybody */
	json_t *items;
};

static enum err add_sharer(void *context, const struct person *person)
{
	struct sharers *sharers = context;

	if ((sharers->shown && person->id == sharers->shown->id) ||
	    !admin_heeds(&sharers->job->admin, person))
		return ERR_NONE;
	return json_array_append_new(sharers->items, admin_person_json(person))
		   ? ERR_MEMORY
		   : ERR_NONE;
}

static enum err list_sharers(struct admin_job *job, struct store *store,
    const char *login, const struct person *shown, json_t *items)
{
	struct sharers sharers = {job, shown, items};

	return person_each_of_login(
	    store, login, ADMIN_PAGE_MAX, add_sharer, &sharers);
}

/* What was typed may be the account and not a staff number. */
static enum err point_to_sharers(struct admin_job *job, struct store *store)
{
	const char *login = job->arguments.id;
	json_t *items = json_array();
	enum err err =
	    items ? list_sharers(job, store, login, NULL, items) : ERR_MEMORY;

	if (!err && json_array_size(items) > 0)
		err = admin_refuse(job, 404,
		    "%s is an account and not a staff number. `sekimorictl "
		    "user list --login %s` shows who has it.",
		    login, login);
	json_decref(items);
	return err;
}

static enum err add_sharers(struct admin_job *job, struct store *store,
    const struct person *person, json_t *answer)
{
	json_t *items = json_array();
	enum err err =
	    items ? list_sharers(job, store, person->login, person, items)
		  : ERR_MEMORY;

	if (!err && json_object_set(answer, "shared_with", items))
		err = ERR_MEMORY;
	json_decref(items);
	return err;
}

static enum err user_show(struct admin_job *job, struct store *store)
{
	struct shown shown = {.job = job, .items = json_array()};
	json_t *tokens = json_array(), *answer = NULL;
	struct person person;
	bool found = false;
	enum err err =
	    admin_find_person(job, store, job->arguments.id, &person, &found);

	if (!err && !found && job->status == 404)
		err = point_to_sharers(job, store);
	if (err || !found)
		goto out;
	err = ERR_MEMORY;
	if (!shown.items || !tokens)
		goto out;
	err = throttle_each(store, person.id, add_throttle, &shown);
	if (!err)
		err = token_each(store, person.id, add_token, tokens);
	if (err)
		goto out;
	answer = admin_person_json(&person);
	err = answer ? list_cards(job, store, person.id, answer) : ERR_MEMORY;
	if (!err)
		err = add_sharers(job, store, &person, answer);
	if (err ||
	    json_object_set_new(
		answer, "retry_at", admin_time(shown.retry_at)) ||
	    json_object_set(answer, "throttles", shown.items) ||
	    json_object_set(answer, "tokens", tokens)) {
		json_decref(answer);
		err = err ? err : ERR_MEMORY;
		goto out;
	}
	err = admin_answer(job, answer);
out:
	json_decref(shown.items);
	json_decref(tokens);
	return err;
}

/* --- states -------------------------------------------------------------- */

/* Finds the person, changes the row by change(), saves and answers. */
static enum err change_person(struct admin_job *job, struct store *store,
    void (*change)(struct person *person))
{
	struct person person;
	bool found = false;
	enum err err =
	    admin_find_person(job, store, job->arguments.id, &person, &found);

	if (err || !found)
		return err;
	change(&person);
	err = person_save(store, &person);
	return err ? err : answer_person(job, &person);
}

static void set_suspended(struct person *person)
{
	person->state = PERSON_SUSPENDED;
}

static void set_active(struct person *person)
{
	person->state = PERSON_ACTIVE;
}

static void set_frozen(struct person *person)
{
	person->frozen = true;
}

static void set_thawed(struct person *person)
{
	person->frozen = false;
}

/* The same for what stops him: his sessions too, where that is heard of. */
static enum err stop_person(struct admin_job *job, struct store *store,
    void (*change)(struct person *person))
{
	enum err err = change_person(job, store, change);

	if (err || job->status)
		return err;
	return admin_note_joined(job, store, NULL);
}

static enum err user_suspend(struct admin_job *job, struct store *store)
{
	return stop_person(job, store, set_suspended);
}

static enum err user_resume(struct admin_job *job, struct store *store)
{
	return change_person(job, store, set_active);
}

static enum err user_freeze(struct admin_job *job, struct store *store)
{
	job->why = job->arguments.reason;
	return stop_person(job, store, set_frozen);
}

static enum err user_thaw(struct admin_job *job, struct store *store)
{
	job->why = job->arguments.reason;
	return change_person(job, store, set_thawed);
}

static enum err user_unlock(struct admin_job *job, struct store *store)
{
	struct person person;
	bool found = false;
	enum err err =
	    admin_find_person(job, store, job->arguments.id, &person, &found);

	if (err || !found)
		return err;
	err = throttle_end_waits(store, person.id);
	return err ? err : answer_person(job, &person);
}

static enum err collect_serial(void *context, const struct token *token)
{
	json_t *serials = context;

	if (token->state == TOKEN_REVOKED)
		return ERR_NONE;
	return json_array_append_new(serials, json_string(token->serial))
		   ? ERR_MEMORY
		   : ERR_NONE;
}

/* Rows are not changed while they are being walked through. */
static enum err revoke_tokens(
    struct admin_job *job, struct store *store, int64_t person_id)
{
	const struct token_deed deed =
	    admin_deed(job, "its holder was removed");
	json_t *serials = json_array(), *serial;
	struct token token;
	enum err err =
	    serials ? token_each(store, person_id, collect_serial, serials)
		    : ERR_MEMORY;
	size_t i;

	json_array_foreach(serials, i, serial)
	{
		if (!err)
			err = token_find(
			    store, json_string_value(serial), false, &token);
		if (err)
			break;
		token.state = TOKEN_REVOKED;
		err = token_save(store, &token, &deed);
	}
	json_decref(serials);
	return err;
}

/* Whoever is removed administers no more, and can be registered anew without
 * being frozen. */
static enum err hold_removal(struct admin_job *job, struct store *store,
    const struct person *person, bool *out_held)
{
	struct admin admin;
	enum err err = admin_get(store, person->id, &admin);

	*out_held = false;
	if (err == ERR_NONE)
		err = admin_hold_as(job, store, "admin/remove", out_held);
	else if (err == ERR_NOT_FOUND)
		err = ERR_NONE;
	if (!err && !*out_held && person->frozen)
		err = admin_hold_as(job, store, "user/thaw", out_held);
	return err;
}

static enum err user_remove(struct admin_job *job, struct store *store)
{
	char attended[NAME_BYTES_MAX + 1];
	struct person person;
	bool found = false, held = false;
	enum err err =
	    admin_find_person(job, store, job->arguments.id, &person, &found);

	if (err || !found)
		return err;
	err = person_attended(store, person.user, attended);
	if (!err && attended[0])
		return admin_refuse(job, 409,
		    "%s is the attendant (立会者) of %s. Name another first: "
		    "`sekimorictl user change %.*s --attendant ID`.",
		    person.user, attended, (int)strcspn(attended, ","),
		    attended);
	if (!err)
		err = admin_keep_owners(job, store, &person);
	if (!err && !job->status)
		err = hold_removal(job, store, &person, &held);
	if (err || job->status || held)
		return err;
	err = revoke_tokens(job, store, person.id);
	if (!err)
		err = emergency_void(store, person.id);
	if (!err)
		err = card_revoke_all(store, person.id);
	if (!err)
		err = admin_drop(store, person.id);
	person.state = PERSON_REMOVED;
	if (!err)
		err = person_save(store, &person);
	if (!err)
		err = admin_note_joined(job, store, NULL);
	return err ? err : answer_person(job, &person);
}

#define ID_ONLY                                                                \
	{                                                                      \
		ADMIN_NAME(id, true)                                           \
	}

const struct admin_verb ADMIN_USER_VERBS[] = {
    {.path = "user/list",
	.roles = ADMIN_DELEGATES,
	.by_department = true,
	.members = {ADMIN_NAME(following, false), ADMIN_NAME(login, false),
	    ADMIN_NAME(department, false),
	    {"kind", JSON_MEMBER_CHOICE, ADMIN_OFFSET(kind), false, 0, 0,
		PERSON_KINDS},
	    ADMIN_NAME(state, false), ADMIN_NUMBER(ending, 1, 3650)},
	.run = user_list,
	.is_long = true},
    {.path = "user/show",
	.roles = ADMIN_DELEGATES,
	.by_department = true,
	.members = ID_ONLY,
	.run = user_show},
    {.path = "user/suspend",
	.roles = ADMIN_ENROLLERS,
	.by_department = true,
	.action = "user suspend",
	.members = ID_ONLY,
	.run = user_suspend,
	.conclude = admin_tell_reach},
    {.path = "user/resume",
	.may_wait = true,
	.roles = ADMIN_ENROLLERS,
	.by_department = true,
	.action = "user resume",
	.members = ID_ONLY,
	.run = user_resume},
    {.path = "user/remove",
	.may_wait = true,
	.action = "user remove",
	.members = ID_ONLY,
	.run = user_remove,
	.conclude = admin_tell_reach},
    {.path = "user/unlock",
	.roles = ADMIN_DELEGATES,
	.by_department = true,
	.action = "user unlock",
	.members = ID_ONLY,
	.run = user_unlock},
    {.path = "user/freeze",
	.action = "user freeze",
	.members = {ADMIN_NAME(id, true), ADMIN_REASON},
	.run = user_freeze,
	.conclude = admin_tell_reach},
    {.path = "user/thaw",
	.may_wait = true,
	.action = "user thaw",
	.members = {ADMIN_NAME(id, true), ADMIN_REASON},
	.run = user_thaw},
    {0},
};
