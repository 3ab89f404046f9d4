/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is written down of a command, in the transaction of what it did: one
 * record, by the same rules for all of them.
 */
#include <stdio.h>

#include "server/api_admin.h"

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
	return arguments->user ? arguments->user : arguments->terminal;
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

/* Whoever may do nothing here must not fill the disk either, nor an auditor
 * by reading a long list in parts. */
enum err admin_record(struct admin_job *job, struct store *store)
{
	struct audit_entry entry = {.kind = "admin", .time_ms = job->now_ms};
	char same[ADMIN_ACTOR_SIZE + NAME_BYTES_MAX + 64];
	const char *target =
	    job->verb->is_open ? NULL : target_of(&job->arguments);

	describe(job, &entry);
	if (job->verb->action && job->status != 403 && !job->verb->is_open)
		return audit_append(store, &entry, NULL);
	/* The targets of a refusal are the refused one's to choose. */
	snprintf(same, sizeof(same), "admin|%s|%s|%s", job->actor,
	    job->verb->path,
	    job->status == 403 ? "refused" : (target ? target : ""));
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
