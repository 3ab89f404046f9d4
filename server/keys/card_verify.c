/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenSSL judges the chain and the CRL; what it would let pass is asked here:
 * which keys, whole DER, usage of smartcards, a CRL without an end. Each CA has
 * a store of its own, which holds nothing else, and a CRL's signature is
 * verified once, when it comes, because hashing some megabytes at each login
 * would be a way to stop a town.
 */
#include "server/keys/card_verify.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "server/keys/card_private.h"
#include "shared/key_shape.h"
#include "shared/certificate.h"

enum {
	RSA_BITS_MIN = 2048,
	RSA_BITS_MAX = 4096,
	RSA_EXPONENT_BITS_MAX = 33, /* 2^32 + 1; longer ones cost time only */
	AUTH_LEVEL = 2,             /* 112 bits: no SHA-1, no RSA-1024 */
};

/* --- one certificate ----------------------------------------------------- */

X509 *card_x509_from_der(const unsigned char *der, size_t length)
{
	const unsigned char *at = der;
	X509 *certificate = NULL;

	if (length == 0 || length > CARD_CERTIFICATE_BYTES_MAX)
		return NULL;
	certificate = d2i_X509(NULL, &at, (long)length);
	if (certificate && at != der + length) {
		X509_free(certificate);
		certificate = NULL;
	}
	ERR_clear_error();
	return certificate;
}

static bool rsa_is_allowed(const EVP_PKEY *key)
{
	int bits = EVP_PKEY_get_bits(key);
	BIGNUM *exponent = NULL;
	bool allowed = false;

	if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX)
		return false;
	if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent))
		allowed = BN_is_odd(exponent) && !BN_is_one(exponent) &&
			  BN_num_bits(exponent) <= RSA_EXPONENT_BITS_MAX;
	BN_free(exponent);
	return allowed;
}

/* OpenSSL reads the point at infinity as a key, whose signatures anybody can
 * make. */
static bool is_point(EVP_PKEY *key)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	bool fine = context && EVP_PKEY_public_check_quick(context) == 1;

	EVP_PKEY_CTX_free(context);
	return fine;
}

/* By name: a curve that comes as a list of numbers may be any curve. */
static bool ec_is_allowed(EVP_PKEY *key)
{
	char group[32] = "";
	int explicit_numbers = 1;

	if (!EVP_PKEY_get_int_param(key,
		OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS,
		&explicit_numbers) ||
	    explicit_numbers ||
	    !EVP_PKEY_get_group_name(key, group, sizeof(group), NULL))
		return false;
	return (strcmp(group, SN_X9_62_prime256v1) == 0 ||
		   strcmp(group, SN_secp384r1) == 0) &&
	       is_point(key);
}

enum card_algorithm card_key_algorithm(X509 *certificate)
{
	EVP_PKEY *key = X509_get0_pubkey(certificate);
	enum card_algorithm algorithm = CARD_ALGORITHM_NONE;

	/* A key for PSS alone is of a type of its own. */
	if (key && EVP_PKEY_is_a(key, "RSA") && rsa_is_allowed(key))
		algorithm = CARD_RSA_PKCS1_SHA256;
	else if (key && EVP_PKEY_is_a(key, "EC") && ec_is_allowed(key))
		algorithm = CARD_ECDSA_SHA256;
	ERR_clear_error();
	return algorithm;
}

static bool is_for_logging_in(const ASN1_OBJECT *purpose)
{
	switch (OBJ_obj2nid(purpose)) {
	case NID_client_auth:
	case NID_ms_smartcard_login:
	case NID_anyExtendedKeyUsage:
		return true;
	}
	return false;
}

static bool extended_usage_fits(X509 *certificate)
{
	int found = -1;
	EXTENDED_KEY_USAGE *list =
	    X509_get_ext_d2i(certificate, NID_ext_key_usage, &found, NULL);
	bool fits = found == -1; /* there is none, so it is for everything */

	for (int i = 0; list && !fits && i < sk_ASN1_OBJECT_num(list); i++)
		fits = is_for_logging_in(sk_ASN1_OBJECT_value(list, i));
	sk_ASN1_OBJECT_pop_free(list, ASN1_OBJECT_free);
	return fits;
}

