/* SPDX-License-Identifier: Apache-2.0 */
#include "shared/secret.h"

#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>

enum err secret_set(struct secret *out, const void *bytes, size_t length)
{
	if (length > SECRET_BYTES_MAX)
		return ERR_TOO_LONG;
	secret_wipe(out);
	memcpy(out->bytes, bytes, length);
	out->length = length;
	return ERR_NONE;
}

void secret_wipe(struct secret *secret)
{
	if (secret)
		explicit_bzero(secret, sizeof(*secret));
}

void secret_wipe_bytes(void *bytes, size_t length)
{
	if (bytes)
		explicit_bzero(bytes, length);
}

bool secret_equal(const struct secret *left, const struct secret *right)
{
	unsigned char different = 0;

	if (left->length != right->length || left->length == 0)
		return false;
	for (size_t i = 0; i < left->length; i++)
		different |= left->bytes[i] ^ right->bytes[i];
	return different == 0;
}

enum err secret_random(struct secret *out, size_t length)
{
	struct secret fresh = {0};

	if (length > SECRET_BYTES_MAX)
		return ERR_TOO_LONG;
	/* Up to 256 bytes getrandom() never returns short. */
	if (getrandom(fresh.bytes, length, 0) != (ssize_t)length)
		return ERR_IO;
	fresh.length = length;
	*out = fresh;
	secret_wipe(&fresh);
	return ERR_NONE;
}

enum err secret_forbid_dumps(void)
{
	const struct rlimit none = {0, 0};

	if (setrlimit(RLIMIT_CORE, &none) != 0)
		return ERR_IO;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return ERR_IO;
	return ERR_NONE;
}
