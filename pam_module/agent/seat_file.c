/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/seat_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-id128.h>

#include "pam_module/agent/state.h"
#include "shared/encode.h"
#include "shared/json.h"

enum {
	BOOT_SIZE = 33,
	KEY_SIZE = ENCODE_HEX_SIZE(CARD_HASH_BYTES),
};

static const char *const removed_texts[] = {
    [CARD_REMOVED_LOCK] = "lock",
    [CARD_REMOVED_LOGOUT] = "logout",
    [CARD_REMOVED_NOTHING] = "nothing",
    NULL,
};

struct members {
	const char *boot;
	json_t *seats;
};

static const struct json_member file_members[] = {
    {"boot", JSON_MEMBER_NAME, offsetof(struct members, boot), true, 0, 0,
	NULL},
    {"seats", JSON_MEMBER_ARRAY, offsetof(struct members, seats), true, 0,
	SEATS_MAX, NULL},
};

struct seat_members {
	const char *session, *key, *user, *person, *service, *tty, *login;
	int removed;
	bool away;
};

#define MEMBER(field) offsetof(struct seat_members, field)

static const struct json_member seat_members[] = {
    {"session", JSON_MEMBER_NAME, MEMBER(session), true, 0,
	SEAT_SESSION_SIZE - 1, NULL},
    {"key", JSON_MEMBER_NAME, MEMBER(key), true, 0, KEY_SIZE - 1, NULL},
    {"card_removed", JSON_MEMBER_CHOICE, MEMBER(removed), true, 0, 0,
	removed_texts},
    {"away", JSON_MEMBER_BOOL, MEMBER(away), true, 0, 0, NULL},
    {"user", JSON_MEMBER_NAME, MEMBER(user), true, 0, 0, NULL},
    /* What an older agent wrote has none. */
    {"person", JSON_MEMBER_TEXT, MEMBER(person), false, 0, NAME_BYTES_MAX,
	NULL},
    {"service", JSON_MEMBER_NAME, MEMBER(service), true, 0, 0, NULL},
    {"tty", JSON_MEMBER_TEXT, MEMBER(tty), true, 0, NAME_BYTES_MAX, NULL},
    {"login", JSON_MEMBER_TEXT, MEMBER(login), true, 0, LOGIN_TOKEN_SIZE - 1,
	NULL},
};

static enum err this_boot(char out[BOOT_SIZE])
{
	sd_id128_t boot;

	if (sd_id128_get_boot(&boot) < 0)
		return ERR_IO;
	sd_id128_to_string(boot, out);
	return ERR_NONE;
}

static json_t *seat_object(const struct seat *seat)
{
	char key[KEY_SIZE];

	encode_hex(seat->key, sizeof(seat->key), key);
	return json_pack("{s:s, s:s, s:s, s:b, s:s, s:s, s:s, s:s, s:s}",
	    "session", seat->session, "key", key, "card_removed",
	    removed_texts[seat->removed], "away", seat->is_away, "user",
	    seat->opened.user, "person", seat->opened.person, "service",
	    seat->opened.service, "tty", seat->opened.tty, "login",
	    seat->opened.login);
}

static char *print(const struct seat *seats, size_t count)
{
	char boot[BOOT_SIZE], *text = NULL;
	json_t *array = json_array(), *object = NULL;
	bool whole = array && this_boot(boot) == ERR_NONE;

	for (size_t i = 0; whole && i < count; i++)
		whole =
		    json_array_append_new(array, seat_object(&seats[i])) == 0;
	if (whole)
		object = json_pack("{s:s, s:O}", "boot", boot, "seats", array);
	if (object)
		text = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	json_decref(array);
	return text;
}

enum err seat_file_write(
    const char *directory, const struct seat *seats, size_t count)
{
	char *text;
	enum err err;

	if (count == 0)
		return state_remove(directory, SEAT_FILE);
	text = print(seats, count);
	if (!text)
		return ERR_MEMORY;
	err = state_write(directory, SEAT_FILE, 0600, text, strlen(text));
	free(text);
	return err;
}

static enum err take_seat(json_t *object, struct seat *out)
{
	struct seat_members members = {0};
	struct json_problem problem;
	size_t length = 0;

	if (json_take(object, seat_members,
		sizeof(seat_members) / sizeof(seat_members[0]), true, &members,
		&problem) != ERR_NONE ||
	    decode_hex(members.key, strlen(members.key), out->key,
		sizeof(out->key), &length) != ERR_NONE ||
	    length != sizeof(out->key))
		return ERR_CORRUPT;
	out->removed = (enum card_removed)members.removed;
	out->is_away = members.away;
	/* The table has looked at the lengths. */
	snprintf(out->session, sizeof(out->session), "%s", members.session);
	snprintf(
	    out->opened.user, sizeof(out->opened.user), "%s", members.user);
	if (members.person)
		snprintf(out->opened.person, sizeof(out->opened.person), "%s",
		    members.person);
	snprintf(out->opened.service, sizeof(out->opened.service), "%s",
	    members.service);
	snprintf(out->opened.tty, sizeof(out->opened.tty), "%s", members.tty);
	snprintf(
	    out->opened.login, sizeof(out->opened.login), "%s", members.login);
	return ERR_NONE;
}

static enum err take_file(
    json_t *object, struct seat out[SEATS_MAX], size_t *out_count)
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
	count = json_array_size(members.seats);
	for (size_t i = 0; err == ERR_NONE && i < count; i++)
		err = take_seat(json_array_get(members.seats, i), &out[i]);
	if (err == ERR_NONE)
		*out_count = count;
	return err;
}

enum err seat_file_read(
    const char *directory, struct seat out[SEATS_MAX], size_t *out_count)
{
	struct json_problem problem;
	json_t *object = NULL;
	char *text = NULL;
	size_t length = 0;
	enum err err = state_read(directory, SEAT_FILE, &text, &length);

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