bool card_usage_fits(X509 *certificate)
{
	bool fits = false;

	/* Also reads the extensions, without which the next would be blind. */
	if (X509_check_ca(certificate) == 0 &&
	    !(X509_get_extension_flags(certificate) &
		(EXFLAG_INVALID | EXFLAG_INVALID_POLICY)) &&
	    X509_get_key_usage(certificate) & KU_DIGITAL_SIGNATURE)
		fits = extended_usage_fits(certificate);
	ERR_clear_error();
	return fits;
}

/* --- one CRL ------------------------------------------------------------- */

X509_CRL *card_crl_from_der(const unsigned char *der, size_t length)
{
	const unsigned char *at = der;
	X509_CRL *crl = NULL;

	if (length == 0 || length > CARD_CRL_BYTES_MAX)
		return NULL;
	crl = d2i_X509_CRL(NULL, &at, (long)length);
	if (crl && at != der + length) {
		X509_CRL_free(crl);
		crl = NULL;
	}
	ERR_clear_error();
	return crl;
}

bool card_crl_is_of(X509_CRL *crl, X509 *ca)
{
	EVP_PKEY *key = X509_get0_pubkey(ca);
	bool is_of = key &&
		     X509_NAME_cmp(X509_CRL_get_issuer(crl),
			 X509_get_subject_name(ca)) == 0 &&
		     X509_get_key_usage(ca) & KU_CRL_SIGN &&
		     X509_CRL_verify(crl, key) == 1;

	ERR_clear_error();
	return is_of;
}

static int64_t seconds_of(const ASN1_TIME *time)
{
	ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
	int days = 0, seconds = 0;
	int64_t unix_s = 0;

	if (epoch && time && ASN1_TIME_diff(&days, &seconds, epoch, time))
		unix_s = (int64_t)days * 86400 + seconds;
	ASN1_TIME_free(epoch);
	ERR_clear_error();
	return unix_s;
}

int64_t card_crl_from(X509_CRL *crl)
{
	return seconds_of(X509_CRL_get0_lastUpdate(crl));
}

int64_t card_crl_until(X509_CRL *crl)
{
	return seconds_of(X509_CRL_get0_nextUpdate(crl));
}

/* --- what OpenSSL finds wrong -------------------------------------------- */

/* Of the person's certificate; whatever is wrong with its CA is want of
 * trust. */
static enum card_standing standing_of(int error, int depth)
{
	if (depth != 0)
		return CARD_UNTRUSTED;
	switch (error) {
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return CARD_NOT_YET;
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return CARD_EXPIRED;
	case X509_V_ERR_CERT_REVOKED:
		return CARD_REVOKED;
	case X509_V_ERR_UNABLE_TO_GET_CRL:
		return CARD_CRL_MISSING;
	case X509_V_ERR_CRL_HAS_EXPIRED:
	case X509_V_ERR_CRL_NOT_YET_VALID:
		return CARD_CRL_STALE;
	}
	return CARD_UNTRUSTED;
}

static void lower(enum card_standing *standing, enum card_standing to)
{
	if (to < *standing)
		*standing = to;
}

/* OpenSSL goes on after each fault, so that the worst is found and not the
 * first; any at all refuses. */
static int note_fault(int fine, X509_STORE_CTX *context)
{
	if (!fine)
		lower(X509_STORE_CTX_get_app_data(context),
		    standing_of(X509_STORE_CTX_get_error(context),
			X509_STORE_CTX_get_error_depth(context)));
	return 1;
}

/* In place of OpenSSL's: the signature was verified when the CRL came, and a
 * CRL without an end, which OpenSSL takes as fresh for ever, is stale. That it
 * covers this certificate at all is looked at before and after. */
static int check_crl_time(X509_STORE_CTX *context, X509_CRL *crl)
{
	time_t now =
	    X509_VERIFY_PARAM_get_time(X509_STORE_CTX_get0_param(context));
	const ASN1_TIME *last = X509_CRL_get0_lastUpdate(crl);
	const ASN1_TIME *next = X509_CRL_get0_nextUpdate(crl);
	int error = X509_V_OK;

	if (!next || X509_cmp_time(next, &now) != 1)
		error = X509_V_ERR_CRL_HAS_EXPIRED;
	else if (X509_cmp_time(last, &now) != -1)
		error = X509_V_ERR_CRL_NOT_YET_VALID;
	if (error == X509_V_OK)
		return 1;
	X509_STORE_CTX_set_error(context, error);
	return X509_STORE_CTX_get_verify_cb(context)(0, context);
}

