/* SPDX-License-Identifier: Apache-2.0 */
#include "shared/card_proof.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <string.h>

#include "shared/secret.h"

static const char *const algorithm_words[] = {
    [CARD_RSA_PKCS1_SHA256] = "rsa-pkcs1-sha256",
    [CARD_ECDSA_SHA256] = "ecdsa-sha256",
};

/* The labels with their closing zero byte. */
static const char LOGIN_LABEL[] = "sekimori-login-v1";
static const char ENROLMENT_LABEL[] = "sekimori-enrol-v1";

_Static_assert(sizeof(LOGIN_LABEL) == 18 && sizeof(ENROLMENT_LABEL) == 18,
    "CARD_MESSAGE_BYTES_MAX counts on it");

const char *card_algorithm_text(enum card_algorithm algorithm)
{
	return algorithm_words[algorithm];
}

enum card_algorithm card_algorithm_from_text(const char *text)
{
	if (strcmp(text, algorithm_words[CARD_RSA_PKCS1_SHA256]) == 0)
		return CARD_RSA_PKCS1_SHA256;
	if (strcmp(text, algorithm_words[CARD_ECDSA_SHA256]) == 0)
		return CARD_ECDSA_SHA256;
	return CARD_ALGORITHM_NONE;
}

static void append(
    struct card_message *message, const void *bytes, size_t length)
{
	memcpy(message->bytes + message->length, bytes, length);
	message->length += length;
}

static enum err append_name(struct card_message *message, const char *name)
{
	size_t length = strlen(name);
	const unsigned char prefix[2] = {
	    (unsigned char)(length >> 8), (unsigned char)length};

	if (length > NAME_BYTES_MAX)
		return ERR_TOO_LONG;
	append(message, prefix, sizeof(prefix));
	append(message, name, length);
	return ERR_NONE;
}

static enum err write_message(const char label[sizeof(LOGIN_LABEL)],
    const unsigned char *ca, const unsigned char *challenge,
    const char *const *names, size_t count, struct card_message *out)
{
	struct card_message message = {0};
	enum err err = ERR_NONE;

	append(&message, label, sizeof(LOGIN_LABEL));
	append(&message, ca, CARD_HASH_BYTES);
	append(&message, challenge, CARD_CHALLENGE_BYTES);
	for (size_t i = 0; err == ERR_NONE && i < count; i++)
		err = append_name(&message, names[i]);
	if (err == ERR_NONE)
		*out = message;
	return err;
}

enum err card_login_message(const unsigned char ca[CARD_HASH_BYTES],
    const unsigned char challenge[CARD_CHALLENGE_BYTES], const char *terminal,
    const char *user, const char *service, struct card_message *out)
{
	const char *const names[] = {terminal, user, service};

	return write_message(LOGIN_LABEL, ca, challenge, names, 3, out);
}

static bool take_character(char c, char *out)
{
	if (c >= 'a' && c <= 'z')
		c = (char)(c - 'a' + 'A');
	*out = c;
	return (c >= 'A' && c <= 'Z') || (c >= '2' && c <= '7');
}

enum err card_invitation_read(
    const char *typed, size_t length, char out[CARD_INVITATION_CHARACTERS + 1])
{
	char text[CARD_INVITATION_CHARACTERS + 1] = "";
	bool is_one = true;
	size_t used = 0;

	for (size_t i = 0; is_one && i < length; i++) {
		if (typed[i] == '-' || typed[i] == ' ')
			continue;
		is_one = used < CARD_INVITATION_CHARACTERS &&
			 take_character(typed[i], &text[used++]);
	}
	is_one = is_one && used == CARD_INVITATION_CHARACTERS;
	if (is_one)
		memcpy(out, text, sizeof(text));
	secret_wipe_bytes(text, sizeof(text));
	return is_one ? ERR_NONE : ERR_INVALID;
}

enum err card_enrolment_message(const unsigned char ca[CARD_HASH_BYTES],
    const unsigned char challenge[CARD_CHALLENGE_BYTES], const char *terminal,
    const char *invitation, struct card_message *out)
{
	const char *const names[] = {terminal, invitation};

	return write_message(ENROLMENT_LABEL, ca, challenge, names, 2, out);
}

enum err card_tag(const unsigned char challenge[CARD_CHALLENGE_BYTES],
    const unsigned char key[CARD_HASH_BYTES], unsigned char out[CARD_TAG_BYTES])
{
	unsigned char input[CARD_CHALLENGE_BYTES + CARD_HASH_BYTES];
	unsigned char hash[EVP_MAX_MD_SIZE];

	memcpy(input, challenge, CARD_CHALLENGE_BYTES);
	memcpy(input + CARD_CHALLENGE_BYTES, key, CARD_HASH_BYTES);
	if (EVP_Digest(input, sizeof(input), hash, NULL, EVP_sha256(), NULL) !=
	    1)
		return ERR_CRYPTO;
	memcpy(out, hash, CARD_TAG_BYTES);
	return ERR_NONE;
}
