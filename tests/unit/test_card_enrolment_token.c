/* SPDX-License-Identifier: Apache-2.0 */
/* A token is good for its terminal, for its time, and only as it was made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/card_enrolment_token.h"
#include "tests/unit/store_fixture.h"

static const unsigned char terminal[CERTIFICATE_HASH_BYTES] = "one";
static const unsigned char other[CERTIFICATE_HASH_BYTES] = "other";
static const unsigned char challenge[CARD_CHALLENGE_BYTES] = "challenge";

static void test_there_and_back(void **state)
{
	struct fixture *f = *state;
	char text[CARD_ENROLMENT_TOKEN_SIZE];
	unsigned char back[CARD_CHALLENGE_BYTES] = "";

	assert_int_equal(card_enrolment_token_write(
			     f->store, terminal, NOW_S + 300, challenge, text),
	    ERR_NONE);
	assert_int_equal(
	    card_enrolment_token_read(f->store, other, NOW_S, text, back),
	    ERR_NOT_FOUND);
	assert_int_equal(card_enrolment_token_read(
			     f->store, terminal, NOW_S + 300, text, back),
	    ERR_NOT_FOUND);
	assert_int_equal(back[0], 0);
	assert_int_equal(card_enrolment_token_read(
			     f->store, terminal, NOW_S + 299, text, back),
	    ERR_NONE);
	assert_memory_equal(back, challenge, sizeof(back));
	fixture_reopen(f); /* the key is the store's, and stays */
	assert_int_equal(
	    card_enrolment_token_read(f->store, terminal, NOW_S, text, back),
	    ERR_NONE);
}

static void test_any_change(void **state)
{
	struct fixture *f = *state;
	char text[CARD_ENROLMENT_TOKEN_SIZE];
	unsigned char back[CARD_CHALLENGE_BYTES];

	assert_int_equal(card_enrolment_token_write(
			     f->store, terminal, NOW_S + 300, challenge, text),
	    ERR_NONE);
	for (size_t i = 0; text[i]; i++) {
		char was = text[i];

		text[i] = was == 'A' ? 'B' : 'A';
		assert_int_equal(card_enrolment_token_read(
				     f->store, terminal, NOW_S, text, back),
		    ERR_NOT_FOUND);
		text[i] = '\0';
		assert_int_equal(card_enrolment_token_read(
				     f->store, terminal, NOW_S, text, back),
		    ERR_NOT_FOUND);
		text[i] = was;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    STORE_TEST(test_there_and_back),
	    STORE_TEST(test_any_change),
	};

	return STORE_RUN("card_enrolment_token", tests);
}
