/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/policy_store.h"

#include <stdlib.h>
#include <string.h>

#include "server/core/policy.h"
#include "server/store/audit.h"

#define COLUMNS                                                                \
	"version, since, set_at, turn, author, reason, approver, cancelled"
/* Those that took effect by their order, those to come by their day. */
#define NEWEST_FIRST                                                           \
	" ORDER BY turn = 0 DESC, CASE turn WHEN 0 THEN since ELSE turn END"   \
	" DESC, version DESC"

/* --- reading -------------------------------------------------------------- */

void policy_version_free(struct policy_version *version)
{
	free(version->text);
	free(version->author);
	free(version->reason);
	free(version->approver);
	free(version->cancelled);
	*version = (struct policy_version){0};
}

static char *copy_text(struct db_query *q, int column)
{
	const char *text = db_text(q, column);

	return strdup(text ? text : "");
}

/* COLUMNS, and the text or NULL. */
static enum err read_version(struct db_query *q, struct policy_version *out)
{
	out->version = db_number(q, 0);
	out->since = db_number(q, 1);
	out->set_at = db_number(q, 2);
	out->turn = db_number(q, 3);
	out->author = copy_text(q, 4);
	out->reason = copy_text(q, 5);
	out->approver = copy_text(q, 6);
	out->cancelled = copy_text(q, 7);
	out->text = copy_text(q, 8);
	return out->text && out->author && out->reason && out->approver &&
		       out->cancelled
		   ? ERR_NONE
		   : ERR_MEMORY;
}

/* The first row, or ERR_NOT_FOUND. */
static enum err read_first(struct db_query *q, struct policy_version *out)
{
	struct policy_version found = {0};
	enum err err = ERR_NOT_FOUND, done;

	if (db_next(q))
		err = read_version(q, &found);
	done = db_done(q);
	if (done != ERR_NONE)
		err = done;
	if (err == ERR_NONE) {
		*out = found;
		found = (struct policy_version){0};
	}
	policy_version_free(&found);
	return err;
}

enum err policy_store_get(
    struct store *store, int64_t at_s, struct policy_version *out)
{
	struct db_query *q = db_query(store->db,
	    "SELECT " COLUMNS ", text FROM policy WHERE cancelled = '' AND"
	    " CASE ?1 WHEN 0 THEN turn > 0 ELSE since <= ?1 END" NEWEST_FIRST
	    " LIMIT 1");

	db_bind_number(q, 1, at_s);
	return read_first(q, out);
}

enum err policy_store_get_version(
    struct store *store, int64_t version, struct policy_version *out)
{
	struct db_query *q = db_query(store->db,
	    "SELECT " COLUMNS ", text FROM policy WHERE version = ?1");

	db_bind_number(q, 1, version);
	return read_first(q, out);
}

enum err policy_store_each(struct store *store,
    enum err (*each)(void *context, const struct policy_version *version),
    void *context)
{
	struct db_query *q = db_query(store->db,
	    "SELECT " COLUMNS ", '' FROM policy ORDER BY version DESC");
	enum err err = ERR_NONE, done;

	while (err == ERR_NONE && db_next(q)) {
		struct policy_version version = {0};

		err = read_version(q, &version);
		if (err == ERR_NONE)
			err = each(context, &version);
		policy_version_free(&version);
	}
	done = db_done(q);
	return err != ERR_NONE ? err : done;
}

/* --- what is in force ----------------------------------------------------- */

/* The first that is to take effect, whenever that is. */
static enum err find_next(struct store *store, struct policy_version *out)
{
	return read_first(
	    db_query(store->db, "SELECT " COLUMNS ", text FROM policy"
				" WHERE turn = 0 AND cancelled = ''"
				" ORDER BY since, version LIMIT 1"),
	    out);
}

static enum err read_due(struct store *store)
{
	struct policy_version next = {0};
	enum err err = find_next(store, &next);

	if (err == ERR_NONE)
		store->policy_due_s = next.since;
	else if (err == ERR_NOT_FOUND)
		store->policy_due_s = INT64_MAX;
	policy_version_free(&next);
	return err == ERR_NOT_FOUND ? ERR_NONE : err;
}

/* Takes the policy over. */
static void put_in_force(struct store *store, struct policy *policy,
    int64_t version, int64_t since_s)
{
	/* Set twice in one transaction: nobody has seen the first. */
	if (store->policy != store->before.policy)
		policy_free(store->policy);
	store->policy = policy;
	store->policy_version = version;
	store->policy_since_s = since_s;
}

enum err policy_store_load(struct store *store)
{
	char problem[POLICY_PROBLEM_SIZE];
	struct policy_version last = {0};
	struct policy *policy = NULL;
	enum err err = policy_store_get(store, 0, &last);

	if (err != ERR_NONE)
		return err == ERR_NOT_FOUND ? ERR_CORRUPT : err;
	err = policy_parse(last.text, strlen(last.text), &policy, problem);
	if (err == ERR_NONE)
		put_in_force(store, policy, last.version, last.since);
	policy_version_free(&last);
	if (err != ERR_NONE)
		return err == ERR_INVALID ? ERR_CORRUPT : err;
	return read_due(store);
}

/* The number that comes after all others in a column. */
static enum err next_number(
    struct store *store, const char *query, int64_t *out)
{
	struct db_query *q = db_query(store->db, query);
	bool found = db_next(q);
	int64_t last = db_number(q, 0);
	enum err err = db_done(q);

	if (err != ERR_NONE)
		return err;
	*out = found ? last + 1 : 1;
	return ERR_NONE;
}

