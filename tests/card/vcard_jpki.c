/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The My Number card's JPKI application, as OpenSC 0.23 speaks to it
 * (card-jpki.c): files chosen by SELECT with P1=02, two PINs, two keys, each
 * certificate in a file of its own. The signature certificate can be read
 * only behind its PIN.
 */
#include "tests/card/vcard.h"

#include <openssl/rsa.h>
#include <string.h>

enum {
	INS_VERIFY = 0x20,
	INS_SIGN = 0x2a,
	INS_SELECT = 0xa4,
	INS_READ = 0xb0,
	CLASS_SIGN = 0x80,
};

enum file {
	FILE_SIGN_CERTIFICATE = 0x01,
	FILE_SIGN_CA = 0x02,
	FILE_TOKEN = 0x06,
	FILE_AUTH_CERTIFICATE = 0x0a,
	FILE_AUTH_CA = 0x0b,
	FILE_AUTH_KEY = 0x17,
	FILE_AUTH_PIN = 0x18,
	FILE_SIGN_KEY = 0x1a,
	FILE_SIGN_PIN = 0x1b,
};

static const unsigned char application[] = {
    0xd3, 0x92, 0xf0, 0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01};

static int choose(struct vcard *card, const struct command *command)
{
	static const unsigned char files[] = {FILE_SIGN_CERTIFICATE,
	    FILE_SIGN_CA, FILE_TOKEN, FILE_AUTH_CERTIFICATE, FILE_AUTH_CA,
	    FILE_AUTH_KEY, FILE_AUTH_PIN, FILE_SIGN_KEY, FILE_SIGN_PIN};

	if (command->p1 == 4) {
		card->is_selected =
		    command->length == sizeof(application) &&
		    memcmp(command->data, application, command->length) == 0;
		card->file = 0;
		return card->is_selected ? SW_OK : SW_NOT_FOUND;
	}
	if (!card->is_selected || command->p1 != 2 || command->length != 2 ||
	    command->data[0] != 0 ||
	    !memchr(files, command->data[1], sizeof(files)))
		return SW_NOT_FOUND;
	card->file = command->data[1];
	return SW_OK;
}

/* The certificate's outer DER length, which OpenSC reads first, may lie. */
static void put_part(struct vcard *card, const struct bytes *file,
    size_t offset, size_t length, struct bytes *out)
{
	size_t before = out->length;

	bytes_put(out, file->at + offset, length);
	if (card->faults.false_ends && offset <= 2 && offset + length > 3)
		memset(out->at + before + (2 - offset), 0xff, 2);
}

static int read_file(
    struct vcard *card, const struct command *command, struct bytes *out)
{
	size_t offset = (size_t)command->p1 << 8 | command->p2, left;
	const struct bytes *file = NULL;

	if (card->file == FILE_AUTH_CERTIFICATE)
		file = &card->keys[VCARD_AUTH].certificate;
	if (card->file == FILE_SIGN_CERTIFICATE) {
		if (!card->pins[VCARD_SIGN].verified)
			return SW_SECURITY;
		vcard_log(card, "gives the signature certificate away");
		file = &card->keys[VCARD_SIGN].certificate;
	}
	if (card->file == FILE_AUTH_CA || card->file == FILE_SIGN_CA)
		file = &card->ca;
	if (!file || file->length == 0)
		return SW_NOT_FOUND;
	if (offset >= file->length)
		return SW_OFFSET;
	left = file->length - offset;
	put_part(card, file, offset,
	    left < command->expected ? left : command->expected, out);
	return SW_OK;
}

static int sign(
    struct vcard *card, const struct command *command, struct bytes *out)
{
	bool is_sign_key = card->file == FILE_SIGN_KEY;
	enum vcard_slot slot = is_sign_key ? VCARD_SIGN : VCARD_AUTH;

	if (command->class != CLASS_SIGN)
		return SW_CLASS;
	if ((!is_sign_key && card->file != FILE_AUTH_KEY) ||
	    !card->keys[slot].key)
		return SW_REFERENCE;
	if (!card->pins[slot].verified)
		return SW_SECURITY;
	return vcard_sign(card, card->keys[slot].key, RSA_PKCS1_PADDING,
	    command->data, command->length, out);
}

int vcard_jpki(
    struct vcard *card, const struct command *command, struct bytes *out)
{
	if (command->ins == INS_SELECT)
		return choose(card, command);
	if (!card->is_selected)
		return SW_INS;
	switch (command->ins) {
	case INS_READ:
		return read_file(card, command, out);
	case INS_VERIFY:
		if (card->file != FILE_AUTH_PIN && card->file != FILE_SIGN_PIN)
			return SW_REFERENCE;
		return vcard_verify(card,
		    card->file == FILE_SIGN_PIN ? VCARD_SIGN : VCARD_AUTH,
		    command);
	case INS_SIGN:
		return sign(card, command, out);
	}
	return SW_INS;
}
