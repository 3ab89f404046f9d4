/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/staff_import.h"

#include <string.h>

/* side: 0 before, 1 after. */
enum side {
	BEFORE = 0,
	AFTER = 1
};

enum err staff_import_begin(
    struct store *store, int64_t now_s, int64_t *out_import)
{
	struct db_query *q = db_query(store->db,
	    "INSERT INTO staff_import (made_at, undone) VALUES (?1, 0)"
	    " RETURNING id");
	int64_t id;
	enum err err;

	db_bind_number(q, 1, now_s);
	id = db_next(q) ? db_number(q, 0) : 0;
	err = db_done(q);
	if (err != ERR_NONE)
		return err;
	q = db_query(
	    store->db, "DELETE FROM staff_import_row WHERE import_id <= ?1");
	db_bind_number(q, 1, id - STAFF_IMPORTS_KEPT);
	err = db_run(q);
	if (err == ERR_NONE)
		*out_import = id;
	return err;
}

static enum err keep_side(struct store *store, int64_t import, int64_t id,
    enum side side, const struct person *person)
{
	struct db_query *q = db_query(store->db,
	    "INSERT INTO staff_import_row (import_id, person_id, side, login,"
	    " name, department, kind, state, valid_from, valid_until,"
	    " attendant, decision)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)");

	db_bind_number(q, 1, import);
	db_bind_number(q, 2, id);
	db_bind_number(q, 3, side);
	db_bind_text(q, 4, person->login);
	db_bind_text(q, 5, person->name);
	db_bind_text(q, 6, person->department);
	db_bind_text(q, 7, person->kind);
	db_bind_number(q, 8, person->state);
	db_bind_number(q, 9, person->valid_from);
	db_bind_number(q, 10, person->valid_until);
	db_bind_text(q, 11, person->attendant);
	db_bind_text(q, 12, person->decision);
	return db_run(q);
}

enum err staff_import_keep(struct store *store, int64_t import,
    const struct person *before, const struct person *after)
{
	enum err err = keep_side(store, import, after->id, AFTER, after);

	if (err == ERR_NONE && before)
		err = keep_side(store, import, after->id, BEFORE, before);
	return err;
}

/* Of what is forgotten there is nothing to take back. */
enum err staff_import_last(struct store *store, int64_t *out_import)
{
	struct db_query *q = db_query(store->db,
	    "SELECT id FROM staff_import WHERE undone = 0 AND EXISTS"
	    " (SELECT 1 FROM staff_import_row AS row"
	    " WHERE row.import_id = staff_import.id)"
	    " ORDER BY id DESC LIMIT 1");
	int64_t id = db_next(q) ? db_number(q, 0) : 0;
	enum err err = db_done(q);

	if (err == ERR_NONE)
		*out_import = id;
	return err;
}

static void read_side(struct db_query *q, struct person *out)
{
	db_read_text(q, 2, out->login, sizeof(out->login));
	db_read_text(q, 3, out->name, sizeof(out->name));
	db_read_text(q, 4, out->department, sizeof(out->department));
	db_read_text(q, 5, out->kind, sizeof(out->kind));
	out->state = (enum person_state)db_number(q, 6);
	out->valid_from = db_number(q, 7);
	out->valid_until = db_number(q, 8);
	db_read_text(q, 9, out->attendant, sizeof(out->attendant));
	db_read_text(q, 10, out->decision, sizeof(out->decision));
}

/* At most two rows, those of one person. */
enum err staff_import_next(struct store *store, int64_t import,
    int64_t beyond_person, struct staff_import_row *out)
{
	struct db_query *q = db_query(store->db,
	    "SELECT person_id, side, login, name, department, kind, state,"
	    " valid_from, valid_until, attendant, decision"
	    " FROM staff_import_row"
	    " WHERE import_id = ?1 AND person_id = (SELECT MIN(person_id)"
	    " FROM staff_import_row WHERE import_id = ?1 AND person_id > ?2)");
	struct staff_import_row row = {.was_new = true};
	enum err err;

	db_bind_number(q, 1, import);
	db_bind_number(q, 2, beyond_person);
	while (db_next(q)) {
		row.person_id = db_number(q, 0);
		if (db_number(q, 1) == AFTER) {
			read_side(q, &row.after);
		} else {
			read_side(q, &row.before);
			row.was_new = false;
		}
	}
	err = db_done(q);
	if (err != ERR_NONE)
		return err;
	if (row.person_id == 0)
		return ERR_NOT_FOUND;
	*out = row;
	return ERR_NONE;
}

enum err staff_import_each(struct store *store,
    enum err (*each)(void *context, const struct staff_import_item *item),
    void *context)
{
	struct db_query *q = db_query(store->db,
	    "SELECT id, made_at, undone, (SELECT count(*)"
	    " FROM staff_import_row AS row WHERE row.import_id ="
	    " staff_import.id AND row.side = 1) AS people FROM staff_import"
	    " WHERE people > 0 OR undone = 1 ORDER BY id DESC LIMIT 20");
	enum err err = ERR_NONE, done;

	while (err == ERR_NONE && db_next(q)) {
		const struct staff_import_item item = {
		    .import = db_number(q, 0),
		    .made_at = db_number(q, 1),
		    .undone = db_number(q, 2) != 0,
		    .people = db_number(q, 3),
		};

		err = each(context, &item);
	}
	done = db_done(q);
	return err != ERR_NONE ? err : done;
}

enum err staff_import_undone(struct store *store, int64_t import)
{
	struct db_query *q = db_query(
	    store->db, "UPDATE staff_import SET undone = 1 WHERE id = ?1");
	enum err err;

	db_bind_number(q, 1, import);
	err = db_run(q);
	if (err != ERR_NONE)
		return err;
	q = db_query(
	    store->db, "DELETE FROM staff_import_row WHERE import_id = ?1");
	db_bind_number(q, 1, import);
	return db_run(q);
}
