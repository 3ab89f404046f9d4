/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys, signatures, validity, usage and odd bytes: what a proof may be made
 * of. Whom it may come from is test_card_trust.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/card_look.h"

/* --- keys ---------------------------------------------------------------- */

static void check_key(EVP_PKEY *key, enum card_standing wanted)
{
	const struct maker_wish wish = {.key = key};

	assert_non_null(key);
	assert_int_equal(look_without_crl(&wish), wanted);
	EVP_PKEY_free(key);
}

static void keys_that_are_allowed(void **state)
{
	(void)state;
	check_key(EVP_RSA_gen(2048), CARD_GOOD);
	check_key(EVP_RSA_gen(3072), CARD_GOOD);
	check_key(EVP_RSA_gen(4096), CARD_GOOD);
	check_key(EVP_EC_gen("P-256"), CARD_GOOD);
	check_key(EVP_EC_gen("P-384"), CARD_GOOD);
}

static EVP_PKEY *rsa_with_exponent(unsigned long exponent)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	BIGNUM *number = BN_new();
	EVP_PKEY *key = NULL;

	BN_set_word(number, exponent);
	assert_int_equal(EVP_PKEY_keygen_init(context), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_bits(context, 2048), 1);
	assert_int_equal(
	    EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context, number), 1);
	assert_int_equal(EVP_PKEY_generate(context, &key), 1);
	EVP_PKEY_CTX_free(context);
	BN_free(number);
	return key;
}

static void keys_that_are_not(void **state)
{
	(void)state;
	check_key(EVP_RSA_gen(1024), CARD_FORGED);
	check_key(EVP_RSA_gen(2040), CARD_FORGED);
	check_key(EVP_EC_gen("P-521"), CARD_FORGED);
	check_key(EVP_EC_gen("P-224"), CARD_FORGED);
	check_key(EVP_EC_gen("secp256k1"), CARD_FORGED);
	check_key(rsa_with_exponent(3), CARD_GOOD);
	check_key(rsa_with_exponent(0x1000000000000001), CARD_FORGED);
}

/* P-256 written as its numbers. */
static void a_curve_without_a_name(void **state)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;

	(void)state;
	assert_int_equal(EVP_PKEY_keygen_init(context), 1);
	assert_int_equal(EVP_PKEY_CTX_set_group_name(context, "P-256"), 1);
	assert_int_equal(
	    EVP_PKEY_CTX_set_ec_param_enc(context, OPENSSL_EC_EXPLICIT_CURVE),
	    1);
	assert_int_equal(EVP_PKEY_generate(context, &key), 1);
	EVP_PKEY_CTX_free(context);
	check_key(key, CARD_FORGED);
}

/* The signature that fits a public key at infinity: made without any private
 * key, from the base point and the hash. */
static struct maker_bytes sign_without_a_key(void)
{
	EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	ECDSA_SIG *signature = ECDSA_SIG_new();
	BIGNUM *r = BN_new(), *s = NULL;
	unsigned char hash[32], *der = NULL;
	int length;

	assert_true(EVP_Digest(
	    message.bytes, message.length, hash, NULL, EVP_sha256(), NULL));
	s = BN_bin2bn(hash, sizeof(hash), NULL);
	assert_int_equal(EC_POINT_get_affine_coordinates(group,
			     EC_GROUP_get0_generator(group), r, NULL, NULL),
	    1);
	assert_int_equal(ECDSA_SIG_set0(signature, r, s), 1);
	length = i2d_ECDSA_SIG(signature, &der);
	ECDSA_SIG_free(signature);
	EC_GROUP_free(group);
	return maker_take(der, length);
}

