/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api_admin_hold.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/core/policy.h"
#include "server/store/admin_request.h"
#include "server/store/policy_store.h"

enum {
	DAY_S = 86400
};

void admin_action_of(const struct admin_verb *verb, char out[ADMIN_ACTION_SIZE])
{
	snprintf(out, ADMIN_ACTION_SIZE, "%s", verb->path);
	for (char *at = out; *at; at++)
		if (*at == '/')
			*at = '-';
}

static const char *rule_of(
    const struct policy *policy, const struct admin_verb *verb)
{
	char action[ADMIN_ACTION_SIZE];

	admin_action_of(verb, action);
	return policy_approval_of(policy, action);
}

/* --- changing the rules that say so --------------------------------------- */

/* Of what waits by one policy, the first rule that another does not have. */
static const char *find_missing(
    const struct policy *policy, const struct policy *other)
{
	for (size_t i = 0; ADMIN_TABLES[i]; i++)
		for (const struct admin_verb *v = ADMIN_TABLES[i]; v->path; v++)
			if (v->may_wait && rule_of(policy, v) &&
			    !rule_of(other, v))
				return rule_of(policy, v);
	return NULL;
}

/* What a text would let go of; unreadable texts are refused elsewhere. The
 * rule's name is copied to out. */
static enum err compare(const char *text, const struct policy *policy,
    bool text_is_kept, char out[NAME_BYTES_MAX + 1])
{
	char problem[POLICY_PROBLEM_SIZE];
	struct policy *other = NULL;
	const char *missing = NULL;
	enum err err = policy_parse(text, strlen(text), &other, problem);

	if (err == ERR_NONE)
		missing = text_is_kept ? find_missing(other, policy)
				       : find_missing(policy, other);
	if (missing)
		snprintf(out, NAME_BYTES_MAX + 1, "%s", missing);
	policy_free(other);
	return err == ERR_INVALID ? ERR_NONE : err;
}

struct planned {
	struct store *store;
	const struct policy *policy; /* that would take their place */
	char *rule;
};

static enum err compare_planned(
    void *context, const struct policy_version *version)
{
	struct planned *planned = context;
	struct policy_version found = {0};
	enum err err;

	if (version->turn != 0 || version->cancelled[0] || planned->rule[0])
		return ERR_NONE;
	err =
	    policy_store_get_version(planned->store, version->version, &found);
	if (err == ERR_NONE)
		err = compare(found.text, planned->policy, true, planned->rule);
	policy_version_free(&found);
	return err;
}

/*
 * New rules wait by what they let go of, of the rules in force and of those
 * that are to come: otherwise nobody would need a second person to be rid of
 * him.
 */
static enum err find_rule_of_set(
    struct admin_job *job, struct store *store, char out[NAME_BYTES_MAX + 1])
{
	const char *text = job->arguments.text;
	char problem[POLICY_PROBLEM_SIZE];
	struct policy *policy = NULL;
	struct planned planned = {.store = store, .rule = out};
	enum err err = compare(text, store->policy, false, out);

	if (err != ERR_NONE || out[0])
		return err;
	err = policy_parse(text, strlen(text), &policy, problem);
	planned.policy = policy;
	if (err == ERR_NONE)
		err = policy_store_each(store, compare_planned, &planned);
	policy_free(policy);
	return err == ERR_INVALID ? ERR_NONE : err;
}

/* Rules to come that ask for more than those in force. */
static enum err find_rule_of_cancel(
    struct admin_job *job, struct store *store, char out[NAME_BYTES_MAX + 1])
{
	struct policy_version found = {0};
	enum err err =
	    policy_store_get_version(store, job->arguments.version, &found);

	if (err == ERR_NONE && found.turn == 0 && !found.cancelled[0])
		err = compare(found.text, store->policy, true, out);
	policy_version_free(&found);
	return err == ERR_NOT_FOUND ? ERR_NONE : err;
}

/* What always comes to the same as another command. */
static const char *find_other(const char *path)
{
	static const struct {
		const char *path, *as;
	} others[] = {
	    {"code/bulk", "code/issue"},
	    {"policy/cancel", "policy/set"},
	    {"user/import-undo", "user/import"},
	};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strcmp(others[i].path, path) == 0)
			return others[i].as;
	return NULL;
}

/* By which rule this waits; "" when it does not. */
static enum err find_rule(
    struct admin_job *job, struct store *store, char out[NAME_BYTES_MAX + 1])
{
	const char *other = find_other(job->verb->path);
	const char *rule = rule_of(store->policy, job->verb);

