/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key file and sealing under it. The key of the file never encrypts
 * anything itself: each generation's sealing key is derived from it (HKDF,
 * RFC 5869), so that other uses can be given other keys later. Must not know
 * what it seals.
 *
 * Two cipher contexts and the fetched algorithm are kept, because unsealing
 * happens at every login; so a keyring serves one thread at a time, as the
 * store does.
 */
#include "server/keys/keyring.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/keys/durable.h"
#include "shared/encode.h"

enum {
	GENERATION_BYTES = 4,
	NONCE_BYTES = 12,
	TAG_BYTES = 16,
	EXPORT_ENTRY_BYTES = GENERATION_BYTES + KEYRING_KEY_BYTES,
	/* ten digits, a blank, the key, a line feed */
	FILE_LINE_BYTES = 10 + 1 + 2 * KEYRING_KEY_BYTES + 1,
	FILE_BYTES_MAX = KEYRING_GENERATIONS_MAX * FILE_LINE_BYTES,
};

static const char DERIVATION_LABEL[] = "sekimori seal v1";

struct generation {
	uint32_t number; /* never 0 */
	struct secret key;
	EVP_CIPHER_CTX *seal, *open; /* keyed; only nonces change */
};

struct keyring {
	EVP_CIPHER *cipher;
	size_t count; /* oldest first, so the newest is the last */
	struct generation generations[KEYRING_GENERATIONS_MAX];
};

static uint32_t read_u32(const unsigned char *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
	       (uint32_t)bytes[2] << 8 | bytes[3];
}

static void write_u32(unsigned char *out, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		out[i] = (unsigned char)(value >> (24 - 8 * i));
}

static void generation_free(struct generation *generation)
{
	EVP_CIPHER_CTX_free(generation->seal);
	EVP_CIPHER_CTX_free(generation->open);
	secret_wipe(&generation->key);
	memset(generation, 0, sizeof(*generation));
}

void keyring_free(struct keyring *keyring)
{
	if (!keyring)
		return;
	for (size_t i = 0; i < keyring->count; i++)
		generation_free(&keyring->generations[i]);
	EVP_CIPHER_free(keyring->cipher);
	free(keyring);
}

static enum err derive(const struct secret *key, struct secret *out)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *context = EVP_KDF_CTX_new(kdf);
	struct secret copy = *key, derived = {.length = KEYRING_KEY_BYTES};
	char digest[] = "SHA256", label[sizeof(DERIVATION_LABEL)];
	enum err err = ERR_CRYPTO;

	memcpy(label, DERIVATION_LABEL, sizeof(label));
	const OSSL_PARAM parameters[] = {
	    OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
	    OSSL_PARAM_construct_octet_string(
		OSSL_KDF_PARAM_KEY, copy.bytes, copy.length),
	    OSSL_PARAM_construct_octet_string(
		OSSL_KDF_PARAM_INFO, label, sizeof(label) - 1),
	    OSSL_PARAM_construct_end(),
	};
	if (context && EVP_KDF_derive(context, derived.bytes, derived.length,
			   parameters) == 1) {
		*out = derived;
		err = ERR_NONE;
	}
	secret_wipe(&copy);
	secret_wipe(&derived);
	EVP_KDF_CTX_free(context);
	EVP_KDF_free(kdf);
	return err;
}

/* Appends a generation; number must be higher than all before. */
static enum err add(
    struct keyring *keyring, uint32_t number, const struct secret *key)
{
	struct generation fresh = {.number = number, .key = *key};
	struct secret derived = {0};
	enum err err = ERR_FULL;

	if (keyring->count == KEYRING_GENERATIONS_MAX)
		goto out;
	err = ERR_INVALID;
	if (number == 0 || key->length != KEYRING_KEY_BYTES ||
	    (keyring->count > 0 && number <= keyring_newest(keyring)))
		goto out;
	err = derive(key, &derived);
	if (err != ERR_NONE)
		goto out;
	err = ERR_CRYPTO;
	fresh.seal = EVP_CIPHER_CTX_new();
	fresh.open = EVP_CIPHER_CTX_new();
	if (!fresh.seal || !fresh.open ||
	    EVP_EncryptInit_ex2(
		fresh.seal, keyring->cipher, derived.bytes, NULL, NULL) != 1 ||
	    EVP_DecryptInit_ex2(
		fresh.open, keyring->cipher, derived.bytes, NULL, NULL) != 1)
		goto out;
	keyring->generations[keyring->count++] = fresh;
	memset(&fresh, 0, sizeof(fresh));
	err = ERR_NONE;
out:
	generation_free(&fresh);
	secret_wipe(&fresh.key);
	secret_wipe(&derived);
	return err;
}

