/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/session_people_file.h"

#include <stdio.h>

#include "pam_module/agent/boot_file.h"
#include "shared/json.h"

enum {
	PID_MAX = 4194304, /* the kernel's */
};

struct person_members {
	const char *session, *user, *person;
	int64_t guest;
};

#define MEMBER(field) offsetof(struct person_members, field)

static const struct json_member person_members[] = {
    {"session", JSON_MEMBER_NAME, MEMBER(session), true, 0,
	SEAT_SESSION_SIZE - 1, NULL},
    {"user", JSON_MEMBER_NAME, MEMBER(user), true, 0, 0, NULL},
    {"person", JSON_MEMBER_NAME, MEMBER(person), true, 0, 0, NULL},
    {"guest", JSON_MEMBER_NUMBER, MEMBER(guest), true, -1, PID_MAX, NULL},
};

static json_t *print_person(const void *items, size_t index)
{
	const struct session_person *person =
	    (const struct session_person *)items + index;

	return json_pack("{s:s, s:s, s:s, s:i}", "session", person->session,
	    "user", person->user, "person", person->person, "guest",
	    (int)person->guest);
}

static enum err take_person(json_t *object, void *items, size_t index)
{
	struct session_person *out = (struct session_person *)items + index;
	struct person_members members = {0};
	struct json_problem problem;

	if (json_take(object, person_members,
		sizeof(person_members) / sizeof(person_members[0]), true,
		&members, &problem) != ERR_NONE)
		return ERR_CORRUPT;
	/* The table has looked at the lengths. */
	snprintf(out->session, sizeof(out->session), "%s", members.session);
	snprintf(out->user, sizeof(out->user), "%s", members.user);
	snprintf(out->person, sizeof(out->person), "%s", members.person);
	out->guest = (pid_t)members.guest;
	return ERR_NONE;
}

static const struct boot_file file = {SESSION_PEOPLE_FILE, "people",
    SESSION_PEOPLE_MAX, print_person, take_person};

enum err session_people_write(
    const char *directory, const struct session_person *people, size_t count)
{
	return boot_file_write(&file, directory, people, count);
}

enum err session_people_read(const char *directory,
    struct session_person out[SESSION_PEOPLE_MAX], size_t *out_count)
{
	return boot_file_read(&file, directory, out, out_count);
}
