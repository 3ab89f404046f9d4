/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sekimorictl policy`: the rules, their earlier versions, and what they
 * would say.
 */
#include <string.h>

#include "server/api_admin.h"
#include "server/core/policy.h"
#include "server/store/policy_store.h"

static enum err policy_show(struct admin_job *job, struct store *store)
{
	struct policy_version found = {0};
	int64_t begin = 0, at = 0;
	enum err err;

	if (!admin_read_time(
		job, "--at", job->arguments.at, TIME_TEXT_BEGINNING, &begin) ||
	    !admin_read_time(
		job, "--at", job->arguments.at, TIME_TEXT_END, &at))
		return ERR_NONE;
	/* Of a day the last second, not the first of the next. */
	if (at != begin)
		at--;
	err = policy_store_get(store, at, &found);
	if (err == ERR_NOT_FOUND)
		return admin_refuse(
		    job, 404, "There were no rules at that time.");
	if (!err)
		err = admin_answer(job,
		    json_pack("{s:s,s:I,s:I,s:s,s:s,s:s}", "text", found.text,
			"version", (json_int_t)found.version, "since",
			(json_int_t)found.since, "author", found.author,
			"reason", found.reason, "approver", found.approver));
	policy_version_free(&found);
	return err;
}

static enum err policy_set(struct admin_job *job, struct store *store)
{
	const struct admin_arguments *a = &job->arguments;
	const struct policy_ground ground = {.author = job->actor,
	    .reason = a->reason ? a->reason : "",
	    .approver = a->approver ? a->approver : ""};
	char problem[POLICY_PROBLEM_SIZE] = "";
	enum err err = policy_store_set(
	    store, a->text, strlen(a->text), &ground, job->time.now_s, problem);

	if (err == ERR_INVALID || err == ERR_TOO_LONG)
		return admin_refuse(job, 400, "%s The old rules stay.",
		    problem[0] ? problem : "There are too many rules.");
	if (err)
		return err;
	return admin_answer(job,
	    json_pack("{s:I,s:I}", "version", (json_int_t)store->policy_version,
		"since", (json_int_t)job->time.now_s));
}

static json_t *factors_json(unsigned factors)
{
	static const enum factor all[] = {
	    FACTOR_CARD, FACTOR_OTP, FACTOR_EMERGENCY};
	json_t *names = json_array();

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (factors & (1u << all[i]))
			json_array_append_new(
			    names, json_string(factor_text(all[i])));
	return names;
}

/* The rules that held at a time, parsed anew; the caller frees. */
static enum err load_rules(
    struct store *store, int64_t at, int64_t *out_version, struct policy **out)
{
	char problem[POLICY_PROBLEM_SIZE];
	struct policy_version found = {0};
	enum err err = policy_store_get(store, at, &found);

	if (!err)
		err =
		    policy_parse(found.text, strlen(found.text), out, problem);
	*out_version = found.version;
	policy_version_free(&found);
	return err == ERR_INVALID ? ERR_CORRUPT : err;
}

static enum err answer_test(struct admin_job *job,
    const struct policy_answer *answer, int64_t at, int64_t version, bool known)
{
	static const char *const actions[] = {"refuse", "permit", "exempt"};

	return admin_answer(job,
	    json_pack("{s:s,s:s,s:i,s:o,s:s,s:b,s:I,s:I}", "action",
		actions[answer->action], "rule", answer->rule, "line",
		answer->line, "factors",
		factors_json(
		    answer->action == POLICY_PERMIT ? answer->factors : 0),
		"card_removed", policy_card_removed_text(answer->card_removed),
		"known", known, "at", (json_int_t)at, "version",
		(json_int_t)version));
}

/* Of the rules that held at a time, or hold as far as is known. */
static enum err ask_rules(struct admin_job *job, struct store *store,
    struct policy_facts *facts, bool known)
{
	struct policy *policy = NULL;
	struct policy_answer answer;
	int64_t at = job->time.now_s, version = 0;
	enum err err;

	if (!admin_read_time(
		job, "--at", job->arguments.at, TIME_TEXT_BEGINNING, &at))
		return ERR_NONE;
	if (!time_text_of_week(at, &facts->now.day, &facts->now.minute))
		return ERR_INVALID;
	err = load_rules(store, at, &version, &policy);
	if (err == ERR_NOT_FOUND)
		return admin_refuse(
		    job, 404, "There were no rules at that time.");
	if (err)
		return err;
	answer = policy_ask(policy, facts, known);
	err = answer_test(job, &answer, at, version, known);
	policy_free(policy);
	return err;
}

static enum err policy_test(struct admin_job *job, struct store *store)
{
	const struct admin_arguments *a = &job->arguments;
	struct terminal terminal = {0};
	struct person person = {0};
	struct policy_facts facts;
	bool known, found = false;
	enum err err = person_find(store, a->user, &person);

	known = err == ERR_NONE;
	if (err && err != ERR_NOT_FOUND)
		return err;
	job->arguments.name = a->terminal;
	err = admin_find_terminal(job, store, &terminal, &found);
	if (err || !found)
		return err;
	facts = (struct policy_facts){.user = a->user,
	    .department = person.department,
	    .kind = person.kind,
	    .terminal = terminal.name,
	    .group = terminal.group,
	    .service = a->service};
	return ask_rules(job, store, &facts, known);
}

const struct admin_verb ADMIN_POLICY_VERBS[] = {
    {.path = "policy/show",
	.roles = ADMIN_ENROLLERS,
	.members = {ADMIN_NAME(at, false)},
	.run = policy_show},
    {.path = "policy/set",
	.action = "policy set",
	.members = {{"text", JSON_MEMBER_LINES, ADMIN_OFFSET(text), true, 0,
			POLICY_TEXT_BYTES_MAX, NULL},
	    {"reason", JSON_MEMBER_TEXT, ADMIN_OFFSET(reason), false, 0, 256,
		NULL},
	    {"approver", JSON_MEMBER_TEXT, ADMIN_OFFSET(approver), false, 0,
		256, NULL}},
	.run = policy_set},
    {.path = "policy/test",
	.roles = ADMIN_ENROLLERS,
	.members = {ADMIN_NAME(user, true), ADMIN_NAME(terminal, true),
	    ADMIN_NAME(service, true), ADMIN_NAME(at, false)},
	.run = policy_test},
    {0},
};
