/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Administrators: persons with a role, some of them limited to departments.
 * Root and the server's own user on the socket need no row here. What a role
 * may do is the verbs' tables' (server/api_admin.h); must not know verbs.
 */
#ifndef SEKIMORI_STORE_ADMIN_H
#define SEKIMORI_STORE_ADMIN_H

#include "server/store/person.h"

enum {
	ADMIN_ACTOR_SIZE = NAME_BYTES_MAX + 8, /* "admin ID" */
	ADMIN_DEPARTMENTS_SIZE = 1025,
};

enum admin_role {
	ADMIN_ROLE_NONE = 0,
	ADMIN_ROLE_OWNER,
	ADMIN_ROLE_ENROLLER,
	ADMIN_ROLE_HELPDESK,
	ADMIN_ROLE_AUDITOR,
	ADMIN_ROLE_COUNT,
};

struct admin {
	int64_t person_id; /* 0: nobody of the staff, as root */
	enum admin_role role;
	/* Separated by commas; empty: not limited to any. */
	char departments[ADMIN_DEPARTMENTS_SIZE];
	int64_t added_at;
};

/* "owner", ...; ADMIN_ROLE_NONE is "none". */
const char *admin_role_text(enum admin_role role);
/* Those that can be given, in the order of the enum; ends with NULL. */
extern const char *const ADMIN_ROLES[];

/* Departments as given: names separated by commas, none of them empty. */
bool admin_departments_are_sound(const char *departments);
/* Whether one of his departments is one of them; yes if there is no limit. */
bool admin_heeds(const struct admin *admin, const struct person *person);
/* Whether all of others' people are also ours. */
bool admin_covers(const struct admin *ours, const struct admin *others);

/* ERR_NOT_FOUND: this person administers nothing. */
enum err admin_get(struct store *store, int64_t person_id, struct admin *out);
/* ERR_EXISTS. */
enum err admin_put(struct store *store, const struct admin *admin);
/* No error if there is none. */
enum err admin_drop(struct store *store, int64_t person_id);
/* In order of staff numbers; stops at the first error of each. */
enum err admin_each(struct store *store,
    enum err (*each)(void *context, const struct admin *admin, const char *user,
	const char *name),
    void *context);
/* Whether an administrator, one person apart, uses this PAM account. */
enum err admin_has_login(
    struct store *store, const char *login, int64_t but_person_id, bool *out);

#endif
