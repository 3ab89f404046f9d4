/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CAs, certificates and CRLs as the tests of cards wish them, made with
 * OpenSSL and never with the code under test. Include after cmocka.h.
 */
#ifndef SEKIMORI_CARD_MAKER_H
#define SEKIMORI_CARD_MAKER_H

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

enum {
	MAKER_NOW = 1800000000,
	MAKER_DAY = 86400,
};

struct maker_ca {
	X509 *x509;
	EVP_PKEY *key;
};

/* What differs from an ordinary certificate; zero is ordinary. */
struct maker_wish {
	const char *subject;     /* CN; "alice" */
	EVP_PKEY *key;           /* not NULL */
	int64_t from, until;     /* a day before and ten years after NOW */
	const char *usage;       /* "critical,digitalSignature"; "" for none */
	const char *extended;    /* NULL: none */
	const char *constraints; /* "critical,CA:FALSE" */
	const char *unknown;     /* of a critical extension nobody knows */
	const EVP_MD *digest;
	long serial;
	bool no_identifiers; /* no subject and authority key identifiers */
};

static inline void maker_extend(
    X509 *x509, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *extension;
	X509V3_CTX context;

	if (!value || !value[0])
		return;
	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, issuer, x509, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	assert_non_null(extension);
	assert_int_equal(X509_add_ext(x509, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

static inline void maker_extend_unknown(X509 *x509, const char *text)
{
	ASN1_OBJECT *object = OBJ_txt2obj("1.3.6.1.4.1.99999.1", 1);
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	X509_EXTENSION *extension;

	assert_true(ASN1_OCTET_STRING_set(
	    value, (const unsigned char *)text, (int)strlen(text)));
	extension = X509_EXTENSION_create_by_OBJ(NULL, object, 1, value);
	assert_non_null(extension);
	assert_int_equal(X509_add_ext(x509, extension, -1), 1);
	X509_EXTENSION_free(extension);
	ASN1_OCTET_STRING_free(value);
	ASN1_OBJECT_free(object);
}

static inline void maker_name(X509_NAME *name, const char *text)
{
	assert_int_equal(
	    X509_NAME_add_entry_by_NID(name, NID_commonName, V_ASN1_UTF8STRING,
		(const unsigned char *)text, -1, -1, 0),
	    1);
}

/* issuer NULL: signed by itself. */
static inline X509 *maker_issue(
    const struct maker_wish *wish, const struct maker_ca *issuer)
{
	X509 *x509 = X509_new();
	X509 *by = issuer ? issuer->x509 : x509;

	assert_non_null(x509);
	assert_int_equal(X509_set_version(x509, 2), 1);
	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(x509),
			     wish->serial ? wish->serial : 1),
	    1);
	maker_name(X509_get_subject_name(x509),
	    wish->subject ? wish->subject : "alice");
	assert_int_equal(
	    X509_set_issuer_name(x509, X509_get_subject_name(by)), 1);
	ASN1_TIME_set(X509_getm_notBefore(x509),
	    (time_t)(wish->from ? wish->from : MAKER_NOW - MAKER_DAY));
	ASN1_TIME_set(X509_getm_notAfter(x509),
	    (time_t)(wish->until ? wish->until : MAKER_NOW + 3650 * MAKER_DAY));
	assert_int_equal(X509_set_pubkey(x509, wish->key), 1);
	maker_extend(x509, by, NID_basic_constraints,
	    wish->constraints ? wish->constraints : "critical,CA:FALSE");
	maker_extend(x509, by, NID_key_usage,
	    wish->usage ? wish->usage : "critical,digitalSignature");
	maker_extend(x509, by, NID_ext_key_usage, wish->extended);
	if (!wish->no_identifiers) {
		maker_extend(x509, by, NID_subject_key_identifier, "hash");
		maker_extend(
		    x509, by, NID_authority_key_identifier, "keyid:always");
	}
	if (wish->unknown)
		maker_extend_unknown(x509, wish->unknown);
	assert_true(X509_sign(x509, issuer ? issuer->key : wish->key,
			wish->digest ? wish->digest : EVP_sha256()) > 0);
	return x509;
}

static inline struct maker_ca maker_ca_new(const char *name)
{
	struct maker_ca ca = {.key = EVP_EC_gen("P-256")};
	const struct maker_wish wish = {
	    .subject = name,
	    .key = ca.key,
	    .from = MAKER_NOW - 100 * MAKER_DAY,
	    .constraints = "critical,CA:TRUE",
	    .usage = "critical,keyCertSign,cRLSign",
	};

	assert_non_null(ca.key);
	ca.x509 = maker_issue(&wish, NULL);
	return ca;
}

static inline void maker_ca_free(struct maker_ca *ca)
{
	X509_free(ca->x509);
	EVP_PKEY_free(ca->key);
	*ca = (struct maker_ca){0};
}

/* Of ca's name, signed by key; revokes serials up to the first zero; until
 * 0: no nextUpdate. */
static inline X509_CRL *maker_crl(const struct maker_ca *ca, EVP_PKEY *key,
    int64_t from, int64_t until, const long *serials)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *time = ASN1_TIME_set(NULL, (time_t)from);

	assert_int_equal(X509_CRL_set_version(crl, 1), 1);
	assert_int_equal(
	    X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca->x509)), 1);
	assert_int_equal(X509_CRL_set1_lastUpdate(crl, time), 1);
	for (; serials && *serials; serials++) {
		X509_REVOKED *revoked = X509_REVOKED_new();
		ASN1_INTEGER *serial = ASN1_INTEGER_new();

		ASN1_INTEGER_set(serial, *serials);
		X509_REVOKED_set_serialNumber(revoked, serial);
		X509_REVOKED_set_revocationDate(revoked, time);
		X509_CRL_add0_revoked(crl, revoked);
		ASN1_INTEGER_free(serial);
	}
	ASN1_TIME_free(time);
	if (until) {
		time = ASN1_TIME_set(NULL, (time_t)until);
		X509_CRL_set1_nextUpdate(crl, time);
		ASN1_TIME_free(time);
	}
	X509_CRL_sort(crl);
	assert_true(X509_CRL_sign(crl, key, EVP_sha256()) > 0);
	return crl;
}

