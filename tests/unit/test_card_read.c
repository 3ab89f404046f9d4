/* SPDX-License-Identifier: Apache-2.0 */
/* What an officer may hand over, in both forms, and what he is told of the
 * rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/err.h>
#include <stdio.h>

#include "server/keys/card_verify.h"
#include "tests/unit/card_maker.h"

static struct maker_ca town;
static EVP_PKEY *card_key;

static int make_ca(void **state)
{
	(void)state;
	town = maker_ca_new("Town CA");
	card_key = EVP_EC_gen("P-256");
	return 0;
}

static int free_ca(void **state)
{
	(void)state;
	maker_ca_free(&town);
	EVP_PKEY_free(card_key);
	return 0;
}

/* --- a person's ---------------------------------------------------------- */

/* NULL: taken. Frees the bytes. */
static void check_person(struct maker_bytes given, const char *wanted)
{
	char problem[CARD_PROBLEM_SIZE] = "";
	struct card_certificate kept = {0};
	unsigned char *der = NULL;
	size_t length = 0;
	enum err err = card_certificate_read(
	    given.bytes, given.length, &kept, &der, &length, problem);

	assert_int_equal(ERR_peek_error(), 0);
	assert_int_equal(err, wanted ? ERR_INVALID : ERR_NONE);
	if (wanted) {
		assert_non_null(strstr(problem, wanted));
		assert_null(der);
	} else {
		struct card_certificate again;

		assert_string_equal(kept.subject, "CN=alice");
		assert_string_equal(kept.issuer, "CN=Town CA");
		assert_int_equal(kept.valid_from, MAKER_NOW - MAKER_DAY);
		assert_int_equal(
		    card_certificate_describe(der, length, &again), ERR_NONE);
		assert_memory_equal(&kept, &again, sizeof(kept));
	}
	free(der);
	free(given.bytes);
}

static struct maker_bytes person(const char *usage, EVP_PKEY *key)
{
	const struct maker_wish wish = {.key = key, .usage = usage};

	return maker_x509_der(maker_issue(&wish, &town));
}

static struct maker_bytes join(struct maker_bytes a, struct maker_bytes b)
{
	struct maker_bytes out = {
	    malloc(a.length + b.length), a.length + b.length};

	memcpy(out.bytes, a.bytes, a.length);
	memcpy(out.bytes + a.length, b.bytes, b.length);
	free(a.bytes);
	free(b.bytes);
	return out;
}

static struct maker_bytes text(const char *bytes)
{
	return (struct maker_bytes){
	    (unsigned char *)strdup(bytes), strlen(bytes)};
}

static void persons(void **state)
{
	EVP_PKEY *weak = EVP_RSA_gen(1024);

	(void)state;
	check_person(person(NULL, card_key), NULL);
	check_person(maker_pem("CERTIFICATE", person(NULL, card_key)), NULL);
	check_person(join(text("Bag Attributes\n  friendlyName: 1\n"),
			 maker_pem("CERTIFICATE", person(NULL, card_key))),
	    NULL);
	check_person(maker_ca_der(&town), "of a CA");
	check_person(person("nonRepudiation", card_key), "for authentication");
	check_person(person(NULL, weak), "key cannot be used");
	check_person(text("hello"), "no certificate");
	check_person(text(""), "no certificate");
	check_person(text("-----BEGIN CERTIFICATE-----\n"), "no certificate");
	check_person(join(person(NULL, card_key), text("\n")), "no cert");
	check_person(join(maker_pem("CERTIFICATE", person(NULL, card_key)),
			 maker_pem("CERTIFICATE", maker_ca_der(&town))),
	    "one certificate");
	check_person(
	    maker_pem("PRIVATE KEY", person(NULL, card_key)), "no certificate");
	EVP_PKEY_free(weak);
}

/* Of the two dates in UTCTime, the end. */
static void a_date_that_is_none(void **state)
{
	struct maker_bytes der = person(NULL, card_key);
	unsigned char *date = memmem(der.bytes, der.length, "\x17\x0d", 2);

	(void)state;
	date = memmem(date + 2, 32, "\x17\x0d", 2);
	assert_non_null(date);
	date[4] = '/';
	check_person(der, "dates cannot be read");
}

static void a_long_name(void **state)
{
	char name[600] = "";
	struct maker_wish wish = {.key = card_key, .subject = name};
	struct maker_bytes der;
	struct card_certificate kept;

	(void)state;
	for (int i = 0; i < 100; i++)
		strcat(name, "市");
	der = maker_x509_der(maker_issue(&wish, &town));
	assert_int_equal(
	    card_certificate_describe(der.bytes, der.length, &kept), ERR_NONE);
	assert_true(strlen(kept.subject) > CARD_NAME_SIZE - 8);
	assert_memory_equal(kept.subject, "CN=市", 6);
	assert_string_equal(kept.subject + strlen(kept.subject) - 6, "市...");
	free(der.bytes);
}

/* Nothing in a name reaches a terminal as it is. */
static void a_hostile_name(void **state)
{
	struct maker_wish wish = {
	    .key = card_key, .subject = "a\x1b[2Jb,O=x\n\xc2\x9b\\"};
	struct maker_bytes der = maker_x509_der(maker_issue(&wish, &town));
	struct card_certificate kept;

	(void)state;
	assert_int_equal(
	    card_certificate_describe(der.bytes, der.length, &kept), ERR_NONE);
	assert_string_equal(kept.subject, "CN=a\\1B[2Jb\\,O=x\\0A\\C2\\9B\\\\");
	free(der.bytes);
}

/* --- a CA's -------------------------------------------------------------- */

