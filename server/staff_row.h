/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One row of a staff list and what it makes of a person, who is known by the
 * staff number and by nothing else. Values in, values out: an absent value
 * leaves what is there. Must not know the store or how an answer is told.
 */
#ifndef SEKIMORI_STAFF_ROW_H
#define SEKIMORI_STAFF_ROW_H

#include "server/store/person.h"
#include "shared/json.h"

enum {
	STAFF_ROWS_MAX = 5000, /* one list, one transaction */
	STAFF_ROW_NUMBER_MAX = 1000000,
	STAFF_PROBLEM_SIZE = 320,
};

/* What becomes of a person; several at once. */
enum staff_change {
	STAFF_NEW = 1,
	STAFF_MOVED = 2,   /* another department */
	STAFF_RENAMED = 4, /* another name, the same number */
	STAFF_CHANGED = 8, /* account, kind or dates */
	STAFF_LEAVING = 16,
};

struct staff_row {
	int64_t row; /* of the file, for the person who sent it */
	const char *id, *login, *name, *department;
	const char *also;         /* further ones, by commas; "-": none */
	const char *from, *until; /* "-": no bound */
	const char *attendant;    /* staff number */
	const char *decision;     /* number of it */
	int kind;                 /* index of PERSON_KINDS; -1: not said */
	bool leaving;
};

struct staff_problem {
	const char *member; /* of the row */
	char text[STAFF_PROBLEM_SIZE];
};

/* Fills problem and says ERR_INVALID. */
enum err staff_refuse(struct staff_problem *problem, const char *member,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Understands one item of the request; texts live as long as it. ERR_INVALID
 * fills problem. */
enum err staff_row_read(
    json_t *item, struct staff_row *out, struct staff_problem *problem);

/* Are the texts of a row that was not read from JSON what they must be? The
 * same errors. */
enum err staff_row_check(
    const struct staff_row *row, struct staff_problem *problem);

/*
 * Changes *person, who is known or else zeroed, as the row says; *out_changes
 * is a set of enum staff_change, 0 if it says nothing new. ERR_INVALID fills
 * problem and leaves both alone.
 */
enum err staff_row_apply(const struct staff_row *row, bool known, int64_t now_s,
    struct person *person, unsigned *out_changes,
    struct staff_problem *problem);

#endif
