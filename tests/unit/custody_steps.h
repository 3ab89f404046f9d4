/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two people, two hardware tokens in the drawer, and the commands that move
 * them. Include after cmocka.h.
 */
#ifndef SEKIMORI_CUSTODY_STEPS_H
#define SEKIMORI_CUSTODY_STEPS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/store/subject.h"
#include "tests/support/admin_world.h"

enum {
	STEP_S = 30,
	MINUTE_S = 60,
};

/* A hardware token, as an import puts it into the drawer. */
static inline void stock(
    struct fixture *f, const char *serial, enum otp_type type, const char *seed)
{
	const struct token_deed deed = {"root", "imported", f->now_s};
	struct token token = {.state = TOKEN_STOCK, .created_at = f->now_s};
	struct store *store = f->server->store;

	strcpy(token.serial, serial);
	token.otp.type = type;
	token.otp.digits = 6;
	token.otp.period_s = type == OTP_TOTP ? STEP_S : 0;
	assert_int_equal(
	    secret_set(&token.otp.seed, seed, strlen(seed)), ERR_NONE);
	assert_int_equal(store_begin(store), ERR_NONE);
	assert_int_equal(token_add(store, &token, &deed), ERR_NONE);
	assert_int_equal(store_commit(store), ERR_NONE);
	token_wipe(&token);
}

static inline struct token find(struct fixture *f, const char *serial)
{
	struct token token;

	assert_int_equal(
	    token_find(f->server->store, serial, true, &token), ERR_NONE);
	return token;
}

/* What the device shows: at this moment, or one counter after the last. */
static inline void shown(struct fixture *f, const char *serial, int64_t ahead,
    char out[OTP_DIGITS_MAX + 1])
{
	struct token token = find(f, serial);
	int64_t counter =
	    token.otp.type == OTP_TOTP ? f->now_s / STEP_S : token.otp.floor;

	assert_int_equal(
	    otp_generate(&token.otp, counter + ahead, out), ERR_NONE);
	token_wipe(&token);
}

/* A verb with a serial, the code it shows now, and more members. */
static inline void try_shown(
    struct fixture *f, const char *verb, const char *serial, const char *more)
{
	char body[256], path[64], code[OTP_DIGITS_MAX + 1];

	f->now_s += MINUTE_S;
	shown(f, serial, 0, code);
	snprintf(body, sizeof(body), "{\"serial\":\"%s\",\"code\":\"%s\"%s}",
	    serial, code, more);
	snprintf(path, sizeof(path), "token/%s", verb);
	json_decref(call(f, path, body));
}

static inline void must_show(
    struct fixture *f, const char *verb, const char *serial, const char *more)
{
	try_shown(f, verb, serial, more);
	if (f->status)
		fail_msg("%s %s: %d %s", verb, serial, f->status, f->detail);
}

static inline void must_not_show(struct fixture *f, const char *verb,
    const char *serial, const char *more, const char *said)
{
	try_shown(f, verb, serial, more);
	assert_int_equal(f->status, 409);
	if (!strstr(f->detail, said))
		fail_msg("%s: %s", verb, f->detail);
}

static inline void must_be(struct fixture *f, const char *serial,
    enum token_state state, const char *user)
{
	struct token token = find(f, serial);

	assert_string_equal(
	    token_state_text(token.state), token_state_text(state));
	assert_string_equal(token.user, user);
}

/* How many seeds a login of this person would be held against. */
static inline size_t seeds_of(struct fixture *f, const char *user)
{
	struct subject subject;
	struct person person;
	size_t count;

	assert_int_equal(
	    person_find(f->server->store, user, &person), ERR_NONE);
	assert_int_equal(subject_load(f->server->store, &person, FACTOR_OTP, 1,
			     f->now_s, &subject),
	    ERR_NONE);
	count = subject.token_count;
	subject_wipe(&subject);
	return count;
}

static inline void two_people(struct fixture *f)
{
	must(f, "user/add",
	    "{\"id\":\"s1\",\"name\":\"山田\",\"departments\":\"税務課,出納室\"}");
	must(f, "user/add",
	    "{\"id\":\"s2\",\"name\":\"鈴木\",\"department\":\"住民課\"}");
	stock(f, "H1", OTP_TOTP, "the seed of device 1");
	stock(f, "H2", OTP_HOTP, "the seed of device 2");
}

#endif
