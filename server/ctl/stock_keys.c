/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ctl/stock_keys.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "shared/encode.h"

enum {
	BLOCK_BYTES = 16
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const struct cipher_row {
	const char *uri;
	enum stock_cipher cipher;
	size_t key_bytes;
} CIPHERS[] = {
    {"http://www.w3.org/2001/04/xmlenc#aes128-cbc", STOCK_AES128_CBC, 16},
    {"http://www.w3.org/2001/04/xmlenc#aes192-cbc", STOCK_AES192_CBC, 24},
    {"http://www.w3.org/2001/04/xmlenc#aes256-cbc", STOCK_AES256_CBC, 32},
};

static const struct mac_row {
	const char *uri;
	enum stock_mac mac;
} MACS[] = {
    {"http://www.w3.org/2000/09/xmldsig#hmac-sha1", STOCK_HMAC_SHA1},
    {"http://www.w3.org/2001/04/xmldsig-more#hmac-sha256", STOCK_HMAC_SHA256},
    {"http://www.w3.org/2001/04/xmldsig-more#hmac-sha512", STOCK_HMAC_SHA512},
};

enum stock_cipher stock_cipher_find(const char *uri)
{
	for (size_t i = 0; i < COUNT(CIPHERS); i++)
		if (strcmp(CIPHERS[i].uri, uri) == 0)
			return CIPHERS[i].cipher;
	return STOCK_CIPHER_NONE;
}

enum stock_mac stock_mac_find(const char *uri)
{
	for (size_t i = 0; i < COUNT(MACS); i++)
		if (strcmp(MACS[i].uri, uri) == 0)
			return MACS[i].mac;
	return STOCK_MAC_NONE;
}

static const EVP_CIPHER *cipher_of(enum stock_cipher cipher)
{
	switch (cipher) {
	case STOCK_CIPHER_NONE:
		break;
	case STOCK_AES128_CBC:
		return EVP_aes_128_cbc();
	case STOCK_AES192_CBC:
		return EVP_aes_192_cbc();
	case STOCK_AES256_CBC:
		return EVP_aes_256_cbc();
	}
	return NULL;
}

static const EVP_MD *digest_of(enum stock_mac mac)
{
	switch (mac) {
	case STOCK_MAC_NONE:
		break;
	case STOCK_HMAC_SHA1:
		return EVP_sha1();
	case STOCK_HMAC_SHA256:
		return EVP_sha256();
	case STOCK_HMAC_SHA512:
		return EVP_sha512();
	}
	return NULL;
}

static enum err compute_mac(enum stock_mac mac, const struct secret *key,
    const unsigned char *bytes, size_t length,
    unsigned char out[EVP_MAX_MD_SIZE], size_t *out_length)
{
	const EVP_MD *digest = digest_of(mac);
	unsigned used = 0;

	if (!digest || !HMAC(digest, key->bytes, (int)key->length, bytes,
			   length, out, &used))
		return ERR_CRYPTO;
	*out_length = used;
	return ERR_NONE;
}

enum err stock_keys_prepare(void)
{
	static const struct secret key = {.length = BLOCK_BYTES};
	unsigned char mac[EVP_MAX_MD_SIZE];
	size_t length;
	enum err err = ERR_NONE;

	/* The configuration file, and what it may name, is read only once. */
	if (OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG |
				    OPENSSL_INIT_ADD_ALL_CIPHERS |
				    OPENSSL_INIT_ADD_ALL_DIGESTS,
		NULL) != 1)
		return ERR_CRYPTO;
	for (size_t i = 0; err == ERR_NONE && i < COUNT(MACS); i++)
		err = compute_mac(
		    MACS[i].mac, &key, key.bytes, BLOCK_BYTES, mac, &length);
	return err;
}

static bool is_key_length(size_t length)
{
	return length == 16 || length == 24 || length == 32;
}

enum err stock_keys_take(const struct secret *given, struct stock_keys *out)
{
	struct secret key = {0};
	enum err err = ERR_NONE;

	/* Thirty-two digits are a key of 16 bytes, not one of 32. */
	if (decode_hex((const char *)given->bytes, given->length, key.bytes,
		sizeof(key.bytes), &key.length) != ERR_NONE ||
	    !is_key_length(key.length))
		key = *given;
	if (is_key_length(key.length))
		out->encryption = key;
	else
		err = ERR_INVALID;
	secret_wipe(&key);
	return err;
}

