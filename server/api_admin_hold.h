/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which commands wait for a second person, and leaving one to wait. The rules
 * in force say so by approve lines (core/policy.h); a command that may wait is
 * marked in its row: it has no secret among its arguments, is done in one
 * transaction, stops nobody and needs no code of the moment. What becomes of
 * it is api_admin_request.c's.
 */
#ifndef SEKIMORI_API_ADMIN_HOLD_H
#define SEKIMORI_API_ADMIN_HOLD_H

#include "server/api_admin.h"

/* A command as approve lines call it: admin-add for "admin/add". */
void admin_action_of(
    const struct admin_verb *verb, char out[ADMIN_ACTION_SIZE]);

/* Leaves the job waiting instead of running it, or refuses it to whoever can
 * ask for nothing; *out_held says that it is not to be run. */
enum err admin_hold(struct admin_job *job, struct store *store, bool *out_held);

/* For a verb that finds out what it comes to, before it changes anything: the
 * same by another command's rule, by its path. Who must not do one thing alone
 * must not do it by another name. */
enum err admin_hold_as(struct admin_job *job, struct store *store,
    const char *path, bool *out_held);

/* --- who administers (api_admin_office.c) --- */

enum {
	ADMIN_APPROVERS_MIN = 2
};

/* Whether somebody who administers still may, apart from what. */
enum err admin_is_in_office(struct admin_job *job, struct store *store,
    int64_t person_id, struct admin *out, bool *out_is);

/* Owners who may come in now. */
enum err admin_count_owners(struct store *store, int64_t now_s, int *out_count);

/* Whether this thaws, resumes or extends an owner. */
enum err admin_brings_owner_back(
    const struct admin_job *job, struct store *store, bool *out_does);

/* Refuses to let go of an owner while approve lines need two: what waits could
 * never happen, and neither could rules without such lines. */
enum err admin_keep_owners(
    struct admin_job *job, struct store *store, const struct person *leaving);

/* --- */

/* Whether approve lines that hold from since_s on name what there is, and can
 * be lived with: fills
 * problem and says ERR_INVALID if not. */
enum err admin_check_approvals(struct store *store, const struct policy *policy,
    int64_t now_s, int64_t since_s, char problem[POLICY_PROBLEM_SIZE]);

#endif
