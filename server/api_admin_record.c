/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is written down of a command, in the transaction of what it did: one
 * record, by the same rules for all of them.
 */
#include <stdio.h>

#include "server/api_admin.h"

enum {
	SAME_SIZE = 1024
};

static const char *target_of(const struct admin_arguments *arguments)
{
	if (arguments->id)
		return arguments->id;
	if (arguments->key)
		return arguments->key;
	if (arguments->serial)
		return arguments->serial;
	if (arguments->name)
		return arguments->name;
	/* What was looked at; nothing is changed by these. */
	if (arguments->user)
		return arguments->user;
	return arguments->terminal ? arguments->terminal : arguments->account;
}

static const char *reason_of(const struct admin_job *job)
{
	if (job->reason)
		return job->reason;
	switch (job->status) {
	case 400:
		return "invalid";
	case 403:
		return "not_permitted";
	case 404:
		return "not_found";
	}
	return "conflict";
}

static void add_outcome(const struct admin_job *job, struct audit_entry *entry)
{
	static const char *const done[] = {"done", "waits"};

	audit_add_text(
	    entry, "result", job->status ? "refused" : done[job->waits]);
	if (!job->status)
		return;
	audit_add_text(entry, "reason", reason_of(job));
	audit_add_text(entry, "detail", job->detail);
}

/* Trusting a CA without CRL takes all its revocations back. NULL: neither. */
static const char *crl_word(const struct admin_arguments *arguments)
{
	if (arguments->no_crl)
		return "none";
	return arguments->crl ? "given" : NULL;
}

void admin_add_note(struct audit_entry *entry, json_t *note)
{
	const char *key;
	json_t *value;

	json_object_foreach(note, key, value)
	{
		if (json_is_string(value))
			audit_add_text(entry, key, json_string_value(value));
		else
			audit_add_number(entry, key, json_integer_value(value));
	}
}

/* Who gets which rights by this. */
static void add_rights(
    const struct admin_arguments *arguments, struct audit_entry *entry)
{
	if (arguments->role < 0)
		return;
	audit_add_text(entry, "role", ADMIN_ROLES[arguments->role]);
	audit_add_text(entry, "departments", arguments->departments);
}

/* What was read: whose or where is the target, this is the rest. */
static const struct asked {
	const char *key;
	size_t offset;
} ASKED[] = {
    {"asked_year", offsetof(struct admin_arguments, year)},
    {"asked_from", offsetof(struct admin_arguments, from)},
    {"asked_to", offsetof(struct admin_arguments, to)},
    {"asked_at", offsetof(struct admin_arguments, at)},
    {"asked_record", offsetof(struct admin_arguments, record)},
    {"asked_factor", offsetof(struct admin_arguments, factor)},
    {"asked_result", offsetof(struct admin_arguments, result)},
};
enum {
	ASKED_COUNT = sizeof(ASKED) / sizeof(ASKED[0])
};

static const char *asked_text(const struct admin_job *job, size_t i)
{
	return *(const char *const *)((const char *)&job->arguments +
				      ASKED[i].offset);
}

static void add_asked(const struct admin_job *job, struct audit_entry *entry)
{
	if (job->verb->action)
		return;
	for (size_t i = 0; i < ASKED_COUNT; i++)
		audit_add_text(entry, ASKED[i].key, asked_text(job, i));
}

static void describe(const struct admin_job *job, struct audit_entry *entry)
{
	const struct admin_verb *verb = job->verb;

	audit_add_text(
	    entry, "action", verb->action ? verb->action : verb->path);
	audit_add_text(entry, "actor", job->actor);
	if (job->loginuid >= 0)
		audit_add_number(entry, "loginuid", job->loginuid);
	/* Whoever signs in may have typed his password there. */
	if (!verb->is_open)
		audit_add_text(entry, "target", target_of(&job->arguments));
	add_asked(job, entry);
	if (job->user[0])
		audit_add_text(entry, "user", job->user);
	if (job->terminal[0])
		audit_add_text(entry, "terminal", job->terminal);
	if (job->card_key[0])
		audit_add_text(entry, "card_key", job->card_key);
	if (job->policy_version)
		audit_add_number(entry, "version", job->policy_version);
	if (job->approval)
		audit_add_number(entry, "approval", job->approval);
	if (job->approver)
		audit_add_text(entry, "approved_by", job->approver->actor);
	audit_add_text(entry, "crl", crl_word(&job->arguments));
	add_rights(&job->arguments, entry);
	if (job->exchange && job->exchange->peer->kind != HTTP_PEER_LOCAL)
		audit_add_text(entry, "address", job->origin);
	if (!job->status)
		admin_add_note(entry, job->note);
	if (job->arguments.id)
		audit_add_text(entry, "token", job->arguments.serial);
	if (job->arguments.device_only)
		audit_add_text(entry, "device_only", "yes");
	audit_add_text(entry, "why", job->why);
	add_outcome(job, entry);
	if (job->exchange)
		audit_add_text(entry, "request", job->exchange->request_id);
}

/* Repeats of this are counted. The targets of a refusal are the refused one's
 * to choose, and whoever reads another year reads something else. */
static void write_same(const struct admin_job *job, char *out, size_t size)
{
	const char *target = target_of(&job->arguments);
	int used =
	    snprintf(out, size, "admin|%s|%s|%s", job->actor, job->verb->path,
		job->status == 403 ? "refused" : (target ? target : ""));

	if (job->status == 403 || job->verb->is_open || job->verb->action)
		return;
	for (size_t i = 0; i < ASKED_COUNT; i++) {
		const char *text = asked_text(job, i);

		if (used < 0 || (size_t)used >= size)
			return;
		used += snprintf(
		    out + used, size - (size_t)used, "|%s", text ? text : "");
	}
}

/* Whoever may do nothing here must not fill the disk either, nor an auditor
 * by reading a long list in parts. */
enum err admin_record(struct admin_job *job, struct store *store)
{
	struct audit_entry entry = {.kind = "admin", .time_ms = job->now_ms};
	char same[SAME_SIZE];

	describe(job, &entry);
	if (job->verb->action && job->status != 403 && !job->verb->is_open)
		return audit_append(store, &entry, NULL);
	write_same(job, same, sizeof(same));
	return audit_append_counted(store, &entry, same);
}

/* Reads leave a record only of those whose reading is watched, and where they
 * were not to be. */
bool admin_is_recorded(const struct admin_job *job)
{
	if (job->unfinished && !job->status)
		return false;
	if (job->recorded || (job->identifying && !job->status))
		return false;
	return job->verb->action || job->status == 403 ||
	       job->admin.role == ADMIN_ROLE_AUDITOR;
}
