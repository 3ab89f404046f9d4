/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/seat_file.h"

#include <stdio.h>
#include <string.h>

#include "pam_module/agent/boot_file.h"
#include "shared/encode.h"
#include "shared/json.h"

enum {
	KEY_SIZE = ENCODE_HEX_SIZE(CARD_HASH_BYTES)
};

static const char *const removed_texts[] = {
    [CARD_REMOVED_LOCK] = "lock",
    [CARD_REMOVED_LOGOUT] = "logout",
    [CARD_REMOVED_NOTHING] = "nothing",
    NULL,
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

static json_t *print_seat(const void *items, size_t index)
{
	const struct seat *seat = (const struct seat *)items + index;
	char key[KEY_SIZE];

	encode_hex(seat->key, sizeof(seat->key), key);
	return json_pack("{s:s, s:s, s:s, s:b, s:s, s:s, s:s, s:s, s:s}",
	    "session", seat->session, "key", key, "card_removed",
	    removed_texts[seat->removed], "away", seat->is_away, "user",
	    seat->opened.user, "person", seat->opened.person, "service",
	    seat->opened.service, "tty", seat->opened.tty, "login",
	    seat->opened.login);
}

static enum err take_seat(json_t *object, void *items, size_t index)
{
	struct seat *out = (struct seat *)items + index;
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

static const struct boot_file file = {
    SEAT_FILE, "seats", SEATS_MAX, print_seat, take_seat};

enum err seat_file_write(
    const char *directory, const struct seat *seats, size_t count)
{
	return boot_file_write(&file, directory, seats, count);
}

enum err seat_file_read(
    const char *directory, struct seat out[SEATS_MAX], size_t *out_count)
{
	return boot_file_read(&file, directory, out, out_count);
}
