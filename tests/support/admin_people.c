/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/admin_people.h"

void act_as(struct fixture *f, const char *user)
{
	struct store *store = f->server->store;
	struct person person;

	assert_int_equal(person_find(store, user, &person), ERR_NONE);
	assert_int_equal(admin_get(store, person.id, &f->admin), ERR_NONE);
	snprintf(f->actor, sizeof(f->actor), "admin %s", user);
}

void become(struct fixture *f, const char *user, enum admin_role role,
    const char *departments)
{
	struct person person = {0};

	if (user)
		assert_int_equal(
		    person_find(f->server->store, user, &person), ERR_NONE);
	f->admin = (struct admin){.person_id = person.id, .role = role};
	strcpy(f->admin.departments, departments);
	snprintf(f->actor, sizeof(f->actor), "admin %s", user ? user : "x");
}

void add_person(struct fixture *f, const char *user, const char *department)
{
	char body[256];

	snprintf(body, sizeof(body), "{\"id\":\"%s\",\"department\":\"%s\"}",
	    user, department);
	must(f, "user/add", body);
}

/* With a token, without a terminal: the row alone. */
void make_admin(struct fixture *f, const char *user, enum admin_role role,
    const char *departments)
{
	struct admin admin = {.role = role};
	struct person person;
	struct store *store = f->server->store;

	assert_int_equal(person_find(store, user, &person), ERR_NONE);
	admin.person_id = person.id;
	strcpy(admin.departments, departments);
	assert_int_equal(store_begin(store), ERR_NONE);
	assert_int_equal(admin_put(store, &admin), ERR_NONE);
	assert_int_equal(store_commit(store), ERR_NONE);
}

void give_role(struct fixture *f, const char *user, enum admin_role role)
{
	struct admin admin = {.role = role};
	struct store *store = f->server->store;
	struct person person;

	assert_int_equal(person_find(store, user, &person), ERR_NONE);
	admin.person_id = person.id;
	assert_int_equal(store_begin(store), ERR_NONE);
	assert_int_equal(admin_drop(store, person.id), ERR_NONE);
	if (role != ADMIN_ROLE_NONE)
		assert_int_equal(admin_put(store, &admin), ERR_NONE);
	assert_int_equal(store_commit(store), ERR_NONE);
}

void set_rules(struct fixture *f, const char *text)
{
	char body[512];

	snprintf(body, sizeof(body), "{\"text\":\"%s\"}", text);
	must(f, "policy/set", body);
}

void begin_people(struct fixture *f)
{
	static const struct {
		const char *user;
		enum admin_role role;
	} rows[] = {
	    {"o1", ADMIN_ROLE_OWNER},
	    {"o2", ADMIN_ROLE_OWNER},
	    {"e1", ADMIN_ROLE_ENROLLER},
	    {"h1", ADMIN_ROLE_HELPDESK},
	};
	char body[64];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(body, sizeof(body), "{\"id\":\"%s\"}", rows[i].user);
		must(f, "user/add", body);
		give_role(f, rows[i].user, rows[i].role);
	}
	must(f, "user/add", "{\"id\":\"s9\",\"department\":\"税務課\"}");
	must(f, "user/freeze", "{\"id\":\"s9\"}");
}

void begin(struct fixture *f)
{
	begin_people(f);
	set_rules(f, RULES);
}

int64_t ask(
    struct fixture *f, const char *user, const char *path, const char *body)
{
	json_t *answer;
	int64_t number;

	act_as(f, user);
	answer = call(f, path, body);
	if (!answer)
		fail_msg("%s: %s", path, f->detail);
	number = json_integer_value(json_object_get(answer, "request"));
	json_decref(answer);
	return number;
}

void answer_as(struct fixture *f, const char *user, const char *verb,
    int64_t number, int status)
{
	char body[64], path[32];

	snprintf(path, sizeof(path), "request/%s", verb);
	snprintf(body, sizeof(body), "{\"request\":%lld}", (long long)number);
	if (user)
		act_as(f, user);
	else
		act_as_root(f);
	if (status)
		must_refuse(f, path, body, status);
	else
		must(f, path, body);
}

bool is_frozen(struct fixture *f, const char *user)
{
	struct person person;

	assert_int_equal(
	    person_find(f->server->store, user, &person), ERR_NONE);
	return person.frozen;
}