static enum err keyring_new(struct keyring **out)
{
	struct keyring *keyring = calloc(1, sizeof(*keyring));

	if (!keyring)
		return ERR_MEMORY;
	keyring->cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	if (!keyring->cipher) {
		keyring_free(keyring);
		return ERR_CRYPTO;
	}
	*out = keyring;
	return ERR_NONE;
}

/* --- the file ------------------------------------------------------------ */

static size_t format_file(const struct keyring *keyring, char *out, size_t size)
{
	char hex[ENCODE_HEX_SIZE(KEYRING_KEY_BYTES)];
	size_t used = 0;

	for (size_t i = 0; i < keyring->count; i++) {
		encode_hex(
		    keyring->generations[i].key.bytes, KEYRING_KEY_BYTES, hex);
		used += (size_t)snprintf(out + used, size - used, "%u %s\n",
		    keyring->generations[i].number, hex);
	}
	secret_wipe_bytes(hex, sizeof(hex));
	return used;
}

static enum err save(const struct keyring *keyring, const char *path,
    enum err (*write_file)(const char *, const void *, size_t))
{
	char text[FILE_BYTES_MAX + 1];
	size_t length = format_file(keyring, text, sizeof(text));
	enum err err = write_file(path, text, length);

	secret_wipe_bytes(text, sizeof(text));
	return err;
}

/* `GENERATION HEX`, without the line feed. */
static enum err parse_line(
    struct keyring *keyring, const char *line, size_t length)
{
	struct secret key = {0};
	uint64_t number = 0;
	size_t at = 0;
	enum err err = ERR_INVALID;

	while (at < length && line[at] >= '0' && line[at] <= '9' && at < 10)
		number = number * 10 + (uint64_t)(line[at++] - '0');
	if (at == 0 || at >= length || line[at] != ' ' || number > UINT32_MAX)
		return err;
	at++;
	if (length - at == 2 * KEYRING_KEY_BYTES &&
	    decode_hex(line + at, length - at, key.bytes, KEYRING_KEY_BYTES,
		&key.length) == ERR_NONE)
		err = add(keyring, (uint32_t)number, &key);
	secret_wipe(&key);
	return err;
}

static enum err parse_file(
    struct keyring *keyring, const char *text, size_t length)
{
	enum err err = ERR_INVALID;

	while (length > 0) {
		const char *end = memchr(text, '\n', length);
		size_t line = end ? (size_t)(end - text) : 0;

		if (!end)
			return ERR_INVALID;
		err = parse_line(keyring, text, line);
		if (err != ERR_NONE)
			return err == ERR_FULL ? ERR_INVALID : err;
		text += line + 1;
		length -= line + 1;
	}
	return err;
}

static enum err check_file(int fd)
{
	struct stat status;

	if (fstat(fd, &status) != 0)
		return ERR_IO;
	if (!S_ISREG(status.st_mode) ||
	    (status.st_uid != 0 && status.st_uid != geteuid()))
		return ERR_NOT_ALLOWED;
	if ((status.st_mode & 07777) == 0440 && status.st_uid == 0 &&
	    status.st_gid == 0)
		return ERR_NONE;
	return (status.st_mode & 077) == 0 ? ERR_NONE : ERR_NOT_ALLOWED;
}

static enum err read_file(
    const char *path, char *out, size_t size, size_t *out_length)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	enum err err;
	ssize_t n;

	if (fd < 0 && errno == ENOENT)
		return ERR_NOT_FOUND;
	if (fd < 0 && errno == ELOOP)
		return ERR_NOT_ALLOWED;
	if (fd < 0)
		return ERR_IO;
	err = check_file(fd);
	if (err != ERR_NONE)
		goto out;
	n = read(fd, out, size);
	err = n < 0 ? ERR_IO : ERR_INVALID;
	if (n > 0 && n < (ssize_t)size) {
		*out_length = (size_t)n;
		err = ERR_NONE;
	}
