/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sekimorictl request`: what waits for a second person, and his answer. An
 * approved command runs as its requester's, in the transaction of the
 * approval, and only if both may do it at this moment.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/api_admin_hold.h"
#include "server/store/admin_request.h"

static json_t *request_json(const struct admin_request *request)
{
	const struct admin_verb *verb = api_admin_find(request->path);

	return json_pack("{s:I,s:s,s:s,s:s,s:s,s:o,s:o,s:s,s:o}", "request",
	    (json_int_t)request->id, "state",
	    admin_request_state_text(request->state), "action",
	    verb ? verb->action : request->path, "rule", request->rule, "by",
	    request->requester, "made", admin_time(request->made_at), "until",
	    admin_time(request->valid_until), "decided_by", request->decider,
	    "decided", admin_time(request->decided_at));
}

/* --- list, show ----------------------------------------------------------- */

static enum err add_item(void *context, const struct admin_request *request)
{
	json_t *items = context;

	return json_array_append_new(items, request_json(request)) ? ERR_MEMORY
								   : ERR_NONE;
}

static enum err request_list(struct admin_job *job, struct store *store)
{
	json_t *items = json_array();
	enum err err = items ? admin_request_each(store, job->arguments.all,
				   job->time.now_s, add_item, items)
			     : ERR_MEMORY;

	if (err) {
		json_decref(items);
		return err;
	}
	return admin_answer_as(job, "items", items);
}

static enum err find_request(struct admin_job *job, struct store *store,
    struct admin_request *out, bool *out_found)
{
	enum err err = admin_request_find(
	    store, job->arguments.request, job->time.now_s, out);

	*out_found = err == ERR_NONE;
	job->approval = job->arguments.request;
	if (err == ERR_NOT_FOUND)
		return admin_refuse(job, 404,
		    "No such request. `sekimorictl request list` shows what "
		    "waits.");
	if (err == ERR_CORRUPT)
		return admin_refuse(job, 409,
		    "This request is not as it was made: somebody has changed "
		    "the database. `sekimorictl audit verify`, and reject it.");
	return err;
}

static enum err request_show(struct admin_job *job, struct store *store)
{
	struct admin_request request = {0};
	bool found = false;
	enum err err = find_request(job, store, &request, &found);
	json_t *answer;

	if (err || !found)
		return err;
	answer = request_json(&request);
	if (answer && json_object_set_new(answer, "arguments",
			  json_loads(request.arguments, 0, NULL))) {
		json_decref(answer);
		answer = NULL;
	}
	admin_request_free(&request);
	return admin_answer(job, answer);
}

/* --- approve -------------------------------------------------------------- */

static void inner_free(struct admin_job *job)
{
	struct admin_job *inner = job->inner;

	job->inner = NULL;
	if (!inner)
		return;
	json_decref(inner->answer);
	json_decref(inner->joined);
	json_decref(inner->note);
	json_decref(inner->body);
	free(inner);
}

static bool is_waiting(
    struct admin_job *job, const struct admin_request *request)
{
	if (request->state == ADMIN_REQUEST_WAITING)
		return true;
	admin_refuse(job, 409, "This request is %s already.",
	    admin_request_state_text(request->state));
	return false;
}

/* Root is nobody in particular, and a second session is no second person. */
static bool is_second_person(
    struct admin_job *job, const struct admin_request *request)
{
	if (job->admin.person_id == 0)
		admin_refuse(job, 403,
		    "Nobody is signed in here, and a request needs somebody: "
		    "`sekimorictl admin signin ID`.");
	else if (job->admin.person_id == request->requester_id)
		admin_refuse(job, 403, "You cannot approve your own request.");
	return job->status == 0;
}

/* The command as it was sent, by whoever sent it. NULL without memory. */
static struct admin_job *inner_new(struct admin_job *job,
    const struct admin_request *request, const struct admin_verb *verb)
{
	struct admin_job *inner = calloc(1, sizeof(*inner));

	if (!inner)
		return NULL;
	inner->server = job->server;
	inner->verb = verb;
	inner->body_fd = -1;
	inner->time = job->time;
	inner->now_ms = job->now_ms;
	inner->loginuid = -1;
	inner->approval = request->id;
	inner->asked_before = true;
	inner->approver = job;
	snprintf(
	    inner->actor, sizeof(inner->actor), "admin %s", request->requester);
	return inner;
}

static enum err read_arguments(
    struct admin_job *inner, const struct admin_request *request)
{
	struct json_problem problem;
	enum err err;

	api_admin_clear(&inner->arguments);
	err = json_read(request->arguments, strlen(request->arguments),
	    &inner->body, &problem);
	return err ? err : api_admin_take(inner, &problem);
}

/* The approving one must be allowed what he lets happen. */
static bool may_approve(struct admin_job *job, const struct admin_verb *verb)
{
	const struct admin_verb *own = job->verb;
	bool may;

	job->verb = verb;
	may = admin_is_permitted(job);
	job->verb = own;
	if (!may || job->admin.role != ADMIN_ROLE_HELPDESK)
		return may;
	admin_refuse(job, 403, "Requests are for owners and enrollers.");
	return false;
}

/* Nothing of it stays if it did not come to an end. */
static enum err run_inner(struct admin_job *job, struct store *store)
{
	struct admin_job *inner = job->inner;
	enum err err = api_admin_run(&inner->job, store);

	if (err && err != ERR_NOT_ALLOWED)
		return err;
	if (err == ERR_NONE && !inner->status && !inner->again)
		return ERR_NONE;
	admin_refuse(job, inner->status ? inner->status : 409, "%s",
	    inner->status ? inner->detail : "This cannot be approved.");
	job->undo = true;
	return ERR_NONE;
}

static enum err begin_inner(struct admin_job *job, struct store *store,
    const struct admin_request *request)
{
	const struct admin_verb *verb = api_admin_find(request->path);
	bool is = false;
	enum err err;

	if (!verb || !verb->may_wait)
		return admin_refuse(job, 409,
		    "This server can no longer do that. Reject it: "
		    "`sekimorictl request reject %lld`.",
		    (long long)request->id);
	job->inner = inner_new(job, request, verb);
	if (!job->inner)
		return ERR_MEMORY;
	err = admin_is_in_office(
	    job, store, request->requester_id, &job->inner->admin, &is);
	if (err)
		return err;
	if (!is)
		return admin_refuse(job, 409,
		    "%s, who asked for it, does not administer any more. "
		    "Reject it: `sekimorictl request reject %lld`.",
		    request->requester, (long long)request->id);
	if (!may_approve(job, verb))
		return ERR_NONE;
	err = read_arguments(job->inner, request);
	return err == ERR_INVALID
		   ? admin_refuse(job, 409,
			 "This server understands it differently now. Reject "
			 "it, and ask anew.")
		   : err;
}

static enum err approve(struct admin_job *job, struct store *store,
    const struct admin_request *request)
{
	enum err err = begin_inner(job, store, request);

	if (err || job->status)
		return err;
	err = admin_request_decide(store, request->id, ADMIN_REQUEST_APPROVED,
	    job->admin.person_id, job->time.now_s);
	if (!err)
		err = run_inner(job, store);
	if (err || job->status)
		return err;
	return admin_answer(
	    job, json_pack("{s:I,s:s,s:s,s:s}", "request",
		     (json_int_t)request->id, "state", "approved", "path",
		     request->path, "by", request->requester));
}

static enum err request_approve(struct admin_job *job, struct store *store)
{
	struct admin_request request = {0};
	bool found = false;
	enum err err;

	inner_free(job);
	if (!admin_needs_clock(job))
		return ERR_NONE;
	err = find_request(job, store, &request, &found);
	if (!err && found && is_second_person(job, &request) &&
	    is_waiting(job, &request))
		err = approve(job, store, &request);
	admin_request_free(&request);
	return err;
}

/* What the command answers is told to whoever let it happen. */
static void conclude_approve(struct admin_job *job)
{
	struct admin_job *inner = job->inner;

	if (inner->verb->conclude)
		inner->verb->conclude(inner);
	(void)json_object_set(job->answer, "answer", inner->answer);
}

/* --- reject --------------------------------------------------------------- */

/* Also by whoever asked: then it is withdrawn. Others could have approved it.
 * What is not as it was made, or nobody understands, is the owners'. */
static enum err check_rejecting(struct admin_job *job, struct store *store)
{
	struct admin_request request = {0};
	const struct admin_verb *verb = NULL;
	bool is_owner = job->admin.role == ADMIN_ROLE_OWNER, is_own = false;
	enum err err = admin_request_find(
	    store, job->arguments.request, job->time.now_s, &request);

	if (err == ERR_NONE) {
		verb = api_admin_find(request.path);
		is_own = request.requester_id == job->admin.person_id;
	}
	admin_request_free(&request);
	if (err != ERR_NONE && err != ERR_CORRUPT)
		return err;
	if (!is_owner && !is_own && (!verb || !may_approve(job, verb)))
		return job->status ? ERR_NONE
				   : admin_refuse(job, 403,
					 "Only an owner rejects this.");
	return ERR_NONE;
}

static enum err request_reject(struct admin_job *job, struct store *store)
{
	int64_t id = job->arguments.request;
	enum err err;

	job->approval = id;
	if (job->admin.person_id == 0)
		return admin_refuse(job, 403,
		    "Nobody is signed in here, and a request needs somebody: "
		    "`sekimorictl admin signin ID`.");
	if (!admin_needs_clock(job))
		return ERR_NONE;
	err = check_rejecting(job, store);
	if (!err && job->status)
		return ERR_NONE;
	if (!err)
		err = admin_request_decide(store, id, ADMIN_REQUEST_REJECTED,
		    job->admin.person_id, job->time.now_s);
	if (err == ERR_NOT_FOUND)
		return admin_refuse(job, 409,
		    "No such request waits. `sekimorictl request list --all` "
		    "shows what became of it.");
	return err ? err
		   : admin_answer(
			 job, json_pack("{s:I,s:s}", "request", (json_int_t)id,
				  "state", "rejected"));
}

#define NUMBER                                                                 \
	{                                                                      \
		"request", JSON_MEMBER_NUMBER, ADMIN_OFFSET(request), true, 1, \
		    INT32_MAX, NULL                                            \
	}

const struct admin_verb ADMIN_REQUEST_VERBS[] = {
    {.path = "request/list",
	.roles = ADMIN_ENROLLERS,
	.members = {ADMIN_BOOL(all)},
	.run = request_list},
    {.path = "request/show",
	.roles = ADMIN_ENROLLERS,
	.members = {NUMBER},
	.run = request_show},
    {.path = "request/approve",
	.roles = ADMIN_ENROLLERS,
	.action = "request approve",
	.members = {NUMBER},
	.run = request_approve,
	.conclude = conclude_approve,
	.clean_up = inner_free},
    {.path = "request/reject",
	.roles = ADMIN_ENROLLERS,
	.action = "request reject",
	.members = {NUMBER},
	.run = request_reject},
    {0},
};