static enum err next_version(struct store *store, int64_t *out)
{
	return next_number(
	    store, "SELECT ifnull(max(version), 0) FROM policy", out);
}

static enum err next_turn(struct store *store, int64_t *out)
{
	return next_number(
	    store, "SELECT ifnull(max(turn), 0) FROM policy", out);
}

/* --- setting -------------------------------------------------------------- */

static enum err insert(struct store *store, const struct policy_version *row)
{
	struct db_query *q = db_query(store->db,
	    "INSERT INTO policy (version, text, author, since, reason,"
	    " approver, turn, set_at)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");

	db_bind_number(q, 1, row->version);
	db_bind_text(q, 2, row->text);
	db_bind_text(q, 3, row->author);
	db_bind_number(q, 4, row->since);
	db_bind_text(q, 5, row->reason);
	db_bind_text(q, 6, row->approver);
	db_bind_number(q, 7, row->turn);
	db_bind_number(q, 8, row->set_at);
	return db_run(q);
}

/* Takes the policy over if it is in force now. */
static enum err keep(struct store *store, struct policy_version *row,
    bool at_once, struct policy **policy)
{
	enum err err = next_version(store, &row->version);

	if (err == ERR_NONE && at_once)
		err = next_turn(store, &row->turn);
	if (err == ERR_NONE)
		err = insert(store, row);
	if (err != ERR_NONE)
		return err;
	if (!at_once)
		return read_due(store);
	put_in_force(store, *policy, row->version, row->since);
	*policy = NULL;
	return ERR_NONE;
}

enum err policy_store_set(struct store *store, const char *text, size_t length,
    const struct policy_ground *ground, int64_t now_s, int64_t *out_version,
    char *problem)
{
	bool at_once = ground->effective <= now_s;
	struct policy_version row = {
	    .since = at_once ? now_s : ground->effective,
	    .set_at = now_s,
	    .author = (char *)(uintptr_t)ground->author,
	    .reason = (char *)(uintptr_t)ground->reason,
	    .approver = (char *)(uintptr_t)ground->approver,
	};
	struct policy *policy = NULL;
	enum err err = policy_parse(text, length, &policy, problem);

	if (err != ERR_NONE)
		return err;
	row.text = strndup(text, length);
	err = row.text ? keep(store, &row, at_once, &policy) : ERR_MEMORY;
	if (err == ERR_NONE && out_version)
		*out_version = row.version;
	policy_free(policy);
	free(row.text);
	return err;
}

/* --- what was set for a day to come --------------------------------------- */

static enum err mark_taken(struct store *store, int64_t version)
{
	struct db_query *q;
	int64_t turn = 0;
	enum err err = next_turn(store, &turn);

	if (err != ERR_NONE)
		return err;
	q = db_query(
	    store->db, "UPDATE policy SET turn = ?2 WHERE version = ?1");
	db_bind_number(q, 1, version);
	db_bind_number(q, 2, turn);
	return db_run(q);
}

static enum err mark_cancelled(
    struct store *store, int64_t version, const char *by)
{
	struct db_query *q = db_query(
	    store->db, "UPDATE policy SET cancelled = ?2 WHERE version = ?1");

	db_bind_number(q, 1, version);
	db_bind_text(q, 2, by);
	return db_run(q);
}

static enum err record_taken(struct store *store,
    const struct policy_version *version, int64_t now_ms, const char *problem)
{
	struct audit_entry entry = {.kind = "server", .time_ms = now_ms};

	audit_add_text(&entry, "action", "policy in force");
	audit_add_number(&entry, "version", version->version);
	audit_add_text(&entry, "actor", version->author);
	if (version->approver[0])
		audit_add_text(&entry, "approver", version->approver);
	audit_add_text(&entry, "result", problem ? "refused" : "done");
	audit_add_text(&entry, "detail", problem);
	return audit_append(store, &entry, NULL);
}

/* Rules that today's program cannot read must not stop logins, nor be tried
 * again and again: the old ones stay, and the record says why. */
static enum err take(
    struct store *store, const struct policy_version *version, int64_t now_ms)
{
	char problem[POLICY_PROBLEM_SIZE] = "";
	struct policy *policy = NULL;
	enum err err = policy_parse(
	    version->text, strlen(version->text), &policy, problem);

	if (err == ERR_INVALID) {
		err = mark_cancelled(store, version->version, "server");
		return err == ERR_NONE
			   ? record_taken(store, version, now_ms, problem)
			   : err;
	}
	if (err != ERR_NONE)
		return err;
	put_in_force(store, policy, version->version, version->since);
	err = mark_taken(store, version->version);
	return err == ERR_NONE ? record_taken(store, version, now_ms, NULL)
			       : err;
}

enum err policy_store_take_due(
    struct store *store, int64_t now_s, int64_t now_ms)
{
	enum err err = ERR_NONE;

	while (err == ERR_NONE && store->policy_due_s <= now_s) {
		struct policy_version next = {0};

		err = find_next(store, &next);
		if (err == ERR_NONE)
			err = take(store, &next, now_ms);
		policy_version_free(&next);
		if (err == ERR_NONE)
			err = read_due(store);
	}
	return err;
}

enum err policy_store_cancel(
    struct store *store, int64_t version, const char *actor)
{
	struct policy_version found = {0};
	enum err err = policy_store_get_version(store, version, &found);
	bool planned = found.turn == 0 && found.cancelled && !*found.cancelled;

	policy_version_free(&found);
	if (err != ERR_NONE)
		return err;
	if (!planned)
		return ERR_EXISTS;
	err = mark_cancelled(store, version, actor);
	return err == ERR_NONE ? read_due(store) : err;
}
