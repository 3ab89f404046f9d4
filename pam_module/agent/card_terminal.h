/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who this terminal is in the bytes that a card signs: its registered name
 * and the hash of the key of the CA that issued its certificate. Both come
 * from its own certificate, so that what is signed and what the server sees on
 * the connection change together when the certificate is renewed. Pure.
 */
#ifndef SEKIMORI_AGENT_CARD_TERMINAL_H
#define SEKIMORI_AGENT_CARD_TERMINAL_H

#include "shared/card_proof.h"
#include "shared/err.h"
#include "shared/text.h"

struct card_terminal {
	char name[NAME_BYTES_MAX + 1];
	unsigned char ca[CARD_HASH_BYTES];
};

/* ca_pem may hold several CAs; the one whose key signed certificate_pem
 * counts. ERR_NOT_FOUND: none did. ERR_INVALID: no certificate, or none with
 * exactly one name. On failure out is untouched. */
enum err card_terminal_read(
    const char *certificate_pem, const char *ca_pem, struct card_terminal *out);

#endif
