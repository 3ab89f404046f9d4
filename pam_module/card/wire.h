/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent and its card child say to each other over two pipes: each
 * message is a kind, a two-byte big-endian length and a body of fixed layout.
 * Bytes to values and back, every range checked, nothing else; both programs
 * call this file. Does no input or output and knows no PKCS #11.
 */
#ifndef SEKIMORI_CARD_WIRE_H
#define SEKIMORI_CARD_WIRE_H

#include "pam_module/agent/card.h"

/* The variable that names a directory which the child shuts itself out of. */
#define WIRE_FORBIDDEN "SEKIMORI_KEEP_OUT"

enum {
	WIRE_HEADER_BYTES = 3,
	WIRE_SEEN_BYTES = 6 + CARD_HASH_BYTES + 8,
	WIRE_BODY_BYTES_MAX = 1 + WIRE_SEEN_BYTES + 5 +
			      CARD_CERTIFICATE_BYTES_MAX +
			      CARD_SIGNATURE_BYTES_MAX,
	WIRE_PIN_BYTES_MAX = SECRET_BYTES_MAX,
};

enum wire_kind {
	WIRE_NONE = 0,
	/* to the child */
	WIRE_FIND,  /* struct card_wanted */
	WIRE_SIGN,  /* the PIN; empty: it is typed at the PIN pad */
	WIRE_WATCH, /* a key hash; the child answers with beats only */
	/* from the child */
	WIRE_SEEN,    /* struct card_seen */
	WIRE_SIGNING, /* struct wire_signing */
};

/* Bytes that the child writes of a watched card. */
enum {
	WIRE_BEAT = 0x2e, /* it is there */
	WIRE_GONE = 0x21, /* it was seen to leave; the last one */
};

struct wire_message {
	enum wire_kind kind;
	size_t length; /* of the body */
	unsigned char body[WIRE_BODY_BYTES_MAX];
};

struct wire_signing {
	enum card_signing outcome;
	struct card_seen seen;
	struct card_signature signature; /* if CARD_SIGNED */
};

/* Writes kind and length of message; out then stands before its body. */
void wire_header(
    const struct wire_message *message, unsigned char out[WIRE_HEADER_BYTES]);
/* ERR_INVALID for an unknown kind, ERR_TOO_LONG for a length that no body
 * has. Fills kind and length. */
enum err wire_measure(
    const unsigned char header[WIRE_HEADER_BYTES], struct wire_message *out);

/* Writers fill the whole message. Readers: ERR_INVALID for another kind,
 * another length or a value out of its range; out is untouched then. */
void wire_write_find(
    const struct card_wanted *wanted, struct wire_message *out);
enum err wire_read_find(
    const struct wire_message *message, struct card_wanted *out);

/* pin NULL: PIN pad. The message is a secret: the caller wipes it. */
void wire_write_pin(const struct secret *pin, struct wire_message *out);
enum err wire_read_pin(const struct wire_message *message, struct secret *out);

void wire_write_watch(
    const unsigned char key[CARD_HASH_BYTES], struct wire_message *out);
enum err wire_read_watch(
    const struct wire_message *message, unsigned char out[CARD_HASH_BYTES]);

void wire_write_seen(const struct card_seen *seen, struct wire_message *out);
enum err wire_read_seen(
    const struct wire_message *message, struct card_seen *out);

void wire_write_signing(
    const struct wire_signing *signing, struct wire_message *out);
enum err wire_read_signing(
    const struct wire_message *message, struct wire_signing *out);

#endif
