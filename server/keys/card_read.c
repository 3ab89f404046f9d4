/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an officer hands over: certificates and CRLs as files come, PEM or DER.
 * Refuses here, with words that help, what card_verify.c would refuse at each
 * login. Must not judge a login.
 */
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/keys/card_private.h"
#include "shared/key_shape.h"
#include "shared/certificate.h"
#include "shared/text.h"

enum {
	PEM_BYTES_PER_DER = 2, /* room for base64, headings and comments */
	CA_SECURITY_BITS_MIN = 112,
};

static enum err refuse(char problem[CARD_PROBLEM_SIZE], const char *sentence)
{
	snprintf(problem, CARD_PROBLEM_SIZE, "%s", sentence);
	ERR_clear_error();
	return ERR_INVALID;
}

/* --- PEM or DER ---------------------------------------------------------- */

static int refuse_passphrase(char *out, int size, int writing, void *context)
{
	(void)out;
	(void)size;
	(void)writing;
	(void)context;
	return -1;
}

static bool is_pem(const void *bytes, size_t length)
{
	static const char begin[] = "-----BEGIN ";

	return memmem(bytes, length, begin, sizeof(begin) - 1) != NULL;
}

static BIO *open_pem(const void *bytes, size_t length, size_t der_max)
{
	if (length > der_max * PEM_BYTES_PER_DER)
		return NULL;
	return BIO_new_mem_buf(bytes, (int)length);
}

/* One, and no second behind it: nobody could say which was meant. */
static X509 *x509_from_pem(const void *bytes, size_t length)
{
	BIO *bio = open_pem(bytes, length, CARD_CERTIFICATE_BYTES_MAX);
	X509 *first = NULL, *second = NULL;

	if (!bio)
		return NULL;
	first = PEM_read_bio_X509(bio, NULL, refuse_passphrase, NULL);
	if (first)
		second = PEM_read_bio_X509(bio, NULL, refuse_passphrase, NULL);
	if (second) {
		X509_free(first);
		first = NULL;
	}
	X509_free(second);
	BIO_free(bio);
	ERR_clear_error();
	return first;
}

static X509_CRL *crl_from_pem(const void *bytes, size_t length)
{
	BIO *bio = open_pem(bytes, length, CARD_CRL_BYTES_MAX);
	X509_CRL *first = NULL, *second = NULL;

	if (!bio)
		return NULL;
	first = PEM_read_bio_X509_CRL(bio, NULL, refuse_passphrase, NULL);
	if (first)
		second =
		    PEM_read_bio_X509_CRL(bio, NULL, refuse_passphrase, NULL);
	if (second) {
		X509_CRL_free(first);
		first = NULL;
	}
	X509_CRL_free(second);
	BIO_free(bio);
	ERR_clear_error();
	return first;
}

static X509 *read_x509(const void *bytes, size_t length)
{
	return is_pem(bytes, length) ? x509_from_pem(bytes, length)
				     : card_x509_from_der(bytes, length);
}

static X509_CRL *read_crl(const void *bytes, size_t length)
{
	return is_pem(bytes, length) ? crl_from_pem(bytes, length)
				     : card_crl_from_der(bytes, length);
}

/* OpenSSL's memory becomes malloc's. */
static enum err take_der(unsigned char *der, int length, size_t length_max,
    unsigned char **out, size_t *out_length)
{
	enum err err = ERR_MEMORY;
	unsigned char *copy = NULL;

	if (length > 0 && (size_t)length > length_max)
		err = ERR_TOO_LONG;
	else if (length > 0)
		copy = malloc((size_t)length);
	if (copy) {
		memcpy(copy, der, (size_t)length);
		*out = copy;
		*out_length = (size_t)length;
		err = ERR_NONE;
	}
	OPENSSL_free(der);
	ERR_clear_error();
	return err;
}

static enum err x509_to_der(
    X509 *certificate, unsigned char **out, size_t *out_length)
{
	unsigned char *der = NULL;
	int length = i2d_X509(certificate, &der);

	return take_der(
	    der, length, CARD_CERTIFICATE_BYTES_MAX, out, out_length);
}

static enum err crl_to_der(
    X509_CRL *crl, unsigned char **out, size_t *out_length)
{
	unsigned char *der = NULL;
	int length = i2d_X509_CRL(crl, &der);

	return take_der(der, length, CARD_CRL_BYTES_MAX, out, out_length);
}

/* --- what is kept of one ------------------------------------------------- */

/* Cut between characters. */
static void cut_text(char *text)
{
	size_t length = CARD_NAME_SIZE - sizeof("...");

	while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
		length--;
	strcpy(text + length, "...");
}

