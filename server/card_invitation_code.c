/* SPDX-License-Identifier: Apache-2.0 */
#include "server/card_invitation_code.h"

#include <string.h>

#include "shared/encode.h"

enum {
	RANDOM_BYTES = 8
};

_Static_assert(RANDOM_BYTES * 8 >= CARD_INVITATION_CHARACTERS * 5,
    "enough bits for each character");

enum err card_invitation_code_new(char out[CARD_INVITATION_CODE_SIZE])
{
	char text[ENCODE_BASE32_SIZE(RANDOM_BYTES)];
	struct secret random = {0};
	size_t end = 0;
	enum err err = secret_random(&random, RANDOM_BYTES);

	if (err != ERR_NONE)
		return err;
	encode_base32(random.bytes, random.length, text);
	for (size_t i = 0; i < CARD_INVITATION_CHARACTERS; i++) {
		if (i > 0 && i % CARD_INVITATION_GROUP == 0)
			out[end++] = '-';
		out[end++] = text[i];
	}
	out[end] = '\0';
	secret_wipe(&random);
	secret_wipe_bytes(text, sizeof(text));
	return ERR_NONE;
}

enum err card_invitation_code_hash(const struct store *store, const char *typed,
    unsigned char out[CARD_INVITATION_HASH_BYTES])
{
	char text[CARD_INVITATION_CHARACTERS + 1];
	enum err err = card_invitation_read(typed, strlen(typed), text);

	if (err == ERR_NONE)
		err = store_keyed_hash(store, CARD_INVITATION_LABEL, text,
		    CARD_INVITATION_CHARACTERS, out);
	secret_wipe_bytes(text, sizeof(text));
	return err;
}
