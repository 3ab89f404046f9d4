/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/card/token.h"

#include <string.h>

enum {
	JPKI_TRIES_AFTER_A_MISS = 2, /* of three */
};

/* Fields of CK_TOKEN_INFO are padded with blanks and have no end. */
#define FIELD_STARTS(field, text)                                              \
	(sizeof(field) >= sizeof(text) - 1 &&                                  \
	    memcmp(field, text, sizeof(text) - 1) == 0)

static bool is_jpki(const CK_TOKEN_INFO *info)
{
	return FIELD_STARTS(info->label, "JPKI ");
}

/* Its certificate is readable with its own PIN only, and is for contracts. */
static bool is_jpki_signing_half(const CK_TOKEN_INFO *info)
{
	return FIELD_STARTS(info->label, "JPKI (Digital Signature PIN");
}

bool token_slots(CK_FUNCTION_LIST *functions, CK_SLOT_ID out[TOKEN_SLOTS_MAX],
    size_t *out_count)
{
	CK_ULONG count = 0;

	/* Modules look for new readers only when asked for the count. */
	if (functions->C_GetSlotList(CK_TRUE, NULL, &count) != CKR_OK)
		return false;
	count = TOKEN_SLOTS_MAX;
	if (functions->C_GetSlotList(CK_TRUE, out, &count) != CKR_OK ||
	    count > TOKEN_SLOTS_MAX)
		return false;
	*out_count = count;
	return true;
}

static enum card_presence presence_of(CK_RV rv)
{
	switch (rv) {
	case CKR_OK:
		return CARD_PRESENT;
	case CKR_TOKEN_NOT_PRESENT:
	case CKR_DEVICE_REMOVED:
	case CKR_SLOT_ID_INVALID:
	case CKR_SESSION_CLOSED:
	case CKR_SESSION_HANDLE_INVALID:
		return CARD_ABSENT;
	case CKR_TOKEN_NOT_RECOGNIZED:
		return CARD_OTHER;
	default:
		return CARD_TROUBLE;
	}
}

static void read_flags(const CK_TOKEN_INFO *info, struct card_seen *seen)
{
	seen->tries_left = -1;
	if (info->flags & CKF_USER_PIN_LOCKED) {
		seen->pin = CARD_PIN_LOCKED;
		seen->tries_left = 0;
	} else if (info->flags & CKF_USER_PIN_FINAL_TRY) {
		seen->pin = CARD_PIN_FINAL;
		seen->tries_left = 1;
	} else if (info->flags & CKF_USER_PIN_COUNT_LOW) {
		seen->pin = CARD_PIN_LOW;
		if (is_jpki(info))
			seen->tries_left = JPKI_TRIES_AFTER_A_MISS;
	} else {
		seen->pin = CARD_PIN_FINE;
	}
}