enum err stock_keys_derive(const struct secret *given,
    const struct stock_derivation *derivation, struct stock_keys *out)
{
	size_t length =
	    derivation->key_bytes ? (size_t)derivation->key_bytes : BLOCK_BYTES;
	const EVP_MD *digest = digest_of(derivation->prf);

	if (derivation->iterations > STOCK_ITERATIONS_MAX)
		return ERR_TOO_LONG;
	if (!digest || derivation->iterations < 1 || !is_key_length(length) ||
	    derivation->salt_length == 0 || given->length == 0)
		return ERR_INVALID;
	if (PKCS5_PBKDF2_HMAC((const char *)given->bytes, (int)given->length,
		derivation->salt, (int)derivation->salt_length,
		(int)derivation->iterations, digest, (int)length,
		out->encryption.bytes) != 1)
		return ERR_CRYPTO;
	out->encryption.length = length;
	return ERR_NONE;
}

/* XML encryption says how long the padding is in its last byte, and nothing
 * of the others. */
static enum err take_off_padding(
    const unsigned char *plain, size_t length, struct secret *out)
{
	size_t padding = length > 0 ? plain[length - 1] : 0;

	if (padding < 1 || padding > BLOCK_BYTES || padding > length)
		return ERR_INVALID;
	return secret_set(out, plain, length - padding) == ERR_NONE
		   ? ERR_NONE
		   : ERR_INVALID;
}

static enum err decrypt(const struct secret *key,
    const struct stock_sealed *sealed, struct secret *out)
{
	const EVP_CIPHER *cipher = cipher_of(sealed->cipher);
	unsigned char plain[STOCK_CIPHER_BYTES_MAX];
	EVP_CIPHER_CTX *context = NULL;
	int first = 0, last = 0;
	enum err err = ERR_INVALID;

	if (!cipher || sealed->length < 2 * BLOCK_BYTES ||
	    sealed->length % BLOCK_BYTES != 0 ||
	    (size_t)EVP_CIPHER_get_key_length(cipher) != key->length)
		return ERR_INVALID;
	context = EVP_CIPHER_CTX_new();
	if (!context)
		return ERR_MEMORY;
	if (EVP_DecryptInit_ex(
		context, cipher, NULL, key->bytes, sealed->bytes) != 1 ||
	    EVP_CIPHER_CTX_set_padding(context, 0) != 1 ||
	    EVP_DecryptUpdate(context, plain, &first,
		sealed->bytes + BLOCK_BYTES,
		(int)sealed->length - BLOCK_BYTES) != 1 ||
	    EVP_DecryptFinal_ex(context, plain + first, &last) != 1)
		err = ERR_CRYPTO;
	else
		err = take_off_padding(plain, (size_t)(first + last), out);
	EVP_CIPHER_CTX_free(context);
	secret_wipe_bytes(plain, sizeof(plain));
	return err;
}

enum err stock_keys_set_mac(struct stock_keys *keys, enum stock_mac mac,
    const struct stock_sealed *sealed)
{
	enum err err = ERR_NONE;

	keys->mac = mac;
	if (sealed)
		err = decrypt(&keys->encryption, sealed, &keys->authentication);
	else
		keys->authentication = keys->encryption;
	/* Whoever changes the padding can take the key's bytes away. */
	if (err == ERR_NONE &&
	    keys->authentication.length < STOCK_MAC_KEY_BYTES_MIN)
		err = ERR_INVALID;
	return err;
}

enum err stock_keys_open(const struct stock_keys *keys,
    const struct stock_sealed *sealed, struct secret *out)
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	size_t length = 0;
	enum err err;

	if (sealed->mac_length == 0 || keys->mac == STOCK_MAC_NONE ||
	    keys->authentication.length == 0)
		return ERR_NOT_FOUND;
	err = compute_mac(keys->mac, &keys->authentication, sealed->bytes,
	    sealed->length, mac, &length);
	if (err != ERR_NONE)
		return err;
	if (length != sealed->mac_length ||
	    CRYPTO_memcmp(mac, sealed->mac, length) != 0)
		return ERR_CORRUPT;
	return decrypt(&keys->encryption, sealed, out);
}

void stock_keys_wipe(struct stock_keys *keys)
{
	secret_wipe_bytes(keys, sizeof(*keys));
}
