/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From when until when a person of some kind may log in, and on what ground:
 * default ends, a contractor's window, attendant (立会者) and decision
 * (決裁番号). Values in, values out. Must not know who is registered.
 */
#ifndef SEKIMORI_STAFF_VALIDITY_H
#define SEKIMORI_STAFF_VALIDITY_H

#include "server/staff_row.h"

/* Changes *person, who is as `before` so far (zeroed if not known), as the row
 * says. ERR_INVALID fills problem. */
enum err staff_validity_apply(const struct staff_row *row, bool known,
    int64_t now_s, const struct person *before, struct person *person,
    struct staff_problem *problem);
/* A contractor for whom nobody of the staff answers. */
bool staff_validity_is_unattended(const struct person *person);
/* Somebody known may log in for longer than he might. */
bool staff_validity_is_extended(
    const struct person *before, const struct person *after);
/* Of kind, dates, attendant or decision. */
bool staff_validity_differs(const struct person *a, const struct person *b);

#endif
