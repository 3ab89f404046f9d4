/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/totals.h"

#include "server/store/admin_request.h"
#include "server/store/person.h"
#include "server/store/terminal.h"
#include "server/store/token.h"

static enum err count(struct db_query *query, int64_t state, int64_t *out)
{
	int64_t number = 0;
	enum err err;

	db_bind_number(query, 1, state);
	if (db_next(query))
		number = db_number(query, 0);
	err = db_done(query);
	if (err == ERR_NONE)
		*out = number;
	return err;
}

static enum err count_requests(struct store *store, int64_t now_s, int64_t *out)
{
	struct db_query *q = db_query(store->db,
	    "SELECT count(*) FROM admin_request WHERE state = ?1"
	    " AND valid_until > ?2");

	db_bind_number(q, 2, now_s);
	return count(q, ADMIN_REQUEST_WAITING, out);
}

enum err totals_count(struct store *store, int64_t now_s, struct totals *out)
{
	struct totals totals = {0};
	enum err err = count(
	    db_query(store->db, "SELECT COUNT(*) FROM person WHERE state <> ?1"
				" AND decoy = 0"),
	    PERSON_REMOVED, &totals.people);

	if (!err)
		err = count(db_query(store->db,
				"SELECT COUNT(*) FROM token JOIN person"
				" ON person.id = token.person_id"
				" WHERE token.state = ?1 AND person.decoy = 0"),
		    TOKEN_ACTIVE, &totals.tokens);
	if (!err)
		err =
		    count(db_query(store->db,
			      "SELECT COUNT(*) FROM terminal WHERE state = ?1"),
			TERMINAL_JOINED, &totals.terminals);
	if (!err)
		err = count_requests(store, now_s, &totals.requests);
	if (!err)
		*out = totals;
	return err;
}
