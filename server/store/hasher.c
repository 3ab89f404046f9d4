/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hashing with contexts that are made once. Must not know what is hashed.
 */
#include "server/store/hasher.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

struct hasher {
	EVP_MD *sha256;
	EVP_MD_CTX *digest;
	EVP_MAC *hmac;
	EVP_MAC_CTX *mac; /* keyed */
};

void hasher_free(struct hasher *hasher)
{
	if (!hasher)
		return;
	EVP_MAC_CTX_free(hasher->mac);
	EVP_MAC_free(hasher->hmac);
	EVP_MD_CTX_free(hasher->digest);
	EVP_MD_free(hasher->sha256);
	free(hasher);
}

enum err hasher_new(const struct secret *key, struct hasher **out)
{
	struct hasher *hasher = calloc(1, sizeof(*hasher));
	char digest[] = "SHA256";
	const OSSL_PARAM parameters[] = {
	    OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
	    OSSL_PARAM_construct_end(),
	};

	if (!hasher)
		return ERR_MEMORY;
	hasher->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	hasher->digest = EVP_MD_CTX_new();
	hasher->hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	hasher->mac = EVP_MAC_CTX_new(hasher->hmac);
	if (!hasher->sha256 || !hasher->digest || !hasher->mac ||
	    EVP_MAC_init(hasher->mac, key->bytes, key->length, parameters) !=
		1) {
		hasher_free(hasher);
		return ERR_CRYPTO;
	}
	*out = hasher;
	return ERR_NONE;
}

enum err hasher_chain(struct hasher *hasher,
    const unsigned char previous[HASHER_BYTES], const char *record,
    size_t length, unsigned char out[HASHER_BYTES])
{
	if (EVP_DigestInit_ex2(hasher->digest, hasher->sha256, NULL) != 1 ||
	    EVP_DigestUpdate(hasher->digest, previous, HASHER_BYTES) != 1 ||
	    EVP_DigestUpdate(hasher->digest, record, length) != 1 ||
	    EVP_DigestFinal_ex(hasher->digest, out, NULL) != 1)
		return ERR_CRYPTO;
	return ERR_NONE;
}

enum err hasher_keyed(struct hasher *hasher, const char *label,
    const void *bytes, size_t length, unsigned char out[HASHER_BYTES])
{
	size_t written = 0;

	/* Without a key: the one it was made with. */
	if (EVP_MAC_init(hasher->mac, NULL, 0, NULL) != 1 ||
	    EVP_MAC_update(hasher->mac, (const unsigned char *)label,
		strlen(label) + 1) != 1 ||
	    EVP_MAC_update(hasher->mac, bytes, length) != 1 ||
	    EVP_MAC_final(hasher->mac, out, &written, HASHER_BYTES) != 1)
		return ERR_CRYPTO;
	return written == HASHER_BYTES ? ERR_NONE : ERR_CRYPTO;
}
