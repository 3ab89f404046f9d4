/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/card/sign.h"

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <string.h>

#include "pam_module/card/pin.h"

enum {
	SHA256_BYTES = 32
};

/* DigestInfo of SHA-256 without the hash (RFC 8017, 9.2, note 1). */
static const unsigned char digest_info[] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09,
    0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04,
    0x20};

struct raw_signature {
	CK_ULONG length;
	unsigned char bytes[CARD_SIGNATURE_BYTES_MAX];
};

/* What C_Sign gets: RSA pads a DigestInfo, ECDSA takes the hash itself. */
struct to_be_signed {
	CK_MECHANISM_TYPE mechanism;
	CK_ULONG length;
	unsigned char bytes[sizeof(digest_info) + SHA256_BYTES];
};

static bool prepare(enum card_algorithm algorithm,
    const struct card_message *message, struct to_be_signed *out)
{
	size_t before =
	    algorithm == CARD_RSA_PKCS1_SHA256 ? sizeof(digest_info) : 0;

	memcpy(out->bytes, digest_info, before);
	out->length = before + SHA256_BYTES;
	out->mechanism = before > 0 ? CKM_RSA_PKCS : CKM_ECDSA;
	return EVP_Digest(message->bytes, message->length, out->bytes + before,
		   NULL, EVP_sha256(), NULL) == 1;
}

/* CKM_ECDSA gives r and s of equal length, the server takes DER. */
static bool ecdsa_to_der(
    const struct raw_signature *raw, struct card_signature *out)
{
	ECDSA_SIG *pair = ECDSA_SIG_new();
	int half = (int)(raw->length / 2);
	BIGNUM *r = BN_bin2bn(raw->bytes, half, NULL);
	BIGNUM *s = BN_bin2bn(raw->bytes + half, half, NULL);
	unsigned char *at = out->signature;
	int length = 0;

	if (pair && r && s && ECDSA_SIG_set0(pair, r, s) == 1) {
		r = s = NULL;
		length = i2d_ECDSA_SIG(pair, NULL);
		if (length > 0 && (size_t)length <= sizeof(out->signature))
			length = i2d_ECDSA_SIG(pair, &at);
		else
			length = 0;
	}
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(pair);
	if (length <= 0)
		return false;
	out->signature_length = (size_t)length;
	return true;
}

static bool format(const struct identity *identity,
    const struct raw_signature *raw, struct card_signature *out)
{
	size_t key_bytes =
	    ((size_t)EVP_PKEY_get_bits(identity->public_key) + 7) / 8;

	out->algorithm = identity->algorithm;
	out->certificate_length = identity->der_length;
	memcpy(out->certificate, identity->der, identity->der_length);
	if (identity->algorithm == CARD_ECDSA_SHA256)
		return raw->length == 2 * key_bytes && ecdsa_to_der(raw, out);
	if (raw->length != key_bytes)
		return false;
	memcpy(out->signature, raw->bytes, raw->length);
	out->signature_length = raw->length;
	return true;
}

static bool is_genuine(const struct identity *identity,
    const struct card_message *message, const struct card_signature *signature)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool genuine = context &&
		       EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL,
			   identity->public_key) == 1 &&
		       EVP_DigestVerify(context, signature->signature,
			   signature->signature_length, message->bytes,
			   message->length) == 1;

	EVP_MD_CTX_free(context);
	return genuine;
}

/* After login: what the card gives, unchecked but for its length. */
static enum card_signing ask_card(const struct card_key *key,
    struct to_be_signed *what, const struct secret *pin, struct card_seen *seen,
    struct raw_signature *out)
{
	CK_FUNCTION_LIST *functions = key->token.functions;
	CK_SESSION_HANDLE session = key->token.session;
	CK_MECHANISM mechanism = {what->mechanism, NULL, 0};
	CK_OBJECT_HANDLE object = 0;
	bool wants_pin = false;

	if (!token_private_key(
		&key->token, &key->certificate, &object, &wants_pin) ||
	    functions->C_SignInit(session, &mechanism, object) != CKR_OK)
		return CARD_SIGNING_TROUBLE;
	if (wants_pin) {
		enum card_signing outcome = pin_confirm(&key->token, pin, seen);

		if (outcome != CARD_SIGNED)
			return outcome;
	}
	out->length = sizeof(out->bytes);
	if (functions->C_Sign(session, what->bytes, what->length, out->bytes,
		&out->length) != CKR_OK ||
	    out->length > sizeof(out->bytes))
		return CARD_SIGNING_TROUBLE;
	return CARD_SIGNED;
}

void sign_message(const struct card_key *key,
    const struct card_message *message, const struct secret *pin,
    struct wire_signing *out)
{
	const struct identity *identity = &key->certificate.identity;
	struct to_be_signed what = {0};
	struct raw_signature raw = {0};

	out->outcome = CARD_SIGNING_TROUBLE;
	if (!prepare(identity->algorithm, message, &what))
		return;
	out->outcome = pin_login(&key->token, pin, &out->seen);
	if (out->outcome == CARD_SIGNED)
		out->outcome = ask_card(key, &what, pin, &out->seen, &raw);
	if (out->outcome == CARD_SIGNED &&
	    (!format(identity, &raw, &out->signature) ||
		!is_genuine(identity, message, &out->signature)))
		out->outcome = CARD_SIGNING_TROUBLE;
}
