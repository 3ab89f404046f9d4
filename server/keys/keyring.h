/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealing: AES-256-GCM under the key-encryption key (CRYPTREC list, NIST SP
 * 800-38D), a fresh random nonce each time, the place where a sealed value
 * lives as additional data, so that it opens nowhere else. A keyring holds
 * one key per generation, because rotation needs the old one until the last
 * row is resealed. Must not know what it seals.
 */
#ifndef SEKIMORI_KEYRING_H
#define SEKIMORI_KEYRING_H

#include <stddef.h>
#include <stdint.h>

#include "shared/err.h"
#include "shared/secret.h"

enum {
	KEYRING_KEY_BYTES = 32,
	KEYRING_GENERATIONS_MAX = 3, /* all fit a struct secret */
	/* generation 4 | nonce 12 | ciphertext | tag 16 */
	SEALED_OVERHEAD = 4 + 12 + 16,
	SEALED_BYTES_MAX = SEALED_OVERHEAD + 4096,
};

struct keyring;

/*
 * The key file: one line per generation, `GENERATION HEX`, mode 0600, owned
 * by the caller or root, not a symbolic link; or as systemd hands over a
 * credential, root's and 0440 for the sake of an access list. Wrong mode is
 * ERR_NOT_ALLOWED, absent ERR_NOT_FOUND, malformed ERR_INVALID.
 */
enum err keyring_create(const char *path);
enum err keyring_open(const char *path, struct keyring **out);
void keyring_free(struct keyring *keyring);

/* Seals up to SEALED_BYTES_MAX - SEALED_OVERHEAD bytes under the newest
 * generation. place says where it will live ("token 17"). */
enum err keyring_seal(const struct keyring *keyring, const char *place,
    const void *bytes, size_t length, unsigned char *out, size_t out_size,
    size_t *out_length);
/* ERR_CRYPTO when damaged, moved or sealed under a key not here. */
enum err keyring_open_sealed(const struct keyring *keyring, const char *place,
    const unsigned char *sealed, size_t length, void *out, size_t out_size,
    size_t *out_length);
/* Which generation sealed it; 0 if unreadable. */
uint32_t keyring_generation_of(const unsigned char *sealed, size_t length);
uint32_t keyring_newest(const struct keyring *keyring);

/* Rotation: adds a generation to ring and file (durable before it returns);
 * drops all but the newest from both. */
enum err keyring_add_generation(struct keyring *keyring, const char *path);
enum err keyring_drop_old(struct keyring *keyring, const char *path);

/* All generations as bytes, for wrapping to the recovery key, and back. */
enum err keyring_export(const struct keyring *keyring, struct secret *out);
enum err keyring_import(const struct secret *bytes, const char *path);

#endif
