/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a certificate on a card says: its key, its time, and whether it is for
 * authentication. The bytes come from a card and are not believed; who issued
 * it is for the server to judge. Time is an argument. Knows no PKCS #11.
 */
#ifndef SEKIMORI_CARD_IDENTITY_H
#define SEKIMORI_CARD_IDENTITY_H

#include <openssl/evp.h>

#include "shared/card_proof.h"

struct identity {
	unsigned char key[CARD_HASH_BYTES]; /* of the SubjectPublicKeyInfo */
	int64_t from, until;                /* unix seconds */
	bool authenticates; /* no CA's; its usages, if it names any, allow it */
	bool signs_documents; /* too: it binds whoever signs by it */
	enum card_algorithm algorithm;
	EVP_PKEY *public_key;
	size_t der_length;
	unsigned char der[CARD_CERTIFICATE_BYTES_MAX];
};

/* ERR_INVALID: no certificate, or a key that is not RSA of 2048 to 4096 bits,
 * P-256 or P-384. Bytes after its end are left out: cards pad. */
enum err identity_read(
    const unsigned char *bytes, size_t length, struct identity *out);

bool identity_is_in_time(const struct identity *identity, int64_t now_s);

/* Frees the key and forgets all. */
void identity_free(struct identity *identity);

#endif
