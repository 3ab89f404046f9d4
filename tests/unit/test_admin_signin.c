/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signing in with password and code, and what a session is worth: one answer
 * to everything that is wrong, no code twice, nobody locked out by a stranger,
 * nothing that outlives role, person, token, place or clock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/store/subject.h"
#include "shared/encode.h"
#include "tests/support/admin_world.h"

#define PASSWORD "kiso-no-asahi"
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* s1, an owner with a password, a minute later; and s2, who is nobody. */
static void make_owner(struct fixture *f, char serial[TOKEN_SERIAL_SIZE])
{
	char code[OTP_DIGITS_MAX + 1];

	enrol(f, serial);
	code_at(f->now_s, code);
	json_decref(confirm(f, serial, code));
	must(f, "user/add", "{\"id\":\"s2\"}");
	must(f, "admin/add", "{\"id\":\"s1\",\"role\":\"owner\"}");
	must(f, "admin/password",
	    "{\"id\":\"s1\",\"password\":\"" PASSWORD "\"}");
	f->now_s += 60;
	strcpy(f->origin, "192.0.2.7");
	f->admin = (struct admin){0};
	strcpy(f->actor, "nobody");
}

static json_t *sign_in(
    struct fixture *f, const char *id, const char *password, const char *code)
{
	char body[256];

	snprintf(body, sizeof(body),
	    "{\"id\":\"%s\",\"password\":\"%s\",\"code\":\"%s\"}", id, password,
	    code);
	return call(f, "signin", body);
}

static void take_session(struct fixture *f, json_t *answer)
{
	const char *text =
	    json_string_value(json_object_get(answer, "session"));
	size_t length = 0;

	if (!text)
		fail_msg("not signed in: %s", f->detail);
	assert_int_equal(decode_base64url(text, strlen(text), f->session,
			     sizeof(f->session), &length),
	    ERR_NONE);
	assert_int_equal(length, sizeof(f->session));
	f->has_session = true;
	json_decref(answer);
}

static void sign_in_right(struct fixture *f)
{
	char code[OTP_DIGITS_MAX + 1];

	code_at(f->now_s, code);
	take_session(f, sign_in(f, "s1", PASSWORD, code));
}

static void must_not(
    struct fixture *f, const char *id, const char *password, const char *code)
{
	json_t *answer = sign_in(f, id, password, code);

	if (answer)
		fail_msg("%s %s %s signed in", id, password, code);
	assert_int_equal(f->status, 403);
}

static void as_root(struct fixture *f)
{
	char origin[ADMIN_ORIGIN_SIZE];

	strcpy(origin, f->origin);
	act_as_root(f);
	strcpy(f->origin, origin);
}

static size_t count_records(struct fixture *f, const char *part)
{
	bool had = f->has_session;
	json_t *answer, *item;
	size_t i, count = 0;

	as_root(f);
	answer = call(f, "audit/list", "{\"limit\":1000}");
	json_array_foreach(json_object_get(answer, "items"), i, item)
	{
		char *text = json_dumps(item, JSON_COMPACT);

		count += strstr(text, part) != NULL;
		free(text);
	}
	json_decref(answer);
	f->has_session = had;
	return count;
}

static void test_signing_in_and_out(void **state)
{
	struct fixture *f = *state;
	char serial[TOKEN_SERIAL_SIZE], code[OTP_DIGITS_MAX + 1];

	make_owner(f, serial);
	sign_in_right(f);
	must(f, "user/suspend", "{\"id\":\"s2\"}");
	assert_int_equal(count_records(f, "\"actor\":\"admin s1\""), 2);
	assert_int_equal(count_records(f, "\"first_factor\":\"proven\""), 1);
	/* One code, one login. */
	f->has_session = false;
	code_at(f->now_s, code);
	must_not(f, "s1", PASSWORD, code);
	assert_int_equal(count_records(f, "\"reason\":\"used\""), 1);
	f->has_session = true;
	must(f, "signout", "{}");
	must_refuse(f, "user/list", "{}", 403);
	assert_int_equal(count_records(f, "\"reason\":\"signed_out\""), 1);
}