/* DER or PEM in memory of malloc; each frees what it is given. */
struct maker_bytes {
	unsigned char *bytes;
	size_t length;
};

static inline struct maker_bytes maker_take(unsigned char *der, int length)
{
	struct maker_bytes out = {malloc((size_t)length), (size_t)length};

	assert_true(length > 0);
	memcpy(out.bytes, der, out.length);
	OPENSSL_free(der);
	return out;
}

static inline struct maker_bytes maker_x509_der(X509 *x509)
{
	unsigned char *der = NULL;
	int length = i2d_X509(x509, &der);

	X509_free(x509);
	return maker_take(der, length);
}

static inline struct maker_bytes maker_crl_der(X509_CRL *crl)
{
	unsigned char *der = NULL;
	int length = i2d_X509_CRL(crl, &der);

	X509_CRL_free(crl);
	return maker_take(der, length);
}

static inline struct maker_bytes maker_ca_der(const struct maker_ca *ca)
{
	X509_up_ref(ca->x509);
	return maker_x509_der(ca->x509);
}

static inline struct maker_bytes maker_pem(
    const char *label, struct maker_bytes der)
{
	BIO *bio = BIO_new(BIO_s_mem());
	struct maker_bytes out = {0};
	char *held;

	PEM_write_bio(bio, label, "", der.bytes, (long)der.length);
	out.length = (size_t)BIO_get_mem_data(bio, &held);
	out.bytes = malloc(out.length);
	memcpy(out.bytes, held, out.length);
	BIO_free(bio);
	free(der.bytes);
	return out;
}

#endif
