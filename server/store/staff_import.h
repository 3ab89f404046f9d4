/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an imported staff list made of whom, so that the last one can be taken
 * back: each person as he was before and as he was left. Only the newest few
 * are kept, because they are names. Must not know what may be taken back.
 */
#ifndef SEKIMORI_STAFF_IMPORT_H
#define SEKIMORI_STAFF_IMPORT_H

#include "server/store/person.h"

enum {
	STAFF_IMPORTS_KEPT = 10
};

struct staff_import_row {
	int64_t person_id;
	bool was_new;                /* before is then empty */
	struct person before, after; /* but id, user, frozen and enrolled_at */
};

/* A new number, never given before; forgets what is too old. */
enum err staff_import_begin(
    struct store *store, int64_t now_s, int64_t *out_import);
/* before is NULL for somebody new. */
enum err staff_import_keep(struct store *store, int64_t import,
    const struct person *before, const struct person *after);

/* The newest that was not taken back; 0: there is none. */
enum err staff_import_last(struct store *store, int64_t *out_import);
/* The next row beyond a person's number, in order of it. ERR_NOT_FOUND. */
enum err staff_import_next(struct store *store, int64_t import,
    int64_t beyond_person, struct staff_import_row *out);
/* One in a list of them, the newest first; those of which nothing is kept any
 * more are left out. */
struct staff_import_item {
	int64_t import, made_at, people;
	bool undone; /* people is then 0 */
};
enum err staff_import_each(struct store *store,
    enum err (*each)(void *context, const struct staff_import_item *item),
    void *context);
/* Its rows are forgotten; the number stays used. */
enum err staff_import_undone(struct store *store, int64_t import);

#endif
