/* SPDX-License-Identifier: Apache-2.0 */
#include "server/staff_row.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "server/core/policy.h"
#include "server/staff_validity.h"

#define OFFSET(field) offsetof(struct staff_row, field)
#define NAME(field, required)                                                  \
	{                                                                      \
#field, JSON_MEMBER_NAME, OFFSET(field), (required), 0, 0,     \
		    NULL                                                       \
	}
static const struct json_member MEMBERS[] = {
    {"row", JSON_MEMBER_NUMBER, OFFSET(row), true, 1, STAFF_ROW_NUMBER_MAX,
	NULL},
    NAME(id, true),
    NAME(login, false),
    NAME(name, false),
    NAME(department, false),
    NAME(also, false),
    NAME(from, false),
    NAME(until, false),
    NAME(attendant, false),
    NAME(decision, false),
    {"kind", JSON_MEMBER_CHOICE, OFFSET(kind), false, 0, 0, PERSON_KINDS},
    {"leaving", JSON_MEMBER_BOOL, OFFSET(leaving), false, 0, 0, NULL},
};

enum err staff_refuse(
    struct staff_problem *problem, const char *member, const char *format, ...)
{
	va_list arguments;

	problem->member = member;
	va_start(arguments, format);
	vsnprintf(problem->text, sizeof(problem->text), format, arguments);
	va_end(arguments);
	/* A name in it may have been cut in the middle of a character. */
	for (size_t end = strlen(problem->text);
	     end > 0 && !text_is_utf8(problem->text, end); end--)
		problem->text[end - 1] = '\0';
	return ERR_INVALID;
}

static const char FORMULA[] =
    "It begins like a spreadsheet's formula (=, +, - or @), which no name "
    "does. Write it without.";

/* What a spreadsheet would run when it opens a list of these names. */
static bool is_formula(const char *text)
{
	return text && text[0] && strchr("=+-@", text[0]);
}

enum err staff_row_check(
    const struct staff_row *row, struct staff_problem *problem)
{
	if (!text_is_identifier(row->id, strlen(row->id)))
		return staff_refuse(problem, "id",
		    "A staff number is made of ASCII letters, digits and "
		    "\"._@-\" (half width), and begins with neither '.' nor "
		    "'-'.");
	if (row->login && !text_is_identifier(row->login, strlen(row->login)))
		return staff_refuse(problem, "login",
		    "An account is made of ASCII letters, digits and "
		    "\"._@-\", and begins with neither '.' nor '-'.");
	if (row->attendant &&
	    !text_is_identifier(row->attendant, strlen(row->attendant)))
		return staff_refuse(problem, "attendant",
		    "An attendant (立会者) is named by staff number. Write "
		    "that.");
	if (is_formula(row->decision))
		return staff_refuse(problem, "decision", "%s", FORMULA);
	if (is_formula(row->name))
		return staff_refuse(problem, "name", "%s", FORMULA);
	if (is_formula(row->department))
		return staff_refuse(problem, "department", "%s", FORMULA);
	if (row->department && strchr(row->department, ','))
		return staff_refuse(problem, "department",
		    "A department's name has no comma. Further departments "
		    "have a place of their own: the column 兼務, or another "
		    "--department.");
	return ERR_NONE;
}

enum err staff_row_read(
    json_t *item, struct staff_row *out, struct staff_problem *problem)
{
	struct json_problem malformed = {""};
	struct staff_row row = {.kind = -1};

	if (json_take(item, MEMBERS, sizeof(MEMBERS) / sizeof(MEMBERS[0]), true,
		&row, &malformed))
		return staff_refuse(problem, "row", "%s", malformed.text);
	if (staff_row_check(&row, problem))
		return ERR_INVALID;
	*out = row;
	return ERR_NONE;
}

/* --- what it makes of a person -------------------------------------------- */

/* True if that is something else than before. */
static bool take_text(char out[NAME_BYTES_MAX + 1], const char *text)
{
	if (!text || strcmp(out, text) == 0)
		return false;
	snprintf(out, NAME_BYTES_MAX + 1, "%s", text);
	return true;
}

/* One more department behind the others, unless it is there already. */
static enum err add_department(char list[NAME_BYTES_MAX + 1], const char *name,
    size_t length, const char *member, struct staff_problem *problem)
{
	char copy[NAME_BYTES_MAX + 1];
	size_t used = strlen(list), count = used > 0;

	snprintf(copy, sizeof(copy), "%.*s", (int)length, name);
	if (length == 0)
		return staff_refuse(problem, member,
		    "A department's name is empty between two commas. Take "
		    "one comma away.");
	if (is_formula(copy))
		return staff_refuse(problem, member, "%s", FORMULA);
	if (policy_list_has(list, copy))
		return ERR_NONE;
	for (size_t i = 0; i < used; i++)
		count += list[i] == ',';
	if (count == PERSON_DEPARTMENTS_MAX ||
	    used + 1 + length > NAME_BYTES_MAX)
		return staff_refuse(problem, member,
		    "That is more than %d departments, or more than %d bytes "
		    "of them. Leave some out.",
		    PERSON_DEPARTMENTS_MAX, NAME_BYTES_MAX);
	if (used > 0)
		list[used++] = ',';
	memcpy(list + used, copy, length + 1);
	return ERR_NONE;
}

/* The first is where somebody sits; the others stay unless they are named. */
static enum err take_departments(const struct staff_row *row,
    struct person *person, bool *out_moved, struct staff_problem *problem)
{
	size_t first = strcspn(person->department, ",");
	const char *also =
	    person->department + first + (person->department[first] == ',');
	char list[NAME_BYTES_MAX + 1] = "";

	snprintf(list, sizeof(list), "%.*s", (int)first, person->department);
	if (row->department)
		snprintf(list, sizeof(list), "%s", row->department);
	if (row->also)
		also = strcmp(row->also, "-") == 0 ? "" : row->also;
	while (*also) {
		size_t length = strcspn(also, ",");
		enum err err =
		    add_department(list, also, length, "also", problem);

		if (err)
			return err;
		also += length;
		also += *also == ',';
	}
	*out_moved = take_text(person->department, list);
	return ERR_NONE;
}

static unsigned leave(struct person *person)
{
	if (person->state == PERSON_SUSPENDED)
		return 0;
	person->state = PERSON_SUSPENDED;
	return STAFF_LEAVING;
}

enum err staff_row_apply(const struct staff_row *row, bool known, int64_t now_s,
    struct person *person, unsigned *out_changes, struct staff_problem *problem)
{
	struct person next = *person;
	unsigned changes = known ? 0 : STAFF_NEW;
	bool other_login, moved = false;
	enum err err;

	if (row->leaving) {
		*out_changes = known ? leave(person) : 0;
		return ERR_NONE;
	}
	if (!known) {
		next.created_at = now_s;
		take_text(next.user, row->id);
		take_text(next.login, row->id);
	}
	err = take_departments(row, &next, &moved, problem);
	if (err)
		return err;
	if (moved)
		changes |= STAFF_MOVED;
	if (take_text(next.name, row->name))
		changes |= STAFF_RENAMED;
	other_login = take_text(next.login, row->login);
	err = staff_validity_apply(row, known, now_s, person, &next, problem);
	if (err)
		return err;
	if (other_login || staff_validity_differs(person, &next))
		changes |= STAFF_CHANGED;
	*person = next;
	*out_changes = known ? changes : STAFF_NEW;
	return ERR_NONE;
}
