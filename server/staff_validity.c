/* SPDX-License-Identifier: Apache-2.0 */
#include "server/staff_validity.h"

#include <stdio.h>
#include <string.h>

#include "server/time_text.h"

static enum err take_time(const char *member, const char *text,
    enum time_text_edge edge, int64_t now_s, int64_t *out,
    struct staff_problem *problem)
{
	if (!text)
		return ERR_NONE;
	if (strcmp(text, "-") == 0) {
		*out = 0;
		return ERR_NONE;
	}
	if (time_text_read(text, edge, now_s, out))
		return staff_refuse(problem, member,
		    "%.100s is no date or time. Write " TIME_TEXT_FORMS ".",
		    text);
	return ERR_NONE;
}

/* A person of a new kind ends as that kind does, unless the row says when. */
static enum err take_default_end(const struct staff_row *row, int kind,
    int64_t now_s, struct person *person, struct staff_problem *problem)
{
	int64_t base = person->valid_from > now_s ? person->valid_from : now_s;

	if (row->until)
		return ERR_NONE;
	person->valid_until = 0;
	if (kind != PERSON_REGULAR &&
	    time_text_fiscal_end(base, &person->valid_until))
		return staff_refuse(problem, "until",
		    "The end of the fiscal year cannot be told. Write it.");
	return ERR_NONE;
}

static enum err take_times(const struct staff_row *row, bool known,
    int64_t now_s, struct person *person, struct staff_problem *problem)
{
	int kind = row->kind >= 0 || known ? row->kind : PERSON_REGULAR;
	enum err err;

	err = take_time("from", row->from, TIME_TEXT_BEGINNING, now_s,
	    &person->valid_from, problem);
	if (!err)
		err = take_time("until", row->until, TIME_TEXT_END, now_s,
		    &person->valid_until, problem);
	if (!err && kind >= 0 &&
	    strcmp(person->kind, PERSON_KINDS[kind]) != 0) {
		snprintf(person->kind, sizeof(person->kind), "%s",
		    PERSON_KINDS[kind]);
		err = take_default_end(row, kind, now_s, person, problem);
	}
	return err;
}

/* --- contractors ----------------------------------------------------------
 */

static bool is_contractor(const struct person *person)
{
	return strcmp(person->kind, PERSON_KINDS[PERSON_CONTRACTOR]) == 0;
}

static bool is_extended(const struct person *before, const struct person *after)
{
	return before->valid_until != 0 &&
	       (after->valid_until == 0 ||
		   after->valid_until > before->valid_until);
}

static void copy(char out[NAME_BYTES_MAX + 1], const char *text)
{
	if (text)
		snprintf(out, NAME_BYTES_MAX + 1, "%s", text);
}

/* From when until when, and who is there with him. Whoever was never named an
 * attendant is told of wherever he is shown, and not given more time. */
static enum err take_contract(const struct staff_row *row, bool begins,
    bool extended, int64_t now_s, struct person *person,
    struct staff_problem *problem)
{
	if (person->valid_until == 0 && (begins || row->until))
		return staff_refuse(problem, "until",
		    "A contractor needs the day on which the work ends. "
		    "Write it.");
	if (person->valid_from == 0 && (begins || row->from))
		person->valid_from = now_s;
	copy(person->attendant, row->attendant);
	if (strcmp(person->attendant, person->user) == 0)
		return staff_refuse(problem, "attendant",
		    "Nobody is his own attendant (立会者). Name one of the "
		    "staff.");
	if (person->attendant[0] == '\0' && extended)
		return staff_refuse(problem, "attendant",
		    "Nobody has more time without an attendant (立会者): the "
		    "staff number of whoever answers for him (--attendant).");
	return ERR_NONE;
}

/* Also of somebody who is a contractor no longer: else that would be a way
 * round the decision. */
static enum err take_kind(const struct staff_row *row, int64_t now_s,
    const struct person *before, struct person *person,
    struct staff_problem *problem)
{
	bool was = is_contractor(before), is = is_contractor(person);
	bool extended = was && is_extended(before, person);

	if (extended && !row->decision)
		return staff_refuse(problem, "until",
		    "A contractor's time is extended by a decision only. "
		    "Write its number (決裁番号, --decision).");
	if (row->decision || !is)
		person->decision[0] = '\0';
	copy(person->decision, row->decision);
	if (is)
		return take_contract(
		    row, !was, extended, now_s, person, problem);
	if (row->attendant)
		return staff_refuse(problem, "attendant",
		    "Only contractors have an attendant (立会者). Leave him "
		    "out, or write 委託 (contractor).");
	person->attendant[0] = '\0';
	return ERR_NONE;
}

/* --- all of it ------------------------------------------------------------ */

enum err staff_validity_apply(const struct staff_row *row, bool known,
    int64_t now_s, const struct person *before, struct person *person,
    struct staff_problem *problem)
{
	enum err err = take_times(row, known, now_s, person, problem);

	if (!err)
		err = take_kind(row, now_s, before, person, problem);
	if (!err && person->valid_until &&
	    person->valid_until <= person->valid_from)
		err = staff_refuse(problem, row->until ? "until" : "from",
		    "The end must be later than the beginning. Correct one "
		    "of the two.");
	return err;
}

bool staff_validity_is_unattended(const struct person *person)
{
	return is_contractor(person) && person->attendant[0] == '\0';
}

bool staff_validity_is_extended(
    const struct person *before, const struct person *after)
{
	return before->id != 0 && before->valid_until != 0 &&
	       (after->valid_until == 0 ||
		   after->valid_until > before->valid_until);
}

bool staff_validity_differs(const struct person *a, const struct person *b)
{
	return strcmp(a->kind, b->kind) != 0 ||
	       strcmp(a->attendant, b->attendant) != 0 ||
	       strcmp(a->decision, b->decision) != 0 ||
	       a->valid_from != b->valid_from ||
	       a->valid_until != b->valid_until;
}
