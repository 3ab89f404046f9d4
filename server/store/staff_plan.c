/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/staff_plan.h"

#include <string.h>

enum err staff_plan_add(struct store *store, const struct staff_plan *plan)
{
	struct db_query *q = db_query(store->db,
	    "INSERT INTO staff_plan (import_id, due_at, whole_staff, actor,"
	    " list, person_id, people) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");

	db_bind_number(q, 1, plan->import);
	db_bind_number(q, 2, plan->due_at);
	db_bind_number(q, 3, plan->whole_staff);
	db_bind_text(q, 4, plan->actor);
	db_bind_text(q, 5, plan->rows);
	db_bind_number(q, 6, plan->person_id);
	db_bind_number(q, 7, plan->people);
	return db_run(q);
}

enum err staff_plan_due(
    struct store *store, int64_t now_s, struct staff_plan *out)
{
	struct db_query *q = db_query(store->db,
	    "SELECT import_id, due_at, whole_staff, actor, list, person_id"
	    " FROM staff_plan WHERE due_at <= ?1 AND refused = '' ORDER BY due_at, import_id LIMIT 1");
	struct staff_plan plan = {0};
	enum err err;

	db_bind_number(q, 1, now_s);
	if (db_next(q)) {
		plan.import = db_number(q, 0);
		plan.due_at = db_number(q, 1);
		plan.whole_staff = db_number(q, 2) != 0;
		db_read_text(q, 3, plan.actor, sizeof(plan.actor));
		plan.person_id = db_number(q, 5);
		plan.rows = strdup(db_text(q, 4) ? db_text(q, 4) : "");
	}
	err = db_done(q);
	if (err == ERR_NONE && plan.import == 0)
		return ERR_NOT_FOUND;
	if (err == ERR_NONE && !plan.rows)
		err = ERR_MEMORY;
	if (err == ERR_NONE)
		*out = plan;
	return err;
}

enum err staff_plan_refuse(struct store *store, int64_t import, const char *why)
{
	struct db_query *q =
	    db_query(store->db, "UPDATE staff_plan SET refused = ?1, list = ''"
				" WHERE import_id = ?2");

	db_bind_text(q, 1, why);
	db_bind_number(q, 2, import);
	return db_run(q);
}

enum err staff_plan_each(struct store *store,
    enum err (*each)(void *context, const struct staff_plan_item *item),
    void *context)
{
	struct db_query *q = db_query(store->db,
	    "SELECT import_id, due_at, whole_staff, actor, refused, people"
	    " FROM staff_plan ORDER BY due_at, import_id");
	enum err err = ERR_NONE, done;

	while (err == ERR_NONE && db_next(q)) {
		struct staff_plan_item item = {
		    .import = db_number(q, 0),
		    .due_at = db_number(q, 1),
		    .whole_staff = db_number(q, 2) != 0,
		    .people = db_number(q, 5),
		};

		db_read_text(q, 3, item.actor, sizeof(item.actor));
		db_read_text(q, 4, item.refused, sizeof(item.refused));
		err = db_error(q);
		if (err == ERR_NONE)
			err = each(context, &item);
	}
	done = db_done(q);
	return err != ERR_NONE ? err : done;
}

enum err staff_plan_drop(struct store *store, int64_t import, bool *out_found)
{
	struct db_query *q =
	    db_query(store->db, "DELETE FROM staff_plan WHERE import_id = ?1");
	enum err err;

	db_bind_number(q, 1, import);
	err = db_run(q);
	if (err == ERR_NONE)
		*out_found = db_changes(store->db) == 1;
	return err;
}
