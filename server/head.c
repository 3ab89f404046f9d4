/* SPDX-License-Identifier: Apache-2.0 */
#include "server/head.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "shared/encode.h"

enum {
	SIGNED_SIZE = 256
};

/* The bytes under the signature; returns how many. */
static size_t write_signed(const struct store *store, const char *hash,
    int64_t now_s, char out[SIGNED_SIZE])
{
	static const char label[] = "sekimori-head-v1";
	int length = snprintf(out + sizeof(label), SIGNED_SIZE - sizeof(label),
	    "%s\n%" PRId64 "\n%s\n%" PRId64 "\n", store->instance,
	    store->committed_head.seq, hash, now_s);

	memcpy(out, label, sizeof(label)); /* the zero byte included */
	return sizeof(label) + (size_t)length;
}

enum err head_sign(const struct store *store, const struct authority *authority,
    int64_t now_s, json_t **out)
{
	char hash[ENCODE_HEX_SIZE(AUDIT_HASH_BYTES)];
	char text[SIGNED_SIZE];
	unsigned char signature[64];
	char signature_text[ENCODE_BASE64_SIZE(sizeof(signature))];
	size_t length;
	enum err err;

	/* Committed only: a head that a rollback undoes was never told. */
	encode_hex(store->committed_head.hash, AUDIT_HASH_BYTES, hash);
	length = write_signed(store, hash, now_s, text);
	err = authority_sign_head(authority, text, length, signature);
	if (err != ERR_NONE)
		return err;
	encode_base64(signature, sizeof(signature), signature_text);
	*out =
	    json_pack("{s:s, s:I, s:s, s:I, s:s}", "instance", store->instance,
		"seq", (json_int_t)store->committed_head.seq, "hash", hash,
		"time", (json_int_t)now_s, "signature", signature_text);
	return *out ? ERR_NONE : ERR_MEMORY;
}
