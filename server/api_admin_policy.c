/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sekimorictl policy`: the rules, their versions, earlier and to come, and
 * what they would say.
 */
#include <string.h>

#include "server/api_admin_hold.h"
#include "server/core/policy.h"
#include "server/shadow.h"
#include "server/store/policy_store.h"

#define NO_RULES_THEN                                                          \
	"There were no rules at that time. `sekimorictl policy list` shows "   \
	"since when there are some."

/* What is said of a version; its text apart. */
static json_t *version_json(
    const struct store *store, const struct policy_version *version)
{
	const char *state = "planned";

	if (version->cancelled[0])
		state = "cancelled";
	else if (version->version == store->policy_version)
		state = "in force";
	else if (version->turn > 0)
		state = "replaced";
	return json_pack("{s:I,s:s,s:I,s:o,s:s,s:s,s:s,s:s}", "version",
	    (json_int_t)version->version, "state", state, "since",
	    (json_int_t)version->since, "set", admin_time(version->set_at),
	    "author", version->author, "reason", version->reason, "approver",
	    version->approver, "cancelled", version->cancelled);
}

/* Which of its rules are in shadow mode now, or will be when it begins. */
static json_t *shadow_json(
    const struct admin_job *job, const struct policy_version *version)
{
	int64_t at =
	    job->time.now_s > version->since ? job->time.now_s : version->since;
	char problem[POLICY_PROBLEM_SIZE], text[SHADOW_TEXT_SIZE] = "";
	struct policy *policy = NULL;

	if (policy_parse(version->text, strlen(version->text), &policy,
		problem) == ERR_NONE)
		(void)shadow_text_of(policy, at, NULL, NULL, text);
	policy_free(policy);
	return text[0] ? json_string(text) : json_null();
}

/* By its number, or by a time: of a day the last second, not the first of
 * the next. */
static enum err find_version(struct admin_job *job, struct store *store,
    struct policy_version *out, bool *out_found)
{
	int64_t begin = 0, at = 0;
	enum err err;

	if (job->arguments.version) {
		err = policy_store_get_version(
		    store, job->arguments.version, out);
		*out_found = err == ERR_NONE;
		return err == ERR_NOT_FOUND
			   ? admin_refuse(job, 404,
				 "There is no such version. `sekimorictl "
				 "policy list` shows all.")
			   : err;
	}
	if (!admin_read_time(
		job, "--at", job->arguments.at, TIME_TEXT_BEGINNING, &begin) ||
	    !admin_read_time(
		job, "--at", job->arguments.at, TIME_TEXT_END, &at))
		return ERR_NONE;
	err = policy_store_get(store, at == begin ? at : at - 1, out);
	*out_found = err == ERR_NONE;
	return err == ERR_NOT_FOUND ? admin_refuse(job, 404, NO_RULES_THEN)
				    : err;
}

static enum err policy_show(struct admin_job *job, struct store *store)
{
	struct policy_version version = {0};
	bool found = false;
	enum err err = find_version(job, store, &version, &found);
	json_t *answer;

	if (err || !found)
		return err;
	answer = version_json(store, &version);
	if (answer &&
	    (json_object_set_new(answer, "text", json_string(version.text)) ||
		json_object_set_new(
		    answer, "shadow", shadow_json(job, &version)))) {
		json_decref(answer);
		answer = NULL;
	}
	policy_version_free(&version);
	return admin_answer(job, answer);
}

struct version_list {
	const struct store *store;
	json_t *items;
};

static enum err add_version(void *context, const struct policy_version *version)
{
	struct version_list *list = context;

	return json_array_append_new(
		   list->items, version_json(list->store, version))
		   ? ERR_MEMORY
		   : ERR_NONE;
}

static enum err policy_list(struct admin_job *job, struct store *store)
{
	struct version_list list = {store, json_array()};
	enum err err = list.items ? policy_store_each(store, add_version, &list)
				  : ERR_MEMORY;

	if (err) {
		json_decref(list.items);
		return err;
	}
	return admin_answer_as(job, "items", list.items);
}

/* What is set now lasts until what was planned before takes its place. */
static enum err answer_set(struct admin_job *job, const struct store *store,
    int64_t version, int64_t effective)
{
	bool planned = version != store->policy_version;
	int64_t due = store->policy_due_s;
	const struct policy_version set = {
	    .text = (char *)(uintptr_t)job->arguments.text,
	    .since = planned ? effective : store->policy_since_s};

	job->policy_version = version;
	return admin_answer(
	    job, json_pack("{s:I,s:I,s:b,s:o,s:o}", "version",
		     (json_int_t)version, "since",
		     (json_int_t)(planned ? effective : store->policy_since_s),
		     "planned", planned, "next",
		     admin_time(due == INT64_MAX ? 0 : due), "shadow",
		     shadow_json(job, &set)));
}

/* 0: at once. Refuses and returns false for a day gone by. */
static bool read_effective(struct admin_job *job, int64_t *out)
{
	*out = 0;
	if (!job->arguments.effective)
		return true;
	if (!admin_needs_clock(job) ||
	    !admin_read_time(job, "--effective", job->arguments.effective,
		TIME_TEXT_BEGINNING, out))
		return false;
	if (*out > job->time.now_s)
		return true;
	admin_refuse(job, 400,
	    "--effective: %s is not to come. Without it the rules take effect "
	    "at once.",
	    job->arguments.effective);
	return false;
}

