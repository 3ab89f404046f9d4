/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An emulated smartcard, for tests with real pcscd and OpenSC but without a
 * reader: a My Number card (JPKI) or a PIV card. vcard.c talks to the virtual
 * reader, vcard_apdu.c takes one command and plays the faults, vcard_jpki.c
 * and vcard_piv.c are the cards. Not a model of any card's security.
 */
#ifndef SEKIMORI_TESTS_VCARD_H
#define SEKIMORI_TESTS_VCARD_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
	VCARD_BYTES_MAX = 8192,
	VCARD_PIN_SIZE = 17,
	VCARD_ANY_INS = 0x100,
};

/* Status words, ISO/IEC 7816-4, 5.3.4. */
enum vcard_status {
	SW_OK = 0x9000,
	SW_MORE = 0x6100,
	SW_TRIES = 0x63c0,
	SW_LENGTH = 0x6700,
	SW_SECURITY = 0x6982,
	SW_BLOCKED = 0x6983,
	SW_UNUSABLE = 0x6984,
	SW_DATA = 0x6a80,
	SW_NOT_FOUND = 0x6a82,
	SW_REFERENCE = 0x6a88,
	SW_OFFSET = 0x6b00,
	SW_INS = 0x6d00,
	SW_CLASS = 0x6e00,
};

/* What is put beyond the end is dropped. */
struct bytes {
	size_t length;
	unsigned char at[VCARD_BYTES_MAX];
};

struct vcard_pin {
	char value[VCARD_PIN_SIZE];
	int left, most;
	bool verified;
	bool fresh; /* verified by the command just before */
};

struct vcard_key {
	EVP_PKEY *key;
	struct bytes certificate; /* DER */
};

/* Strikes once: at the command with this instruction after so many others
 * with it, or with any (VCARD_ANY_INS). ins -1: never. */
struct vcard_fault {
	int ins, after;
};

struct vcard_faults {
	struct vcard_fault cut;  /* the card is pulled as the command arrives */
	struct vcard_fault word; /* is answered with status_word */
	int status_word;
	struct vcard_fault brief;   /* is answered with one byte */
	struct vcard_fault lengthy; /* with far more than was asked for */
	struct vcard_fault silent;  /* this and all after it get no answer */
	bool is_silent;             /* by now */
	bool false_ends; /* objects claim to be longer than they are */
	int apdu_delay_ms, sign_delay_ms;
};

enum vcard_slot {
	VCARD_AUTH = 0, /* JPKI: user authentication; PIV: 9A, and the PIN */
	VCARD_SIGN = 1, /* JPKI: digital signature; PIV: 9C */
};

struct vcard {
	bool is_piv;
	struct vcard_pin pins[2];
	struct vcard_key keys[2];
	struct bytes ca;      /* DER, of JPKI */
	struct bytes chained; /* of a command that comes in parts */
	struct bytes pending; /* of an answer that goes out in parts */
	bool is_selected;
	unsigned file; /* JPKI's current EF */
	struct vcard_faults faults;
	FILE *log;
};

struct command {
	unsigned char class, ins, p1, p2;
	const unsigned char *data;
	size_t length;   /* of data */
	size_t expected; /* Le */
};

void bytes_put(struct bytes *out, const void *bytes, size_t length);
/* Appends tag, BER length and value; tags of one or two bytes. */
void bytes_put_tlv(
    struct bytes *out, unsigned tag, const void *value, size_t length);
/* The value of the first one-byte tag in a row of TLVs, or NULL. */
const unsigned char *bytes_find(const unsigned char *bytes, size_t length,
    unsigned char tag, size_t *out_length);

/* One command as it came, one answer. False: no answer will come, because the
 * card is gone or silent. */
bool vcard_apdu(struct vcard *card, const unsigned char *apdu, size_t length,
    struct bytes *out);
void vcard_reset(struct vcard *card);
__attribute__((format(printf, 2, 3))) void vcard_log(
    struct vcard *card, const char *format, ...);

/* The two cards: a status word, and the answer's data in out. */
int vcard_jpki(
    struct vcard *card, const struct command *command, struct bytes *out);
int vcard_piv(
    struct vcard *card, const struct command *command, struct bytes *out);

/* VERIFY: with no data, how many tries are left. */
int vcard_verify(
    struct vcard *card, enum vcard_slot slot, const struct command *command);
/* padding: of RSA, as EVP_PKEY_CTX_set_rsa_padding takes it; 0 for ECDSA. */
int vcard_sign(struct vcard *card, EVP_PKEY *key, int padding,
    const unsigned char *in, size_t length, struct bytes *out);

#endif