static void test_everything_wrong_is_one_answer(void **state)
{
	struct fixture *f = *state;
	char serial[TOKEN_SERIAL_SIZE], code[OTP_DIGITS_MAX + 1];
	char first[ADMIN_DETAIL_SIZE];
	const char *const rows[][3] = {
	    {"s1", PASSWORD, "000000"},
	    {"s1", PASSWORD, ""},
	    {"s1", "wrong", code},
	    {"s1", "", code},
	    {"s1", "wrong", "000000"},
	    {"s2", PASSWORD, code},
	    {"geheimes-passwort", PASSWORD, code},
	    {"\\u007e", PASSWORD, code},
	};

	make_owner(f, serial);
	code_at(f->now_s, code);
	must_not(f, rows[0][0], rows[0][1], rows[0][2]);
	strcpy(first, f->detail);
	for (size_t i = 1; i < COUNT(rows); i++) {
		must_not(f, rows[i][0], rows[i][1], rows[i][2]);
		assert_string_equal(f->detail, first);
	}
	/* Neither the wrong password nor a stranger has spent it. */
	sign_in_right(f);
	/* People type passwords where names belong. */
	assert_int_equal(count_records(f, "geheimes"), 0);
	assert_int_equal(count_records(f, "\"user_hash\""), 2);
	assert_int_equal(count_records(f, "\"user\":\"s2\""), 2);
}

static void test_a_stranger_locks_nobody_out(void **state)
{
	struct fixture *f = *state;
	char serial[TOKEN_SERIAL_SIZE], code[OTP_DIGITS_MAX + 1];

	make_owner(f, serial);
	for (int i = 0; i < 80; i++) {
		snprintf(
		    f->origin, sizeof(f->origin), "192.0.2.%d", 10 + i / 4);
		must_not(f, "s1", "wrong", "123456");
	}
	strcpy(f->origin, "192.0.2.7");
	sign_in_right(f);
	f->has_session = false;
	/* A place that has guessed waits, whatever it brings then. */
	f->now_s += 60;
	strcpy(f->origin, "192.0.2.99");
	for (int i = 0; i < 5; i++)
		must_not(f, "s1", "wrong", "123456");
	code_at(f->now_s, code);
	must_not(f, "s1", PASSWORD, code);
	assert_int_equal(count_records(f, "\"reason\":\"throttled\""), 1);
	strcpy(f->origin, "192.0.2.7");
	take_session(f, sign_in(f, "s1", PASSWORD, code));
}

/* One machine has a network's addresses, all of them. */
static void test_a_network_is_one_place(void **state)
{
	struct fixture *f = *state;
	char serial[TOKEN_SERIAL_SIZE], code[OTP_DIGITS_MAX + 1];

	make_owner(f, serial);
	for (int i = 0; i < 5; i++) {
		snprintf(
		    f->origin, sizeof(f->origin), "2001:db8:0:7::%d", 1 + i);
		must_not(f, "s1", "wrong", "123456");
	}
	code_at(f->now_s, code);
	strcpy(f->origin, "2001:db8:0:7::ffff");
	must_not(f, "s1", PASSWORD, code);
	assert_int_equal(count_records(f, "\"reason\":\"throttled\""), 1);
	strcpy(f->origin, "2001:db8:0:8::1");
	take_session(f, sign_in(f, "s1", PASSWORD, code));
}

/* His screen locker asks without a password proven before, and is not a
 * stranger's to shut either. */
static void test_a_stranger_shuts_no_locker(void **state)
{
	struct fixture *f = *state;
	char serial[TOKEN_SERIAL_SIZE];
	struct subject subject = {0};
	struct person person;

	make_owner(f, serial);
	for (int i = 0; i < 240; i++) {
		snprintf(
		    f->origin, sizeof(f->origin), "192.0.2.%d", 10 + i / 4);
		must_not(f, "s1", "wrong", "123456");
	}
	assert_int_equal(
	    person_find(f->server->store, "s1", &person), ERR_NONE);
	assert_int_equal(subject_load(f->server->store, &person, FACTOR_OTP, 7,
			     f->now_s, &subject),
	    ERR_NONE);
	assert_int_equal(subject.throttle.unproven_total, 0);
	subject_wipe(&subject);
}

