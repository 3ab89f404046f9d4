/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/session_people_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-id128.h>

#include "pam_module/agent/state.h"
#include "shared/json.h"

enum {
	BOOT_SIZE = 33,
	PID_MAX = 4194304, /* the kernel's */
};

struct members {
	const char *boot;
	json_t *people;
};

static const struct json_member file_members[] = {
    {"boot", JSON_MEMBER_NAME, offsetof(struct members, boot), true, 0, 0,
	NULL},
    {"people", JSON_MEMBER_ARRAY, offsetof(struct members, people), true, 0,
	SESSION_PEOPLE_MAX, NULL},
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

static enum err this_boot(char out[BOOT_SIZE])
{
	sd_id128_t boot;

	if (sd_id128_get_boot(&boot) < 0)
		return ERR_IO;
	sd_id128_to_string(boot, out);
	return ERR_NONE;
}

static char *print(const struct session_person *people, size_t count)
{
	char boot[BOOT_SIZE], *text = NULL;
	json_t *array = json_array(), *object = NULL;
	bool whole = array && this_boot(boot) == ERR_NONE;

	for (size_t i = 0; whole && i < count; i++)
		whole = json_array_append_new(array,
			    json_pack("{s:s, s:s, s:s, s:i}", "session",
				people[i].session, "user", people[i].user,
				"person", people[i].person, "guest",
				(int)people[i].guest)) == 0;
	if (whole)
		object = json_pack("{s:s, s:O}", "boot", boot, "people", array);
	if (object)
		text = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	json_decref(array);
	return text;
}

enum err session_people_write(
    const char *directory, const struct session_person *people, size_t count)
{
	char *text;
	enum err err;

	if (count == 0)
		return state_remove(directory, SESSION_PEOPLE_FILE);
	text = print(people, count);
	if (!text)
		return ERR_MEMORY;
	err = state_write(
	    directory, SESSION_PEOPLE_FILE, 0600, text, strlen(text));
	free(text);
	return err;
}

static enum err take_person(json_t *object, struct session_person *out)
{
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

static enum err take_file(json_t *object,
    struct session_person out[SESSION_PEOPLE_MAX], size_t *out_count)
{
	struct members members = {0};
	struct json_problem problem;
	char boot[BOOT_SIZE];
	size_t count;
	enum err err = this_boot(boot);

	if (err == ERR_NONE && json_take(object, file_members, 2, true,
				   &members, &problem) != ERR_NONE)
		err = ERR_CORRUPT;
	if (err != ERR_NONE || strcmp(members.boot, boot) != 0)
		return err;
	count = json_array_size(members.people);
	for (size_t i = 0; err == ERR_NONE && i < count; i++)
		err = take_person(json_array_get(members.people, i), &out[i]);
	if (err == ERR_NONE)
		*out_count = count;
	return err;
}

enum err session_people_read(const char *directory,
    struct session_person out[SESSION_PEOPLE_MAX], size_t *out_count)
{
	struct json_problem problem;
	json_t *object = NULL;
	char *text = NULL;
	size_t length = 0;
	enum err err =
	    state_read(directory, SESSION_PEOPLE_FILE, &text, &length);

	*out_count = 0;
	if (err == ERR_NOT_FOUND)
		return ERR_NONE;
	if (err == ERR_NONE &&
	    json_read(text, length, &object, &problem) != ERR_NONE)
		err = ERR_CORRUPT;
	free(text);
	if (err == ERR_NONE)
		err = take_file(object, out, out_count);
	json_decref(object);
	return err;
}
