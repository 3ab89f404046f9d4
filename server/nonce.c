/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small store for each thread, filled from the kernel. What was given out
 * is wiped from it. Must not outlive a fork, of which the server has none.
 */
#include "server/nonce.h"

#include <string.h>
#include <sys/random.h>

#include "shared/secret.h"

enum {
	/* getrandom() never gives less than asked for up to here */
	STORE_BYTES = 256
};

struct nonces {
	unsigned char bytes[STORE_BYTES];
	size_t left; /* from the front */
};

enum err nonce_take(void *out, size_t length)
{
	static _Thread_local struct nonces nonces;
	unsigned char *from;

	if (length > NONCE_BYTES_MAX)
		return ERR_TOO_LONG;
	if (nonces.left < length) {
		nonces.left = 0;
		if (getrandom(nonces.bytes, STORE_BYTES, 0) != STORE_BYTES)
			return ERR_IO;
		nonces.left = STORE_BYTES;
	}
	nonces.left -= length;
	from = nonces.bytes + nonces.left;
	memcpy(out, from, length);
	secret_wipe_bytes(from, length);
	return ERR_NONE;
}
