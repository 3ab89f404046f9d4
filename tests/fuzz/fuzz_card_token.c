/* SPDX-License-Identifier: Apache-2.0 */
/* Needs pam_module/card/{find,identity,pin,sign,token,wire}.c. */
/*
 * What a card and its module may answer: each PKCS #11 call takes its result,
 * counts, lengths and bytes from the input, within what a module may write.
 * Whatever comes, looking and signing end, nothing is read beyond what was
 * given, no PIN is given that the card must not get, and a signature that is
 * told is one. The answer then goes through the agent's reader; and the input
 * itself is read as the child's bytes.
 */
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/x509.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pam_module/card/find.h"
#include "pam_module/card/sign.h"
#include "shared/certificate.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

enum {
	CALLS_MAX = 4000, /* more is a loop without end */
	DER_MAX = 2048,
};

static const uint8_t *input;
static size_t input_left, calls, logins, searches;
static unsigned char key_hash[CARD_HASH_BYTES];
static unsigned char der[DER_MAX];
static size_t der_length;
static EVP_PKEY *key;
static bool has_pad;
static CK_ULONG pin_min, pin_max;
static CK_FLAGS last_flags;

static void require(bool holds)
{
	if (!holds)
		abort();
}

static uint8_t next(void)
{
	if (input_left == 0)
		return 0;
	input_left--;
	return *input++;
}

/* Mostly fine, sometimes any error. */
static CK_RV result(void)
{
	static const CK_RV errors[] = {CKR_GENERAL_ERROR, CKR_DEVICE_REMOVED,
	    CKR_TOKEN_NOT_PRESENT, CKR_TOKEN_NOT_RECOGNIZED, CKR_PIN_INCORRECT,
	    CKR_PIN_LOCKED, CKR_USER_ALREADY_LOGGED_IN, CKR_FUNCTION_CANCELED,
	    CKR_BUFFER_TOO_SMALL, CKR_ATTRIBUTE_SENSITIVE,
	    CKR_SESSION_HANDLE_INVALID, CKR_DEVICE_ERROR};
	uint8_t byte = next();

	require(++calls < CALLS_MAX);
	return byte < 208 ? CKR_OK
			  : errors[byte % (sizeof(errors) / sizeof(errors[0]))];
}

/* A count or a length: what is true, or something else. */
static CK_ULONG number(CK_ULONG truth)
{
	switch (next()) {
	case 250:
		return 0;
	case 251:
		return truth + 1;
	case 252:
		return CK_UNAVAILABLE_INFORMATION;
	case 253:
		return 1UL << 31;
	case 254:
		return next();
	default:
		return truth;
	}
}

static CK_RV f_slot_list(CK_BBOOL present, CK_SLOT_ID *list, CK_ULONG *count)
{
	CK_ULONG truth = next() < 200 ? 1 : 2;

	(void)present;
	for (CK_ULONG i = 0; list && i < truth && i < *count; i++)
		list[i] = i;
	*count = number(truth);
	return result();
}

static CK_RV f_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
	(void)slot;
	memset(info, ' ', sizeof(*info));
	if (next() & 1)
		memcpy(info->label, "JPKI (User", 10);
	last_flags = (CK_FLAGS)next() << 16 | (CK_FLAGS)next() << 8;
	if (next() < 240)
		last_flags |= CKF_TOKEN_INITIALIZED;
	info->flags = last_flags;
	pin_min = info->ulMinPinLen = number(4);
	pin_max = info->ulMaxPinLen = number(8);
	has_pad = (last_flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0;
	return result();
}

static CK_RV f_open(CK_SLOT_ID slot, CK_FLAGS flags, void *application,
    CK_NOTIFY notify, CK_SESSION_HANDLE *out)
{
	(void)flags;
	(void)application;
	(void)notify;
	*out = slot + 1;
	return result();
}

static CK_RV f_session(CK_SESSION_HANDLE session)
{
	(void)session;
	return result();
}

static CK_RV f_find_init(
    CK_SESSION_HANDLE session, CK_ATTRIBUTE *template, CK_ULONG count)
{
	(void)session;
	for (CK_ULONG i = 0; i < count; i++)
		require(template[i].ulValueLen <= TOKEN_ID_BYTES_MAX);
	searches = 0;
	return result();
}