static size_t print_name(
    const X509_NAME *name, unsigned long flags, char out[CARD_NAME_SIZE])
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *held = NULL;
	long length = 0;

	out[0] = '\0';
	if (bio && X509_NAME_print_ex(bio, name, 0, flags) >= 0)
		length = BIO_get_mem_data(bio, &held);
	if (length > 0) {
		size_t kept = (size_t)length < CARD_NAME_SIZE
				  ? (size_t)length
				  : CARD_NAME_SIZE - 1;

		memcpy(out, held, kept);
		out[kept] = '\0';
		if (kept < (size_t)length)
			cut_text(out);
	}
	BIO_free(bio);
	return strlen(out);
}

/* As UTF-8; if that could not be printed, with its bytes in hexadecimal. */
static void name_text(const X509_NAME *name, char out[CARD_NAME_SIZE])
{
	size_t length = print_name(
	    name, XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB, out);

	if (!text_is_line(out, length))
		(void)print_name(name, XN_FLAG_RFC2253, out);
	ERR_clear_error();
}

static enum err describe(X509 *certificate, struct card_certificate *out)
{
	struct card_certificate kept = {0};
	enum err err = certificate_spki_hash(certificate, kept.key);

	if (err == ERR_NONE)
		err = certificate_validity(
		    certificate, &kept.valid_from, &kept.valid_until);
	if (err != ERR_NONE)
		return err;
	name_text(X509_get_subject_name(certificate), kept.subject);
	name_text(X509_get_issuer_name(certificate), kept.issuer);
	*out = kept;
	return ERR_NONE;
}

enum err card_certificate_describe(
    const unsigned char *der, size_t length, struct card_certificate *out)
{
	X509 *certificate = card_x509_from_der(der, length);
	enum err err = certificate ? describe(certificate, out) : ERR_INVALID;

	X509_free(certificate);
	return err;
}

void card_crl_dates(const unsigned char *der, size_t length, int64_t *out_from,
    int64_t *out_until)
{
	X509_CRL *crl = card_crl_from_der(der, length);

	*out_from = crl ? card_crl_from(crl) : 0;
	*out_until = crl ? card_crl_until(crl) : 0;
	X509_CRL_free(crl);
}

struct card_crl_outlook card_crl_outlook(int64_t from, int64_t until)
{
	int64_t life = until - from;

	return (struct card_crl_outlook){
	    .due = until == 0 ? 0 : until - life / 4, .until = until};
}

/* --- a person's certificate ---------------------------------------------- */

/* Of a shape, too, that a login would look at. */
static bool has_ordinary_key(X509 *certificate)
{
	unsigned char *der = NULL;
	int length = i2d_X509(certificate, &der);
	bool fits = length > 0 &&
		    key_shape_of_certificate(der, (size_t)length) &&
		    card_key_algorithm(certificate) != CARD_ALGORITHM_NONE;

	OPENSSL_free(der);
	return fits;
}

static enum err check_person(X509 *certificate, char problem[CARD_PROBLEM_SIZE])
{
	if (X509_check_ca(certificate) != 0)
		return refuse(problem, "This is the certificate of a CA. Give"
				       " the person's own.");
	if (!has_ordinary_key(certificate))
		return refuse(problem,
		    "Its key cannot be used to log in. Cards"
		    " with RSA of 2048 to 4096 bits, P-256 or"
		    " P-384 can.");
	if (!card_usage_fits(certificate))
		return refuse(problem,
		    "It is not for authentication. Of a card"
		    " with several certificates, give the one"
		    " for authentication, not that for"
		    " signing or encryption.");
	return ERR_NONE;
}

enum err card_certificate_read(const void *bytes, size_t length,
    struct card_certificate *out, unsigned char **out_der, size_t *out_length,
    char problem[CARD_PROBLEM_SIZE])
{
	X509 *certificate = read_x509(bytes, length);
	enum err err;

	if (!certificate)
		return refuse(problem, "This is no certificate. Give one"
				       " certificate, in PEM or DER.");
	err = check_person(certificate, problem);
	if (err == ERR_NONE && describe(certificate, out) != ERR_NONE)
		err = refuse(problem, "Its dates cannot be read. Ask whoever"
				      " issued it for another.");
	if (err == ERR_NONE)
		err = x509_to_der(certificate, out_der, out_length);
	X509_free(certificate);
	return err;
}

/* --- a CA and its CRL ---------------------------------------------------- */

