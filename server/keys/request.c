/* SPDX-License-Identifier: Apache-2.0 */
#include "server/keys/request.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdbool.h>
#include <string.h>

#include "shared/key_shape.h"

enum {
	REQUEST_BYTES_MAX = 8192
};

static bool is_p256(const EVP_PKEY *key)
{
	char group[32] = "";
	size_t length = 0;

	return key && EVP_PKEY_is_a(key, "EC") &&
	       EVP_PKEY_get_group_name(key, group, sizeof(group), &length) ==
		   1 &&
	       strcmp(group, SN_X9_62_prime256v1) == 0;
}

/* Without it OpenSSL asks on the terminal, or standard input, for the
 * passphrase of a request that says it is encrypted, and everybody waits. */
static int refuse_passphrase(char *out, int size, int writing, void *context)
{
	(void)out, (void)size, (void)writing, (void)context;
	return -1;
}

/* Its key is looked at before OpenSSL reads it. */
static X509_REQ *from_pem(const char *pem, size_t length)
{
	BIO *bio = BIO_new_mem_buf(pem, (int)length);
	X509_REQ *request = NULL;
	unsigned char *der = NULL;
	const unsigned char *at;
	long der_length = 0;

	if (bio &&
	    PEM_bytes_read_bio(&der, &der_length, NULL, PEM_STRING_X509_REQ,
		bio, refuse_passphrase, NULL) == 1) {
		at = der;
		if (key_shape_of_request(der, (size_t)der_length))
			request = d2i_X509_REQ(NULL, &at, der_length);
	}
	OPENSSL_free(der);
	BIO_free(bio);
	return request;
}

enum err request_read(const char *pem, EVP_PKEY **out)
{
	size_t length = strnlen(pem, REQUEST_BYTES_MAX + 1);
	X509_REQ *request = NULL;
	EVP_PKEY *key = NULL;
	enum err err = ERR_INVALID;

	if (length > REQUEST_BYTES_MAX)
		return ERR_INVALID;
	request = from_pem(pem, length);
	if (!request)
		goto out;
	key = X509_REQ_get_pubkey(request);
	if (!is_p256(key) || X509_REQ_verify(request, key) != 1)
		goto out;
	*out = key;
	key = NULL;
	err = ERR_NONE;
out:
	EVP_PKEY_free(key);
	X509_REQ_free(request);
	ERR_clear_error();
	return err;
}

enum err request_check(const char *pem)
{
	EVP_PKEY *key = NULL;
	enum err err = request_read(pem, &key);

	EVP_PKEY_free(key);
	return err;
}
