/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A PIV card (NIST SP 800-73-4), as far as logging in needs it: CHUID, the
 * certificates and keys of 9A (PIN once) and 9C (PIN at every signature).
 */
#include "tests/card/vcard.h"

#include <openssl/rsa.h>
#include <string.h>

enum {
	INS_VERIFY = 0x20,
	INS_AUTHENTICATE = 0x87,
	INS_SELECT = 0xa4,
	INS_GET_DATA = 0xcb,
	PIN_APPLICATION = 0x80,
	KEY_AUTH = 0x9a,
	KEY_SIGN = 0x9c,
	ALGORITHM_RSA_2048 = 0x07,
	OBJECT_DISCOVERY = 0x7e,
	OBJECT_CHUID = 0x5fc102,
	OBJECT_AUTH_CERTIFICATE = 0x5fc105,
	OBJECT_SIGN_CERTIFICATE = 0x5fc10a,
};

static const unsigned char application[] = {
    0xa0, 0x00, 0x00, 0x03, 0x08, 0x00, 0x00, 0x10, 0x00, 0x01, 0x00};

static int choose(
    struct vcard *card, const struct command *command, struct bytes *out)
{
	struct bytes parts = {0}, authority = {0};

	if (command->p1 != 4)
		return card->is_selected ? SW_NOT_FOUND : SW_INS;
	if (command->length < 5 || command->length > sizeof(application) ||
	    memcmp(command->data, application, command->length) != 0)
		return SW_NOT_FOUND;
	card->is_selected = true;
	card->pins[VCARD_AUTH].verified = false;
	bytes_put_tlv(&parts, 0x4f, application + 5, 6);
	bytes_put_tlv(&authority, 0x4f, application, 5);
	bytes_put_tlv(&parts, 0x79, authority.at, authority.length);
	bytes_put_tlv(out, 0x61, parts.at, parts.length);
	return SW_OK;
}

/* FASC-N, GUID, end, no signature, no checksum. The GUID is of the key, so
 * that two cards have two serial numbers. */
static void put_chuid(struct vcard *card, struct bytes *out)
{
	static const unsigned char fasc_n[] = {0xd4, 0xe7, 0x39, 0xda, 0x73,
	    0x9c, 0xed, 0x39, 0xce, 0x73, 0x9d, 0x83, 0x68, 0x58, 0x21, 0x08,
	    0x42, 0x10, 0x84, 0x21, 0xc8, 0x42, 0x10, 0xc3, 0xeb};
	const struct bytes *der = &card->keys[VCARD_AUTH].certificate;
	unsigned char guid[16] = "emulated card";

	if (der->length > sizeof(guid))
		memcpy(
		    guid, der->at + der->length - sizeof(guid), sizeof(guid));
	bytes_put_tlv(out, 0x30, fasc_n, sizeof(fasc_n));
	bytes_put_tlv(out, 0x34, guid, sizeof(guid));
	bytes_put_tlv(out, 0x35, "20401231", 8);
	bytes_put_tlv(out, 0x3e, "", 0);
	bytes_put_tlv(out, 0xfe, "", 0);
}

static int put_certificate(
    struct vcard *card, enum vcard_slot slot, struct bytes *out)
{
	const struct bytes *der = &card->keys[slot].certificate;

	if (der->length == 0)
		return SW_NOT_FOUND;
	bytes_put_tlv(out, 0x70, der->at, der->length);
	if (card->faults.false_ends)
		memset(out->at + 2, 0xff, 2);
	bytes_put_tlv(out, 0x71, "", 1);
	bytes_put_tlv(out, 0xfe, "", 0);
	return SW_OK;
}

static int get_data(
    struct vcard *card, const struct command *command, struct bytes *out)
{
	const unsigned char *data = command->data;
	struct bytes object = {0};
	unsigned tag = 0;
	int word = SW_OK;

	if (!card->is_selected || command->length < 3 || data[0] != 0x5c ||
	    data[1] > 3 || (size_t)data[1] + 2 > command->length)
		return SW_DATA;
	for (int i = 0; i < data[1]; i++)
		tag = tag << 8 | data[2 + i];
	if (tag == OBJECT_DISCOVERY) {
		bytes_put_tlv(&object, 0x4f, application, sizeof(application));
		bytes_put_tlv(&object, 0x5f2f, "\x40\x00", 2);
		bytes_put_tlv(out, 0x7e, object.at, object.length);
		return SW_OK;
	}
	if (tag == OBJECT_CHUID)
		put_chuid(card, &object);
	else if (tag == OBJECT_AUTH_CERTIFICATE)
		word = put_certificate(card, VCARD_AUTH, &object);
	else if (tag == OBJECT_SIGN_CERTIFICATE)
		word = put_certificate(card, VCARD_SIGN, &object);
	else
		word = SW_NOT_FOUND;
	if (word == SW_OK)
		bytes_put_tlv(out, 0x53, object.at, object.length);
	return word;
}

static int authenticate(struct vcard *card, const struct command *command,
    bool is_fresh, struct bytes *out)
{
	enum vcard_slot slot =
	    command->p2 == KEY_SIGN ? VCARD_SIGN : VCARD_AUTH;
	struct bytes signature = {0}, template = {0};
	const unsigned char *parts, *challenge = NULL;
	size_t length, challenge_length = 0;
	int word;

	if (!card->is_selected || !card->keys[slot].key ||
	    (command->p2 != KEY_AUTH && command->p2 != KEY_SIGN))
		return SW_REFERENCE;
	if (!card->pins[VCARD_AUTH].verified ||
	    (slot == VCARD_SIGN && !is_fresh))
		return SW_SECURITY;
	parts = bytes_find(command->data, command->length, 0x7c, &length);
	if (parts)
		challenge = bytes_find(parts, length, 0x81, &challenge_length);
	if (!challenge)
		return SW_DATA;
	word = vcard_sign(card, card->keys[slot].key,
	    command->p1 == ALGORITHM_RSA_2048 ? RSA_NO_PADDING : 0, challenge,
	    challenge_length, &signature);
	if (word != SW_OK)
		return word;
	bytes_put_tlv(&template, 0x82, signature.at, signature.length);
	bytes_put_tlv(out, 0x7c, template.at, template.length);
	return SW_OK;
}

int vcard_piv(
    struct vcard *card, const struct command *command, struct bytes *out)
{
	bool is_fresh = card->pins[VCARD_AUTH].fresh;

	card->pins[VCARD_AUTH].fresh = false;
	switch (command->ins) {
	case INS_SELECT:
		return choose(card, command, out);
	case INS_GET_DATA:
		return get_data(card, command, out);
	case INS_VERIFY:
		if (!card->is_selected || command->p2 != PIN_APPLICATION)
			return SW_REFERENCE;
		if (command->p1 == 0xff) {
			card->pins[VCARD_AUTH].verified = false;
			return SW_OK;
		}
		return vcard_verify(card, VCARD_AUTH, command);
	case INS_AUTHENTICATE:
		return authenticate(card, command, is_fresh, out);
	}
	return SW_INS;
}