/* --- the trusted CAs ----------------------------------------------------- */

struct trusted {
	X509 *certificate; /* borrowed from store */
	X509_STORE *store; /* this CA and its CRL alone */
	struct card_crl_outlook outlook;
};

static const struct card_crl_outlook never = {INT64_MAX, INT64_MAX};

struct card_authorities {
	size_t count;
	struct trusted list[CARD_AUTHORITIES_MAX];
};

void card_authorities_free(struct card_authorities *authorities)
{
	if (!authorities)
		return;
	for (size_t i = 0; i < authorities->count; i++)
		X509_STORE_free(authorities->list[i].store);
	free(authorities);
}

/* OpenSSL sorts a CRL when it is first asked: not at a login. */
static void sort_crl(X509_CRL *crl, X509 *ca)
{
	X509_REVOKED *revoked = NULL;

	(void)X509_CRL_get0_by_serial(crl, &revoked, X509_get_serialNumber(ca));
}

/* One that is not this CA's counts as none. */
static bool add_crl(X509_STORE *store, X509 *ca,
    const struct card_authority *row, struct card_crl_outlook *outlook)
{
	X509_CRL *crl =
	    row->crl ? card_crl_from_der(row->crl, row->crl_length) : NULL;
	bool done = true;

	if (crl && card_crl_is_of(crl, ca)) {
		sort_crl(crl, ca);
		*outlook =
		    card_crl_outlook(card_crl_from(crl), card_crl_until(crl));
		done = X509_STORE_add_crl(store, crl) == 1;
	}
	X509_CRL_free(crl);
	return done;
}

static bool fill_store(X509_STORE *store, X509 *ca,
    const struct card_authority *row, struct card_crl_outlook *outlook)
{
	X509_VERIFY_PARAM *param = X509_STORE_get0_param(store);
	unsigned long flags = X509_V_FLAG_PARTIAL_CHAIN;

	if (row->needs_crl)
		flags |= X509_V_FLAG_CRL_CHECK;
	X509_STORE_set_verify_cb(store, note_fault);
	X509_STORE_set_check_crl(store, check_crl_time);
	X509_VERIFY_PARAM_set_auth_level(param, AUTH_LEVEL);
	return X509_VERIFY_PARAM_set_flags(param, flags) == 1 &&
	       X509_STORE_add_cert(store, ca) == 1 &&
	       (!row->needs_crl || add_crl(store, ca, row, outlook));
}

static enum err trust(struct trusted *trusted, const struct card_authority *row)
{
	X509 *ca =
	    card_x509_from_der(row->certificate, row->certificate_length);
	X509_STORE *store = X509_STORE_new();
	enum err err = ERR_NONE;

	if (!row->needs_crl)
		trusted->outlook = never;
	if (!ca)
		err = ERR_INVALID;
	else if (!store || !fill_store(store, ca, row, &trusted->outlook))
		err = ERR_MEMORY;
	if (err == ERR_NONE) {
		trusted->certificate = ca;
		trusted->store = store;
		store = NULL;
	}
	X509_STORE_free(store);
	X509_free(ca); /* the store holds it */
	ERR_clear_error();
	return err;
}

enum err card_authorities_new(const struct card_authority *rows, size_t count,
    struct card_authorities **out)
{
	struct card_authorities *authorities = NULL;
	enum err err = ERR_NONE;

	if (count > CARD_AUTHORITIES_MAX)
		return ERR_FULL;
	authorities = calloc(1, sizeof(*authorities));
	if (!authorities)
		return ERR_MEMORY;
	for (size_t i = 0; err == ERR_NONE && i < count; i++) {
		err = trust(&authorities->list[i], &rows[i]);
		if (err == ERR_NONE)
			authorities->count++;
	}
	if (err != ERR_NONE) {
		card_authorities_free(authorities);
		return err;
	}
	*out = authorities;
	return ERR_NONE;
}

