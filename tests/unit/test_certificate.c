/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates there and back, hashes computed another way than by the code
 * under test, texts that are no certificate, and an OpenSSL error queue that
 * nobody else finds full.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/certificate.h"

static X509 *make_certificate(
    EVP_PKEY *key, const char *from, const char *until)
{
	X509 *certificate = X509_new();

	assert_non_null(certificate);
	assert_true(X509_set_version(certificate, 2));
	assert_true(ASN1_INTEGER_set(X509_get_serialNumber(certificate), 4711));
	assert_true(
	    ASN1_TIME_set_string_X509(X509_getm_notBefore(certificate), from));
	assert_true(
	    ASN1_TIME_set_string_X509(X509_getm_notAfter(certificate), until));
	assert_true(X509_set_pubkey(certificate, key));
	assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
	return certificate;
}

static void assert_queue_is_empty(void)
{
	assert_int_equal(ERR_peek_error(), 0);
}

static void hashes_as_openssl_does(void **state)
{
	EVP_PKEY *key = NULL;
	X509 *certificate = NULL;
	unsigned char got[CERTIFICATE_HASH_BYTES];
	unsigned char expected[EVP_MAX_MD_SIZE], *der = NULL;
	unsigned int size = 0;
	int length;

	(void)state;
	assert_int_equal(certificate_key_new(&key), ERR_NONE);
	certificate = make_certificate(key, "260101000000Z", "270101000000Z");
	assert_int_equal(certificate_fingerprint(certificate, got), ERR_NONE);
	assert_true(X509_digest(certificate, EVP_sha256(), expected, &size));
	assert_memory_equal(got, expected, sizeof(got));

	assert_int_equal(certificate_spki_hash(certificate, got), ERR_NONE);
	length = i2d_PUBKEY(key, &der);
	assert_true(length > 0);
	assert_true(EVP_Digest(
	    der, (size_t)length, expected, &size, EVP_sha256(), NULL));
	assert_memory_equal(got, expected, sizeof(got));
	OPENSSL_free(der);
	X509_free(certificate);
	EVP_PKEY_free(key);
}

/* A certificate without a key has no hash of one. */
static void refuses_to_hash_what_is_not_there(void **state)
{
	X509 *empty = X509_new();
	unsigned char got[CERTIFICATE_HASH_BYTES] = {0x5a};

	(void)state;
	assert_int_equal(certificate_spki_hash(empty, got), ERR_CRYPTO);
	assert_int_equal(certificate_fingerprint(empty, got), ERR_CRYPTO);
	assert_int_equal(got[0], 0x5a);
	assert_queue_is_empty();
	X509_free(empty);
}

static void reads_validity_as_unix_seconds(void **state)
{
	static const struct {
		const char *from, *until;
		int64_t from_s, until_s;
	} rows[] = {
	    {"700101000000Z", "700101000001Z", 0, 1},
	    {"260331150000Z", "491231235959Z", 1774969200, 2524607999},
	    {"20500101000000Z", "99991231235959Z", 2524608000, 253402300799},
	    {"691231235959Z", "380119031408Z", -1, 2147483648},
	};
	EVP_PKEY *key = NULL;

	(void)state;
	assert_int_equal(certificate_key_new(&key), ERR_NONE);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		X509 *certificate =
		    make_certificate(key, rows[i].from, rows[i].until);
		int64_t from = 4711, until = 4711;

		print_message("row %zu\n", i);
		assert_int_equal(
		    certificate_validity(certificate, &from, &until), ERR_NONE);
		assert_true(from == rows[i].from_s);
		assert_true(until == rows[i].until_s);
		X509_free(certificate);
	}
	EVP_PKEY_free(key);
}

static void goes_there_and_back(void **state)
{
	EVP_PKEY *key = NULL;
	X509 *certificate = NULL, *back = NULL;
	STACK_OF(X509) *stack = NULL;
	char *pem = NULL, twice[2 * CERTIFICATE_PEM_BYTES_MAX];

	(void)state;
	assert_int_equal(certificate_key_new(&key), ERR_NONE);
	certificate = make_certificate(key, "260101000000Z", "270101000000Z");
	assert_int_equal(certificate_to_pem(certificate, &pem), ERR_NONE);
	assert_int_equal(
	    certificate_from_pem(pem, strlen(pem), &back), ERR_NONE);
	assert_int_equal(X509_cmp(back, certificate), 0);
	snprintf(
	    twice, sizeof(twice), "before\n%sbetween\n%safter\n", pem, pem);
	assert_int_equal(
	    certificate_stack_from_pem(twice, strlen(twice), &stack), ERR_NONE);
	assert_int_equal(sk_X509_num(stack), 2);
	assert_queue_is_empty();
	sk_X509_pop_free(stack, X509_free);
	X509_free(back);
	X509_free(certificate);
	EVP_PKEY_free(key);
	free(pem);
}

