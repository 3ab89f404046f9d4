/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes that a card signs, spelled out, and the names of keys in a
 * challenge.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "shared/card_proof.h"

static unsigned char ca[CARD_HASH_BYTES], challenge[CARD_CHALLENGE_BYTES];

static void fill(void)
{
	memset(ca, 0xca, sizeof(ca));
	memset(challenge, 0xc4, sizeof(challenge));
}

static void test_login_message_is_the_contracts(void **state)
{
	static const char names[] = "\0\007desk-07\0\005s1042\0\004sshd";
	struct card_message message;

	(void)state;
	fill();
	assert_int_equal(card_login_message(ca, challenge, "desk-07", "s1042",
			     "sshd", &message),
	    ERR_NONE);
	assert_int_equal(message.length, 18 + 32 + 32 + sizeof(names) - 1);
	assert_memory_equal(message.bytes, "sekimori-login-v1\0", 18);
	assert_memory_equal(message.bytes + 18, ca, 32);
	assert_memory_equal(message.bytes + 50, challenge, 32);
	assert_memory_equal(message.bytes + 82, names, sizeof(names) - 1);
}

static void test_enrolment_never_passes_for_a_login(void **state)
{
	struct card_message message;

	(void)state;
	fill();
	assert_int_equal(
	    card_enrolment_message(ca, challenge, "desk-07", "ABCD", &message),
	    ERR_NONE);
	assert_memory_equal(message.bytes, "sekimori-enrol-v1\0", 18);
}

static void test_longest_names_fit_and_longer_ones_are_refused(void **state)
{
	char name[NAME_BYTES_MAX + 2];
	struct card_message message = {.length = 7};

	(void)state;
	fill();
	memset(name, 'x', sizeof(name));
	name[NAME_BYTES_MAX + 1] = '\0';
	assert_int_equal(
	    card_login_message(ca, challenge, "t", name, "s", &message),
	    ERR_TOO_LONG);
	assert_int_equal(message.length, 7);
	name[NAME_BYTES_MAX] = '\0';
	assert_int_equal(
	    card_login_message(ca, challenge, name, name, name, &message),
	    ERR_NONE);
	assert_int_equal(message.length, CARD_MESSAGE_BYTES_MAX);
}

static void test_a_tag_depends_on_key_and_challenge(void **state)
{
	unsigned char key[CARD_HASH_BYTES] = {1}, first[CARD_TAG_BYTES],
		      second[CARD_TAG_BYTES];

	(void)state;
	fill();
	assert_int_equal(card_tag(challenge, key, first), ERR_NONE);
	challenge[0] ^= 1;
	assert_int_equal(card_tag(challenge, key, second), ERR_NONE);
	assert_memory_not_equal(first, second, CARD_TAG_BYTES);
	challenge[0] ^= 1;
	key[0] ^= 1;
	assert_int_equal(card_tag(challenge, key, second), ERR_NONE);
	assert_memory_not_equal(first, second, CARD_TAG_BYTES);
}

static void test_invitations_as_they_count(void **state)
{
	static const char *const none[] = {"", "ABCD-EFGH-IJK",
	    "ABCD-EFGH-IJKLM", "ABCD-EFGH-IJK1", "ABCD_EFGH-IJKL",
	    "ABCDEFGHIJK\xc3", "abcd EFGH--234567 "};
	static const char good[] = "abcd EFGH--2347 and more";
	char code[CARD_INVITATION_CHARACTERS + 1] = "x";

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_int_equal(
		    card_invitation_read(none[i], strlen(none[i]), code),
		    ERR_INVALID);
	assert_string_equal(code, "x");
	assert_int_equal(card_invitation_read(good, 16, code), ERR_NONE);
	assert_string_equal(code, "ABCDEFGH2347");
}

static void test_algorithms_have_the_contracts_names(void **state)
{
	(void)state;
	assert_int_equal(card_algorithm_from_text("rsa-pkcs1-sha256"),
	    CARD_RSA_PKCS1_SHA256);
	assert_int_equal(
	    card_algorithm_from_text("ecdsa-sha256"), CARD_ECDSA_SHA256);
	assert_int_equal(
	    card_algorithm_from_text("rsa-pss-sha256"), CARD_ALGORITHM_NONE);
	assert_string_equal(
	    card_algorithm_text(CARD_ECDSA_SHA256), "ecdsa-sha256");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_login_message_is_the_contracts),
	    cmocka_unit_test(test_enrolment_never_passes_for_a_login),
	    cmocka_unit_test(
		test_longest_names_fit_and_longer_ones_are_refused),
	    cmocka_unit_test(test_a_tag_depends_on_key_and_challenge),
	    cmocka_unit_test(test_invitations_as_they_count),
	    cmocka_unit_test(test_algorithms_have_the_contracts_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
