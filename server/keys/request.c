/* SPDX-License-Identifier: Apache-2.0 */
#include "server/keys/request.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdbool.h>
#include <string.h>

static bool is_p256(EVP_PKEY *key)
{
	char group[32] = "";
	size_t length = 0;

	return key && EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
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

enum err request_check(const char *pem)
{
	enum err err = ERR_INVALID;
	X509_REQ *request = NULL;
	BIO *bio = BIO_new_mem_buf(pem, -1);

	if (!bio)
		return ERR_MEMORY;
	request = PEM_read_bio_X509_REQ(bio, NULL, refuse_passphrase, NULL);
	if (request && is_p256(X509_REQ_get0_pubkey(request)) &&
	    X509_REQ_verify(request, X509_REQ_get0_pubkey(request)) == 1)
		err = ERR_NONE;
	X509_REQ_free(request);
	BIO_free(bio);
	ERR_clear_error();
	return err;
}
