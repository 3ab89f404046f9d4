/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who administers in a test's store (admin_world.h): people with roles, whose
 * commands the next calls are, and commands that wait for a second person.
 */
#ifndef SEKIMORI_TESTS_ADMIN_PEOPLE_H
#define SEKIMORI_TESTS_ADMIN_PEOPLE_H

#include "tests/support/admin_world.h"

#define RULES                                                                  \
	"approve two actions=admin-add,thaw,bulk\\npermit all factors=any\\n"

enum {
	DAY_S = 86400
};

/* As the administrator that the store knows. */
void act_as(struct fixture *f, const char *user);

/* As if user (NULL: nobody in the store) had that role. */
void become(struct fixture *f, const char *user, enum admin_role role,
    const char *departments);

void add_person(struct fixture *f, const char *user, const char *department);
void make_admin(struct fixture *f, const char *user, enum admin_role role,
    const char *departments);

/* Instead of the role he has. */
void give_role(struct fixture *f, const char *user, enum admin_role role);

void set_rules(struct fixture *f, const char *text);

/* Two owners, an enroller, a helpdesk, and s9, who is frozen. */
void begin_people(struct fixture *f);

/* The same under RULES. */
void begin(struct fixture *f);

/* The number it waits under. */
int64_t ask(
    struct fixture *f, const char *user, const char *path, const char *body);

/* Approves, rejects or withdraws (verb); user NULL: root; status 0: it must
 * succeed. */
void answer_as(struct fixture *f, const char *user, const char *verb,
    int64_t number, int status);

bool is_frozen(struct fixture *f, const char *user);

#endif
