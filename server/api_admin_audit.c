/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sekimorictl audit`: reading and verifying the chain, in pieces, so that
 * logins go on in between.
 */
#include <stdio.h>
#include <string.h>

#include "server/api_admin.h"
#include "shared/encode.h"

enum {
	AUDIT_LIST_DEFAULT = 50,
	AUDIT_LIST_MAX = 1000, /* in one answer */
	AUDIT_LOOK_AT = 20000, /* in one transaction */
	AUDIT_PAGE = 1000,
};

/* --- list ---------------------------------------------------------------- */

/* What every item has, whatever its record says. */
static enum err complete_item(json_t *item, int64_t seq)
{
	static const char *const always[] = {
	    "time", "user", "result", "reason"};

	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
		if (!json_object_get(item, always[i]) &&
		    json_object_set_new(item, always[i], json_null()))
			return ERR_MEMORY;
	if (!json_object_get(item, "count") &&
	    json_object_set_new(item, "count", json_integer(1)))
		return ERR_MEMORY;
	return json_object_set_new(
		   item, "seq", seq > 0 ? json_integer(seq) : json_null())
		   ? ERR_MEMORY
		   : ERR_NONE;
}

static enum err add_item(void *context, int64_t seq, const char *record,
    const unsigned char hash[AUDIT_HASH_BYTES])
{
	json_error_t error;
	json_t *items = context;
	json_t *item = json_loads(record, JSON_REJECT_DUPLICATES, &error);

	(void)hash;
	/* A record that is no object was tampered with: it is shown as it
	 * is, and verify says where the chain breaks. */
	if (!json_is_object(item)) {
		json_decref(item);
		item = json_pack("{s:s}", "damaged", record);
	}
	if (!item || complete_item(item, seq)) {
		json_decref(item);
		return ERR_MEMORY;
	}
	return json_array_append_new(items, item) ? ERR_MEMORY : ERR_NONE;
}

static bool read_period(struct admin_job *job, struct audit_query *query)
{
	const struct admin_arguments *a = &job->arguments;
	int64_t from = 0, to = 0;

	if (a->year && (a->from || a->to)) {
		admin_refuse(
		    job, 400, "Either --year or --from and --to, not both.");
		return false;
	}
	if (a->year && time_text_fiscal_year(a->year, &from, &to)) {
		admin_refuse(job, 400,
		    "--year is a fiscal year, from 1 April: R7, 令和7年度 or "
		    "2025.");
		return false;
	}
	if (!admin_read_time(
		job, "--from", a->from, TIME_TEXT_BEGINNING, &from) ||
	    !admin_read_time(job, "--to", a->to, TIME_TEXT_END, &to))
		return false;
	query->from_ms = from * 1000;
	query->to_ms = to * 1000;
	return true;
}

/* The newest of what is asked for. Older ones follow on the next question, so
 * that logins go on in between however long the record is. */
static enum err audit_list(struct admin_job *job, struct store *store)
{
	const struct admin_arguments *a = &job->arguments;
	int64_t reached = 0;
	struct audit_query query = {
	    .user = a->user,
	    .account = a->account,
	    .terminal = a->terminal,
	    .result = a->result,
	    .kind = a->record,
	    .factor = a->factor,
	    .before_seq = a->before,
	    .limit = a->limit ? a->limit : AUDIT_LIST_DEFAULT,
	    .with_open = a->before == 0,
	    .look_at = AUDIT_LOOK_AT,
	    .reached = &reached,
	};
	json_t *items;
	enum err err;

	if (!read_period(job, &query))
		return ERR_NONE;
	items = json_array();
	err = items ? audit_each(store, &query, add_item, items) : ERR_MEMORY;
	if (err) {
		json_decref(items);
		return err;
	}
	return admin_answer(job, json_pack("{s:o,s:o}", "items", items,
				     "before", admin_time(reached)));
}

/* --- head, verify --------------------------------------------------------- */

static enum err answer_chain(struct admin_job *job, const struct store *store,
    bool ok, int64_t records, const unsigned char hash[AUDIT_HASH_BYTES],
    int64_t first_bad)
{
	char hex[ENCODE_HEX_SIZE(AUDIT_HASH_BYTES)];

	encode_hex(hash, AUDIT_HASH_BYTES, hex);
	return admin_answer(job,
	    json_pack("{s:b,s:[{s:s,s:I,s:s,s:o}]}", "ok", ok, "chains",
		"instance", store->instance, "records", (json_int_t)records,
		"head", hex, "first_bad", admin_time(first_bad)));
}

static enum err audit_head(struct admin_job *job, struct store *store)
{
	return answer_chain(
	    job, store, true, store->head.seq, store->head.hash, 0);
}

static enum err answer_verified(struct admin_job *job, struct store *store,
    const struct audit_check *check, bool with_head)
{
	enum err err = answer_chain(job, store,
	    check->first_bad == 0 && (!with_head || check->head_found),
	    check->records, check->hash, check->first_bad);

	if (!err && with_head &&
	    json_object_set_new(
		job->answer, "head_found", json_boolean(check->head_found)))
		err = ERR_MEMORY;
	return err;
}

static enum err audit_verify(struct admin_job *job, struct store *store)
{
	const char *text = job->arguments.head;
	unsigned char head[AUDIT_HASH_BYTES];
	struct audit_check *check = &job->next.check;
	size_t length = 0;
	enum err err;

	if (text &&
	    (decode_hex(text, strlen(text), head, sizeof(head), &length) ||
		length != sizeof(head)))
		return admin_refuse(
		    job, 400, "A head is 64 hexadecimal digits.");
	if (job->progress.stage == 0) {
		check->next_seq = 1;
		job->next.stage = 1;
	}
	err = audit_verify_step(
	    store, text ? head : NULL, ADMIN_STEP_RECORDS, check);
	if (err)
		return err;
	if (check->next_seq != 0) {
		job->again = true;
		return ERR_NONE;
	}
	return answer_verified(job, store, check, text != NULL);
}

/* --- export --------------------------------------------------------------- */

struct page {
	json_t *items;
	int64_t limit;
	bool more;
};

static enum err add_page_item(void *context, int64_t seq, const char *record,
    const unsigned char hash[AUDIT_HASH_BYTES])
{
	char hex[ENCODE_HEX_SIZE(AUDIT_HASH_BYTES)];
	struct page *page = context;
	json_t *item;

	if ((int64_t)json_array_size(page->items) == page->limit) {
		page->more = true;
		return ERR_NONE;
	}
	encode_hex(hash, AUDIT_HASH_BYTES, hex);
	item = json_pack("{s:I,s:s,s:s}", "seq", (json_int_t)seq, "record",
	    record, "hash", hex);
	return json_array_append_new(page->items, item) ? ERR_MEMORY : ERR_NONE;
}

static enum err audit_export(struct admin_job *job, struct store *store)
{
	struct page page = {
	    .items = json_array(),
	    .limit = job->arguments.limit ? job->arguments.limit : AUDIT_PAGE,
	};
	/* One beyond the page tells whether there is another. */
	const struct audit_query query = {
	    .after_seq = job->arguments.after,
	    .limit = page.limit + 1,
	    .oldest = true,
	};
	enum err err = page.items
			   ? audit_each(store, &query, add_page_item, &page)
			   : ERR_MEMORY;

	if (err) {
		json_decref(page.items);
		return err;
	}
	return admin_answer(job,
	    json_pack("{s:o,s:b}", "items", page.items, "more", page.more));
}

const struct admin_verb ADMIN_AUDIT_VERBS[] = {
    {.path = "audit/list",
	.members = {ADMIN_NAME(user, false), ADMIN_NAME(account, false),
	    ADMIN_NAME(terminal, false), ADMIN_NAME(result, false),
	    ADMIN_NAME(record, false), ADMIN_NAME(factor, false),
	    ADMIN_NAME(year, false), ADMIN_NAME(from, false),
	    ADMIN_NAME(to, false), ADMIN_NUMBER(before, 1, INT64_MAX),
	    ADMIN_NUMBER(limit, 1, AUDIT_LIST_MAX)},
	.run = audit_list,
	.is_long = true},
    {.path = "audit/head", .run = audit_head},
    {.path = "audit/verify",
	.members = {ADMIN_NAME(head, false)},
	.run = audit_verify,
	.is_long = true},
    {.path = "audit/export",
	.members = {ADMIN_NUMBER(after, 0, INT64_MAX),
	    ADMIN_NUMBER(limit, 1, AUDIT_PAGE)},
	.run = audit_export,
	.is_long = true},
    {0},
};
