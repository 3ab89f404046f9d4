/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which keys are read at all: those of three kinds, in certificates and in
 * requests, and nothing that is cut off or says another length.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/core_names.h>
#include <openssl/param_build.h>

#include "shared/key_shape.h"
#include "tests/unit/card_maker.h"

static EVP_PKEY *new_key(const char *type, const char *curve, bool numbers)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;

	assert_int_equal(EVP_PKEY_keygen_init(context), 1);
	if (curve)
		assert_int_equal(
		    EVP_PKEY_CTX_set_group_name(context, curve), 1);
	if (numbers)
		assert_int_equal(EVP_PKEY_CTX_set_ec_param_enc(
				     context, OPENSSL_EC_EXPLICIT_CURVE),
		    1);
	assert_int_equal(EVP_PKEY_generate(context, &key), 1);
	EVP_PKEY_CTX_free(context);
	return key;
}

static struct maker_bytes certificate_of(EVP_PKEY *key)
{
	struct maker_ca by = maker_ca_new("Town CA");
	const struct maker_wish wish = {.key = key};
	struct maker_bytes der = maker_x509_der(maker_issue(&wish, &by));

	maker_ca_free(&by);
	return der;
}

static struct maker_bytes request_of(EVP_PKEY *key)
{
	X509_REQ *request = X509_REQ_new();
	unsigned char *der = NULL;
	int length;

	assert_int_equal(X509_REQ_set_pubkey(request, key), 1);
	assert_true(X509_REQ_sign(request, key, EVP_sha256()) > 0);
	length = i2d_X509_REQ(request, &der);
	X509_REQ_free(request);
	return maker_take(der, length);
}

static void check(EVP_PKEY *key, bool wanted)
{
	struct maker_bytes certificate = certificate_of(key);
	struct maker_bytes request = request_of(key);

	assert_int_equal(
	    key_shape_of_certificate(certificate.bytes, certificate.length),
	    wanted);
	assert_int_equal(
	    key_shape_of_request(request.bytes, request.length), wanted);
	/* one is not the other */
	assert_false(
	    key_shape_of_request(certificate.bytes, certificate.length));
	assert_false(key_shape_of_certificate(request.bytes, request.length));
	free(certificate.bytes);
	free(request.bytes);
	EVP_PKEY_free(key);
}

static void kinds(void **state)
{
	(void)state;
	check(EVP_RSA_gen(2048), true);
	check(new_key("EC", "P-256", false), true);
	check(new_key("EC", "P-384", false), true);
	check(new_key("EC", "P-256", true), false);
	check(new_key("EC", "P-521", false), false);
	check(new_key("EC", "P-224", false), false);
	check(new_key("RSA-PSS", NULL, false), false);
}

/* Nobody has to know the factors of a modulus to show it. */
static EVP_PKEY *rsa_of(int bits)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	BIGNUM *modulus = BN_new(), *exponent = BN_new();
	OSSL_PARAM *numbers;
	EVP_PKEY *key = NULL;

	BN_rand(modulus, bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD);
	BN_set_word(exponent, 0x1ffffffff);
	OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus);
	OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent);
	numbers = OSSL_PARAM_BLD_to_param(builder);
	assert_int_equal(EVP_PKEY_fromdata_init(context), 1);
	assert_int_equal(
	    EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, numbers), 1);
	OSSL_PARAM_free(numbers);
	OSSL_PARAM_BLD_free(builder);
	EVP_PKEY_CTX_free(context);
	BN_free(modulus);
	BN_free(exponent);
	return key;
}

static void sizes(void **state)
{
	static const struct {
		int bits;
		bool wanted;
	} rows[] = {{2048, true}, {4096, true}, {8192, false}, {16384, false}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		EVP_PKEY *key = rsa_of(rows[i].bits);
		struct maker_bytes der = certificate_of(key);

		assert_int_equal(
		    key_shape_of_certificate(der.bytes, der.length),
		    rows[i].wanted);
		free(der.bytes);
		EVP_PKEY_free(key);
	}
}

/* In memory of just that length, for the sanitizers. */
static bool fits(const unsigned char *bytes, size_t length)
{
	unsigned char *copy = malloc(length ? length : 1);
	bool found;

	memcpy(copy, bytes, length);
	found = key_shape_of_certificate(copy, length);
	(void)key_shape_of_request(copy, length);
	free(copy);
	return found;
}

static void what_is_not_whole(void **state)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	struct maker_bytes der = certificate_of(key);

	(void)state;
	for (size_t i = 0; i < der.length; i++)
		assert_false(fits(der.bytes, i));
	for (size_t i = 0; i < der.length; i++) {
		der.bytes[i] ^= 0x80;
		(void)fits(der.bytes, der.length);
		der.bytes[i] ^= 0x80;
	}
	assert_true(fits(der.bytes, der.length));
	der.bytes[1] = 0x80; /* until an end mark, as BER may */
	assert_false(fits(der.bytes, der.length));
	free(der.bytes);
	EVP_PKEY_free(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(kinds),
	    cmocka_unit_test(sizes),
	    cmocka_unit_test(what_is_not_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
