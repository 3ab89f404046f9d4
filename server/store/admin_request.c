/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/admin_request.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/store/audit.h"

enum {
	HASH_BYTES = 32
};

#define SELECT                                                                 \
	"SELECT r.id, r.path, r.rule, r.requester_id, p.user_name, r.made_at," \
	" r.valid_until, r.state, ifnull(r.decider_id, 0),"                    \
	" ifnull(d.user_name, ''), r.decided_at, "
#define FROM                                                                   \
	" FROM admin_request AS r JOIN person AS p ON p.id = r.requester_id"   \
	" LEFT JOIN person AS d ON d.id = r.decider_id"

const char *admin_request_state_text(enum admin_request_state state)
{
	static const char *const texts[] = {
	    [ADMIN_REQUEST_OVER] = "expired",
	    [ADMIN_REQUEST_WAITING] = "waiting",
	    [ADMIN_REQUEST_APPROVED] = "approved",
	    [ADMIN_REQUEST_REJECTED] = "rejected",
	};

	return texts[state];
}

void admin_request_free(struct admin_request *request)
{
	free(request->arguments);
	*request = (struct admin_request){0};
}

/* Binds what is asked to who asks it, and until when. */
static enum err bind(const struct store *store,
    const struct admin_request *request, unsigned char out[HASH_BYTES])
{
	char *text = NULL;
	int length = asprintf(&text,
	    "%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %s %s",
	    request->id, request->requester_id, request->made_at,
	    request->valid_until, request->path, request->arguments);
	enum err err;

	if (length < 0)
		return ERR_MEMORY;
	err =
	    store_keyed_hash(store, "admin request", text, (size_t)length, out);
	free(text);
	return err;
}

/* --- keeping -------------------------------------------------------------- */

static enum err count_waiting(struct store *store,
    const struct admin_request *request, int64_t *out_count, int64_t *out_next)
{
	struct db_query *q = db_query(store->db,
	    "SELECT ifnull(max(id), 0), count(*) FILTER (WHERE state = ?1"
	    " AND requester_id = ?2 AND valid_until > ?3) FROM admin_request");

	db_bind_number(q, 1, ADMIN_REQUEST_WAITING);
	db_bind_number(q, 2, request->requester_id);
	db_bind_number(q, 3, request->made_at);
	(void)db_next(q);
	*out_next = db_number(q, 0) + 1;
	*out_count = db_number(q, 1);
	return db_done(q);
}

static enum err insert(struct store *store, const struct admin_request *request,
    const unsigned char hash[HASH_BYTES])
{
	struct db_query *q = db_query(store->db,
	    "INSERT INTO admin_request (id, path, rule, requester_id, made_at,"
	    " valid_until, state, arguments, hash)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");

	db_bind_number(q, 1, request->id);
	db_bind_text(q, 2, request->path);
	db_bind_text(q, 3, request->rule);
	db_bind_number(q, 4, request->requester_id);
	db_bind_number(q, 5, request->made_at);
	db_bind_number(q, 6, request->valid_until);
	db_bind_number(q, 7, ADMIN_REQUEST_WAITING);
	db_bind_text(q, 8, request->arguments);
	db_bind_blob(q, 9, hash, HASH_BYTES);
	return db_run(q);
}

enum err admin_request_add(struct store *store, struct admin_request *request)
{
	unsigned char hash[HASH_BYTES];
	int64_t count = 0;
	enum err err;

	if (strlen(request->arguments) > ADMIN_REQUEST_BYTES_MAX)
		return ERR_TOO_LONG;
	err = count_waiting(store, request, &count, &request->id);
	if (err == ERR_NONE && count >= ADMIN_REQUEST_WAITING_MAX)
		err = ERR_FULL;
	if (err == ERR_NONE)
		err = bind(store, request, hash);
	return err == ERR_NONE ? insert(store, request, hash) : err;
}

/* --- reading -------------------------------------------------------------- */

static void read_row(
    struct db_query *q, int64_t now_s, struct admin_request *out)
{
	out->id = db_number(q, 0);
	db_read_text(q, 1, out->path, sizeof(out->path));
	db_read_text(q, 2, out->rule, sizeof(out->rule));
	out->requester_id = db_number(q, 3);
	db_read_text(q, 4, out->requester, sizeof(out->requester));
	out->made_at = db_number(q, 5);
	out->valid_until = db_number(q, 6);
	out->state = (enum admin_request_state)db_number(q, 7);
	out->decider_id = db_number(q, 8);
	db_read_text(q, 9, out->decider, sizeof(out->decider));
	out->decided_at = db_number(q, 10);
	if (out->state == ADMIN_REQUEST_WAITING && now_s >= out->valid_until)
		out->state = ADMIN_REQUEST_OVER;
}