static CK_RV f_find(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *out,
    CK_ULONG room, CK_ULONG *count)
{
	/* One more call says that there are no more, most times. */
	CK_ULONG truth = searches++ == 0 || next() > 250 ? (1 + next()) % 3 : 0;

	(void)session;
	for (CK_ULONG i = 0; i < truth && i < room; i++)
		out[i] = i;
	*count = number(truth < room ? truth : room);
	return result();
}

/* The real certificate with bytes changed, or bytes of the input. */
static CK_ULONG write_certificate(unsigned char *out, CK_ULONG room)
{
	CK_ULONG truth = der_length < room ? der_length : room;

	memcpy(out, der, truth);
	for (uint8_t changes = next() % 8; changes > 0 && truth > 0;
	     changes--) {
		size_t at = (size_t)next() << 8;

		at |= next();
		out[at % truth] = next();
	}
	return truth;
}

static CK_RV f_attributes(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
    CK_ATTRIBUTE *template, CK_ULONG count)
{
	(void)session;
	(void)object;
	for (CK_ULONG i = 0; i < count; i++) {
		CK_ATTRIBUTE *one = &template[i];
		CK_ULONG truth = 1;

		if (one->type == CKA_VALUE)
			truth = write_certificate(one->pValue, one->ulValueLen);
		else
			memset(one->pValue, next(), 1);
		one->ulValueLen = number(truth);
	}
	return result();
}

static CK_RV f_login(CK_SESSION_HANDLE session, CK_USER_TYPE user,
    unsigned char *pin, CK_ULONG length)
{
	(void)session;
	logins++;
	require((pin == NULL) == (length == 0));
	if (user == CKU_USER) {
		require(has_pad == (pin == NULL));
		require(!(last_flags & CKF_USER_PIN_LOCKED));
		if (pin && pin_max >= 1 && pin_max <= SECRET_BYTES_MAX)
			require(length <= pin_max);
	}
	return result();
}

static CK_RV f_sign_init(
    CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE object)
{
	(void)session;
	(void)object;
	require(mechanism->mechanism == CKM_ECDSA ||
		mechanism->mechanism == CKM_RSA_PKCS);
	return result();
}

static CK_RV f_sign(CK_SESSION_HANDLE session, unsigned char *data,
    CK_ULONG data_length, unsigned char *out, CK_ULONG *length)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
	unsigned char raw[128];
	const unsigned char *at = raw;
	size_t got = sizeof(raw);
	ECDSA_SIG *pair;

	(void)session;
	require(*length >= 64);
	EVP_PKEY_sign_init(context);
	require(EVP_PKEY_sign(context, raw, &got, data, data_length) == 1);
	EVP_PKEY_CTX_free(context);
	pair = d2i_ECDSA_SIG(NULL, &at, (long)got);
	BN_bn2binpad(ECDSA_SIG_get0_r(pair), out, 32);
	BN_bn2binpad(ECDSA_SIG_get0_s(pair), out + 32, 32);
	ECDSA_SIG_free(pair);
	if (next() > 192)
		out[next() % 64] ^= next();
	*length = number(64);
	return result();
}

/* What the child takes from p11-kit elsewhere. */
bool module_start(CK_FUNCTION_LIST *module)
{
	(void)module;
	return next() < 240;
}

static CK_FUNCTION_LIST functions = {
    .C_GetSlotList = f_slot_list,
    .C_GetTokenInfo = f_token_info,
    .C_OpenSession = f_open,
    .C_CloseSession = f_session,
    .C_FindObjectsInit = f_find_init,
    .C_FindObjects = f_find,
    .C_FindObjectsFinal = f_session,
    .C_GetAttributeValue = f_attributes,
    .C_Login = f_login,
    .C_SignInit = f_sign_init,
    .C_Sign = f_sign,
};

