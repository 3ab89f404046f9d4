/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user/import-list: staff lists that wait for their day, those refused on it,
 * and the last that were taken over.
 */
#include "server/api_admin.h"
#include "server/store/staff_import.h"
#include "server/store/staff_plan.h"

static enum err add_item(json_t *items, json_t *item)
{
	return json_array_append_new(items, item) ? ERR_MEMORY : ERR_NONE;
}

static enum err add_plan(void *context, const struct staff_plan_item *plan)
{
	bool refused = plan->refused[0] != '\0';

	return add_item(context,
	    json_pack("{s:I,s:s,s:I,s:I,s:b,s:s,s:s?}", "import",
		(json_int_t)plan->import, "state",
		refused ? "refused" : "waiting", "time",
		(json_int_t)plan->due_at, "people", (json_int_t)plan->people,
		"whole_staff", plan->whole_staff, "actor", plan->actor,
		"detail", refused ? plan->refused : NULL));
}

static enum err add_import(
    void *context, const struct staff_import_item *import)
{
	return add_item(context,
	    json_pack("{s:I,s:s,s:I,s:I}", "import", (json_int_t)import->import,
		"state", import->undone ? "taken back" : "done", "time",
		(json_int_t)import->made_at, "people",
		(json_int_t)import->people));
}

static enum err user_import_list(struct admin_job *job, struct store *store)
{
	json_t *items = json_array();
	enum err err = items ? ERR_NONE : ERR_MEMORY;

	if (!err)
		err = staff_plan_each(store, add_plan, items);
	if (!err)
		err = staff_import_each(store, add_import, items);
	if (err) {
		json_decref(items);
		return err;
	}
	return admin_answer_as(job, "items", items);
}

const struct admin_verb ADMIN_STAFF_LIST_VERBS[] = {
    {.path = "user/import-list",
	.roles = ADMIN_ENROLLERS,
	.run = user_import_list},
    {0},
};