/* Whoever has the password guesses at the person's own cost, as behind PAM. */
static void test_codes_guessed_with_the_password(void **state)
{
	struct fixture *f = *state;
	char serial[TOKEN_SERIAL_SIZE], code[OTP_DIGITS_MAX + 1];

	make_owner(f, serial);
	code_at(f->now_s, code);
	for (int i = 0; i < 5; i++)
		must_not(f, "s1", PASSWORD, "000000");
	must_not(f, "s1", PASSWORD, code);
	strcpy(f->origin, "192.0.2.8");
	must_not(f, "s1", PASSWORD, code);
	as_root(f);
	must(f, "user/unlock", "{\"id\":\"s1\"}");
	sign_in_right(f);
}

static void test_no_clock_no_session(void **state)
{
	struct fixture *f = *state;
	char serial[TOKEN_SERIAL_SIZE];

	make_owner(f, serial);
	sign_in_right(f);
	assert_null(call_at(f, "user/list", "{}", false));
	assert_int_equal(f->status, 409);
	f->has_session = false;
	assert_null(call_at(f, "signin",
	    "{\"id\":\"s1\",\"password\":\"" PASSWORD "\",\"code\":\"1\"}",
	    false));
	assert_int_equal(f->status, 409);
	assert_int_equal(count_records(f, "\"target\":\"s1\""), 4);
}

/* --- what ends a session ---------------------------------------------------
 */

static bool goes_on(struct fixture *f)
{
	json_t *answer = call(f, "user/list", "{}");
	bool fine = answer != NULL;

	json_decref(answer);
	return fine;
}

static void test_time_and_place(void **state)
{
	struct fixture *f = *state;
	char serial[TOKEN_SERIAL_SIZE];
	int64_t begun;

	make_owner(f, serial);
	sign_in_right(f);
	begun = f->now_s;
	strcpy(f->origin, "192.0.2.8");
	assert_false(goes_on(f));
	strcpy(f->origin, "uid 0 login -1");
	assert_false(goes_on(f));
	strcpy(f->origin, "192.0.2.7");
	for (f->now_s = begun; f->now_s < begun + 3600; f->now_s += 599)
		assert_true(goes_on(f));
	f->now_s = begun + 3599;
	assert_true(goes_on(f));
	f->now_s = begun + 3600;
	assert_false(goes_on(f));
	f->has_session = false;
	sign_in_right(f);
	f->now_s += 600;
	assert_false(goes_on(f));
	f->now_s -= 1;
	assert_true(goes_on(f));
	f->session[0] ^= 1;
	assert_false(goes_on(f));
	memset(f->session, 0, sizeof(f->session));
	assert_false(goes_on(f));
}

static void test_what_ends_it(void **state)
{
	static const struct {
		const char *path, *body, *back;
	} rows[] = {
	    {"user/suspend", "{\"id\":\"s1\"}", "user/resume"},
	    {"user/freeze", "{\"id\":\"s1\"}", "user/thaw"},
	    {"admin/password", "{\"id\":\"s1\",\"password\":\"" PASSWORD "\"}",
		NULL},
	    {"user/import",
		"{\"rows\":[{\"row\":2,\"id\":\"s1\",\"leaving\":true}]}",
		"user/resume"},
	    {"token/suspend", NULL, "token/resume"},
	    {"admin/remove", "{\"id\":\"s1\"}", "admin/add"},
	};
	struct fixture *f = *state;
	char serial[TOKEN_SERIAL_SIZE], of_token[128];

	make_owner(f, serial);
	snprintf(of_token, sizeof(of_token), "{\"serial\":\"%s\"}", serial);
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *back = rows[i].back;

		f->now_s += 60;
		f->has_session = false;
		sign_in_right(f);
		assert_true(goes_on(f));
		as_root(f);
		must(f, rows[i].path, rows[i].body ? rows[i].body : of_token);
		/* It does not come back with the person either. */
		if (back && strcmp(back, "admin/add") == 0)
			must(f, back, "{\"id\":\"s1\",\"role\":\"owner\"}");
		else if (back)
			must(f, back,
			    rows[i].body ? "{\"id\":\"s1\"}" : of_token);
		f->has_session = true;
		if (goes_on(f))
			fail_msg("row %zu", i);
	}
}

