/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/backup_seal.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	CHUNK_BYTES = 65536,
	PAGE_BYTES_MIN = 512, /* a database is a multiple of this */
};

static const char place[] = "backup";

static enum err hash_bytes(
    int fd, off_t length, unsigned char out[BACKUP_HASH_BYTES])
{
	unsigned char chunk[CHUNK_BYTES];
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	enum err err = ERR_CRYPTO;
	ssize_t got = 0;

	if (!context || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1)
		goto out;
	for (off_t at = 0; at < length; at += got) {
		size_t left = (size_t)(length - at);

		got = pread(
		    fd, chunk, left < sizeof(chunk) ? left : sizeof(chunk), at);
		err = ERR_IO;
		if (got <= 0)
			goto out;
		err = ERR_CRYPTO;
		if (EVP_DigestUpdate(context, chunk, (size_t)got) != 1)
			goto out;
	}
	if (EVP_DigestFinal_ex(context, out, NULL) == 1)
		err = ERR_NONE;
out:
	EVP_MD_CTX_free(context);
	return err;
}

static enum err open_file(const char *path, int *out_fd, off_t *out_size)
{
	struct stat status;
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return ERR_IO;
	if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
		close(fd);
		return ERR_IO;
	}
	*out_fd = fd;
	*out_size = status.st_size;
	return ERR_NONE;
}

static enum err write_seal(
    int fd, off_t at, const unsigned char sealed[BACKUP_SEAL_BYTES])
{
	if (pwrite(fd, sealed, BACKUP_SEAL_BYTES, at) != BACKUP_SEAL_BYTES)
		return errno == ENOSPC ? ERR_FULL : ERR_IO;
	return fsync(fd) == 0 ? ERR_NONE : ERR_IO;
}

enum err backup_seal_append(const struct keyring *keyring, const char *path)
{
	unsigned char hash[BACKUP_HASH_BYTES], sealed[BACKUP_SEAL_BYTES];
	size_t length = 0;
	off_t size = 0;
	int fd = -1;
	enum err err = open_file(path, &fd, &size);

	if (err != ERR_NONE)
		return err;
	err = hash_bytes(fd, size, hash);
	if (err == ERR_NONE)
		err = keyring_seal(keyring, place, hash, sizeof(hash), sealed,
		    sizeof(sealed), &length);
	if (err == ERR_NONE)
		err = write_seal(fd, size, sealed);
	close(fd);
	return err;
}

enum err backup_seal_take(const char *path, struct backup_seal *out)
{
	struct backup_seal seal;
	off_t size = 0;
	int fd = -1;
	enum err err = open_file(path, &fd, &size);

	if (err != ERR_NONE)
		return err;
	size -= BACKUP_SEAL_BYTES;
	err = ERR_INVALID;
	if (size <= 0 || size % PAGE_BYTES_MIN != 0)
		goto out;
	err = hash_bytes(fd, size, seal.hash);
	if (err != ERR_NONE)
		goto out;
	err = ERR_IO;
	if (pread(fd, seal.sealed, sizeof(seal.sealed), size) !=
		sizeof(seal.sealed) ||
	    ftruncate(fd, size) != 0 || fsync(fd) != 0)
		goto out;
	*out = seal;
	err = ERR_NONE;
out:
	close(fd);
	return err;
}

enum err backup_seal_check(
    const struct keyring *keyring, const struct backup_seal *seal)
{
	unsigned char hash[BACKUP_HASH_BYTES];
	size_t length = 0;

	if (keyring_open_sealed(keyring, place, seal->sealed,
		sizeof(seal->sealed), hash, sizeof(hash), &length) != ERR_NONE)
		return ERR_CORRUPT;
	return length == sizeof(hash) &&
		       CRYPTO_memcmp(hash, seal->hash, sizeof(hash)) == 0
		   ? ERR_NONE
		   : ERR_CORRUPT;
}
