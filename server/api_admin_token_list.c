/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading of tokens: `sekimorictl token list, show, ledger` and `report
 * inventory`. Must not change anything.
 */
#include <stdio.h>
#include <string.h>

#include "server/api_admin.h"
#include "server/core/policy.h"
#include "server/store/token_ledger.h"
#include "server/token_remarks.h"

/* --- lists --------------------------------------------------------------- */

struct listed {
	struct admin_job *job;
	struct store *store;
	struct admin_page page;
	bool any_state;
	enum token_state state;
	bool is_inventory;
};

static bool is_wanted(const struct listed *listed, const struct token *token)
{
	const struct admin_arguments *a = &listed->job->arguments;
	int64_t now_s = listed->job->time.now_s;

	if (listed->is_inventory && !token_is_to_be_there(token))
		return false;
	if (!listed->any_state && token->state != listed->state)
		return false;
	if (a->department && !policy_list_has(token->department, a->department))
		return false;
	if (a->checked_out && token->loan_until == 0)
		return false;
	if (a->unreturned && !token_is_unreturned(token, now_s))
		return false;
	if (a->unused && !token_is_unused(token, a->unused, now_s))
		return false;
	return !a->older || token_is_older(token, a->older, now_s);
}

static json_t *describe(const struct listed *listed, const struct token *token)
{
	json_t *item = admin_token_json(token);
	const char *remark = token_remark(token, listed->job->time.now_s);

	if (item && listed->is_inventory &&
	    json_object_set_new(
		item, "remark", remark ? json_string(remark) : json_null())) {
		json_decref(item);
		return NULL;
	}
	return item;
}

static enum err add_item(void *context, const struct token *token)
{
	struct listed *listed = context;
	bool sees = false;
	enum err err;

	listed->page.seen++;
	snprintf(
	    listed->page.last, sizeof(listed->page.last), "%s", token->serial);
	if (!is_wanted(listed, token))
		return ERR_NONE;
	err = admin_sees_holder(
	    listed->job, listed->store, token->person_id, &sees);
	if (err || !sees)
		return err;
	return json_array_append_new(
		   listed->page.items, describe(listed, token))
		   ? ERR_MEMORY
		   : ERR_NONE;
}

static enum err list(struct listed *listed)
{
	const char *after = listed->job->arguments.following;
	enum err err = ERR_MEMORY;

	listed->page.items = json_array();
	if (listed->page.items)
		err = token_each_serial(listed->store, after ? after : "",
		    ADMIN_PAGE_MAX, add_item, listed);
	if (!err)
		err = admin_answer_page(listed->job, &listed->page);
	json_decref(listed->page.items);
	return err;
}

static enum err token_list(struct admin_job *job, struct store *store)
{
	const char *state = job->arguments.state;
	struct listed listed = {
	    .job = job, .store = store, .any_state = state == NULL};

	if (state && token_state_from_text(state, &listed.state))
		return admin_refuse(job, 400,
		    "--state is one of stock, pending, active, suspended, "
		    "lost, returned, retired, revoked, void.");
	return list(&listed);
}

static enum err report_inventory(struct admin_job *job, struct store *store)
{
	struct listed listed = {.job = job,
	    .store = store,
	    .any_state = true,
	    .is_inventory = true};

	return list(&listed);
}

static enum err token_show(struct admin_job *job, struct store *store)
{
	struct token token = {0};
	bool found = false;
	enum err err = admin_find_token(job, store, false, &token, &found);

	if (err || !found)
		return err;
	return admin_answer(job, admin_token_json(&token));
}

/* --- the ledger ---------------------------------------------------------- */

static const char *word_or_null(const char *text)
{
	return text[0] ? text : NULL;
}

struct ledger {
	struct admin_job *job;
	struct store *store;
	json_t *items;
};

/* Who had it before may be of another department. */
static enum err blot_out(
    const struct ledger *ledger, struct token_ledger_row *row)
{
	bool sees = true, saw = true;
	enum err err = admin_sees_holder(
	    ledger->job, ledger->store, row->person_id, &sees);

	if (!err)
		err = admin_sees_holder(
		    ledger->job, ledger->store, row->from_person_id, &saw);
	if (!sees)
		row->user[0] = row->name[0] = '\0';
	if (!saw)
		row->from_user[0] = '\0';
	return err;
}

static enum err add_row(void *context, struct token_ledger_row *row)
{
	const struct ledger *ledger = context;
	enum err err = blot_out(ledger, row);
	json_t *item;

	if (err)
		return err;
	item = json_pack("{s:I,s:I,s:s?,s:s?,s:s,s:s?,s:s?,s:s?,s:o,s:s}",
	    "seq", (json_int_t)row->seq, "time", (json_int_t)row->time_s,
	    "actor", word_or_null(row->actor), "from",
	    row->is_first ? NULL : token_state_text(row->from), "to",
	    token_state_text(row->to), "from_user",
	    word_or_null(row->from_user), "user", word_or_null(row->user),
	    "name", word_or_null(row->name), "until",
	    admin_time(row->loan_until), "why", row->why);

	return json_array_append_new(ledger->items, item) ? ERR_MEMORY
							  : ERR_NONE;
}

static enum err token_ledger(struct admin_job *job, struct store *store)
{
	struct token token = {0};
	bool found = false;
	struct ledger ledger = {.job = job, .store = store};
	enum err err = admin_find_token(job, store, false, &token, &found);

	if (err || !found)
		return err;
	ledger.items = json_array();
	err = ledger.items
		  ? token_ledger_each(store, token.id, add_row, &ledger)
		  : ERR_MEMORY;
	if (!err)
		err = admin_answer(
		    job, json_pack("{s:O}", "items", ledger.items));
	json_decref(ledger.items);
	return err;
}

#define SERIAL_ONLY                                                            \
	{                                                                      \
		ADMIN_NAME(serial, true)                                       \
	}

const struct admin_verb ADMIN_TOKEN_LIST_VERBS[] = {
    {.path = "token/list",
	.roles = ADMIN_DELEGATES,
	.by_department = true,
	.members = {ADMIN_NAME(state, false), ADMIN_NAME(department, false),
	    ADMIN_BOOL(checked_out), ADMIN_BOOL(unreturned),
	    ADMIN_NUMBER(unused, 1, 9999), ADMIN_NUMBER(older, 1, 99),
	    ADMIN_NAME(following, false)},
	.run = token_list,
	.is_long = true},
    {.path = "token/show",
	.roles = ADMIN_DELEGATES,
	.by_department = true,
	.members = SERIAL_ONLY,
	.run = token_show},
    {.path = "token/ledger",
	.roles = ADMIN_DELEGATES,
	.by_department = true,
	.members = SERIAL_ONLY,
	.run = token_ledger},
    {.path = "report/inventory",
	.roles = ADMIN_DELEGATES,
	.by_department = true,
	.members = {ADMIN_NAME(department, false),
	    ADMIN_NAME(following, false)},
	.run = report_inventory,
	.is_long = true},
    {0},
};
