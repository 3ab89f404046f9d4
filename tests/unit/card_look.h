/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A proof of a card made here, and looked at by the code under test. Include
 * after cmocka.h.
 */
#ifndef SEKIMORI_CARD_LOOK_H
#define SEKIMORI_CARD_LOOK_H

#include <openssl/err.h>

#include "server/keys/card_verify.h"
#include "tests/unit/card_maker.h"

static struct maker_ca town;  /* the CA of most tests */
static struct maker_ca other; /* another one */
static struct maker_ca twin;  /* another one with the first one's name */
static EVP_PKEY *card_key;    /* P-256 */
static const struct card_message message = {
    .length = 12, .bytes = "twelve bytes"};

static inline int make_cas(void **state)
{
	(void)state;
	town = maker_ca_new("Town CA");
	other = maker_ca_new("Other CA");
	twin = maker_ca_new("Town CA");
	card_key = EVP_EC_gen("P-256");
	return 0;
}

static inline int free_cas(void **state)
{
	(void)state;
	maker_ca_free(&town);
	maker_ca_free(&other);
	maker_ca_free(&twin);
	EVP_PKEY_free(card_key);
	return 0;
}

/* --- what is trusted ----------------------------------------------------- */

static inline X509_CRL *fresh_crl(const long *serials)
{
	return maker_crl(&town, town.key, MAKER_NOW - MAKER_DAY,
	    MAKER_NOW + MAKER_DAY, serials);
}

/* One CA; crl is freed, NULL for none. */
static inline struct card_authorities *trust(
    const struct maker_ca *ca, bool needs_crl, X509_CRL *crl)
{
	struct maker_bytes der = maker_ca_der(ca);
	struct maker_bytes list = {0};
	struct card_authorities *trusted = NULL;
	struct card_authority row = {.certificate = der.bytes,
	    .certificate_length = der.length,
	    .needs_crl = needs_crl};

	if (crl) {
		list = maker_crl_der(crl);
		row.crl = list.bytes;
		row.crl_length = list.length;
	}
	assert_int_equal(card_authorities_new(&row, 1, &trusted), ERR_NONE);
	free(der.bytes);
	free(list.bytes);
	return trusted;
}

/* --- what a card says ---------------------------------------------------- */

static inline struct maker_bytes sign(
    EVP_PKEY *key, const EVP_MD *digest, bool pss)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	struct maker_bytes out = {malloc(1024), 1024};
	EVP_PKEY_CTX *about = NULL;

	assert_int_equal(
	    EVP_DigestSignInit(context, &about, digest, NULL, key), 1);
	if (pss)
		assert_int_equal(
		    EVP_PKEY_CTX_set_rsa_padding(about, RSA_PKCS1_PSS_PADDING),
		    1);
	assert_int_equal(EVP_DigestSign(context, out.bytes, &out.length,
			     message.bytes, message.length),
	    1);
	EVP_MD_CTX_free(context);
	return out;
}

static inline enum card_algorithm algorithm_of(const EVP_PKEY *key)
{
	return EVP_PKEY_is_a(key, "EC") ? CARD_ECDSA_SHA256
					: CARD_RSA_PKCS1_SHA256;
}

/* Frees certificate and signature; the trust too. */
static inline enum card_standing look(struct card_authorities *trusted,
    X509 *x509, struct maker_bytes signature, enum card_algorithm algorithm)
{
	struct maker_bytes der = maker_x509_der(x509);
	const struct card_proof proof = {der.bytes, der.length, signature.bytes,
	    signature.length, algorithm};
	struct card_evidence evidence;

	card_verify(trusted, &proof, &message, MAKER_NOW, &evidence);
	assert_int_equal(ERR_peek_error(), 0);
	free(der.bytes);
	free(signature.bytes);
	card_authorities_free(trusted);
	return evidence.standing;
}

/* The certificate and an honest signature of its key. */
static inline enum card_standing look_at(
    struct card_authorities *trusted, const struct maker_wish *wish)
{
	return look(trusted, maker_issue(wish, &town),
	    sign(wish->key, EVP_sha256(), false), algorithm_of(wish->key));
}

static inline enum card_standing look_without_crl(const struct maker_wish *wish)
{
	return look_at(trust(&town, false, NULL), wish);
}

#endif
