/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the store and the decision: gathers a struct subject for one
 * question, and writes down what the decision changed. A stranger gets a
 * decoy, read and written by the very same statements.
 */
#ifndef SEKIMORI_SUBJECT_H
#define SEKIMORI_SUBJECT_H

#include "server/core/decide.h"
#include "server/store/person.h"

/*
 * Fills subject but for `frozen` by terminal. Throttle is that of factor (of
 * FACTOR_OTP when FACTOR_NONE) for this person and terminal. What that factor
 * is proved by, and no other: seeds only of tokens that are active and, if
 * lent for a day, not yet due back at now_s; cards only of those not revoked.
 * On an error nothing is left in out.
 */
enum err subject_load(struct store *store, const struct person *person,
    enum factor factor, int64_t terminal_id, int64_t now_s,
    struct subject *out);

/* Another factor's throttle instead, for a challenge that offers but one. */
enum err subject_load_throttle(struct store *store, const struct person *person,
    enum factor factor, int64_t terminal_id, struct subject *subject);

/* Writes throttle, floor, emergency code and card's use as the decision says.
 */
enum err subject_apply(struct store *store, const struct person *person,
    enum factor factor, int64_t terminal_id, const struct subject *subject,
    const struct decision *decision, bool proven, int64_t now_s);

/* What a person's throttles are, for administrators: each (factor, terminal)
 * row; terminal_id 0 holds the proven count. */
struct throttle_row {
	enum factor factor;
	int64_t terminal_id;
	struct throttle_count count;
	int64_t unproven_total; /* on terminal 0 */
};
enum err throttle_each(struct store *store, int64_t person_id,
    enum err (*each)(void *context, const struct throttle_row *row),
    void *context);
/* `unlock`: waits end, counts stay. */
enum err throttle_end_waits(struct store *store, int64_t person_id);
/* Rebinding: everything about this factor is forgotten. */
enum err throttle_forget(
    struct store *store, int64_t person_id, enum factor factor);

/* Emergency codes. The hash is store_keyed_hash("emergency", person id as
 * decimal, ':', digits). */
enum err emergency_hash(const struct store *store, int64_t person_id,
    const char *digits, size_t length, struct secret *out);
enum err emergency_add(struct store *store, int64_t person_id,
    const struct secret *hash, int64_t until, int64_t now_s);
/* Voids all of one person, or everybody's with person_id 0. */
enum err emergency_void(struct store *store, int64_t person_id);

#endif
