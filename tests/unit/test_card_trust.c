/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose certificates are believed: CAs that are trusted or not, their doubles,
 * and CRLs that are missing, stale or of somebody else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/card_look.h"

/* --- who issued it ------------------------------------------------------- */

static void a_foreign_ca(void **state)
{
	const struct maker_wish wish = {.key = card_key};
	struct maker_wish self = {.key = card_key, .subject = "Town CA"};

	(void)state;
	assert_int_equal(
	    look_at(trust(&other, false, NULL), &wish), CARD_UNTRUSTED);
	assert_int_equal(look_at(NULL, &wish), CARD_UNTRUSTED);
	assert_int_equal(
	    look(trust(&town, false, NULL), maker_issue(&self, NULL),
		sign(card_key, EVP_sha256(), false), CARD_ECDSA_SHA256),
	    CARD_UNTRUSTED);
}

/* A CA that is not trusted signs certificates for one that is. */
static void an_intermediate_is_not_fetched(void **state)
{
	struct maker_ca below = {.key = EVP_EC_gen("P-256")};
	const struct maker_wish ca = {.subject = "Below",
	    .key = below.key,
	    .constraints = "critical,CA:TRUE",
	    .usage = "critical,keyCertSign"};
	const struct maker_wish wish = {.key = card_key};

	(void)state;
	below.x509 = maker_issue(&ca, &town);
	assert_int_equal(
	    look(trust(&town, false, NULL), maker_issue(&wish, &below),
		sign(card_key, EVP_sha256(), false), CARD_ECDSA_SHA256),
	    CARD_UNTRUSTED);
	/* trusted itself, without its own CA, it is enough */
	assert_int_equal(
	    look(trust(&below, false, NULL), maker_issue(&wish, &below),
		sign(card_key, EVP_sha256(), false), CARD_ECDSA_SHA256),
	    CARD_GOOD);
	maker_ca_free(&below);
}

static void a_ca_that_has_ended(void **state)
{
	struct maker_ca ended = {.key = EVP_EC_gen("P-256")};
	const struct maker_wish ca = {.subject = "Ended",
	    .key = ended.key,
	    .from = MAKER_NOW - 200 * MAKER_DAY,
	    .until = MAKER_NOW - MAKER_DAY,
	    .constraints = "critical,CA:TRUE",
	    .usage = "critical,keyCertSign"};
	const struct maker_wish wish = {.key = card_key};

	(void)state;
	ended.x509 = maker_issue(&ca, NULL);
	assert_int_equal(
	    look(trust(&ended, false, NULL), maker_issue(&wish, &ended),
		sign(card_key, EVP_sha256(), false), CARD_ECDSA_SHA256),
	    CARD_UNTRUSTED);
	maker_ca_free(&ended);
}

static struct card_authorities *trust_both(
    bool first_needs_crl, bool second_needs_crl)
{
	struct maker_bytes first = maker_ca_der(&town);
	struct maker_bytes second = maker_ca_der(&twin);
	const struct card_authority rows[] = {
	    {first.bytes, first.length, first_needs_crl, NULL, 0},
	    {second.bytes, second.length, second_needs_crl, NULL, 0},
	};
	struct card_authorities *trusted = NULL;

	assert_int_equal(card_authorities_new(rows, 2, &trusted), ERR_NONE);
	free(first.bytes);
	free(second.bytes);
	return trusted;
}

/* With and without the identifiers by which OpenSSL tells them apart. */
static void a_ca_of_the_same_name(void **state)
{
	struct maker_wish wish = {.key = card_key};
	X509 *(*issue)(const struct maker_wish *, const struct maker_ca *) =
	    maker_issue;

	(void)state;
	for (int plain = 0; plain < 2; plain++) {
		wish.no_identifiers = plain;
		assert_int_equal(
		    look(trust(&town, false, NULL), issue(&wish, &twin),
			sign(card_key, EVP_sha256(), false), CARD_ECDSA_SHA256),
		    CARD_UNTRUSTED);
		/* both trusted: each certificate is its own CA's */
		assert_int_equal(
		    look(trust_both(false, false), issue(&wish, &twin),
			sign(card_key, EVP_sha256(), false), CARD_ECDSA_SHA256),
		    CARD_GOOD);
		/* and under its own CA's rule */
		assert_int_equal(
		    look(trust_both(false, true), issue(&wish, &twin),
			sign(card_key, EVP_sha256(), false), CARD_ECDSA_SHA256),
		    CARD_CRL_MISSING);
		assert_int_equal(
		    look(trust_both(false, true), issue(&wish, &town),
			sign(card_key, EVP_sha256(), false), CARD_ECDSA_SHA256),
		    CARD_GOOD);
	}
}

/* --- CRLs ---------------------------------------------------------------- */

static void revocation(void **state)
{
	const long listed[] = {3, 7, 12, 0}, unlisted[] = {3, 8, 12, 0};
	const struct maker_wish wish = {.key = card_key, .serial = 7};

	(void)state;
	assert_int_equal(
	    look_at(trust(&town, true, fresh_crl(NULL)), &wish), CARD_GOOD);
	assert_int_equal(
	    look_at(trust(&town, true, fresh_crl(unlisted)), &wish), CARD_GOOD);
	assert_int_equal(look_at(trust(&town, true, fresh_crl(listed)), &wish),
	    CARD_REVOKED);
	/* trusted without CRL, none is looked at */
	assert_int_equal(
	    look_at(trust(&town, false, fresh_crl(listed)), &wish), CARD_GOOD);
}

