/* SPDX-License-Identifier: Apache-2.0 */
/*
 * X.509 as both sides need it: read and write PEM, name a certificate by its
 * hashes, make keys and requests. Signing belongs to server/keys/authority.h.
 * Time is an argument. All keys are P-256.
 */
#ifndef SEKIMORI_CERTIFICATE_H
#define SEKIMORI_CERTIFICATE_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdint.h>

#include "shared/err.h"

enum {
	CERTIFICATE_HASH_BYTES = 32,
	CERTIFICATE_PEM_BYTES_MAX = 16384
};

/* SHA-256 over the DER of the certificate. */
enum err certificate_fingerprint(
    X509 *certificate, unsigned char out[CERTIFICATE_HASH_BYTES]);
/* SHA-256 over its SubjectPublicKeyInfo in DER (RFC 5280, 4.1.2.7). */
enum err certificate_spki_hash(
    X509 *certificate, unsigned char out[CERTIFICATE_HASH_BYTES]);

/* Start and end of validity as unix seconds. */
enum err certificate_validity(
    X509 *certificate, int64_t *out_from, int64_t *out_until);

/* First certificate of a PEM text; and all of them as a stack. The caller
 * frees (X509_free; sk_X509_pop_free). */
enum err certificate_from_pem(const char *pem, size_t length, X509 **out);
enum err certificate_stack_from_pem(
    const char *pem, size_t length, STACK_OF(X509) * *out);

/* PEM text as a string; the caller frees with free(). */
enum err certificate_to_pem(X509 *certificate, char **out);

/* Keys. PEM of a private key is a secret: the caller wipes and frees it. */
enum err certificate_key_new(EVP_PKEY **out);
enum err certificate_key_from_pem(
    const char *pem, size_t length, EVP_PKEY **out);
enum err certificate_key_to_pem(EVP_PKEY *key, char **out, size_t *out_length);

/* A certificate request (PKCS #10) for key, in PEM; the subject is empty,
 * because the server says what a terminal is called. */
enum err certificate_request_new(EVP_PKEY *key, char **out);

#endif
