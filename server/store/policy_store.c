/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/policy_store.h"

#include <stdlib.h>
#include <string.h>

#include "server/core/policy.h"

static enum err insert(struct store *store, int64_t version, const char *text,
    const struct policy_ground *ground, int64_t now_s)
{
	struct db_query *q = db_query(store->db,
	    "INSERT INTO policy (version, text, author, since, reason,"
	    " approver) VALUES (?1, ?2, ?3, ?4, ?5, ?6)");

	db_bind_number(q, 1, version);
	db_bind_text(q, 2, text);
	db_bind_text(q, 3, ground->author);
	db_bind_number(q, 4, now_s);
	db_bind_text(q, 5, ground->reason);
	db_bind_text(q, 6, ground->approver);
	return db_run(q);
}

enum err policy_store_set(struct store *store, const char *text, size_t length,
    const struct policy_ground *ground, int64_t now_s, char *problem)
{
	int64_t version = store->policy_version + 1;
	struct policy *policy = NULL;
	char *copy = NULL;
	enum err err = policy_parse(text, length, &policy, problem);

	if (err != ERR_NONE)
		return err;
	err = ERR_MEMORY;
	copy = strndup(text, length);
	if (!copy)
		goto out;
	err = insert(store, version, copy, ground, now_s);
	if (err != ERR_NONE)
		goto out;
	/* Set twice in one transaction: nobody has seen the first. */
	if (store->policy != store->before.policy)
		policy_free(store->policy);
	store->policy = policy;
	store->policy_version = version;
	policy = NULL;
out:
	policy_free(policy);
	free(copy);
	return err;
}

void policy_version_free(struct policy_version *version)
{
	free(version->text);
	free(version->author);
	free(version->reason);
	free(version->approver);
	*version = (struct policy_version){0};
}

static char *copy_text(struct db_query *q, int column)
{
	const char *text = db_text(q, column);

	return strdup(text ? text : "");
}

static enum err read_version(struct db_query *q, struct policy_version *out)
{
	out->version = db_number(q, 0);
	out->since = db_number(q, 1);
	out->text = copy_text(q, 2);
	out->author = copy_text(q, 3);
	out->reason = copy_text(q, 4);
	out->approver = copy_text(q, 5);
	return out->text && out->author && out->reason && out->approver
		   ? ERR_NONE
		   : ERR_MEMORY;
}

enum err policy_store_get(
    struct store *store, int64_t at_s, struct policy_version *out)
{
	struct db_query *q = db_query(store->db,
	    "SELECT version, since, text, author, reason, approver FROM policy"
	    " WHERE ?1 = 0 OR since <= ?1 ORDER BY version DESC LIMIT 1");
	struct policy_version found = {0};
	enum err err = ERR_NOT_FOUND, done;

	db_bind_number(q, 1, at_s);
	if (db_next(q))
		err = read_version(q, &found);
	done = db_done(q);
	if (done != ERR_NONE)
		err = done;
	if (err == ERR_NONE) {
		*out = found;
		found = (struct policy_version){0};
	}
	policy_version_free(&found);
	return err;
}

enum err policy_store_load(struct store *store)
{
	char problem[POLICY_PROBLEM_SIZE];
	struct policy_version newest = {0};
	enum err err = policy_store_get(store, 0, &newest);

	if (err != ERR_NONE)
		return err == ERR_NOT_FOUND ? ERR_CORRUPT : err;
	store->policy_version = newest.version;
	err = policy_parse(
	    newest.text, strlen(newest.text), &store->policy, problem);
	policy_version_free(&newest);
	return err == ERR_INVALID ? ERR_CORRUPT : err;
}