out:
	close(fd);
	return err;
}

enum err keyring_open(const char *path, struct keyring **out)
{
	char text[FILE_BYTES_MAX + 2];
	struct keyring *keyring = NULL;
	size_t length = 0;
	enum err err = read_file(path, text, sizeof(text), &length);

	if (err == ERR_NONE)
		err = keyring_new(&keyring);
	if (err == ERR_NONE)
		err = parse_file(keyring, text, length);
	secret_wipe_bytes(text, sizeof(text));
	if (err != ERR_NONE) {
		keyring_free(keyring);
		return err;
	}
	*out = keyring;
	return ERR_NONE;
}

static enum err add_random(struct keyring *keyring, uint32_t number)
{
	struct secret key = {0};
	enum err err = secret_random(&key, KEYRING_KEY_BYTES);

	if (err == ERR_NONE)
		err = add(keyring, number, &key);
	secret_wipe(&key);
	return err;
}

enum err keyring_create(const char *path)
{
	struct keyring *keyring = NULL;
	enum err err = keyring_new(&keyring);

	if (err == ERR_NONE)
		err = add_random(keyring, 1);
	if (err == ERR_NONE)
		err = save(keyring, path, durable_create);
	keyring_free(keyring);
	return err;
}

enum err keyring_add_generation(struct keyring *keyring, const char *path)
{
	enum err err;

	if (keyring_newest(keyring) == UINT32_MAX)
		return ERR_FULL;
	err = add_random(keyring, keyring_newest(keyring) + 1);
	if (err != ERR_NONE)
		return err;
	err = save(keyring, path, durable_replace);
	if (err != ERR_NONE)
		generation_free(&keyring->generations[--keyring->count]);
	return err;
}

enum err keyring_drop_old(struct keyring *keyring, const char *path)
{
	struct keyring newest = {.count = 1};
	enum err err;

	newest.generations[0] = keyring->generations[keyring->count - 1];
	err = save(&newest, path, durable_replace);
	if (err == ERR_NONE) {
		for (size_t i = 0; i + 1 < keyring->count; i++)
			generation_free(&keyring->generations[i]);
		keyring->generations[0] = newest.generations[0];
		for (size_t i = 1; i < keyring->count; i++)
			secret_wipe_bytes(&keyring->generations[i],
			    sizeof(keyring->generations[i]));
		keyring->count = 1;
	}
	secret_wipe_bytes(&newest, sizeof(newest));
	return err;
}

/* --- sealing ------------------------------------------------------------- */

static const struct generation *find(
    const struct keyring *keyring, uint32_t number)
{
	for (size_t i = keyring->count; i > 0; i--) {
		if (keyring->generations[i - 1].number == number)
			return &keyring->generations[i - 1];
	}
	return NULL;
}

enum err keyring_seal(const struct keyring *keyring, const char *place,
    const void *bytes, size_t length, unsigned char *out, size_t out_size,
    size_t *out_length)
{
	const struct generation *newest =
	    &keyring->generations[keyring->count - 1];
	unsigned char sealed[SEALED_BYTES_MAX];
	unsigned char *nonce = sealed + GENERATION_BYTES;
	unsigned char *body = nonce + NONCE_BYTES;
	int n = 0, rest = 0;

	if (length > SEALED_BYTES_MAX - SEALED_OVERHEAD ||
	    out_size < length + SEALED_OVERHEAD)
		return ERR_TOO_LONG;
	write_u32(sealed, newest->number);
	if (RAND_bytes(nonce, NONCE_BYTES) != 1 ||
	    EVP_EncryptInit_ex2(newest->seal, NULL, NULL, nonce, NULL) != 1 ||
	    EVP_EncryptUpdate(
		newest->seal, NULL, &n, sealed, GENERATION_BYTES) != 1 ||
	    EVP_EncryptUpdate(newest->seal, NULL, &n,
		(const unsigned char *)place, (int)strlen(place)) != 1 ||
	    EVP_EncryptUpdate(newest->seal, body, &n, bytes, (int)length) !=
		1 ||
	    EVP_EncryptFinal_ex(newest->seal, body + n, &rest) != 1 ||
	    EVP_CIPHER_CTX_ctrl(newest->seal, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES,
		body + length) != 1)
		return ERR_CRYPTO;
	memcpy(out, sealed, length + SEALED_OVERHEAD);
	*out_length = length + SEALED_OVERHEAD;
	return ERR_NONE;
}