static void make_certificate(void)
{
	X509 *certificate = X509_new();
	unsigned char *at = der;

	key = EVP_EC_gen("P-256");
	require(certificate && key);
	X509_set_version(certificate, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 7);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -86400);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 86400L * 3650);
	X509_set_pubkey(certificate, key);
	require(X509_sign(certificate, key, EVP_sha256()) > 0);
	require(i2d_X509(certificate, NULL) <= DER_MAX);
	der_length = (size_t)i2d_X509(certificate, &at);
	require(certificate_spki_hash(certificate, key_hash) == ERR_NONE);
	X509_free(certificate);
}

static bool is_proof(
    const struct card_message *message, const struct card_signature *signature)
{
	const unsigned char *at = signature->certificate;
	X509 *certificate =
	    d2i_X509(NULL, &at, (long)signature->certificate_length);
	EVP_PKEY *public_key =
	    certificate ? X509_get_pubkey(certificate) : NULL;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool is = public_key &&
		  EVP_DigestVerifyInit(
		      context, NULL, EVP_sha256(), NULL, public_key) == 1 &&
		  EVP_DigestVerify(context, signature->signature,
		      signature->signature_length, message->bytes,
		      message->length) == 1;

	EVP_MD_CTX_free(context);
	EVP_PKEY_free(public_key);
	X509_free(certificate);
	return is;
}

/* As the agent reads what the child wrote. */
static void check_answer(
    const struct wire_signing *told, const struct card_message *message)
{
	struct wire_message wire = {0}, read = {0};
	struct wire_signing heard = {0};
	unsigned char header[WIRE_HEADER_BYTES];

	wire_write_signing(told, &wire);
	wire_header(&wire, header);
	require(wire_measure(header, &read) == ERR_NONE);
	memcpy(read.body, wire.body, read.length);
	require(wire_read_signing(&read, &heard) == ERR_NONE);
	require(heard.outcome == told->outcome);
	if (heard.outcome == CARD_SIGNED)
		require(is_proof(message, &heard.signature));
}

static void use_card(void)
{
	struct modules modules = {
	    .count = next() < 200 ? 1 : 2, .list = {&functions, &functions}};
	struct card_wanted wanted = {.message = {.length = 40}};
	struct card_key found = {0};
	struct wire_signing signing = {0};
	struct secret pin = {.length = next() % 12};
	const struct secret *typed = next() & 1 ? &pin : NULL;

	wanted.tag_count = next() & 1;
	require(
	    card_tag(wanted.challenge, key_hash, wanted.tags[0]) == ERR_NONE);
	signing.seen = find_key(&modules, &wanted, 1800000000, &found);
	require(logins == 0);
	if (signing.seen.presence != CARD_PRESENT)
		return;
	require(signing.seen.pin_min >= 1 &&
		signing.seen.pin_min <= signing.seen.pin_max &&
		signing.seen.pin_max <= SECRET_BYTES_MAX);
	if (typed && typed->length == 0)
		typed = NULL;
	sign_message(&found, &wanted.message, typed, &signing);
	/* For the login, and once more for the signature. */
	require(logins <= 2);
	check_answer(&signing, &wanted.message);
	card_key_free(&found);
}

static void read_bytes(const uint8_t *bytes, size_t length)
{
	struct wire_message message = {0};
	struct wire_signing signing = {0};
	struct card_seen seen = {0};
	struct card_wanted wanted = {0};
	struct secret pin = {0};
	unsigned char hash[CARD_HASH_BYTES];

	if (length < WIRE_HEADER_BYTES ||
	    wire_measure(bytes, &message) != ERR_NONE)
		return;
	bytes += WIRE_HEADER_BYTES;
	length -= WIRE_HEADER_BYTES;
	if (message.length > length)
		message.length = length;
	memcpy(message.body, bytes, message.length);
	if (wire_read_seen(&message, &seen) == ERR_NONE)
		require(seen.presence <= CARD_PRESENT &&
			seen.pin <= CARD_PIN_LOCKED && seen.tries_left >= -1);
	if (wire_read_signing(&message, &signing) == ERR_NONE)
		require(signing.outcome <= CARD_SIGNED);
	(void)wire_read_find(&message, &wanted);
	(void)wire_read_pin(&message, &pin);
	(void)wire_read_watch(&message, hash);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	if (!key)
		make_certificate();
	read_bytes(bytes, length);
	input = bytes;
	input_left = length;
	calls = logins = 0;
	use_card();
	return 0;
}
