/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens from hand to hand: what one that is lent, back or given up opens.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/store/subject.h"
#include "tests/unit/store_fixture.h"

/* A spare that should have been back opens nothing. */
static void test_loan_that_is_over(void **state)
{
	struct fixture *f = *state;
	struct person person = fixture_person("s1");
	struct subject subject;
	struct token token;

	COMMITTED(f->store, person_add(f->store, &person));
	token = fixture_token(person.id, "12345678901234567890");
	token.loan_until = NOW_S;
	COMMITTED(f->store, token_add(f->store, &token, &FIXTURE_DEED));
	for (int64_t now_s = NOW_S - 1; now_s <= NOW_S + 1; now_s++) {
		assert_int_equal(subject_load(f->store, &person, FACTOR_OTP, 1,
				     now_s, &subject),
		    ERR_NONE);
		assert_int_equal(subject.token_count, now_s < NOW_S);
		subject_wipe(&subject);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    STORE_TEST(test_loan_that_is_over),
	};

	return STORE_RUN("custody", tests);
}