enum err keyring_open_sealed(const struct keyring *keyring, const char *place,
    const unsigned char *sealed, size_t length, void *out, size_t out_size,
    size_t *out_length)
{
	const struct generation *from;
	unsigned char plain[SEALED_BYTES_MAX], tag[TAG_BYTES];
	const unsigned char *nonce = sealed + GENERATION_BYTES;
	const unsigned char *body = nonce + NONCE_BYTES;
	size_t body_length = length - SEALED_OVERHEAD;
	enum err err = ERR_CRYPTO;
	int n = 0, rest = 0;

	from = find(keyring, keyring_generation_of(sealed, length));
	if (!from || length > SEALED_BYTES_MAX)
		return ERR_CRYPTO;
	if (body_length > out_size)
		return ERR_TOO_LONG;
	memcpy(tag, body + body_length, sizeof(tag));
	if (EVP_DecryptInit_ex2(from->open, NULL, NULL, nonce, NULL) == 1 &&
	    EVP_DecryptUpdate(from->open, NULL, &n, sealed, GENERATION_BYTES) ==
		1 &&
	    EVP_DecryptUpdate(from->open, NULL, &n,
		(const unsigned char *)place, (int)strlen(place)) == 1 &&
	    EVP_DecryptUpdate(from->open, plain, &n, body, (int)body_length) ==
		1 &&
	    EVP_CIPHER_CTX_ctrl(
		from->open, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, tag) == 1 &&
	    EVP_DecryptFinal_ex(from->open, plain + n, &rest) == 1) {
		memcpy(out, plain, body_length);
		*out_length = body_length;
		err = ERR_NONE;
	}
	secret_wipe_bytes(plain, body_length);
	return err;
}

uint32_t keyring_generation_of(const unsigned char *sealed, size_t length)
{
	return length < SEALED_OVERHEAD ? 0 : read_u32(sealed);
}

uint32_t keyring_newest(const struct keyring *keyring)
{
	return keyring->generations[keyring->count - 1].number;
}

/* --- wrapping ------------------------------------------------------------ */

enum err keyring_export(const struct keyring *keyring, struct secret *out)
{
	struct secret all = {0};

	_Static_assert(
	    KEYRING_GENERATIONS_MAX * EXPORT_ENTRY_BYTES <= SECRET_BYTES_MAX,
	    "all generations fit a secret");
	for (size_t i = 0; i < keyring->count; i++) {
		write_u32(
		    all.bytes + all.length, keyring->generations[i].number);
		memcpy(all.bytes + all.length + GENERATION_BYTES,
		    keyring->generations[i].key.bytes, KEYRING_KEY_BYTES);
		all.length += EXPORT_ENTRY_BYTES;
	}
	*out = all;
	secret_wipe(&all);
	return ERR_NONE;
}

enum err keyring_import(const struct secret *bytes, const char *path)
{
	struct keyring *keyring = NULL;
	struct secret key = {0};
	enum err err = ERR_INVALID;

	if (bytes->length == 0 || bytes->length % EXPORT_ENTRY_BYTES != 0)
		return err;
	err = keyring_new(&keyring);
	for (size_t at = 0; err == ERR_NONE && at < bytes->length;
	     at += EXPORT_ENTRY_BYTES) {
		err = secret_set(&key, bytes->bytes + at + GENERATION_BYTES,
		    KEYRING_KEY_BYTES);
		if (err == ERR_NONE)
			err = add(keyring, read_u32(bytes->bytes + at), &key);
	}
	if (err == ERR_NONE)
		err = save(keyring, path, durable_create);
	secret_wipe(&key);
	keyring_free(keyring);
	return err;
}
