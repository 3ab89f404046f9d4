/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/admin.h"

#include "server/store/admin_session.h"

#include <string.h>

const char *const ADMIN_ROLES[] = {
    "owner", "enroller", "helpdesk", "auditor", NULL};

const char *admin_role_text(enum admin_role role)
{
	if (role <= ADMIN_ROLE_NONE || role >= ADMIN_ROLE_COUNT)
		return "none";
	return ADMIN_ROLES[role - 1];
}

/* --- departments ----------------------------------------------------------
 */

bool admin_departments_are_sound(const char *departments)
{
	const char *at = departments;

	if (strlen(departments) >= ADMIN_DEPARTMENTS_SIZE)
		return false;
	for (;;) {
		size_t length = strcspn(at, ",");

		if (length == 0 || length > NAME_BYTES_MAX)
			return false;
		if (at[length] == '\0')
			return true;
		at += length + 1;
	}
}

static bool is_among(const char *list, const char *name, size_t length)
{
	while (*list) {
		size_t here = strcspn(list, ",");

		if (here == length && memcmp(list, name, length) == 0)
			return true;
		list += here;
		list += *list == ',';
	}
	return false;
}

bool admin_heeds(const struct admin *admin, const struct person *person)
{
	const char *at = person->department;

	while (*at && admin->departments[0]) {
		size_t length = strcspn(at, ",");

		if (is_among(admin->departments, at, length))
			return true;
		at += length;
		at += *at == ',';
	}
	return admin->departments[0] == '\0';
}

bool admin_covers(const struct admin *ours, const struct admin *others)
{
	const char *at = others->departments;

	if (ours->departments[0] == '\0')
		return true;
	if (*at == '\0')
		return false;
	while (*at) {
		size_t length = strcspn(at, ",");

		if (!is_among(ours->departments, at, length))
			return false;
		at += length;
		at += *at == ',';
	}
	return true;
}

/* --- rows ----------------------------------------------------------------- */

static void read_admin(struct db_query *q, struct admin *out)
{
	int64_t role = db_number(q, 1);

	out->person_id = db_number(q, 0);
	/* What nobody has written is no role. */
	out->role = role > ADMIN_ROLE_NONE && role < ADMIN_ROLE_COUNT
			? (enum admin_role)role
			: ADMIN_ROLE_NONE;
	db_read_text(q, 2, out->departments, sizeof(out->departments));
	out->added_at = db_number(q, 3);
}

enum err admin_get(struct store *store, int64_t person_id, struct admin *out)
{
	struct db_query *q = db_query(store->db,
	    "SELECT person_id, role, departments, added_at FROM admin"
	    " WHERE person_id = ?1");
	struct admin admin = {0};
	enum err err;

	db_bind_number(q, 1, person_id);
	if (db_next(q))
		read_admin(q, &admin);
	err = db_done(q);
	if (err != ERR_NONE)
		return err;
	if (admin.role == ADMIN_ROLE_NONE)
		return ERR_NOT_FOUND;
	*out = admin;
	return ERR_NONE;
}

enum err admin_put(struct store *store, const struct admin *admin)
{
	struct db_query *q = db_query(store->db,
	    "INSERT INTO admin (person_id, role, departments, added_at)"
	    " VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING");
	enum err err;

	db_bind_number(q, 1, admin->person_id);
	db_bind_number(q, 2, admin->role);
	db_bind_text(q, 3, admin->departments);
	db_bind_number(q, 4, admin->added_at);
	err = db_run(q);
	if (err != ERR_NONE)
		return err;
	return db_changes(store->db) == 1 ? ERR_NONE : ERR_EXISTS;
}

enum err admin_drop(struct store *store, int64_t person_id)
{
	struct db_query *q =
	    db_query(store->db, "DELETE FROM admin WHERE person_id = ?1");
	enum err err;

	db_bind_number(q, 1, person_id);
	err = db_run(q);
	return err ? err : admin_sessions_end(store, person_id);
}

enum err admin_each(struct store *store,
    enum err (*each)(void *context, const struct admin *admin, const char *user,
	const char *name),
    void *context)
{
	struct db_query *q = db_query(store->db,
	    "SELECT a.person_id, a.role, a.departments, a.added_at,"
	    " p.user_name, p.name FROM admin AS a JOIN person AS p"
	    " ON p.id = a.person_id WHERE p.state <> 2 ORDER BY p.user_name");
	enum err err = ERR_NONE, done;
	char user[NAME_BYTES_MAX + 1], name[NAME_BYTES_MAX + 1];
	struct admin admin;

	while (err == ERR_NONE && db_next(q)) {
		read_admin(q, &admin);
		db_read_text(q, 4, user, sizeof(user));
		db_read_text(q, 5, name, sizeof(name));
		err = db_error(q);
		if (err == ERR_NONE)
			err = each(context, &admin, user, name);
	}
	done = db_done(q);
	return err != ERR_NONE ? err : done;
}

enum err admin_has_login(
    struct store *store, const char *login, int64_t but_person_id, bool *out)
{
	struct db_query *q = db_query(store->db,
	    "SELECT 1 FROM admin AS a JOIN person AS p ON p.id = a.person_id"
	    " WHERE p.login = ?1 AND p.state <> 2 AND p.id <> ?2 LIMIT 1");
	bool any;
	enum err err;

	db_bind_text(q, 1, login);
	db_bind_number(q, 2, but_person_id);
	any = db_next(q);
	err = db_done(q);
	if (err == ERR_NONE)
		*out = any;
	return err;
}