static void read_pin(const CK_TOKEN_INFO *info, struct card_seen *seen)
{
	read_flags(info, seen);
	seen->has_pin_pad =
	    (info->flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0;
	/* What makes no sense is no bound; empty is never a PIN. */
	seen->pin_min = 1;
	seen->pin_max = SECRET_BYTES_MAX;
	if (info->ulMaxPinLen >= 1 && info->ulMaxPinLen <= SECRET_BYTES_MAX)
		seen->pin_max = (unsigned)info->ulMaxPinLen;
	if (info->ulMinPinLen >= 1 && info->ulMinPinLen <= seen->pin_max)
		seen->pin_min = (unsigned)info->ulMinPinLen;
}

bool token_read_pin(const struct token *token, struct card_seen *seen)
{
	CK_TOKEN_INFO info = {0};

	if (token->functions->C_GetTokenInfo(token->slot, &info) != CKR_OK)
		return false;
	read_pin(&info, seen);
	return true;
}

enum card_presence token_open(
    CK_FUNCTION_LIST *functions, CK_SLOT_ID slot, struct token *out)
{
	struct token token = {.functions = functions, .slot = slot};
	CK_TOKEN_INFO info = {0};
	enum card_presence presence =
	    presence_of(functions->C_GetTokenInfo(slot, &info));

	if (presence != CARD_PRESENT)
		return presence;
	if (!(info.flags & CKF_TOKEN_INITIALIZED))
		return CARD_ABSENT;
	if (is_jpki_signing_half(&info))
		return CARD_OTHER;
	read_pin(&info, &token.opened);
	presence = presence_of(functions->C_OpenSession(
	    slot, CKF_SERIAL_SESSION, NULL, NULL, &token.session));
	if (presence == CARD_PRESENT)
		*out = token;
	return presence;
}

void token_close(struct token *token)
{
	if (token->functions)
		(void)token->functions->C_CloseSession(token->session);
	memset(token, 0, sizeof(*token));
}

static bool find_objects(const struct token *token, CK_ATTRIBUTE *template,
    CK_ULONG length, struct token_objects *out)
{
	CK_FUNCTION_LIST *functions = token->functions;
	bool found = true;

	out->count = 0;
	if (functions->C_FindObjectsInit(token->session, template, length) !=
	    CKR_OK)
		return false;
	while (found && out->count < TOKEN_OBJECTS_MAX) {
		CK_ULONG room = TOKEN_OBJECTS_MAX - out->count, got = 0;

		found = functions->C_FindObjects(token->session,
			    out->list + out->count, room, &got) == CKR_OK &&
			got <= room;
		if (!found || got == 0)
			break;
		out->count += got;
	}
	(void)functions->C_FindObjectsFinal(token->session);
	return found;
}

bool token_certificates(const struct token *token, struct token_objects *out)
{
	CK_OBJECT_CLASS class = CKO_CERTIFICATE;
	CK_CERTIFICATE_TYPE type = CKC_X_509;
	CK_ATTRIBUTE template[] = {
	    {CKA_CLASS, &class, sizeof(class)},
	    {CKA_CERTIFICATE_TYPE, &type, sizeof(type)},
	};

	return find_objects(token, template, 2, out);
}

static enum err reading_failed(CK_RV rv)
{
	switch (rv) {
	case CKR_ATTRIBUTE_SENSITIVE:
	case CKR_ATTRIBUTE_TYPE_INVALID:
	case CKR_BUFFER_TOO_SMALL:
	case CKR_OBJECT_HANDLE_INVALID:
		return ERR_INVALID;
	default:
		return ERR_IO;
	}
}

enum err token_certificate(const struct token *token, CK_OBJECT_HANDLE object,
    struct token_certificate *out)
{
	unsigned char value[CARD_CERTIFICATE_BYTES_MAX];
	struct token_certificate certificate = {0};
	CK_ATTRIBUTE attributes[] = {
	    {CKA_VALUE, value, sizeof(value)},
	    {CKA_ID, certificate.id, sizeof(certificate.id)},
	};
	CK_RV rv = token->functions->C_GetAttributeValue(
	    token->session, object, attributes, 2);
	enum err err;

	if (rv != CKR_OK)
		return reading_failed(rv);
	if (attributes[0].ulValueLen > sizeof(value) ||
	    attributes[1].ulValueLen > sizeof(certificate.id))
		return ERR_INVALID;
	certificate.id_length = attributes[1].ulValueLen;
	err = identity_read(
	    value, attributes[0].ulValueLen, &certificate.identity);
	if (err == ERR_NONE)
		*out = certificate;
	return err;
}

static bool wants_pin_each_time(
    const struct token *token, CK_OBJECT_HANDLE object)
{
	CK_BBOOL always = CK_FALSE;
	CK_ATTRIBUTE attribute = {
	    CKA_ALWAYS_AUTHENTICATE, &always, sizeof(always)};

	return token->functions->C_GetAttributeValue(
		   token->session, object, &attribute, 1) == CKR_OK &&
	       attribute.ulValueLen == sizeof(always) && always != CK_FALSE;
}

bool token_private_key(const struct token *token,
    const struct token_certificate *certificate, CK_OBJECT_HANDLE *out,
    bool *out_always)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_KEY_TYPE type = certificate->identity.algorithm == CARD_ECDSA_SHA256
			       ? CKK_EC
			       : CKK_RSA;
	struct token_certificate key = *certificate;
	struct token_objects found = {0};
	CK_ATTRIBUTE template[] = {
	    {CKA_CLASS, &class, sizeof(class)},
	    {CKA_KEY_TYPE, &type, sizeof(type)},
	    {CKA_ID, key.id, key.id_length},
	};

	/* Of several with one identifier any may be wrong, which the check of
	 * the signature finds. */
	if (!find_objects(token, template, 3, &found) || found.count == 0)
		return false;
	*out = found.list[0];
	*out_always = wants_pin_each_time(token, found.list[0]);
	return true;
}

enum card_presence token_look(const struct token *token)
{
	CK_SLOT_ID slots[TOKEN_SLOTS_MAX];
	CK_SESSION_INFO info = {0};
	size_t count = 0;
	bool is_listed = false;

	/* Not C_GetSlotInfo: OpenSC answers it from a second's memory. */
	if (!token_slots(token->functions, slots, &count))
		return CARD_TROUBLE;
	for (size_t i = 0; i < count; i++)
		is_listed = is_listed || slots[i] == token->slot;
	if (!is_listed)
		return CARD_ABSENT;
	/* A token that was out for a moment has lost its session. */
	return presence_of(
	    token->functions->C_GetSessionInfo(token->session, &info));
}