static void a_key_that_is_no_point(void **state)
{
	const struct maker_wish wish = {.key = card_key};
	X509 *x509 = maker_issue(&wish, &town);
	unsigned char *infinity = OPENSSL_zalloc(1);

	(void)state;
	assert_int_equal(
	    X509_PUBKEY_set0_param(X509_get_X509_PUBKEY(x509),
		OBJ_nid2obj(NID_X9_62_id_ecPublicKey), V_ASN1_OBJECT,
		OBJ_nid2obj(NID_X9_62_prime256v1), infinity, 1),
	    1);
	assert_true(X509_sign(x509, town.key, EVP_sha256()) > 0);
	assert_int_equal(look(trust(&town, false, NULL), x509,
			     sign_without_a_key(), CARD_ECDSA_SHA256),
	    CARD_FORGED);
}

static void a_key_for_pss_alone(void **state)
{
	EVP_PKEY_CTX *context =
	    EVP_PKEY_CTX_new_from_name(NULL, "RSA-PSS", NULL);
	EVP_PKEY *key = NULL;

	(void)state;
	assert_int_equal(EVP_PKEY_keygen_init(context), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_bits(context, 2048), 1);
	assert_int_equal(EVP_PKEY_generate(context, &key), 1);
	EVP_PKEY_CTX_free(context);
	check_key(key, CARD_FORGED);
}

/* --- signatures ---------------------------------------------------------- */

static void signatures_that_are_none(void **state)
{
	EVP_PKEY *rsa = EVP_RSA_gen(2048);
	const struct maker_wish with_rsa = {.key = rsa};
	const struct maker_wish wish = {.key = card_key};
	struct maker_bytes bad;

	(void)state;
	/* another padding, another hash */
	assert_int_equal(
	    look(trust(&town, false, NULL), maker_issue(&with_rsa, &town),
		sign(rsa, EVP_sha256(), true), CARD_RSA_PKCS1_SHA256),
	    CARD_FORGED);
	assert_int_equal(
	    look(trust(&town, false, NULL), maker_issue(&with_rsa, &town),
		sign(rsa, EVP_sha1(), false), CARD_RSA_PKCS1_SHA256),
	    CARD_FORGED);
	/* another algorithm than the key's */
	assert_int_equal(
	    look(trust(&town, false, NULL), maker_issue(&with_rsa, &town),
		sign(rsa, EVP_sha256(), false), CARD_ECDSA_SHA256),
	    CARD_FORGED);
	assert_int_equal(
	    look(trust(&town, false, NULL), maker_issue(&with_rsa, &town),
		sign(rsa, EVP_sha256(), false), CARD_ALGORITHM_NONE),
	    CARD_FORGED);
	/* one bit */
	bad = sign(card_key, EVP_sha256(), false);
	bad.bytes[bad.length - 1] ^= 1;
	assert_int_equal(look(trust(&town, false, NULL),
			     maker_issue(&wish, &town), bad, CARD_ECDSA_SHA256),
	    CARD_FORGED);
	/* a byte more, none at all, far too many */
	bad = sign(card_key, EVP_sha256(), false);
	bad.bytes[bad.length++] = 0;
	assert_int_equal(look(trust(&town, false, NULL),
			     maker_issue(&wish, &town), bad, CARD_ECDSA_SHA256),
	    CARD_FORGED);
	assert_int_equal(
	    look(trust(&town, false, NULL), maker_issue(&wish, &town),
		(struct maker_bytes){NULL, 0}, CARD_ECDSA_SHA256),
	    CARD_FORGED);
	bad = sign(card_key, EVP_sha256(), false);
	bad.length = 1024;
	assert_int_equal(look(trust(&town, false, NULL),
			     maker_issue(&wish, &town), bad, CARD_ECDSA_SHA256),
	    CARD_FORGED);
	EVP_PKEY_free(rsa);
}

static void the_victims_certificate_with_the_attackers_key(void **state)
{
	EVP_PKEY *attacker = EVP_EC_gen("P-256");
	const struct maker_wish victim = {.key = card_key};

	(void)state;
	assert_int_equal(
	    look(trust(&town, false, NULL), maker_issue(&victim, &town),
		sign(attacker, EVP_sha256(), false), CARD_ECDSA_SHA256),
	    CARD_FORGED);
	EVP_PKEY_free(attacker);
}

