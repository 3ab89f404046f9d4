/* SPDX-License-Identifier: Apache-2.0 */
#include "server/staff_plans.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/api_admin_hold.h"
#include "server/store/staff_plan.h"
#include "shared/log.h"

/* Whoever sent it may do no more on its day than he may then. */
static enum err find_sender(
    struct admin_job *job, struct store *store, const struct staff_plan *plan)
{
	bool is = true;
	enum err err = ERR_NONE;

	job->admin.role = ADMIN_ROLE_OWNER;
	if (plan->person_id != 0)
		err = admin_is_in_office(
		    job, store, plan->person_id, &job->admin, &is);
	if (err == ERR_NONE && !is)
		admin_refuse(job, 403,
		    "Whoever sent it does not administer any more. Import the "
		    "list again, by somebody who may.");
	return err;
}

static enum err run_list(
    struct admin_job *job, struct store *store, const struct staff_plan *plan)
{
	enum err err = find_sender(job, store, plan);
	bool found = false;

	if (err == ERR_NONE && job->status)
		err = admin_record(job, store);
	else if (err == ERR_NONE)
		err = api_admin_run(&job->job, store);
	if (err == ERR_NONE && !job->status)
		return staff_plan_drop(store, plan->import, &found);
	if (err == ERR_NONE)
		log_line(LOG_ERR,
		    "a staff list whose day has come is refused; nobody was "
		    "changed",
		    LOG_NUMBER("import", plan->import),
		    LOG_TEXT("detail", job->detail));
	return err ? err : staff_plan_refuse(store, plan->import, job->detail);
}

static enum err refuse_unreadable(
    struct store *store, const struct staff_plan *plan)
{
	log_line(LOG_ERR, "a staff list cannot be read any more",
	    LOG_NUMBER("import", plan->import));
	return staff_plan_refuse(
	    store, plan->import, "It cannot be read any more.");
}

static enum err run_plan(struct server *server, struct store *store,
    const struct staff_plan *plan, int64_t now_s, int64_t now_ms)
{
	struct admin_job *job = calloc(1, sizeof(*job));
	enum err err = job ? ERR_NONE : ERR_MEMORY;

	if (err)
		return err;
	job->server = server;
	job->verb = api_admin_find("user/import");
	api_admin_clear(&job->arguments);
	job->arguments.whole_staff = plan->whole_staff;
	job->arguments.import = plan->import; /* for the records */
	job->arguments.rows =
	    json_loads(plan->rows, JSON_REJECT_DUPLICATES, NULL);
	job->time.now_s = now_s;
	job->time.trusted = true;
	job->now_ms = now_ms;
	job->loginuid = -1;
	job->asked_before = true;
	memcpy(job->actor, plan->actor, sizeof(job->actor));
	if (job->arguments.rows)
		err = run_list(job, store, plan);
	else
		err = refuse_unreadable(store, plan);
	json_decref(job->arguments.rows);
	json_decref(job->answer);
	free(job);
	return err;
}

/* One at a time: the next turn of housekeeping is soon. */
enum err staff_plans_run(
    struct server *server, struct store *store, int64_t now_s, int64_t now_ms)
{
	struct staff_plan plan = {0};
	enum err err = staff_plan_due(store, now_s, &plan);

	if (err == ERR_NONE)
		err = run_plan(server, store, &plan, now_s, now_ms);
	free(plan.rows);
	return err == ERR_NOT_FOUND ? ERR_NONE : err;
}
