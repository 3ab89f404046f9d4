/* SPDX-License-Identifier: Apache-2.0 */
#include "server/staff_attendant.h"

#include <string.h>

/* What the list at hand makes of him, as a word for why not, or NULL. */
static const char *obstacle_on_list(json_t *item)
{
	const char *kind = json_string_value(json_object_get(item, "kind"));

	if (json_is_true(json_object_get(item, "leaving")))
		return "leaves by this list";
	if (kind && strcmp(kind, PERSON_KINDS[PERSON_CONTRACTOR]) == 0)
		return "is a contractor";
	return NULL;
}

static const char *obstacle_in_store(
    const struct person *attendant, bool on_list, bool whole)
{
	if (attendant->state != PERSON_ACTIVE)
		return "is suspended";
	if (strcmp(attendant->kind, PERSON_KINDS[PERSON_CONTRACTOR]) == 0)
		return "is a contractor";
	return whole && !on_list ? "leaves by this list" : NULL;
}

enum err staff_attendant_check(struct store *store,
    const struct staff_mentions *ids, bool whole, const struct person *after,
    bool *out_sound, struct staff_problem *problem)
{
	const struct staff_mention *mention;
	struct person attendant = {0};
	const char *obstacle = NULL;
	enum err err;

	*out_sound = true;
	if (after->attendant[0] == '\0')
		return ERR_NONE;
	mention = ids ? staff_mention_find(ids, after->attendant) : NULL;
	err = person_find(store, after->attendant, &attendant);
	if (err && err != ERR_NOT_FOUND)
		return err;
	if (mention)
		obstacle = obstacle_on_list(mention->item);
	else if (err)
		obstacle = "is not registered";
	if (!obstacle && err == ERR_NONE)
		obstacle = obstacle_in_store(&attendant, mention, whole);
	if (!obstacle)
		return ERR_NONE;
	*out_sound = false;
	staff_refuse(problem, "attendant",
	    "%s cannot be an attendant (立会者): this person %s. Name somebody "
	    "of the staff.",
	    after->attendant, obstacle);
	return ERR_NONE;
}