	out[0] = '\0';
	if (!rule && other)
		rule = rule_of(store->policy, api_admin_find(other));
	if (rule)
		snprintf(out, NAME_BYTES_MAX + 1, "%s", rule);
	else if (strcmp(job->verb->path, "policy/set") == 0)
		return find_rule_of_set(job, store, out);
	else if (strcmp(job->verb->path, "policy/cancel") == 0)
		return find_rule_of_cancel(job, store, out);
	return ERR_NONE;
}

/* --- waiting -------------------------------------------------------------- */

static enum err answer_waiting(
    struct admin_job *job, const struct admin_request *request)
{
	job->approval = request->id;
	job->waits = true;
	return admin_answer(job,
	    json_pack("{s:I,s:s,s:s,s:I}", "request", (json_int_t)request->id,
		"action", job->verb->action, "rule", request->rule, "until",
		(json_int_t)request->valid_until));
}

static enum err leave(
    struct admin_job *job, struct store *store, const char *rule)
{
	struct admin_request request = {.requester_id = job->admin.person_id,
	    .made_at = job->time.now_s,
	    .valid_until =
		job->time.now_s + job->server->settings.request_days * DAY_S,
	    .arguments = json_dumps(job->body, JSON_COMPACT)};
	enum err err = request.arguments ? ERR_NONE : ERR_MEMORY;

	snprintf(request.path, sizeof(request.path), "%s", job->verb->path);
	snprintf(request.rule, sizeof(request.rule), "%s", rule);
	if (err == ERR_NONE)
		err = admin_request_add(store, &request);
	if (err == ERR_FULL)
		err = admin_refuse(job, 409,
		    "%d requests of yours wait already. `sekimorictl request "
		    "list` shows them; withdraw what is not needed: "
		    "`sekimorictl request reject N`.",
		    ADMIN_REQUEST_WAITING_MAX);
	else if (err == ERR_TOO_LONG)
		err = admin_refuse(job, 409,
		    "This is too long to wait for approval. Do it in parts.");
	else if (err == ERR_NONE)
		err = answer_waiting(job, &request);
	admin_request_free(&request);
	return err;
}

/* Nobody in particular can ask for nothing. But what too few owners have to
 * agree to would never happen: one of them is brought back by root. */
static enum err refuse_root(struct admin_job *job, struct store *store,
    const char *rule, bool *out_held)
{
	bool is_rescue = false;
	int owners = 0;
	enum err err = admin_count_owners(store, job->time.now_s, &owners);

	if (err == ERR_NONE && owners < ADMIN_APPROVERS_MIN)
		err = admin_brings_owner_back(job, store, &is_rescue);
	*out_held = !is_rescue;
	if (err || is_rescue)
		return err;
	return admin_refuse(job, 403,
	    "Rule %s has this wait for a second person, and nobody is signed "
	    "in here: `sekimorictl admin signin ID`.%s",
	    rule,
	    owners < ADMIN_APPROVERS_MIN
		? " Fewer than two owners are in office: root can thaw, resume "
		  "or extend one."
		: "");
}

static enum err hold_by(struct admin_job *job, struct store *store,
    const char *rule, bool *out_held)
{
	*out_held = true;
	if (!job->verb->may_wait)
		return admin_refuse(job, 409,
		    "Rule %s has this wait for a second person, and this "
		    "cannot wait. Set rules without it.",
		    rule);
	if (job->admin.person_id == 0)
		return refuse_root(job, store, rule, out_held);
	if (!admin_needs_clock(job))
		return ERR_NONE;
	return leave(job, store, rule);
}

enum err admin_hold(struct admin_job *job, struct store *store, bool *out_held)
{
	char rule[NAME_BYTES_MAX + 1];
	enum err err;

	*out_held = false;
	/* What is done for somebody has been asked for already. */
	if (job->asked_before)
		return ERR_NONE;
	err = find_rule(job, store, rule);
	if (err != ERR_NONE || !rule[0])
		return err;
	return hold_by(job, store, rule, out_held);
}

enum err admin_hold_as(struct admin_job *job, struct store *store,
    const char *path, bool *out_held)
{
	const char *rule = rule_of(store->policy, api_admin_find(path));

	*out_held = false;
	if (!rule || job->asked_before)
		return ERR_NONE;
	return hold_by(job, store, rule, out_held);
}

/* --- approve lines that can be lived with --------------------------------- */

