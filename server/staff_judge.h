/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a row of a staff list makes of whom, and whether that may be: against
 * the store, the rest of the list and the rights of whoever sent it. Changes
 * nothing.
 */
#ifndef SEKIMORI_STAFF_JUDGE_H
#define SEKIMORI_STAFF_JUDGE_H

#include "server/api_admin.h"
#include "server/staff_mentions.h"
#include "server/staff_row.h"

struct staff_context {
	struct admin_job *job; /* who asks */
	struct store *store;
	struct staff_mentions ids, logins;
	bool whole;    /* whoever is not on it leaves */
	int64_t now_s; /* when it takes effect */
};

struct staff_judgement {
	struct person before, after; /* before is zeroed if he is new */
	unsigned changes;            /* of enum staff_change */
	bool shares; /* his account is to be somebody else's too */
	char note[2 * NAME_BYTES_MAX]; /* what is unusual, but goes in */
	struct staff_problem problem;  /* its text is empty: none */
};

enum err staff_judge(const struct staff_context *list,
    const struct staff_row *row, struct staff_judgement *out);

#endif
