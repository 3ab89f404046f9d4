/* SPDX-License-Identifier: Apache-2.0 */
#include "server/card_enrolment_token.h"

#include <openssl/crypto.h>
#include <string.h>

enum {
	UNTIL_BYTES = 8,
	PAYLOAD_BYTES = UNTIL_BYTES + CARD_CHALLENGE_BYTES,
	MAC_BYTES = 32,
};

static enum err compute_mac(const struct store *store,
    const unsigned char fingerprint[CERTIFICATE_HASH_BYTES],
    const unsigned char payload[PAYLOAD_BYTES], unsigned char out[MAC_BYTES])
{
	unsigned char input[CERTIFICATE_HASH_BYTES + PAYLOAD_BYTES];

	memcpy(input, fingerprint, CERTIFICATE_HASH_BYTES);
	memcpy(input + CERTIFICATE_HASH_BYTES, payload, PAYLOAD_BYTES);
	return store_keyed_hash(
	    store, "card-enrolment-token", input, sizeof(input), out);
}

enum err card_enrolment_token_write(const struct store *store,
    const unsigned char fingerprint[CERTIFICATE_HASH_BYTES], int64_t until,
    const unsigned char challenge[CARD_CHALLENGE_BYTES],
    char out[CARD_ENROLMENT_TOKEN_SIZE])
{
	unsigned char bytes[CARD_ENROLMENT_TOKEN_BYTES];
	uint64_t rest = (uint64_t)until;
	enum err err;

	for (int i = UNTIL_BYTES - 1; i >= 0; i--, rest >>= 8)
		bytes[i] = (unsigned char)rest;
	memcpy(bytes + UNTIL_BYTES, challenge, CARD_CHALLENGE_BYTES);
	err = compute_mac(store, fingerprint, bytes, bytes + PAYLOAD_BYTES);
	if (err == ERR_NONE)
		encode_base64url(bytes, sizeof(bytes), out);
	return err;
}

enum err card_enrolment_token_read(const struct store *store,
    const unsigned char fingerprint[CERTIFICATE_HASH_BYTES], int64_t now_s,
    const char *text, unsigned char out_challenge[CARD_CHALLENGE_BYTES])
{
	unsigned char bytes[CARD_ENROLMENT_TOKEN_BYTES], mac[MAC_BYTES];
	size_t length = 0;
	uint64_t until = 0;
	enum err err;

	if (decode_base64url(text, strlen(text), bytes, sizeof(bytes),
		&length) != ERR_NONE ||
	    length != sizeof(bytes))
		return ERR_NOT_FOUND;
	err = compute_mac(store, fingerprint, bytes, mac);
	if (err != ERR_NONE)
		return err;
	if (CRYPTO_memcmp(mac, bytes + PAYLOAD_BYTES, MAC_BYTES) != 0)
		return ERR_NOT_FOUND;
	for (int i = 0; i < UNTIL_BYTES; i++)
		until = until << 8 | bytes[i];
	if (now_s >= (int64_t)until)
		return ERR_NOT_FOUND;
	memcpy(out_challenge, bytes + UNTIL_BYTES, CARD_CHALLENGE_BYTES);
	return ERR_NONE;
}
