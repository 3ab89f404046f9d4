/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The recovery key pair and wrapping to its public half (RSA-OAEP with
 * SHA-256, RFC 8017). The private half is written once, where init was told
 * to, and read once, by restore.
 */
#include "server/keys/recovery.h"

#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/keys/durable.h"

enum {
	RECOVERY_KEY_BITS = 3072
};

static enum err public_pem_of(EVP_PKEY *key, char **out)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *bytes = NULL, *text = NULL;
	enum err err = ERR_CRYPTO;
	long length;

	if (!bio || PEM_write_bio_PUBKEY(bio, key) != 1)
		goto out;
	length = BIO_get_mem_data(bio, &bytes);
	err = ERR_MEMORY;
	/* What BIO holds has no end but its length. */
	text = malloc((size_t)length + 1);
	if (!text)
		goto out;
	memcpy(text, bytes, (size_t)length);
	text[length] = '\0';
	*out = text;
	err = ERR_NONE;
out:
	BIO_free(bio);
	return err;
}

static enum err write_private(EVP_PKEY *key, const char *path)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	enum err err = ERR_CRYPTO;
	char *bytes = NULL;
	long length;

	if (bio && PEM_write_bio_PKCS8PrivateKey(
		       bio, key, NULL, NULL, 0, NULL, NULL) == 1) {
		length = BIO_get_mem_data(bio, &bytes);
		err = durable_create(path, bytes, (size_t)length);
		secret_wipe_bytes(bytes, (size_t)length);
	}
	BIO_free(bio);
	return err;
}

enum err recovery_key_new(const char *path, char **out_public_pem)
{
	EVP_PKEY *key = EVP_RSA_gen(RECOVERY_KEY_BITS);
	char *pem = NULL;
	enum err err = ERR_CRYPTO;

	if (key)
		err = public_pem_of(key, &pem);
	if (err == ERR_NONE)
		err = write_private(key, path);
	EVP_PKEY_free(key);
	if (err != ERR_NONE) {
		free(pem);
		return err;
	}
	*out_public_pem = pem;
	return ERR_NONE;
}

static bool set_padding(EVP_PKEY_CTX *context)
{
	return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) ==
		   1 &&
	       EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_sha256()) == 1 &&
	       EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()) == 1;
}

enum err recovery_wrap(const char *public_pem, const struct secret *secret,
    unsigned char *out, size_t out_size, size_t *out_length)
{
	BIO *bio = BIO_new_mem_buf(public_pem, -1);
	EVP_PKEY *key = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
	EVP_PKEY_CTX *context =
	    key ? EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL) : NULL;
	size_t length = out_size;
	enum err err = ERR_CRYPTO;

	if (key && (size_t)EVP_PKEY_get_size(key) > out_size)
		err = ERR_TOO_LONG;
	else if (context && EVP_PKEY_encrypt_init(context) == 1 &&
		 set_padding(context) &&
		 EVP_PKEY_encrypt(context, out, &length, secret->bytes,
		     secret->length) == 1) {
		*out_length = length;
		err = ERR_NONE;
	}
	EVP_PKEY_CTX_free(context);
	EVP_PKEY_free(key);
	BIO_free(bio);
	return err;
}

/* It never asks on a terminal: a key file with a passphrase is refused. */
static int no_passphrase(char *buffer, int size, int writing, void *context)
{
	(void)buffer, (void)size, (void)writing, (void)context;
	return -1;
}

static enum err read_private(const char *path, EVP_PKEY **out)
{
	char pem[RECOVERY_PEM_BYTES_MAX];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	EVP_PKEY *key = NULL;
	BIO *bio = NULL;
	enum err err = ERR_IO;
	ssize_t n;

	if (fd < 0)
		return ERR_NOT_FOUND;
	n = read(fd, pem, sizeof(pem));
	close(fd);
	if (n < 0)
		return err;
	err = ERR_INVALID;
	if ((size_t)n < sizeof(pem))
		bio = BIO_new_mem_buf(pem, (int)n);
	if (bio)
		key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
	if (key && EVP_PKEY_is_a(key, "RSA")) {
		*out = key;
		key = NULL;
		err = ERR_NONE;
	}
	EVP_PKEY_free(key);
	BIO_free(bio);
	secret_wipe_bytes(pem, sizeof(pem));
	return err;
}

enum err recovery_unwrap(const char *private_path, const unsigned char *wrapped,
    size_t length, struct secret *out)
{
	unsigned char plain[RECOVERY_WRAPPED_BYTES_MAX];
	size_t plain_length = sizeof(plain);
	EVP_PKEY_CTX *context = NULL;
	EVP_PKEY *key = NULL;
	enum err err = read_private(private_path, &key);

	if (err != ERR_NONE)
		return err;
	err = ERR_CRYPTO;
	context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	if ((size_t)EVP_PKEY_get_size(key) <= sizeof(plain) && context &&
	    EVP_PKEY_decrypt_init(context) == 1 && set_padding(context) &&
	    EVP_PKEY_decrypt(context, plain, &plain_length, wrapped, length) ==
		1)
		err = secret_set(out, plain, plain_length);
	secret_wipe_bytes(plain, sizeof(plain));
	EVP_PKEY_CTX_free(context);
	EVP_PKEY_free(key);
	return err;
}