static void refuses_what_is_no_certificate(void **state)
{
	static char big[CERTIFICATE_PEM_BYTES_MAX + 1];
	static const char *const rows[] = {
	    "",
	    "hello",
	    "-----BEGIN CERTIFICATE-----\n",
	    "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
	    "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
	    "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n",
	    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END PUBLIC KEY-----\n",
	    "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
	    "-----BEGIN CERTIFICATE-----\nProc-Type: 4,ENCRYPTED\n"
	    "DEK-Info: AES-256-CBC,00112233445566778899AABBCCDDEEFF\n\n"
	    "AAAAAAAAAAAAAAAAAAAAAA==\n-----END CERTIFICATE-----\n",
	};
	X509 *certificate = NULL;
	EVP_PKEY *key = NULL;
	STACK_OF(X509) *stack = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const size_t length = strlen(rows[i]);

		print_message("row %zu\n", i);
		assert_int_equal(
		    certificate_from_pem(rows[i], length, &certificate),
		    ERR_INVALID);
		assert_int_equal(
		    certificate_stack_from_pem(rows[i], length, &stack),
		    ERR_INVALID);
		assert_int_equal(
		    certificate_key_from_pem(rows[i], length, &key),
		    ERR_INVALID);
		assert_null(certificate);
		assert_null(stack);
		assert_null(key);
		assert_queue_is_empty();
	}
	memset(big, '\n', sizeof(big));
	assert_int_equal(
	    certificate_from_pem(big, sizeof(big), &certificate), ERR_TOO_LONG);
	assert_int_equal(
	    certificate_stack_from_pem(big, sizeof(big), &stack), ERR_TOO_LONG);
	assert_int_equal(
	    certificate_key_from_pem(big, sizeof(big), &key), ERR_TOO_LONG);
}

/* A good certificate does not make a broken one after it good. */
static void refuses_a_stack_with_a_broken_part(void **state)
{
	EVP_PKEY *key = NULL;
	X509 *certificate = NULL;
	STACK_OF(X509) *stack = NULL;
	char *pem = NULL, text[CERTIFICATE_PEM_BYTES_MAX];

	(void)state;
	assert_int_equal(certificate_key_new(&key), ERR_NONE);
	certificate = make_certificate(key, "260101000000Z", "270101000000Z");
	assert_int_equal(certificate_to_pem(certificate, &pem), ERR_NONE);
	snprintf(text, sizeof(text),
	    "%s-----BEGIN CERTIFICATE-----\nAAAA\n"
	    "-----END CERTIFICATE-----\n",
	    pem);
	assert_int_equal(certificate_stack_from_pem(text, strlen(text), &stack),
	    ERR_INVALID);
	assert_null(stack);
	assert_queue_is_empty();
	text[0] = '\0';
	for (int i = 0; i < 17; i++)
		strcat(text, pem);
	assert_int_equal(certificate_stack_from_pem(text, strlen(text), &stack),
	    ERR_TOO_LONG);
	X509_free(certificate);
	EVP_PKEY_free(key);
	free(pem);
}

static void keeps_keys(void **state)
{
	EVP_PKEY *key = NULL, *back = NULL;
	char *pem = NULL;
	size_t length = 0;

	(void)state;
	assert_int_equal(certificate_key_new(&key), ERR_NONE);
	assert_int_equal(certificate_key_to_pem(key, &pem, &length), ERR_NONE);
	assert_int_equal(length, strlen(pem));
	assert_int_equal(
	    certificate_key_from_pem(pem, length, &back), ERR_NONE);
	assert_int_equal(EVP_PKEY_eq(key, back), 1);
	explicit_bzero(pem, length);
	free(pem);
	EVP_PKEY_free(key);
	EVP_PKEY_free(back);
}

static void refuses_other_kinds_of_keys(void **state)
{
	EVP_PKEY *rows[] = {EVP_EC_gen("P-384"), EVP_EC_gen("secp256k1"),
	    EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), EVP_RSA_gen(1024)};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		EVP_PKEY *back = NULL;
		char *pem = NULL;
		size_t length = 0;

		print_message("row %zu\n", i);
		assert_int_equal(
		    certificate_key_to_pem(rows[i], &pem, &length), ERR_NONE);
		assert_int_equal(
		    certificate_key_from_pem(pem, length, &back), ERR_INVALID);
		assert_null(back);
		assert_queue_is_empty();
		free(pem);
		EVP_PKEY_free(rows[i]);
	}
}

static void makes_requests_that_prove_the_key(void **state)
{
	EVP_PKEY *key = NULL;
	X509_REQ *request = NULL;
	BIO *bio = NULL;
	char *pem = NULL;

	(void)state;
	assert_int_equal(certificate_key_new(&key), ERR_NONE);
	assert_int_equal(certificate_request_new(key, &pem), ERR_NONE);
	bio = BIO_new_mem_buf(pem, -1);
	request = PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL);
	assert_non_null(request);
	assert_int_equal(X509_REQ_verify(request, key), 1);
	assert_int_equal(EVP_PKEY_eq(X509_REQ_get0_pubkey(request), key), 1);
	assert_int_equal(
	    X509_NAME_entry_count(X509_REQ_get_subject_name(request)), 0);
	X509_REQ_free(request);
	BIO_free(bio);
	EVP_PKEY_free(key);
	free(pem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(hashes_as_openssl_does),
	    cmocka_unit_test(refuses_to_hash_what_is_not_there),
	    cmocka_unit_test(reads_validity_as_unix_seconds),
	    cmocka_unit_test(goes_there_and_back),
	    cmocka_unit_test(refuses_what_is_no_certificate),
	    cmocka_unit_test(refuses_a_stack_with_a_broken_part),
	    cmocka_unit_test(keeps_keys),
	    cmocka_unit_test(refuses_other_kinds_of_keys),
	    cmocka_unit_test(makes_requests_that_prove_the_key),
	};

	return cmocka_run_group_tests_name("certificate", tests, NULL, NULL);
}
