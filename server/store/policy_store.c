/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/policy_store.h"

#include <stdlib.h>
#include <string.h>

#include "server/core/policy.h"

static enum err insert(struct store *store, int64_t version, const char *text,
    const char *author, int64_t now_s)
{
	struct db_query *q = db_query(store->db,
	    "INSERT INTO policy (version, text, author, since)"
	    " VALUES (?1, ?2, ?3, ?4)");

	db_bind_number(q, 1, version);
	db_bind_text(q, 2, text);
	db_bind_text(q, 3, author);
	db_bind_number(q, 4, now_s);
	return db_run(q);
}

enum err policy_store_set(struct store *store, const char *text, size_t length,
    const char *author, int64_t now_s, char *problem)
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
	err = insert(store, version, copy, author, now_s);
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

enum err policy_store_get(struct store *store, int64_t at_s, char **out_text,
    int64_t *out_version, int64_t *out_since)
{
	struct db_query *q = db_query(store->db,
	    "SELECT text, version, since FROM policy"
	    " WHERE ?1 = 0 OR since <= ?1 ORDER BY version DESC LIMIT 1");
	char *text = NULL;
	int64_t version = 0, since = 0;
	enum err err = ERR_NOT_FOUND, done;

	db_bind_number(q, 1, at_s);
	if (db_next(q)) {
		const char *found = db_text(q, 0);

		text = strdup(found ? found : "");
		version = db_number(q, 1);
		since = db_number(q, 2);
		err = text ? ERR_NONE : ERR_MEMORY;
	}
	done = db_done(q);
	if (done != ERR_NONE)
		err = done;
	if (err != ERR_NONE) {
		free(text);
		return err;
	}
	*out_text = text;
	*out_version = version;
	*out_since = since;
	return ERR_NONE;
}

enum err policy_store_load(struct store *store)
{
	char problem[POLICY_PROBLEM_SIZE];
	char *text = NULL;
	int64_t since = 0;
	enum err err =
	    policy_store_get(store, 0, &text, &store->policy_version, &since);

	if (err != ERR_NONE)
		return err == ERR_NOT_FOUND ? ERR_CORRUPT : err;
	err = policy_parse(text, strlen(text), &store->policy, problem);
	free(text);
	return err == ERR_INVALID ? ERR_CORRUPT : err;
}
