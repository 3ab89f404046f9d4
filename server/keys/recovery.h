/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The recovery key: RSA-3072, made at init, kept off the server (a safe). The
 * server has its public half only and wraps the keyring to it in each backup
 * (RSA-OAEP, SHA-256), so a stolen backup opens nothing.
 */
#ifndef SEKIMORI_RECOVERY_H
#define SEKIMORI_RECOVERY_H

#include <stddef.h>

#include "shared/err.h"
#include "shared/secret.h"

enum {
	RECOVERY_WRAPPED_BYTES_MAX = 512,
	RECOVERY_PEM_BYTES_MAX = 8192
};

/* Writes the private key to path (0600, must not exist) and hands back the
 * public key as PEM, which the caller frees. */
enum err recovery_key_new(const char *path, char **out_public_pem);
enum err recovery_wrap(const char *public_pem, const struct secret *secret,
    unsigned char *out, size_t out_size, size_t *out_length);
/* ERR_CRYPTO: not this key. */
enum err recovery_unwrap(const char *private_path, const unsigned char *wrapped,
    size_t length, struct secret *out);

#endif