static void test_a_clock_set_back_ends_all(void **state)
{
	struct fixture *f = *state;
	struct store *store = f->server->store;
	char serial[TOKEN_SERIAL_SIZE];

	make_owner(f, serial);
	sign_in_right(f);
	as_root(f);
	f->now_s = 4102444800; /* the mark is ahead of the clock */
	json_decref(call_at(f, "server/clock-accept", "{}", false));
	(void)store;
	f->now_s = NOW + 60;
	f->has_session = true;
	assert_false(goes_on(f));
}

static void test_the_fifth_session_ends_the_first(void **state)
{
	struct fixture *f = *state;
	unsigned char first[ADMIN_TOKEN_BYTES];
	char serial[TOKEN_SERIAL_SIZE];

	make_owner(f, serial);
	sign_in_right(f);
	memcpy(first, f->session, sizeof(first));
	for (int i = 0; i < ADMIN_SESSIONS_MAX; i++) {
		assert_true(goes_on(f));
		f->now_s += 60;
		f->has_session = false;
		sign_in_right(f);
	}
	assert_true(goes_on(f));
	memcpy(f->session, first, sizeof(first));
	assert_false(goes_on(f));
}

/* --- rights by session -----------------------------------------------------
 */

static void test_a_role_taken_away_is_gone_at_once(void **state)
{
	struct fixture *f = *state;
	char serial[TOKEN_SERIAL_SIZE];

	make_owner(f, serial);
	as_root(f);
	must(f, "admin/remove", "{\"id\":\"s1\"}");
	must(f, "admin/add", "{\"id\":\"s1\",\"role\":\"helpdesk\"}");
	must(f, "admin/password",
	    "{\"id\":\"s1\",\"password\":\"" PASSWORD "\"}");
	sign_in_right(f);
	must(f, "user/show", "{\"id\":\"s2\"}");
	must_refuse(f, "user/suspend", "{\"id\":\"s2\"}", 403);
	must_refuse(f, "user/unlock", "{\"id\":\"s1\"}", 403);
	must_refuse(f, "admin/list", "{}", 403);
}

static void test_passwords(void **state)
{
	struct fixture *f = *state;
	char serial[TOKEN_SERIAL_SIZE];

	make_owner(f, serial);
	as_root(f);
	must_refuse(
	    f, "admin/password", "{\"password\":\"" PASSWORD "\"}", 400);
	must_refuse(
	    f, "admin/password", "{\"id\":\"s1\",\"password\":\"short\"}", 400);
	must_refuse(f, "admin/password",
	    "{\"id\":\"s1\",\"password\":\"木曽の朝日\"}", 400);
	must_refuse(f, "admin/password",
	    "{\"id\":\"s1\",\"password\":\"xxxxs1xxxx\"}", 400);
	must_refuse(f, "admin/password",
	    "{\"id\":\"s2\",\"password\":\"" PASSWORD "\"}", 404);
	sign_in_right(f);
	must_refuse(
	    f, "admin/password", "{\"password\":\"木曽の朝日は美しい\"}", 400);
	must(f, "admin/password",
	    "{\"password\":\"木曽の朝日は美しい\",\"current\":\"" PASSWORD
	    "\"}");
	assert_false(goes_on(f));
	assert_int_equal(count_records(f, PASSWORD), 0);
	assert_int_equal(count_records(f, "木曽の朝日は美しい"), 0);
	f->now_s += 60;
	f->has_session = false;
	must_not(f, "s1", PASSWORD, "000000");
	/* Whoever has the session alone loses it by guessing. */
	{
		char code[OTP_DIGITS_MAX + 1];

		code_at(f->now_s, code);
		take_session(f, sign_in(f, "s1", "木曽の朝日は美しい", code));
	}
	must_refuse(f, "admin/password",
	    "{\"password\":\"" PASSWORD "\",\"current\":\"guess\"}", 403);
	assert_false(goes_on(f));
}