enum err admin_request_find(
    struct store *store, int64_t id, int64_t now_s, struct admin_request *out)
{
	struct db_query *q = db_query(
	    store->db, SELECT "r.arguments, r.hash" FROM " WHERE r.id = ?1");
	unsigned char kept[HASH_BYTES] = {0}, hash[HASH_BYTES];
	struct admin_request found = {0};
	const char *text;
	enum err err;

	db_bind_number(q, 1, id);
	if (db_next(q)) {
		read_row(q, now_s, &found);
		text = db_text(q, 11);
		found.arguments = strdup(text ? text : "");
		db_read_bytes(q, 12, kept, sizeof(kept));
	}
	err = db_done(q);
	if (err == ERR_NONE && found.id == 0)
		return ERR_NOT_FOUND;
	if (err == ERR_NONE)
		err = found.arguments ? bind(store, &found, hash) : ERR_MEMORY;
	if (err == ERR_NONE && memcmp(kept, hash, sizeof(kept)) != 0)
		err = ERR_CORRUPT;
	if (err == ERR_NONE)
		*out = found;
	else
		admin_request_free(&found);
	return err;
}

enum err admin_request_each(struct store *store, bool all, int64_t now_s,
    enum err (*each)(void *context, const struct admin_request *request),
    void *context)
{
	struct db_query *q = db_query(store->db, SELECT
	    "''" FROM " WHERE ?1 OR (r.state = ?2 AND r.valid_until > ?3)"
	    " ORDER BY r.id DESC LIMIT 1000");
	enum err err = ERR_NONE, done;

	db_bind_number(q, 1, all);
	db_bind_number(q, 2, ADMIN_REQUEST_WAITING);
	db_bind_number(q, 3, now_s);
	while (err == ERR_NONE && db_next(q)) {
		struct admin_request request = {0};

		read_row(q, now_s, &request);
		err = each(context, &request);
	}
	done = db_done(q);
	return err != ERR_NONE ? err : done;
}

/* --- what becomes of it --------------------------------------------------- */

enum err admin_request_decide(struct store *store, int64_t id,
    enum admin_request_state state, int64_t decider_id, int64_t now_s)
{
	struct db_query *q = db_query(store->db,
	    "UPDATE admin_request SET state = ?2, decider_id = ?3,"
	    " decided_at = ?4 WHERE id = ?1 AND state = ?5"
	    " AND valid_until > ?4");
	enum err err;

	db_bind_number(q, 1, id);
	db_bind_number(q, 2, state);
	db_bind_number(q, 3, decider_id);
	db_bind_number(q, 4, now_s);
	db_bind_number(q, 5, ADMIN_REQUEST_WAITING);
	err = db_run(q);
	if (err == ERR_NONE && db_changes(store->db) != 1)
		err = ERR_NOT_FOUND;
	return err;
}

enum err admin_requests_void(struct store *store)
{
	struct db_query *q = db_query(
	    store->db, "UPDATE admin_request SET state = ?1 WHERE state = ?2");

	db_bind_number(q, 1, ADMIN_REQUEST_OVER);
	db_bind_number(q, 2, ADMIN_REQUEST_WAITING);
	return db_run(q);
}

/* One at a time: rows are not changed while they are walked through. */
static enum err find_expired(
    struct store *store, int64_t now_s, struct admin_request *out)
{
	struct db_query *q = db_query(store->db,
	    SELECT "''" FROM " WHERE r.state = ?1 AND r.valid_until <= ?2"
		   " ORDER BY r.id LIMIT 1");
	bool found;
	enum err err;

	db_bind_number(q, 1, ADMIN_REQUEST_WAITING);
	db_bind_number(q, 2, now_s);
	found = db_next(q);
	if (found)
		read_row(q, now_s, out);
	err = db_done(q);
	if (err != ERR_NONE)
		return err;
	return found ? ERR_NONE : ERR_NOT_FOUND;
}

static enum err expire(
    struct store *store, const struct admin_request *request, int64_t now_ms)
{
	struct audit_entry entry = {.kind = "server", .time_ms = now_ms};
	struct db_query *q = db_query(
	    store->db, "UPDATE admin_request SET state = ?2 WHERE id = ?1");
	enum err err;

	db_bind_number(q, 1, request->id);
	db_bind_number(q, 2, ADMIN_REQUEST_OVER);
	err = db_run(q);
	if (err != ERR_NONE)
		return err;
	audit_add_text(&entry, "action", "request expired");
	audit_add_number(&entry, "approval", request->id);
	audit_add_text(&entry, "target", request->path);
	audit_add_text(&entry, "requested_by", request->requester);
	audit_add_text(&entry, "result", "done");
	return audit_append(store, &entry, NULL);
}

enum err admin_requests_expire(
    struct store *store, int64_t now_s, int64_t now_ms)
{
	enum err err = ERR_NONE;

	while (err == ERR_NONE) {
		struct admin_request request = {0};

		err = find_expired(store, now_s, &request);
		if (err == ERR_NONE)
			err = expire(store, &request, now_ms);
	}
	return err == ERR_NOT_FOUND ? ERR_NONE : err;
}
