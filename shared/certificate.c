/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thin layer over OpenSSL 3: bounded input, one kind of key, and an error
 * queue that is empty again after a failure, because the queue belongs to
 * the thread and a TLS connection would trip over what we left. Must not
 * decide whether a certificate is to be trusted.
 */
#include "shared/certificate.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
	CERTIFICATES_MAX = 16
};

/* So that no PEM with a passphrase makes OpenSSL ask on the terminal. */
static int refuse_passphrase(char *out, int size, int writing, void *context)
{
	(void)out;
	(void)size;
	(void)writing;
	(void)context;
	return -1;
}

static enum err failed(enum err err)
{
	ERR_clear_error();
	return err;
}

/* SHA-256 of DER that OpenSSL allocated; frees it. */
static enum err hash_der(
    unsigned char *der, int length, unsigned char out[CERTIFICATE_HASH_BYTES])
{
	unsigned char hash[CERTIFICATE_HASH_BYTES];
	enum err err = ERR_CRYPTO;

	if (length > 0 && EVP_Q_digest(NULL, "SHA256", NULL, der,
			      (size_t)length, hash, NULL)) {
		memcpy(out, hash, sizeof(hash));
		err = ERR_NONE;
	}
	OPENSSL_free(der);
	return err ? failed(err) : ERR_NONE;
}

enum err certificate_fingerprint(
    X509 *certificate, unsigned char out[CERTIFICATE_HASH_BYTES])
{
	unsigned char *der = NULL;
	int length = i2d_X509(certificate, &der);

	return hash_der(der, length, out);
}

enum err certificate_spki_hash(
    X509 *certificate, unsigned char out[CERTIFICATE_HASH_BYTES])
{
	unsigned char *der = NULL;
	int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);

	return hash_der(der, length, out);
}

/* By days and seconds from 1970 on: ASN1_TIME_to_tm with timegm would do the
 * same by way of the process's time zone rules. */
static enum err seconds_of(const ASN1_TIME *time, int64_t *out)
{
	ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
	int days = 0, seconds = 0;
	enum err err = ERR_INVALID;

	if (epoch && time && ASN1_TIME_diff(&days, &seconds, epoch, time)) {
		*out = (int64_t)days * 86400 + seconds;
		err = ERR_NONE;
	}
	ASN1_TIME_free(epoch);
	return err ? failed(err) : ERR_NONE;
}

enum err certificate_validity(
    X509 *certificate, int64_t *out_from, int64_t *out_until)
{
	int64_t from = 0, until = 0;
	enum err err = seconds_of(X509_get0_notBefore(certificate), &from);

	if (!err)
		err = seconds_of(X509_get0_notAfter(certificate), &until);
	if (err)
		return err;
	*out_from = from;
	*out_until = until;
	return ERR_NONE;
}

/* A read-only view of the text. */
static enum err open_pem(const char *pem, size_t length, BIO **out)
{
	if (length > CERTIFICATE_PEM_BYTES_MAX)
		return ERR_TOO_LONG;
	*out = BIO_new_mem_buf(pem, (int)length);
	return *out ? ERR_NONE : failed(ERR_MEMORY);
}

enum err certificate_from_pem(const char *pem, size_t length, X509 **out)
{
	BIO *bio = NULL;
	X509 *certificate = NULL;
	enum err err = open_pem(pem, length, &bio);

	if (err)
		return err;
	certificate = PEM_read_bio_X509(bio, NULL, refuse_passphrase, NULL);
	BIO_free(bio);
	if (!certificate)
		return failed(ERR_INVALID);
	*out = certificate;
	return ERR_NONE;
}

/* Reads one certificate after the other. ERR_NOT_FOUND: no more PEM. */
static enum err next_certificate(BIO *bio, STACK_OF(X509) * stack)
{
	X509 *certificate =
	    PEM_read_bio_X509(bio, NULL, refuse_passphrase, NULL);
	unsigned long reason = certificate ? 0 : ERR_peek_last_error();
	bool no_more = ERR_GET_LIB(reason) == ERR_LIB_PEM &&
		       ERR_GET_REASON(reason) == PEM_R_NO_START_LINE;

