/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/join_code.h"

#include <string.h>

#include "shared/encode.h"

enum {
	JOIN_CODE_BYTES = JOIN_CODE_SECRET_BYTES + TLS_PIN_BYTES,
	SHOWN_SIZE = ENCODE_BASE32_SIZE(JOIN_CODE_SECRET_BYTES),
};

enum err join_code_read(const char *text, size_t length, struct join_code *out)
{
	unsigned char bytes[JOIN_CODE_BYTES];
	char shown[SHOWN_SIZE];
	size_t decoded = 0;
	enum err err;

	if (length > JOIN_CODE_TYPED_MAX)
		return ERR_TOO_LONG;
	err = decode_base32(text, length, bytes, sizeof(bytes), &decoded);
	if (err == ERR_NONE && decoded != sizeof(bytes))
		err = ERR_INVALID;
	if (err == ERR_NONE) {
		encode_base32(bytes, JOIN_CODE_SECRET_BYTES, shown);
		err = secret_set(&out->shown, shown, strlen(shown));
		memcpy(out->pin.bytes, bytes + JOIN_CODE_SECRET_BYTES,
		    TLS_PIN_BYTES);
	}
	secret_wipe_bytes(bytes, sizeof(bytes));
	secret_wipe_bytes(shown, sizeof(shown));
	return err;
}

void join_code_wipe(struct join_code *code)
{
	secret_wipe(&code->shown);
	memset(&code->pin, 0, sizeof(code->pin));
}
