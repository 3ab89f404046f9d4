/* SPDX-License-Identifier: Apache-2.0 */
/* server/login_token.c: what is bound stays bound. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "server/http_message.h"
#include "server/login_token.h"

static const unsigned char here[CERTIFICATE_HASH_BYTES] = {1};
static const unsigned char there[CERTIFICATE_HASH_BYTES] = {2};

static struct secret key_of(unsigned char byte)
{
	struct secret key = {.length = 32};

	memset(key.bytes, byte, key.length);
	return key;
}

static struct login_claims some_claims(void)
{
	struct login_claims claims = {.user = "madoguchi",
	    .person = "s1042",
	    .service = "sshd",
	    .tty = "pts/0",
	    .proven = true,
	    .until = 1774915320,
	    .epoch = 1774900000};

	memset(claims.challenge, 0x5a, sizeof(claims.challenge));
	return claims;
}

static void test_round_trip(void **state)
{
	struct login_claims claims = some_claims(), back = {0};
	struct secret key = key_of(7);
	char token[LOGIN_TOKEN_SIZE];

	(void)state;
	assert_int_equal(
	    login_token_write(&claims, &key, here, token), ERR_NONE);
	assert_int_equal(login_token_read(token, &key, here, &back), ERR_NONE);
	assert_memory_equal(&claims, &back, sizeof(claims));
}

static void test_longest_names_fit_a_path(void **state)
{
	struct login_claims claims = some_claims(), back = {0};
	struct secret key = key_of(7);
	char token[LOGIN_TOKEN_SIZE];

	(void)state;
	memset(claims.user, 'u', NAME_BYTES_MAX);
	memset(claims.person, 'p', NAME_BYTES_MAX);
	memset(claims.service, 's', NAME_BYTES_MAX);
	memset(claims.tty, 't', NAME_BYTES_MAX);
	memset(claims.rhost, 'r', NAME_BYTES_MAX);
	assert_int_equal(
	    login_token_write(&claims, &key, here, token), ERR_NONE);
	assert_in_range(
	    strlen("/v1/logins/") + strlen(token), 1, HTTP_PATH_SIZE - 1);
	assert_int_equal(login_token_read(token, &key, here, &back), ERR_NONE);
	assert_string_equal(back.rhost, claims.rhost);
}

static void test_bound_to_certificate_and_key(void **state)
{
	struct login_claims claims = some_claims(), back = {0};
	struct secret key = key_of(7), other = key_of(8);
	char token[LOGIN_TOKEN_SIZE];

	(void)state;
	assert_int_equal(
	    login_token_write(&claims, &key, here, token), ERR_NONE);
	assert_int_equal(
	    login_token_read(token, &key, there, &back), ERR_NOT_FOUND);
	assert_int_equal(
	    login_token_read(token, &other, here, &back), ERR_NOT_FOUND);
}

/* Every single character changed, and every cut: none is read. */
static void test_any_change_is_noticed(void **state)
{
	struct login_claims claims = some_claims(), back = {0};
	struct secret key = key_of(7);
	char token[LOGIN_TOKEN_SIZE], changed[LOGIN_TOKEN_SIZE];
	size_t length;

	(void)state;
	assert_int_equal(
	    login_token_write(&claims, &key, here, token), ERR_NONE);
	length = strlen(token);
	for (size_t i = 0; i < length; i++) {
		memcpy(changed, token, length + 1);
		changed[i] = changed[i] == 'A' ? 'B' : 'A';
		if (login_token_read(changed, &key, here, &back) !=
		    ERR_NOT_FOUND)
			fail_msg("character %zu", i);
		changed[i] = '\0';
		if (login_token_read(changed, &key, here, &back) !=
		    ERR_NOT_FOUND)
			fail_msg("cut at %zu", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_round_trip),
	    cmocka_unit_test(test_longest_names_fit_a_path),
	    cmocka_unit_test(test_bound_to_certificate_and_key),
	    cmocka_unit_test(test_any_change_is_noticed),
	};

	return cmocka_run_group_tests_name("login_token", tests, NULL, NULL);
}
