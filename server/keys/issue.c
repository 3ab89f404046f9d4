/* SPDX-License-Identifier: Apache-2.0 */
#include "server/keys/issue.h"

#include <arpa/inet.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <string.h>

enum {
	SERIAL_BITS = 128,
	X509_VERSION_THREE = 2, /* counted from zero */
};

static bool set_serial(X509 *certificate)
{
	BIGNUM *number = BN_new();
	bool done =
	    number &&
	    BN_rand(number, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) ==
		1 &&
	    BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));

	BN_free(number);
	return done;
}

/* By type and not by MBSTRING: terminal names may be longer than the 64
 * characters that X.520 once wished for. */
static bool set_name(X509_NAME *name, const char *text)
{
	return !text || X509_NAME_add_entry_by_NID(name, NID_commonName,
			    V_ASN1_UTF8STRING, (const unsigned char *)text,
			    (int)strlen(text), -1, 0) == 1;
}

static bool set_validity(X509 *certificate, int64_t from, int64_t until)
{
	return ASN1_TIME_set(X509_getm_notBefore(certificate),
		   (time_t)(from - ISSUE_BACKDATE_S)) &&
	       ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t)until);
}

struct extension {
	int nid;
	const char *value;
};

static bool add_extension(
    X509 *certificate, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *extension = NULL;
	X509V3_CTX context;
	bool done = false;

	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	done = extension && X509_add_ext(certificate, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return done;
}

/* A name becomes bytes here and never configuration text, so none can bring
 * an entry of its own. */
static GENERAL_NAME *general_name(const char *text)
{
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_OCTET_STRING *address = a2i_IPADDRESS(text);
	ASN1_IA5STRING *dns = NULL;

	if (!name)
		goto out;
	if (address) {
		GENERAL_NAME_set0_value(name, GEN_IPADD, address);
		return name;
	}
	dns = ASN1_IA5STRING_new();
	if (!dns || ASN1_STRING_set(dns, text, -1) != 1)
		goto out;
	GENERAL_NAME_set0_value(name, GEN_DNS, dns);
	return name;
out:
	GENERAL_NAME_free(name);
	ASN1_OCTET_STRING_free(address);
	ASN1_IA5STRING_free(dns);
	return NULL;
}

static bool add_names(X509 *certificate, char *const *names, size_t count)
{
	GENERAL_NAMES *list = GENERAL_NAMES_new();
	bool done = list && count > 0;

	for (size_t i = 0; i < count && done; i++) {
		GENERAL_NAME *name = general_name(names[i]);

		done = name && sk_GENERAL_NAME_push(list, name) > 0;
		if (!done)
			GENERAL_NAME_free(name);
	}
	done = done && X509_add1_ext_i2d(
			   certificate, NID_subject_alt_name, list, 0, 0) == 1;
	GENERAL_NAMES_free(list);
	return done;
}

/* All that does not depend on the kind. The caller signs and frees. */
static X509 *begin(const struct issue_subject *subject)
{
	X509 *certificate = X509_new();

	if (!certificate)
		return NULL;
	if (X509_set_version(certificate, X509_VERSION_THREE) == 1 &&
	    set_serial(certificate) &&
	    set_name(X509_get_subject_name(certificate), subject->name) &&
	    set_validity(certificate, subject->from, subject->until) &&
	    X509_set_pubkey(certificate, subject->key) == 1)
		return certificate;
	X509_free(certificate);
	return NULL;
}

static enum err finish(X509 *certificate, const struct issue_signer *signer,
    const struct extension *extensions, size_t count, X509 **out)
{
	X509_NAME *issuer = X509_get_subject_name(signer->certificate);
	bool done = X509_set_issuer_name(certificate, issuer) == 1;

	for (size_t i = 0; i < count && done; i++)
		done = add_extension(certificate, signer->certificate,
		    extensions[i].nid, extensions[i].value);
	if (!done || X509_sign(certificate, signer->key, EVP_sha256()) == 0) {
		ERR_clear_error();
		X509_free(certificate);
		return ERR_CRYPTO;
	}
	*out = certificate;
	return ERR_NONE;
}

enum err issue_authority(const struct issue_subject *subject, X509 **out)
{
	/* The subject key first: the authority key identifier repeats it. */
	static const struct extension extensions[] = {
	    {NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
	    {NID_key_usage, "critical,keyCertSign,cRLSign"},
	    {NID_subject_key_identifier, "hash"},
	    {NID_authority_key_identifier, "keyid:always"},
	};
	struct issue_signer self = {begin(subject), subject->key};

	if (!self.certificate)
		return ERR_CRYPTO;
	return finish(self.certificate, &self, extensions,
	    sizeof(extensions) / sizeof(extensions[0]), out);
}

enum err issue_server(const struct issue_subject *subject,
    const struct issue_signer *signer, char *const *names, size_t name_count,
    X509 **out)
{
	static const struct extension extensions[] = {
	    {NID_basic_constraints, "critical,CA:FALSE"},
	    {NID_key_usage, "critical,digitalSignature"},
	    {NID_ext_key_usage, "serverAuth"},
	    {NID_subject_key_identifier, "hash"},
	    {NID_authority_key_identifier, "keyid:always"},
	};
	X509 *certificate = begin(subject);

	if (!certificate)
		return ERR_CRYPTO;
	if (!add_names(certificate, names, name_count)) {
		ERR_clear_error();
		X509_free(certificate);
		return ERR_CRYPTO;
	}
	return finish(certificate, signer, extensions,
	    sizeof(extensions) / sizeof(extensions[0]), out);
}

enum err issue_terminal(const struct issue_subject *subject,
    const struct issue_signer *signer, X509 **out)
{
	static const struct extension extensions[] = {
	    {NID_basic_constraints, "critical,CA:FALSE"},
	    {NID_key_usage, "critical,digitalSignature"},
	    {NID_ext_key_usage, "clientAuth"},
	    {NID_subject_key_identifier, "hash"},
	    {NID_authority_key_identifier, "keyid:always"},
	};
	X509 *certificate = begin(subject);

	if (!certificate)
		return ERR_CRYPTO;
	return finish(certificate, signer, extensions,
	    sizeof(extensions) / sizeof(extensions[0]), out);
}
