/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether somebody can answer for a contractor: one of the staff, registered
 * and not suspended, and not on the point of leaving by the list at hand.
 */
#ifndef SEKIMORI_STAFF_ATTENDANT_H
#define SEKIMORI_STAFF_ATTENDANT_H

#include "server/staff_mentions.h"
#include "server/staff_row.h"

/* Of `after`, who may have none; ids are those of the list, or NULL; whole:
 * whoever is not on it leaves. *out_sound false fills problem. */
enum err staff_attendant_check(struct store *store,
    const struct staff_mentions *ids, bool whole, const struct person *after,
    bool *out_sound, struct staff_problem *problem);

#endif
