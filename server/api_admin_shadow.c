/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sekimorictl policy report`: whom the rules would have refused but for
 * shadow mode, why, how often, and where last. Read from the audit chain.
 */
#include <stdio.h>
#include <string.h>

#include "server/api_admin.h"

enum {
	REPORT_DAYS = 62,
	REPORT_ITEMS_MAX = 5000,
	REPORT_KEY_SIZE = 2 * NAME_BYTES_MAX,
	DAY_S = 86400,
};

/* Of one person for one reason; `items` by both. */
struct report {
	json_t *items;
	bool full;
};

static const char *text_of(json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* When; one that stands for many says when the first and the last was. */
static const char *time_of(json_t *record, const char *which)
{
	const char *text = text_of(record, which);

	return text[0] ? text : text_of(record, "time");
}

/* A record that stands for many says how many. */
static json_int_t count_of(json_t *record)
{
	json_t *count = json_object_get(record, "count");

	return count ? json_integer_value(count) : 1;
}

static json_t *item_new(json_t *record)
{
	return json_pack("{s:s,s:s,s:I,s:s}", "user", text_of(record, "user"),
	    "would", text_of(record, "would"), "count", (json_int_t)0, "first",
	    time_of(record, "first"));
}

static json_t *find_item(struct report *report, json_t *record)
{
	char key[REPORT_KEY_SIZE];
	json_t *item;

	snprintf(key, sizeof(key), "%s %s", text_of(record, "would"),
	    text_of(record, "user"));
	item = json_object_get(report->items, key);
	if (item)
		return item;
	if (json_object_size(report->items) == REPORT_ITEMS_MAX) {
		report->full = true;
		return NULL;
	}
	item = item_new(record);
	if (json_object_set_new(report->items, key, item))
		return NULL;
	return item;
}

/* The latest says where and when. */
static bool add_to(json_t *item, json_t *record)
{
	static const struct {
		const char *to, *from;
	} latest[] = {
	    {"terminal", "terminal"}, {"service", "service"}, {"rule", "rule"}};
	json_int_t count = json_integer_value(json_object_get(item, "count")) +
			   count_of(record);

	for (size_t i = 0; i < sizeof(latest) / sizeof(latest[0]); i++)
		if (json_object_set_new(item, latest[i].to,
			json_string(text_of(record, latest[i].from))))
			return false;
	return json_object_set_new(
		   item, "last", json_string(time_of(record, "last"))) == 0 &&
	       json_object_set_new(item, "count", json_integer(count)) == 0;
}

static enum err add_record(void *context, int64_t seq, const char *text,
    const unsigned char hash[AUDIT_HASH_BYTES])
{
	struct report *report = context;
	json_t *record = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	enum err err = ERR_NONE;
	json_t *item;

	(void)seq;
	(void)hash;
	/* What was tampered with is for verify to find. */
	if (!json_is_object(record)) {
		json_decref(record);
		return ERR_NONE;
	}
	item = find_item(report, record);
	if (item ? !add_to(item, record) : !report->full)
		err = ERR_MEMORY;
	json_decref(record);
	return err;
}

/* So that it can be handed on by department. */
static enum err name_person(struct store *store, json_t *item)
{
	struct person person = {0};
	enum err err = person_find(store, text_of(item, "user"), &person);

	if (err && err != ERR_NOT_FOUND)
		return err;
	return json_object_set_new(item, "name", json_string(person.name)) ||
		       json_object_set_new(
			   item, "department", json_string(person.department))
		   ? ERR_MEMORY
		   : ERR_NONE;
}

static enum err answer_report(
    struct admin_job *job, struct store *store, struct report *report)
{
	json_t *list = json_array(), *item;
	const char *key;
	enum err err = list ? ERR_NONE : ERR_MEMORY;

	json_object_foreach(report->items, key, item)
	{
		if (!err)
			err = name_person(store, item);
		if (!err && json_array_append(list, item))
			err = ERR_MEMORY;
	}
	if (err) {
		json_decref(list);
		return err;
	}
	return admin_answer_as(job, "items", list);
}

static enum err policy_report(struct admin_job *job, struct store *store)
{
	struct audit_query query = {
	    .result = AUDIT_MODE_SHADOW, .with_open = true};
	int64_t from = job->time.now_s - REPORT_DAYS * DAY_S, to = 0;
	struct report report = {.items = json_object()};
	enum err err = report.items ? ERR_NONE : ERR_MEMORY;

	if (!admin_read_time(job, "--from", job->arguments.from,
		TIME_TEXT_BEGINNING, &from) ||
	    !admin_read_time(
		job, "--to", job->arguments.to, TIME_TEXT_END, &to))
		goto out;
	query.from_ms = from * 1000;
	query.to_ms = to * 1000;
	if (!err)
		err = audit_each(store, &query, add_record, &report);
	if (!err && report.full)
		err = admin_refuse(job, 409,
		    "These are over %d. Ask for a shorter time: --from, --to.",
		    REPORT_ITEMS_MAX);
	else if (!err)
		err = answer_report(job, store, &report);
out:
	json_decref(report.items);
	return err;
}

const struct admin_verb ADMIN_SHADOW_VERBS[] = {
    {.path = "policy/report",
	.roles = ADMIN_ENROLLERS,
	.members = {ADMIN_NAME(from, false), ADMIN_NAME(to, false)},
	.run = policy_report,
	.is_long = true},
    {0},
};