/* What a text must be besides one that can be read. ERR_INVALID fills
 * problem; what cannot be read is policy_store_set's to say. */
static enum err check_text(struct admin_job *job, struct store *store,
    int64_t since_s, char problem[POLICY_PROBLEM_SIZE])
{
	const char *text = job->arguments.text;
	struct policy *policy = NULL;
	enum err err = policy_parse(text, strlen(text), &policy, problem);

	if (err == ERR_NONE && !shadow_ends_in_time(policy, since_s, problem))
		err = ERR_INVALID;
	if (err == ERR_NONE)
		err = admin_check_approvals(
		    store, policy, job->time.now_s, since_s, problem);
	policy_free(policy);
	return err;
}

static enum err policy_set(struct admin_job *job, struct store *store)
{
	const struct admin_arguments *a = &job->arguments;
	struct policy_ground ground = {.author = job->actor,
	    .reason = a->reason ? a->reason : "",
	    .approver = job->approver ? job->approver->actor : ""};
	char problem[POLICY_PROBLEM_SIZE] = "";
	int64_t version = 0;
	enum err err;

	if (a->approver)
		ground.approver = a->approver;
	if (!read_effective(job, &ground.effective))
		return ERR_NONE;
	err = check_text(job, store,
	    ground.effective ? ground.effective : job->time.now_s, problem);
	if (err == ERR_NONE)
		err = policy_store_set(store, a->text, strlen(a->text), &ground,
		    job->time.now_s, &version, problem);
	if (err == ERR_INVALID || err == ERR_TOO_LONG)
		return admin_refuse(job, 400, "%s The old rules stay.",
		    problem[0] ? problem : "There are too many rules.");
	if (err)
		return err;
	return answer_set(job, store, version, ground.effective);
}

static enum err policy_cancel(struct admin_job *job, struct store *store)
{
	int64_t version = job->arguments.version;
	enum err err = policy_store_cancel(store, version, job->actor);

	job->policy_version = version;
	if (err == ERR_NOT_FOUND)
		return admin_refuse(job, 404,
		    "There is no such version. `sekimorictl policy list` "
		    "shows all.");
	if (err == ERR_EXISTS)
		return admin_refuse(job, 409,
		    "This version has taken effect or is cancelled already. "
		    "To go back, set an older text again: `sekimorictl policy "
		    "show --version N`, `sekimorictl policy set FILE`.");
	return err ? err
		   : admin_answer(job,
			 json_pack("{s:I}", "version", (json_int_t)version));
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
	char shadow[POLICY_DATE_SIZE] = "";

	if (answer->shadow)
		policy_date_text(answer->shadow_until, shadow);
	return admin_answer(job,
	    json_pack("{s:s,s:s?,s:s,s:i,s:o,s:s,s:I,s:b,s:I,s:I}", "action",
		actions[answer->action], "shadow", shadow[0] ? shadow : NULL,
		"rule", answer->rule, "line", answer->line, "factors",
		factors_json(
		    answer->action == POLICY_PERMIT ? answer->factors : 0),
		"card_removed", policy_card_removed_text(answer->card_removed),
		"grace", (json_int_t)answer->grace_s, "known", known, "at",
		(json_int_t)at, "version", (json_int_t)version));
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
	if (!time_text_moment(at, &facts->now))
		return ERR_INVALID;
	err = load_rules(store, at, &version, &policy);
	if (err == ERR_NOT_FOUND)
		return admin_refuse(job, 404, NO_RULES_THEN);
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
	.members = {ADMIN_NAME(at, false), ADMIN_NUMBER(version, 1, INT32_MAX)},
	.run = policy_show},
    {.path = "policy/list", .roles = ADMIN_ENROLLERS, .run = policy_list},
    {.path = "policy/set",
	.may_wait = true,
	.action = "policy set",
	.members = {{"text", JSON_MEMBER_LINES, ADMIN_OFFSET(text), true, 0,
			POLICY_TEXT_BYTES_MAX, NULL},
	    {"reason", JSON_MEMBER_TEXT, ADMIN_OFFSET(reason), false, 0, 256,
		NULL},
	    {"approver", JSON_MEMBER_TEXT, ADMIN_OFFSET(approver), false, 0,
		256, NULL},
	    ADMIN_NAME(effective, false)},
	.run = policy_set},
    {.path = "policy/cancel",
	.may_wait = true,
	.action = "policy cancel",
	.members = {{"version", JSON_MEMBER_NUMBER, ADMIN_OFFSET(version), true,
	    1, INT32_MAX, NULL}},
	.run = policy_cancel},
    {.path = "policy/test",
	.roles = ADMIN_ENROLLERS,
	.members = {ADMIN_NAME(user, true), ADMIN_NAME(terminal, true),
	    ADMIN_NAME(service, true), ADMIN_NAME(at, false)},
	.run = policy_test},
    {0},
};