static void another_message(void **state)
{
	const struct maker_wish wish = {.key = card_key};
	struct card_authorities *trusted = trust(&town, false, NULL);
	struct maker_bytes der = maker_x509_der(maker_issue(&wish, &town));
	struct maker_bytes signature = sign(card_key, EVP_sha256(), false);
	const struct card_proof proof = {der.bytes, der.length, signature.bytes,
	    signature.length, CARD_ECDSA_SHA256};
	struct card_message changed = message;
	struct card_evidence evidence;

	(void)state;
	changed.bytes[3] ^= 1;
	card_verify(trusted, &proof, &changed, MAKER_NOW, &evidence);
	assert_int_equal(evidence.standing, CARD_FORGED);
	changed = message;
	changed.length--;
	card_verify(trusted, &proof, &changed, MAKER_NOW, &evidence);
	assert_int_equal(evidence.standing, CARD_FORGED);
	card_verify(NULL, &proof, &message, MAKER_NOW, &evidence);
	assert_int_equal(evidence.standing, CARD_UNTRUSTED);
	assert_int_equal(
	    evidence.valid_until, MAKER_NOW + 3650 * (int64_t)MAKER_DAY);
	card_authorities_free(trusted);
	free(der.bytes);
	free(signature.bytes);
}

/* --- validity and usage -------------------------------------------------- */

static void times(void **state)
{
	struct maker_wish wish = {.key = card_key};

	(void)state;
	wish.from = MAKER_NOW + 1;
	assert_int_equal(look_without_crl(&wish), CARD_NOT_YET);
	wish.from = MAKER_NOW - 1;
	assert_int_equal(look_without_crl(&wish), CARD_GOOD);
	wish.until = MAKER_NOW + 1;
	assert_int_equal(look_without_crl(&wish), CARD_GOOD);
	wish.until = MAKER_NOW - 1;
	assert_int_equal(look_without_crl(&wish), CARD_EXPIRED);
	wish.from = MAKER_NOW - 400 * MAKER_DAY;
	wish.until = MAKER_NOW - 40 * MAKER_DAY;
	assert_int_equal(look_without_crl(&wish), CARD_EXPIRED);
}