static const struct admin_verb *find_waiting(const char *word, size_t length)
{
	for (size_t i = 0; ADMIN_TABLES[i]; i++)
		for (const struct admin_verb *v = ADMIN_TABLES[i]; v->path;
		     v++) {
			char action[ADMIN_ACTION_SIZE];

			admin_action_of(v, action);
			if (v->may_wait &&
			    policy_action_is(word, length, action))
				return v;
		}
	return NULL;
}

static bool has_known_actions(
    const struct policy_approval *approval, char problem[POLICY_PROBLEM_SIZE])
{
	const char *rest = approval->actions;

	while (*rest) {
		size_t length = strcspn(rest, ",");

		if (!find_waiting(rest, length)) {
			snprintf(problem, POLICY_PROBLEM_SIZE,
			    "line %d: %.*s is no command that can wait. Those "
			    "that can are in sekimorictl(8).",
			    approval->line, (int)length, rest);
			return false;
		}
		rest += length;
		rest += *rest == ',';
	}
	return true;
}

/* Of what two are to agree to from now on, the first rule that another does not
 * have. */
static const char *find_new(const struct policy *policy,
    const struct policy *present, const struct policy *other)
{
	for (size_t i = 0; ADMIN_TABLES[i]; i++)
		for (const struct admin_verb *v = ADMIN_TABLES[i]; v->path; v++)
			if (v->may_wait && rule_of(policy, v) &&
			    !(present && rule_of(present, v)) &&
			    !rule_of(other, v))
				return rule_of(policy, v);
	return NULL;
}

struct ending {
	struct store *store;
	const struct policy *policy; /* to be set */
	int64_t since_s;
	char *problem;
	bool ends;
};

/* Planned when it took one, it would end what takes two. */
static enum err note_ending(void *context, const struct policy_version *version)
{
	struct ending *ending = context;
	struct policy_version found = {0};
	char problem[POLICY_PROBLEM_SIZE];
	struct policy *other = NULL;
	const char *rule = NULL;
	enum err err;

	if (version->turn != 0 || version->cancelled[0] || ending->ends ||
	    version->since <= ending->since_s)
		return ERR_NONE;
	err = policy_store_get_version(ending->store, version->version, &found);
	if (err == ERR_NONE)
		err = policy_parse(
		    found.text, strlen(found.text), &other, problem);
	if (err == ERR_NONE)
		rule = find_new(ending->policy, ending->store->policy, other);
	ending->ends = rule != NULL;
	if (rule)
		snprintf(ending->problem, POLICY_PROBLEM_SIZE,
		    "Version %lld, which is planned, would end rule %s. "
		    "First: `sekimorictl policy cancel %lld`.",
		    (long long)version->version, rule,
		    (long long)version->version);
	policy_free(other);
	policy_version_free(&found);
	return err == ERR_INVALID ? ERR_NONE : err;
}

static enum err check_planned(struct store *store, const struct policy *policy,
    int64_t since_s, char problem[POLICY_PROBLEM_SIZE])
{
	struct ending ending = {.store = store,
	    .policy = policy,
	    .since_s = since_s,
	    .problem = problem};
	enum err err = policy_store_each(store, note_ending, &ending);

	return err == ERR_NONE && ending.ends ? ERR_INVALID : err;
}

enum err admin_check_approvals(struct store *store, const struct policy *policy,
    int64_t now_s, int64_t since_s, char problem[POLICY_PROBLEM_SIZE])
{
	struct policy_approval approval = {0};
	size_t index = 0;
	int owners = 0;
	enum err err;

	while (policy_next_approval(policy, &index, &approval))
		if (!has_known_actions(&approval, problem))
			return ERR_INVALID;
	if (index == 0)
		return ERR_NONE;
	/* Whoever may add an administrator alone adds his second person. */
	if (!policy_approval_of(policy, "admin-add")) {
		snprintf(problem, POLICY_PROBLEM_SIZE,
		    "line %d: approve without admin-add. Who may add an "
		    "administrator alone needs nobody else: put admin-add "
		    "into one of the lines.",
		    approval.line);
		return ERR_INVALID;
	}
	err = admin_count_owners(store, now_s, &owners);
	if (err != ERR_NONE || owners >= ADMIN_APPROVERS_MIN)
		return err ? err
			   : check_planned(store, policy, since_s, problem);
	snprintf(problem, POLICY_PROBLEM_SIZE,
	    "line %d: approve needs two owners, and there are %d. First: "
	    "`sekimorictl admin add ID --role owner`.",
	    approval.line, owners);
	return ERR_INVALID;
}