/* NULL: taken. Frees the bytes; crl may be none. */
static void check_authority(
    struct maker_bytes ca, struct maker_bytes crl, const char *wanted)
{
	char problem[CARD_PROBLEM_SIZE] = "";
	unsigned char *ca_der = NULL, *crl_der = NULL;
	size_t ca_length = 0, crl_length = 0;
	int64_t from = 1, until = 1;
	enum err err =
	    card_authority_read(ca.bytes, ca.length, crl.bytes, crl.length,
		MAKER_NOW, &ca_der, &ca_length, &crl_der, &crl_length, problem);

	assert_int_equal(ERR_peek_error(), 0);
	assert_int_equal(err, wanted ? ERR_INVALID : ERR_NONE);
	if (wanted) {
		assert_non_null(strstr(problem, wanted));
		assert_null(ca_der);
		assert_null(crl_der);
	} else {
		assert_true(ca_length > 0);
		assert_int_equal(crl_length > 0, crl.length > 0);
		card_crl_dates(crl_der, crl_length, &from, &until);
		assert_int_equal(from, crl.length ? MAKER_NOW - MAKER_DAY : 0);
		assert_int_equal(until, crl.length ? MAKER_NOW + MAKER_DAY : 0);
	}
	free(ca_der);
	free(crl_der);
	free(ca.bytes);
	free(crl.bytes);
}

static struct maker_bytes crl(EVP_PKEY *key, int64_t from, int64_t until)
{
	return maker_crl_der(maker_crl(&town, key, from, until, NULL));
}

static struct maker_bytes fresh_crl(void)
{
	return crl(town.key, MAKER_NOW - MAKER_DAY, MAKER_NOW + MAKER_DAY);
}

static void authorities(void **state)
{
	const struct maker_bytes none = {0};
	struct maker_wish wish = {
	    .key = town.key, .constraints = "CA:TRUE", .usage = "keyCertSign"};

	(void)state;
	check_authority(maker_ca_der(&town), none, NULL);
	check_authority(maker_ca_der(&town), fresh_crl(), NULL);
	check_authority(maker_pem("CERTIFICATE", maker_ca_der(&town)),
	    maker_pem("X509 CRL", fresh_crl()), NULL);
	check_authority(text("x"), none, "no certificate");
	check_authority(person(NULL, card_key), none, "of a CA");
	wish.until = MAKER_NOW;
	check_authority(
	    maker_x509_der(maker_issue(&wish, NULL)), none, "not valid now");
	wish.until = 0;
	check_authority(maker_x509_der(maker_issue(&wish, NULL)), fresh_crl(),
	    "may not sign CRLs");
	wish.usage = "digitalSignature";
	check_authority(
	    maker_x509_der(maker_issue(&wish, NULL)), none, "of a CA");
}

static struct maker_bytes with_extension(X509_CRL *crl, int nid, void *value)
{
	assert_int_equal(X509_CRL_add1_ext_i2d(crl, nid, value, 1, 0), 1);
	assert_true(X509_CRL_sign(crl, town.key, EVP_sha256()) > 0);
	return maker_crl_der(crl);
}

static void crls_of_a_part(void **state)
{
	ISSUING_DIST_POINT *scope = ISSUING_DIST_POINT_new();
	ASN1_INTEGER *base = ASN1_INTEGER_new();

	(void)state;
	ASN1_INTEGER_set(base, 3);
	check_authority(maker_ca_der(&town),
	    with_extension(maker_crl(&town, town.key, MAKER_NOW - MAKER_DAY,
			       MAKER_NOW + MAKER_DAY, NULL),
		NID_delta_crl, base),
	    "full one");
	scope->onlyuser = 0xff;
	check_authority(maker_ca_der(&town),
	    with_extension(maker_crl(&town, town.key, MAKER_NOW - MAKER_DAY,
			       MAKER_NOW + MAKER_DAY, NULL),
		NID_issuing_distribution_point, scope),
	    NULL);
	scope->onlyuser = 0;
	scope->onlyCA = 0xff;
	check_authority(maker_ca_der(&town),
	    with_extension(maker_crl(&town, town.key, MAKER_NOW - MAKER_DAY,
			       MAKER_NOW + MAKER_DAY, NULL),
		NID_issuing_distribution_point, scope),
	    "full one");
	ISSUING_DIST_POINT_free(scope);
	ASN1_INTEGER_free(base);
}

static void crls(void **state)
{
	(void)state;
	check_authority(maker_ca_der(&town), text("x"), "no CRL");
	check_authority(maker_ca_der(&town), text(""), "no CRL");
	check_authority(maker_ca_der(&town), maker_ca_der(&town), "no CRL");
	check_authority(
	    maker_ca_der(&town), join(fresh_crl(), text("x")), "no CRL");
	/* the first might be the older one */
	check_authority(maker_ca_der(&town),
	    join(maker_pem("X509 CRL", fresh_crl()),
		maker_pem("X509 CRL", fresh_crl())),
	    "no CRL");
	check_authority(maker_ca_der(&town),
	    crl(card_key, MAKER_NOW - 1, MAKER_NOW + 1), "not signed");
	check_authority(maker_ca_der(&town),
	    crl(town.key, MAKER_NOW - 9, MAKER_NOW), "stale");
	check_authority(
	    maker_ca_der(&town), crl(town.key, MAKER_NOW - 9, 0), "nextUpdate");
	check_authority(maker_ca_der(&town),
	    crl(town.key, MAKER_NOW + 1, MAKER_NOW + 9), "time to come");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(persons),
	    cmocka_unit_test(a_date_that_is_none),
	    cmocka_unit_test(a_long_name),
	    cmocka_unit_test(a_hostile_name),
	    cmocka_unit_test(authorities),
	    cmocka_unit_test(crls),
	    cmocka_unit_test(crls_of_a_part),
	};

	return cmocka_run_group_tests(tests, make_ca, free_ca);
}