/* Who could replace a colleague's password could be two. */
static void test_nobody_is_two(void **state)
{
	struct fixture *f = *state;
	struct admin second = {.role = ADMIN_ROLE_OWNER};
	struct person person;
	char serial[TOKEN_SERIAL_SIZE];

	make_owner(f, serial);
	assert_int_equal(
	    person_find(f->server->store, "s2", &person), ERR_NONE);
	second.person_id = person.id;
	assert_int_equal(store_begin(f->server->store), ERR_NONE);
	assert_int_equal(admin_put(f->server->store, &second), ERR_NONE);
	assert_int_equal(store_commit(f->server->store), ERR_NONE);
	sign_in_right(f);
	/* The first one somebody must give. */
	must(f, "admin/password",
	    "{\"id\":\"s2\",\"password\":\"" PASSWORD "\"}");
	must_refuse(f, "admin/password",
	    "{\"id\":\"s2\",\"password\":\"another one\"}", 403);
	as_root(f);
	must(f, "admin/password",
	    "{\"id\":\"s2\",\"password\":\"another one\"}");
}

static void test_signing_somebody_out(void **state)
{
	struct fixture *f = *state;
	char serial[TOKEN_SERIAL_SIZE];

	make_owner(f, serial);
	sign_in_right(f);
	must_refuse(f, "signout", "{\"id\":\"s9\"}", 404);
	must(f, "signout", "{\"id\":\"s1\"}");
	assert_false(goes_on(f));
	f->now_s += 60;
	f->has_session = false;
	sign_in_right(f);
	as_root(f);
	must_refuse(f, "signout", "{}", 409);
	must(f, "signout", "{\"id\":\"s1\"}");
	must_have_recorded(f, "\"user\":\"s1\"");
	f->has_session = true;
	assert_false(goes_on(f));
	/* Not by somebody who is no owner. */
	f->admin = (struct admin){.role = ADMIN_ROLE_ENROLLER, .person_id = 0};
	f->has_session = false;
	must_refuse(f, "signout", "{\"id\":\"s1\"}", 403);
}

/* Whoever has frozen everything from a desk must be able to thaw it there. */
static void test_a_freeze_of_everything_keeps_nobody_from_thawing(void **state)
{
	struct fixture *f = *state;
	char serial[TOKEN_SERIAL_SIZE];

	make_owner(f, serial);
	sign_in_right(f);
	must(f, "server/freeze", "{}");
	f->now_s += 60;
	f->has_session = false;
	sign_in_right(f);
	must(f, "server/thaw", "{}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_signing_in_and_out),
	    TEST(test_everything_wrong_is_one_answer),
	    TEST(test_a_stranger_locks_nobody_out),
	    TEST(test_a_network_is_one_place),
	    TEST(test_a_stranger_shuts_no_locker),
	    TEST(test_codes_guessed_with_the_password),
	    TEST(test_no_clock_no_session),
	    TEST(test_time_and_place),
	    TEST(test_what_ends_it),
	    TEST(test_a_clock_set_back_ends_all),
	    TEST(test_the_fifth_session_ends_the_first),
	    TEST(test_a_role_taken_away_is_gone_at_once),
	    TEST(test_passwords),
	    TEST(test_nobody_is_two),
	    TEST(test_signing_somebody_out),
	    TEST(test_a_freeze_of_everything_keeps_nobody_from_thawing),
	};

	return cmocka_run_group_tests_name("admin_signin", tests, NULL, NULL);
}