static enum err check_ca(
    X509 *ca, int64_t now_s, char problem[CARD_PROBLEM_SIZE])
{
	const EVP_PKEY *key = X509_get0_pubkey(ca);
	int64_t from = 0, until = 0;

	/* One: basicConstraints says so. The other ways are guesses. */
	if (X509_check_ca(ca) != 1 ||
	    !(X509_get_key_usage(ca) & KU_KEY_CERT_SIGN))
		return refuse(problem,
		    "This is not the certificate of a CA. Give that of the CA"
		    " which issued the cards' certificates.");
	if (!key || EVP_PKEY_get_security_bits(key) < CA_SECURITY_BITS_MIN)
		return refuse(problem, "The key of this CA is too weak. Ask the"
				       " CA for its certificate of today.");
	if (certificate_validity(ca, &from, &until) != ERR_NONE ||
	    now_s < from || now_s >= until)
		return refuse(problem,
		    "The certificate of this CA is not valid now. Ask the CA"
		    " for its certificate of today.");
	return ERR_NONE;
}

/* For each login OpenSSL would say that there is none. */
static bool covers_persons(X509_CRL *crl)
{
	ISSUING_DIST_POINT *scope = X509_CRL_get_ext_d2i(
	    crl, NID_issuing_distribution_point, NULL, NULL);
	bool covers = X509_CRL_get_ext_by_NID(crl, NID_delta_crl, -1) < 0;

	if (scope)
		covers = covers && scope->onlyCA <= 0 && scope->onlyattr <= 0 &&
			 scope->indirectCRL <= 0 && !scope->onlysomereasons;
	ISSUING_DIST_POINT_free(scope);
	return covers;
}

static enum err check_crl(
    X509_CRL *crl, X509 *ca, int64_t now_s, char problem[CARD_PROBLEM_SIZE])
{
	int64_t until = card_crl_until(crl);

	if (!(X509_get_key_usage(ca) & KU_CRL_SIGN))
		return refuse(problem, "This CA may not sign CRLs. Trust it"
				       " with --no-crl.");
	if (!card_crl_is_of(crl, ca))
		return refuse(problem, "This CRL is not signed by this CA. Give"
				       " the CRL of the same CA.");
	if (!covers_persons(crl))
		return refuse(problem,
		    "This CRL covers only a part of what"
		    " the CA has issued. Give its full one.");
	if (until == 0)
		return refuse(problem,
		    "This CRL does not say when the next one is due"
		    " (nextUpdate), so it could never be told stale. Ask the CA"
		    " for one that does.");
	/* It would refuse every card, and today's would count as older. */
	if (card_crl_from(crl) > now_s)
		return refuse(problem,
		    "This CRL is of a time to come. Look at this server's clock"
		    " (`date`), or ask the CA for today's.");
	if (until <= now_s)
		return refuse(problem, "This CRL is stale: a newer one was due"
				       " already. Fetch today's.");
	return ERR_NONE;
}

static enum err read_ca_crl(const void *bytes, size_t length, X509 *ca,
    int64_t now_s, unsigned char **out, size_t *out_length,
    char problem[CARD_PROBLEM_SIZE])
{
	X509_CRL *crl = read_crl(bytes, length);
	enum err err;

	if (!crl)
		return refuse(problem, "This is no CRL. Give one"
				       " certificate revocation list, in PEM or"
				       " DER.");
	err = check_crl(crl, ca, now_s, problem);
	if (err == ERR_NONE)
		err = crl_to_der(crl, out, out_length);
	X509_CRL_free(crl);
	return err;
}

enum err card_authority_read(const void *certificate, size_t certificate_length,
    const void *crl, size_t crl_length, int64_t now_s,
    unsigned char **out_certificate, size_t *out_certificate_length,
    unsigned char **out_crl, size_t *out_crl_length,
    char problem[CARD_PROBLEM_SIZE])
{
	unsigned char *crl_der = NULL;
	size_t crl_der_length = 0;
	X509 *ca = read_x509(certificate, certificate_length);
	enum err err;

	if (!ca)
		return refuse(problem,
		    "This is no certificate. Give the one"
		    " certificate of the CA, in PEM or DER.");
	err = check_ca(ca, now_s, problem);
	if (err == ERR_NONE && crl)
		err = read_ca_crl(crl, crl_length, ca, now_s, &crl_der,
		    &crl_der_length, problem);
	if (err == ERR_NONE)
		err = x509_to_der(ca, out_certificate, out_certificate_length);
	if (err == ERR_NONE) {
		*out_crl = crl_der;
		*out_crl_length = crl_der_length;
		crl_der = NULL;
	}
	free(crl_der);
	X509_free(ca);
	return err;
}