static void usage(void **state)
{
	static const struct {
		const char *usage, *extended;
		enum card_standing wanted;
	} rows[] = {
	    {"", NULL, CARD_GOOD},
	    {"critical,digitalSignature", "clientAuth", CARD_GOOD},
	    {"digitalSignature,nonRepudiation",
		"serverAuth,1.3.6.1.4.1.311.20.2.2", CARD_GOOD},
	    {"digitalSignature", "anyExtendedKeyUsage", CARD_GOOD},
	    {"", "critical,clientAuth,emailProtection", CARD_GOOD},
	    {"critical,nonRepudiation", NULL, CARD_USAGE},
	    {"critical,keyEncipherment", "clientAuth", CARD_USAGE},
	    {"critical,digitalSignature", "serverAuth", CARD_USAGE},
	    {"critical,digitalSignature", "critical,emailProtection",
		CARD_USAGE},
	    {"", "1.2.3.4", CARD_USAGE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct maker_wish wish = {.key = card_key,
		    .usage = rows[i].usage,
		    .extended = rows[i].extended};

		assert_int_equal(look_without_crl(&wish), rows[i].wanted);
	}
}

static void a_ca_as_a_person(void **state)
{
	const struct maker_wish below = {.key = card_key,
	    .constraints = "critical,CA:TRUE",
	    .usage = "critical,digitalSignature,keyCertSign"};

	(void)state;
	assert_int_equal(look_without_crl(&below), CARD_USAGE);
	X509_up_ref(town.x509);
	assert_true(look(trust(&town, false, NULL), town.x509,
			sign(town.key, EVP_sha256(), false),
			CARD_ECDSA_SHA256) != CARD_GOOD);
}

static void what_nobody_understands(void **state)
{
	const struct maker_wish unknown = {.key = card_key, .unknown = "x"};
	const struct maker_wish odd = {
	    .key = card_key, .extended = "clientAuth", .digest = EVP_sha1()};

	(void)state;
	assert_int_equal(look_without_crl(&unknown), CARD_UNTRUSTED);
	assert_int_equal(look_without_crl(&odd), CARD_UNTRUSTED); /* SHA-1 */
}

/* --- bytes --------------------------------------------------------------- */

static enum card_standing look_at_bytes(const void *bytes, size_t length)
{
	struct card_authorities *trusted = trust(&town, false, NULL);
	struct maker_bytes signature = sign(card_key, EVP_sha256(), false);
	const struct card_proof proof = {bytes, length, signature.bytes,
	    signature.length, CARD_ECDSA_SHA256};
	struct card_evidence evidence;

	card_verify(trusted, &proof, &message, MAKER_NOW, &evidence);
	assert_int_equal(ERR_peek_error(), 0);
	if (evidence.standing != CARD_FORGED)
		assert_int_equal(
		    card_certificate_stand(trusted, bytes, length, MAKER_NOW),
		    evidence.standing);
	card_authorities_free(trusted);
	free(signature.bytes);
	return evidence.standing;
}

static void odd_bytes(void **state)
{
	const struct maker_wish wish = {.key = card_key};
	struct maker_bytes der = maker_x509_der(maker_issue(&wish, &town));
	unsigned char *room = calloc(1, CARD_CERTIFICATE_BYTES_MAX + 1);
	static const unsigned char giant[] = {
	    0x30, 0x84, 0x7f, 0xff, 0xff, 0xff, 0x30, 0x03};
	static const unsigned char endless[] = {0x30, 0x80, 0x30, 0x80, 0, 0};

	(void)state;
	assert_int_equal(look_at_bytes(der.bytes, der.length), CARD_GOOD);
	memcpy(room, der.bytes, der.length);
	assert_int_equal(look_at_bytes(room, der.length + 1), CARD_FORGED);
	assert_int_equal(
	    look_at_bytes(room, CARD_CERTIFICATE_BYTES_MAX + 1), CARD_FORGED);
	for (size_t length = 0; length < der.length; length++) {
		memcpy(room, der.bytes, length);
		assert_int_equal(look_at_bytes(room, length), CARD_FORGED);
	}
	assert_int_equal(look_at_bytes(giant, sizeof(giant)), CARD_FORGED);
	assert_int_equal(look_at_bytes(endless, sizeof(endless)), CARD_FORGED);
	assert_int_equal(look_at_bytes(NULL, 0), CARD_FORGED);
	free(room);
	free(der.bytes);
}

/* Whatever one changed bit makes of it, it is not the CA's any more. */
static void one_bit(void **state)
{
	const struct maker_wish wish = {.key = card_key};
	struct maker_bytes der = maker_x509_der(maker_issue(&wish, &town));

	(void)state;
	for (size_t at = 0; at < der.length; at++) {
		der.bytes[at] ^= 1 << at % 8;
		assert_true(look_at_bytes(der.bytes, der.length) != CARD_GOOD);
		der.bytes[at] ^= 1 << at % 8;
	}
	free(der.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keys_that_are_allowed),
	    cmocka_unit_test(keys_that_are_not),
	    cmocka_unit_test(a_curve_without_a_name),
	    cmocka_unit_test(a_key_that_is_no_point),
	    cmocka_unit_test(a_key_for_pss_alone),
	    cmocka_unit_test(signatures_that_are_none),
	    cmocka_unit_test(the_victims_certificate_with_the_attackers_key),
	    cmocka_unit_test(another_message),
	    cmocka_unit_test(times),
	    cmocka_unit_test(usage),
	    cmocka_unit_test(a_ca_as_a_person),
	    cmocka_unit_test(what_nobody_understands),
	    cmocka_unit_test(odd_bytes),
	    cmocka_unit_test(one_bit),
	};

	return cmocka_run_group_tests(tests, make_cas, free_cas);
}
