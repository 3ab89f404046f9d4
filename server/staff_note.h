/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What has become of a person, in words: for answers and for audit records,
 * which keep both names of whoever was renamed. Must not decide anything.
 */
#ifndef SEKIMORI_STAFF_NOTE_H
#define SEKIMORI_STAFF_NOTE_H

#include "server/store/person.h"
#include "shared/json.h"

enum {
	STAFF_CHANGE_COUNT = 5
};

/* By bit of enum staff_change (staff_row.h): "new", "moved"... */
extern const char *const STAFF_CHANGE_NAMES[STAFF_CHANGE_COUNT];

/* ["moved","renamed"]; NULL: no memory. */
json_t *staff_change_words(unsigned changes);
/* {"change":"moved","department_before":…,"department":…}: texts and numbers
 * only; NULL: no memory. */
json_t *staff_note(
    const struct person *before, const struct person *after, unsigned changes);

#endif
