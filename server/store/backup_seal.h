/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seal at the end of a backup file: SHA-256 of all bytes before it, sealed
 * under the keyring that is wrapped inside. One flipped bit anywhere, also
 * where no checksum of the database looks, is noticed, and nobody without the
 * keys inside can change a backup and leave its secrets in it.
 */
#ifndef SEKIMORI_BACKUP_SEAL_H
#define SEKIMORI_BACKUP_SEAL_H

#include "server/keys/keyring.h"

enum {
	BACKUP_HASH_BYTES = 32,
	BACKUP_SEAL_BYTES = SEALED_OVERHEAD + BACKUP_HASH_BYTES,
};

struct backup_seal {
	unsigned char hash[BACKUP_HASH_BYTES];   /* of what is there */
	unsigned char sealed[BACKUP_SEAL_BYTES]; /* of what was written */
};

/* Appends the seal; durable when it returns. */
enum err backup_seal_append(const struct keyring *keyring, const char *path);

/* Cuts the seal off the file at path. ERR_INVALID when there cannot be one:
 * a plain database, or something else. */
enum err backup_seal_take(const char *path, struct backup_seal *out);
/* ERR_CORRUPT unless what is there is what was written. */
enum err backup_seal_check(
    const struct keyring *keyring, const struct backup_seal *seal);

#endif
