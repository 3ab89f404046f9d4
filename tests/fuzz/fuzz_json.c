/* SPDX-License-Identifier: Apache-2.0 */
/* Needs nothing beyond shared. */
/*
 * The body of POST /v1/logins. Whatever is taken keeps the bounds of the
 * table; whatever is not is answered by one printable sentence.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shared/json.h"
#include "shared/json_plain.h"
#include "shared/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

enum {
	BODY_BYTES_MAX = 16384,
	CODE_BYTES_MAX = 64
};

struct login {
	const char *user, *service, *person, *tty, *rhost, *attempt, *session;
	const char *code;
	int first_factor, factor;
};

static const char *const first_factors[] = {"unproven", "proven", NULL};
static const char *const factors[] = {"otp", "card", "emergency", NULL};

#define AT(member) .name = #member, .offset = offsetof(struct login, member)

static const struct json_member members[] = {
    {AT(user), .kind = JSON_MEMBER_NAME, .required = true},
    {AT(service), .kind = JSON_MEMBER_NAME, .required = true},
    {AT(person), .kind = JSON_MEMBER_NAME},
    {AT(tty), .kind = JSON_MEMBER_NAME},
    {AT(rhost), .kind = JSON_MEMBER_NAME},
    {AT(attempt), .kind = JSON_MEMBER_NAME, .maximum = 22},
    {AT(session), .kind = JSON_MEMBER_NAME},
    {AT(first_factor), .kind = JSON_MEMBER_CHOICE, .choices = first_factors},
    {AT(factor), .kind = JSON_MEMBER_CHOICE, .choices = factors},
    {AT(code), .kind = JSON_MEMBER_TEXT, .maximum = CODE_BYTES_MAX},
};

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_name(const char *name, size_t most)
{
	require(!name || text_is_name(name, strlen(name)));
	require(!name || strlen(name) <= most);
}

static void check_login(const struct login *login)
{
	require(login->user && login->service);
	check_name(login->user, NAME_BYTES_MAX);
	check_name(login->service, NAME_BYTES_MAX);
	check_name(login->person, NAME_BYTES_MAX);
	check_name(login->tty, NAME_BYTES_MAX);
	check_name(login->rhost, NAME_BYTES_MAX);
	check_name(login->session, NAME_BYTES_MAX);
	check_name(login->attempt, 22);
	require(
	    !login->code || (text_is_line(login->code, strlen(login->code)) &&
				strlen(login->code) <= CODE_BYTES_MAX));
	require(login->first_factor >= 0 && login->first_factor <= 1);
	require(login->factor >= 0 && login->factor <= 2);
}

static void check_problem(const struct json_problem *problem)
{
	const char *end = memchr(problem->text, '\0', JSON_PROBLEM_SIZE);

	require(end != NULL && end != problem->text);
	require(text_is_line(problem->text, (size_t)(end - problem->text)));
}

static bool is_same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool is_same_login(const struct login *a, const struct login *b)
{
	return is_same_text(a->user, b->user) &&
	       is_same_text(a->service, b->service) &&
	       is_same_text(a->person, b->person) &&
	       is_same_text(a->tty, b->tty) &&
	       is_same_text(a->rhost, b->rhost) &&
	       is_same_text(a->attempt, b->attempt) &&
	       is_same_text(a->session, b->session) &&
	       is_same_text(a->code, b->code) &&
	       a->first_factor == b->first_factor && a->factor == b->factor;
}

/* The short way may decline anything, but must not differ. */
static void check_short_way(
    const uint8_t *bytes, size_t length, const struct login *expected)
{
	struct login login = {0};
	char *text = malloc(length + 1);

	require(text != NULL);
	memcpy(text, bytes, length);
	text[length] = '\0';
	if (json_plain_take(text, length, members,
		sizeof(members) / sizeof(members[0]), &login))
		require(expected && is_same_login(&login, expected));
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static const struct login empty;
	struct login login = {0};
	struct json_problem problem = {""};
	json_t *object = NULL;

	if (length > BODY_BYTES_MAX)
		return 0;
	if (json_read((const char *)bytes, length, &object, &problem)) {
		require(object == NULL);
		check_problem(&problem);
		check_short_way(bytes, length, NULL);
		return 0;
	}
	if (json_take(object, members, sizeof(members) / sizeof(members[0]),
		true, &login, &problem)) {
		require(memcmp(&login, &empty, sizeof(login)) == 0);
		check_problem(&problem);
		check_short_way(bytes, length, NULL);
	} else {
		check_login(&login);
		check_short_way(bytes, length, &login);
	}
	json_decref(object);
	return 0;
}