	if (no_more)
		return failed(ERR_NOT_FOUND);
	if (!certificate)
		return failed(ERR_INVALID);
	if (sk_X509_num(stack) >= CERTIFICATES_MAX) {
		X509_free(certificate);
		return ERR_TOO_LONG;
	}
	if (!sk_X509_push(stack, certificate)) {
		X509_free(certificate);
		return failed(ERR_MEMORY);
	}
	return ERR_NONE;
}

enum err certificate_stack_from_pem(
    const char *pem, size_t length, STACK_OF(X509) * *out)
{
	BIO *bio = NULL;
	STACK_OF(X509) *stack = sk_X509_new_null();
	enum err err = stack ? open_pem(pem, length, &bio) : ERR_MEMORY;

	while (!err)
		err = next_certificate(bio, stack);
	if (err == ERR_NOT_FOUND)
		err = sk_X509_num(stack) > 0 ? ERR_NONE : ERR_INVALID;
	if (!err) {
		*out = stack;
		stack = NULL;
	}
	BIO_free(bio);
	sk_X509_pop_free(stack, X509_free);
	return err;
}

/* Copies what was written into memory of malloc. */
static enum err take_text(BIO *bio, char **out, size_t *out_length)
{
	char *held = NULL, *text = NULL;
	long length = BIO_get_mem_data(bio, &held);

	if (length <= 0)
		return failed(ERR_CRYPTO);
	text = malloc((size_t)length + 1);
	if (!text)
		return ERR_MEMORY;
	memcpy(text, held, (size_t)length);
	text[length] = '\0';
	*out = text;
	if (out_length)
		*out_length = (size_t)length;
	return ERR_NONE;
}

enum err certificate_to_pem(X509 *certificate, char **out)
{
	BIO *bio = BIO_new(BIO_s_mem());
	enum err err = ERR_CRYPTO;

	if (bio && PEM_write_bio_X509(bio, certificate))
		err = take_text(bio, out, NULL);
	BIO_free(bio);
	return err ? failed(err) : ERR_NONE;
}

enum err certificate_key_new(EVP_PKEY **out)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");

	if (!key)
		return failed(ERR_CRYPTO);
	*out = key;
	return ERR_NONE;
}

static bool is_p256(const EVP_PKEY *key)
{
	char group[32] = "";

	return EVP_PKEY_is_a(key, "EC") &&
	       EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) &&
	       strcmp(group, SN_X9_62_prime256v1) == 0;
}

enum err certificate_key_from_pem(
    const char *pem, size_t length, EVP_PKEY **out)
{
	BIO *bio = NULL;
	EVP_PKEY *key = NULL;
	enum err err = open_pem(pem, length, &bio);

	if (err)
		return err;
	key = PEM_read_bio_PrivateKey(bio, NULL, refuse_passphrase, NULL);
	BIO_free(bio);
	if (!key || !is_p256(key)) {
		EVP_PKEY_free(key);
		return failed(ERR_INVALID);
	}
	*out = key;
	return ERR_NONE;
}

enum err certificate_key_to_pem(EVP_PKEY *key, char **out, size_t *out_length)
{
	/* Memory of this kind is wiped when it is freed or grows. */
	BIO *bio = BIO_new(BIO_s_secmem());
	enum err err = ERR_CRYPTO;

	if (bio &&
	    PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL))
		err = take_text(bio, out, out_length);
	BIO_free(bio);
	return err ? failed(err) : ERR_NONE;
}

enum err certificate_request_new(EVP_PKEY *key, char **out)
{
	X509_REQ *request = X509_REQ_new();
	BIO *bio = BIO_new(BIO_s_mem());
	enum err err = ERR_CRYPTO;

	if (request && bio && X509_REQ_set_version(request, 0) &&
	    X509_REQ_set_pubkey(request, key) &&
	    X509_REQ_sign(request, key, EVP_sha256()) > 0 &&
	    PEM_write_bio_X509_REQ(bio, request))
		err = take_text(bio, out, NULL);
	BIO_free(bio);
	X509_REQ_free(request);
	return err ? failed(err) : ERR_NONE;
}