static void a_crl_that_is_not_fresh(void **state)
{
	const long listed[] = {1, 0};
	const struct maker_wish wish = {.key = card_key};

	(void)state;
	assert_int_equal(
	    look_at(trust(&town, true, NULL), &wish), CARD_CRL_MISSING);
	assert_int_equal(
	    look_at(trust(&town, true,
			maker_crl(&town, town.key, MAKER_NOW - 9 * MAKER_DAY,
			    MAKER_NOW - 1, NULL)),
		&wish),
	    CARD_CRL_STALE);
	assert_int_equal(
	    look_at(trust(&town, true,
			maker_crl(&town, town.key, MAKER_NOW - 9 * MAKER_DAY,
			    MAKER_NOW, NULL)),
		&wish),
	    CARD_CRL_STALE);
	assert_int_equal(look_at(trust(&town, true,
				     maker_crl(&town, town.key,
					 MAKER_NOW - MAKER_DAY, 0, NULL)),
			     &wish),
	    CARD_CRL_STALE); /* it never says when it ends */
	assert_int_equal(
	    look_at(trust(&town, true,
			maker_crl(&town, town.key, MAKER_NOW + MAKER_DAY,
			    MAKER_NOW + 2 * MAKER_DAY, NULL)),
		&wish),
	    CARD_CRL_STALE); /* from the future */
	assert_int_equal(
	    look_at(trust(&town, true,
			maker_crl(&town, town.key, MAKER_NOW - 9 * MAKER_DAY,
			    MAKER_NOW - 1, listed)),
		&wish),
	    CARD_REVOKED); /* stale, but it says so */
}

static void a_crl_of_somebody_else(void **state)
{
	const struct maker_wish wish = {.key = card_key};

	(void)state;
	assert_int_equal(
	    look_at(trust(&town, true,
			maker_crl(&other, other.key, MAKER_NOW - MAKER_DAY,
			    MAKER_NOW + MAKER_DAY, NULL)),
		&wish),
	    CARD_CRL_MISSING);
	/* the same name, another key */
	assert_int_equal(
	    look_at(trust(&town, true,
			maker_crl(&twin, twin.key, MAKER_NOW - MAKER_DAY,
			    MAKER_NOW + MAKER_DAY, NULL)),
		&wish),
	    CARD_CRL_MISSING);
}

/* The part of a CA's certificates that it is about is not this one. */
static void a_crl_of_another_scope(void **state)
{
	const struct maker_wish wish = {.key = card_key};
	X509_CRL *crl = fresh_crl(NULL);
	ISSUING_DIST_POINT *scope = ISSUING_DIST_POINT_new();

	(void)state;
	scope->onlyCA = 0xff;
	assert_int_equal(X509_CRL_add1_ext_i2d(
			     crl, NID_issuing_distribution_point, scope, 1, 0),
	    1);
	assert_true(X509_CRL_sign(crl, town.key, EVP_sha256()) > 0);
	ISSUING_DIST_POINT_free(scope);
	assert_int_equal(
	    look_at(trust(&town, true, crl), &wish), CARD_CRL_MISSING);
}

static void check_outlook(
    struct card_authorities *trusted, int64_t due, int64_t until)
{
	struct card_crl_outlook outlook = card_authorities_outlook(trusted);

	assert_int_equal(outlook.due, due);
	assert_int_equal(outlook.until, until);
	card_authorities_free(trusted);
}

static void when_the_first_crl_ends(void **state)
{
	(void)state;
	check_outlook(NULL, INT64_MAX, INT64_MAX);
	check_outlook(trust(&town, false, NULL), INT64_MAX, INT64_MAX);
	check_outlook(trust(&town, true, NULL), 0, 0);
	check_outlook(trust_both(false, true), 0, 0);
	check_outlook(trust(&town, true, fresh_crl(NULL)),
	    MAKER_NOW + MAKER_DAY / 2, MAKER_NOW + MAKER_DAY);
	check_outlook(
	    trust(&town, true,
		maker_crl(&town, town.key, MAKER_NOW - MAKER_DAY, 0, NULL)),
	    0, 0);
	check_outlook(
	    trust(&town, true,
		maker_crl(&other, other.key, MAKER_NOW, MAKER_NOW + 9, NULL)),
	    0, 0);
}

static void too_many_authorities(void **state)
{
	static struct card_authority rows[CARD_AUTHORITIES_MAX + 1];
	struct card_authorities *trusted = NULL;

	(void)state;
	assert_int_equal(
	    card_authorities_new(rows, CARD_AUTHORITIES_MAX + 1, &trusted),
	    ERR_FULL);
	assert_int_equal(card_authorities_new(rows, 1, &trusted), ERR_INVALID);
	assert_null(trusted);
	card_authorities_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_foreign_ca),
	    cmocka_unit_test(an_intermediate_is_not_fetched),
	    cmocka_unit_test(a_ca_that_has_ended),
	    cmocka_unit_test(a_ca_of_the_same_name),
	    cmocka_unit_test(revocation),
	    cmocka_unit_test(a_crl_that_is_not_fresh),
	    cmocka_unit_test(a_crl_of_somebody_else),
	    cmocka_unit_test(a_crl_of_another_scope),
	    cmocka_unit_test(when_the_first_crl_ends),
	    cmocka_unit_test(too_many_authorities),
	};

	return cmocka_run_group_tests(tests, make_cas, free_cas);
}
