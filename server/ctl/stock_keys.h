/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Encrypted values of a PSKC file (RFC 6030, section 6): the key that opens
 * them, from the file of the pre-shared key or by PBKDF2 from its password,
 * and the MAC over each, which is checked before anything is decrypted. Must
 * not know XML.
 */
#ifndef SEKIMORI_CTL_STOCK_KEYS_H
#define SEKIMORI_CTL_STOCK_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/err.h"
#include "shared/secret.h"

enum {
	STOCK_CIPHER_BYTES_MAX = 256, /* initialisation vector and all */
	STOCK_MAC_BYTES_MAX = 64,
	STOCK_MAC_KEY_BYTES_MIN = 16,
	STOCK_SALT_BYTES_MAX = 64,
	/* A second or two of work. */
	STOCK_ITERATIONS_MAX = 5000000,
};

enum stock_cipher {
	STOCK_CIPHER_NONE, /* none named, or one that is not known */
	STOCK_AES128_CBC,
	STOCK_AES192_CBC,
	STOCK_AES256_CBC,
};

enum stock_mac {
	STOCK_MAC_NONE,
	STOCK_HMAC_SHA1,
	STOCK_HMAC_SHA256,
	STOCK_HMAC_SHA512,
};

/* By the algorithm's URI. */
enum stock_cipher stock_cipher_find(const char *uri);
enum stock_mac stock_mac_find(const char *uri);

/* A value as the file has it: initialisation vector, then blocks. */
struct stock_sealed {
	enum stock_cipher cipher;
	size_t length, mac_length;
	unsigned char bytes[STOCK_CIPHER_BYTES_MAX];
	unsigned char mac[STOCK_MAC_BYTES_MAX];
};

struct stock_derivation {
	size_t salt_length;
	unsigned char salt[STOCK_SALT_BYTES_MAX];
	int64_t iterations, key_bytes; /* 0 bytes: not said */
	enum stock_mac prf;
};

struct stock_keys {
	struct secret encryption, authentication;
	enum stock_mac mac;
};

/* Loads what will be needed, while files can still be opened. */
enum err stock_keys_prepare(void);

/* given: what the key file held, 32, 48 or 64 hexadecimal digits or 16, 24 or
 * 32 bytes. ERR_INVALID. */
enum err stock_keys_take(const struct secret *given, struct stock_keys *out);
/* given: a password. ERR_TOO_LONG: more work than is reasonable;
 * ERR_INVALID. */
enum err stock_keys_derive(const struct secret *given,
    const struct stock_derivation *derivation, struct stock_keys *out);
/* The key of the MACs, itself encrypted; NULL: the same key as the values'.
 * ERR_INVALID when it does not open, or is so short that somebody may have
 * made it: nothing protects it but the cipher. */
enum err stock_keys_set_mac(struct stock_keys *keys, enum stock_mac mac,
    const struct stock_sealed *sealed);

/* ERR_CORRUPT: the MAC is not right. ERR_NOT_FOUND: there is none.
 * ERR_INVALID: it cannot be opened. */
enum err stock_keys_open(const struct stock_keys *keys,
    const struct stock_sealed *sealed, struct secret *out);

void stock_keys_wipe(struct stock_keys *keys);

#endif