struct card_crl_outlook card_authorities_outlook(
    const struct card_authorities *authorities)
{
	struct card_crl_outlook first = never;

	for (size_t i = 0; authorities && i < authorities->count; i++) {
		const struct card_crl_outlook *one =
		    &authorities->list[i].outlook;

		if (one->due < first.due)
			first.due = one->due;
		if (one->until < first.until)
			first.until = one->until;
	}
	return first;
}

/* --- judging ------------------------------------------------------------- */

/* Against one CA, as if there were no other. */
static enum card_standing stand_under(
    const struct trusted *trusted, X509 *certificate, int64_t now_s)
{
	enum card_standing standing = CARD_GOOD;
	X509_STORE_CTX *context = X509_STORE_CTX_new();

	if (!context ||
	    X509_STORE_CTX_init(context, trusted->store, certificate, NULL) !=
		1 ||
	    X509_STORE_CTX_set_app_data(context, &standing) != 1) {
		X509_STORE_CTX_free(context);
		return CARD_UNTRUSTED;
	}
	X509_VERIFY_PARAM_set_time(
	    X509_STORE_CTX_get0_param(context), (time_t)now_s);
	if (X509_verify_cert(context) != 1)
		lower(&standing, CARD_UNTRUSTED);
	X509_STORE_CTX_free(context);
	return standing;
}

/* The best of all CAs that bear the issuer's name. */
static enum card_standing stand(const struct card_authorities *authorities,
    X509 *certificate, int64_t now_s)
{
	const X509_NAME *issuer = X509_get_issuer_name(certificate);
	enum card_standing best = CARD_UNTRUSTED;

	for (size_t i = 0; authorities && i < authorities->count; i++) {
		const struct trusted *trusted = &authorities->list[i];
		enum card_standing here;

		if (X509_NAME_cmp(X509_get_subject_name(trusted->certificate),
			issuer) != 0)
			continue;
		here = stand_under(trusted, certificate, now_s);
		if (here > best)
			best = here;
	}
	if (!card_usage_fits(certificate))
		lower(&best, CARD_USAGE);
	ERR_clear_error();
	return best;
}

enum card_standing card_certificate_stand(
    const struct card_authorities *authorities, const unsigned char *der,
    size_t length, int64_t now_s)
{
	X509 *certificate = card_x509_from_der(der, length);
	enum card_standing standing = CARD_FORGED;

	if (certificate &&
	    card_key_algorithm(certificate) != CARD_ALGORITHM_NONE)
		standing = stand(authorities, certificate, now_s);
	X509_free(certificate);
	return standing;
}

static bool has_signed(const struct card_proof *proof, X509 *certificate,
    const struct card_message *message)
{
	EVP_MD_CTX *context = NULL;
	bool signed_it = false;

	if (proof->algorithm == CARD_ALGORITHM_NONE ||
	    proof->algorithm != card_key_algorithm(certificate) ||
	    proof->signature_length > CARD_SIGNATURE_BYTES_MAX)
		return false;
	context = EVP_MD_CTX_new();
	signed_it =
	    context &&
	    EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL,
		X509_get0_pubkey(certificate)) == 1 &&
	    EVP_DigestVerify(context, proof->signature, proof->signature_length,
		message->bytes, message->length) == 1;
	EVP_MD_CTX_free(context);
	ERR_clear_error();
	return signed_it;
}

void card_verify(const struct card_authorities *authorities,
    const struct card_proof *proof, const struct card_message *message,
    int64_t now_s, struct card_evidence *out)
{
	struct card_evidence evidence = {.standing = CARD_FORGED};
	int64_t from = 0;
	X509 *certificate = NULL;

	if (key_shape_of_certificate(
		proof->certificate, proof->certificate_length))
		certificate = card_x509_from_der(
		    proof->certificate, proof->certificate_length);
	if (certificate &&
	    certificate_spki_hash(certificate, evidence.key) == ERR_NONE &&
	    certificate_validity(certificate, &from, &evidence.valid_until) ==
		ERR_NONE &&
	    has_signed(proof, certificate, message))
		evidence.standing = stand(authorities, certificate, now_s);
	X509_free(certificate);
	*out = evidence;
}
