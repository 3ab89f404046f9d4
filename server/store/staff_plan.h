/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Staff lists that take effect later, as they were sent. Must not know what
 * is in them.
 */
#ifndef SEKIMORI_STAFF_PLAN_H
#define SEKIMORI_STAFF_PLAN_H

#include "server/store/admin.h"

struct staff_plan {
	int64_t import; /* its number, of staff_import_begin */
	int64_t due_at;
	bool whole_staff;
	char actor[ADMIN_ACTOR_SIZE];
	int64_t person_id; /* the same, who needs his role still; 0: root */
	int64_t people;    /* in rows */
	char *rows;        /* JSON; the caller frees what is read */
};

/* One in a list of them. */
struct staff_plan_item {
	int64_t import, due_at, people;
	bool whole_staff;
	char actor[ADMIN_ACTOR_SIZE];
	char refused[512]; /* why, on its day; empty: it waits for it */
};

enum err staff_plan_add(struct store *store, const struct staff_plan *plan);
/* The first that is due. ERR_NOT_FOUND. */
enum err staff_plan_due(
    struct store *store, int64_t now_s, struct staff_plan *out);
/* Its day came, and this is why nothing was done: its rows are forgotten. */
enum err staff_plan_refuse(
    struct store *store, int64_t import, const char *why);
/* In order of their days. */
enum err staff_plan_each(struct store *store,
    enum err (*each)(void *context, const struct staff_plan_item *item),
    void *context);
/* *out_found: there was one. */
enum err staff_plan_drop(struct store *store, int64_t import, bool *out_found);

#endif
