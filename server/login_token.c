/* SPDX-License-Identifier: Apache-2.0 */
#include "server/login_token.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stddef.h>
#include <string.h>

#include "shared/encode.h"

/*
 *	version 1, proven 1, until 8, epoch 8, challenge 32,
 *	five times (length 2, bytes), MAC 32
 */
enum {
	VERSION = 2,
	MAC_BYTES = 32,
	CHALLENGE_AT = 1 + 1 + 8 + 8,
	FIXED_BYTES = CHALLENGE_AT + LOGIN_CHALLENGE_BYTES,
	NAME_COUNT = 5,
	PAYLOAD_BYTES_MAX = FIXED_BYTES + NAME_COUNT * (2 + NAME_BYTES_MAX),
	TOKEN_BYTES_MAX = PAYLOAD_BYTES_MAX + MAC_BYTES,
};

_Static_assert(ENCODE_BASE64_SIZE(TOKEN_BYTES_MAX) <= LOGIN_TOKEN_SIZE,
    "the longest token fits");

static const size_t name_offsets[NAME_COUNT] = {
    offsetof(struct login_claims, user),
    offsetof(struct login_claims, person),
    offsetof(struct login_claims, service),
    offsetof(struct login_claims, tty),
    offsetof(struct login_claims, rhost),
};

static bool compute_mac(const struct secret *key,
    const unsigned char fingerprint[CERTIFICATE_HASH_BYTES],
    const unsigned char *payload, size_t length, unsigned char out[MAC_BYTES])
{
	static const char label[] = "sekimori-login-token-v1";
	unsigned char
	    input[sizeof(label) + CERTIFICATE_HASH_BYTES + PAYLOAD_BYTES_MAX];
	size_t used = 0;
	unsigned out_length = 0;

	memcpy(input, label, sizeof(label));
	used += sizeof(label);
	memcpy(input + used, fingerprint, CERTIFICATE_HASH_BYTES);
	used += CERTIFICATE_HASH_BYTES;
	memcpy(input + used, payload, length);
	used += length;
	return HMAC(EVP_sha256(), key->bytes, (int)key->length, input, used,
		   out, &out_length) != NULL &&
	       out_length == MAC_BYTES;
}

static void put_u64(unsigned char *out, uint64_t value)
{
	for (int i = 7; i >= 0; i--, value >>= 8)
		out[i] = (unsigned char)value;
}

static uint64_t get_u64(const unsigned char *bytes)
{
	uint64_t value = 0;

	for (int i = 0; i < 8; i++)
		value = value << 8 | bytes[i];
	return value;
}

enum err login_token_write(const struct login_claims *claims,
    const struct secret *key,
    const unsigned char fingerprint[CERTIFICATE_HASH_BYTES],
    char out[LOGIN_TOKEN_SIZE])
{
	unsigned char bytes[TOKEN_BYTES_MAX];
	size_t used = FIXED_BYTES;

	bytes[0] = VERSION;
	bytes[1] = claims->proven;
	put_u64(bytes + 2, (uint64_t)claims->until);
	put_u64(bytes + 10, (uint64_t)claims->epoch);
	memcpy(bytes + CHALLENGE_AT, claims->challenge, LOGIN_CHALLENGE_BYTES);
	for (size_t i = 0; i < NAME_COUNT; i++) {
		const char *name = (const char *)claims + name_offsets[i];
		size_t length = strnlen(name, NAME_BYTES_MAX);

		bytes[used++] = (unsigned char)(length >> 8);
		bytes[used++] = (unsigned char)length;
		memcpy(bytes + used, name, length);
		used += length;
	}
	if (!compute_mac(key, fingerprint, bytes, used, bytes + used))
		return ERR_CRYPTO;
	encode_base64url(bytes, used + MAC_BYTES, out);
	return ERR_NONE;
}

/* The payload is our own, authenticated; lengths are checked all the same. */
static bool read_names(
    const unsigned char *bytes, size_t length, struct login_claims *out)
{
	size_t used = FIXED_BYTES;

	for (size_t i = 0; i < NAME_COUNT; i++) {
		char *name = (char *)out + name_offsets[i];
		size_t name_length;

		if (length - used < 2)
			return false;
		name_length = (size_t)bytes[used] << 8 | bytes[used + 1];
		used += 2;
		if (name_length > NAME_BYTES_MAX || name_length > length - used)
			return false;
		memcpy(name, bytes + used, name_length);
		name[name_length] = '\0';
		used += name_length;
	}
	return used == length;
}

enum err login_token_read(const char *text, const struct secret *key,
    const unsigned char fingerprint[CERTIFICATE_HASH_BYTES],
    struct login_claims *out)
{
	unsigned char bytes[TOKEN_BYTES_MAX], mac[MAC_BYTES];
	struct login_claims claims = {0};
	size_t length = 0;

	if (decode_base64url(text, strlen(text), bytes, sizeof(bytes),
		&length) != ERR_NONE ||
	    length < FIXED_BYTES + MAC_BYTES || bytes[0] != VERSION)
		return ERR_NOT_FOUND;
	length -= MAC_BYTES;
	if (!compute_mac(key, fingerprint, bytes, length, mac) ||
	    CRYPTO_memcmp(mac, bytes + length, MAC_BYTES) != 0)
		return ERR_NOT_FOUND;
	claims.proven = bytes[1] == 1;
	claims.until = (int64_t)get_u64(bytes + 2);
	claims.epoch = (int64_t)get_u64(bytes + 10);
	memcpy(claims.challenge, bytes + CHALLENGE_AT, LOGIN_CHALLENGE_BYTES);
	if (!read_names(bytes, length, &claims))
		return ERR_NOT_FOUND;
	*out = claims;
	return ERR_NONE;
}
