/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/card/identity.h"

#include <openssl/objects.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "shared/certificate.h"

enum {
	RSA_BITS_MIN = 2048,
	RSA_BITS_MAX = 4096,
};

static enum card_algorithm algorithm_of(const EVP_PKEY *key)
{
	char group[32] = "";

	if (EVP_PKEY_is_a(key, "RSA"))
		return EVP_PKEY_get_bits(key) >= RSA_BITS_MIN &&
			       EVP_PKEY_get_bits(key) <= RSA_BITS_MAX
			   ? CARD_RSA_PKCS1_SHA256
			   : CARD_ALGORITHM_NONE;
	if (EVP_PKEY_is_a(key, "EC") &&
	    EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1 &&
	    (strcmp(group, "prime256v1") == 0 ||
		strcmp(group, "secp384r1") == 0))
		return CARD_ECDSA_SHA256;
	return CARD_ALGORITHM_NONE;
}

static bool has_purpose(X509 *certificate)
{
	static const int purposes[] = {
	    NID_client_auth, NID_ms_smartcard_login, NID_anyExtendedKeyUsage};
	EXTENDED_KEY_USAGE *usages = NULL;
	bool has = false;

	if (X509_get_extended_key_usage(certificate) == UINT32_MAX)
		return true; /* names none */
	usages = X509_get_ext_d2i(certificate, NID_ext_key_usage, NULL, NULL);
	for (int i = 0; i < sk_ASN1_OBJECT_num(usages); i++)
		for (size_t j = 0; j < sizeof(purposes) / sizeof(int); j++)
			if (OBJ_obj2nid(sk_ASN1_OBJECT_value(usages, i)) ==
			    purposes[j])
				has = true;
	EXTENDED_KEY_USAGE_free(usages);
	return has;
}

static bool is_for_authentication(X509 *certificate)
{
	if (X509_get_extension_flags(certificate) & EXFLAG_INVALID)
		return false;
	return X509_check_ca(certificate) == 0 &&
	       (X509_get_key_usage(certificate) & KU_DIGITAL_SIGNATURE) != 0 &&
	       has_purpose(certificate);
}

enum err identity_read(
    const unsigned char *bytes, size_t length, struct identity *out)
{
	const unsigned char *end = bytes;
	struct identity identity = {0};
	X509 *certificate = NULL;
	enum err err = ERR_INVALID;

	if (length > sizeof(out->der))
		return ERR_INVALID;
	certificate = d2i_X509(NULL, &end, (long)length);
	if (!certificate)
		return ERR_INVALID;
	identity.public_key = X509_get_pubkey(certificate);
	if (identity.public_key)
		identity.algorithm = algorithm_of(identity.public_key);
	if (identity.algorithm != CARD_ALGORITHM_NONE)
		err = certificate_spki_hash(certificate, identity.key);
	if (err == ERR_NONE)
		err = certificate_validity(
		    certificate, &identity.from, &identity.until);
	if (err == ERR_NONE) {
		identity.authenticates = is_for_authentication(certificate);
		/* All bits are set where no usage is named. */
		identity.signs_documents =
		    X509_get_key_usage(certificate) != UINT32_MAX &&
		    (X509_get_key_usage(certificate) & KU_NON_REPUDIATION) != 0;
		identity.der_length = (size_t)(end - bytes);
		memcpy(identity.der, bytes, identity.der_length);
		*out = identity;
	} else {
		EVP_PKEY_free(identity.public_key);
	}
	X509_free(certificate);
	return err == ERR_NONE ? ERR_NONE : ERR_INVALID;
}

bool identity_is_in_time(const struct identity *identity, int64_t now_s)
{
	return identity->from <= now_s && now_s <= identity->until;
}

void identity_free(struct identity *identity)
{
	EVP_PKEY_free(identity->public_key);
	memset(identity, 0, sizeof(*identity));
}
