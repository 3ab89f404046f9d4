/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/head.h"

#include <inttypes.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "shared/encode.h"
#include "shared/json.h"

#define HEAD_LABEL "sekimori-head-v1"

enum {
	SIGNATURE_BYTES = 64,
	SIGNED_SIZE =
	    sizeof(HEAD_LABEL) + HEAD_INSTANCE_SIZE + HEAD_HASH_SIZE + 64,
};

struct members {
	const char *instance, *hash, *signature;
	int64_t seq, time;
};

static const struct json_member head_members[] = {
    {.name = "instance",
	.kind = JSON_MEMBER_NAME,
	.offset = offsetof(struct members, instance),
	.required = true,
	.maximum = HEAD_INSTANCE_SIZE - 1},
    {.name = "seq",
	.kind = JSON_MEMBER_NUMBER,
	.offset = offsetof(struct members, seq),
	.required = true,
	.minimum = 0,
	.maximum = INT64_MAX},
    {.name = "hash",
	.kind = JSON_MEMBER_NAME,
	.offset = offsetof(struct members, hash),
	.required = true,
	.maximum = HEAD_HASH_SIZE - 1},
    {.name = "time",
	.kind = JSON_MEMBER_NUMBER,
	.offset = offsetof(struct members, time),
	.required = true,
	.minimum = 0,
	.maximum = INT64_MAX},
    {.name = "signature",
	.kind = JSON_MEMBER_NAME,
	.offset = offsetof(struct members, signature),
	.required = true,
	.maximum = sizeof(((struct head *)NULL)->signature) - 1},
};

enum err head_read(json_t *object, struct head *out)
{
	struct members members = {0};
	struct json_problem problem;
	enum err err = json_take(object, head_members,
	    sizeof(head_members) / sizeof(head_members[0]), false, &members,
	    &problem);

	if (err != ERR_NONE)
		return err;
	if (strlen(members.hash) != HEAD_HASH_SIZE - 1 ||
	    strspn(members.hash, "0123456789abcdef") != HEAD_HASH_SIZE - 1)
		return ERR_INVALID;
	*out = (struct head){.seq = members.seq, .time = members.time};
	memcpy(out->instance, members.instance, strlen(members.instance));
	memcpy(out->hash, members.hash, strlen(members.hash));
	memcpy(out->signature, members.signature, strlen(members.signature));
	return ERR_NONE;
}

enum err head_parse(const char *text, size_t length, struct head *out)
{
	struct json_problem problem;
	json_t *object = NULL;
	enum err err = json_read(text, length, &object, &problem);

	if (err == ERR_NONE)
		err = head_read(object, out);
	json_decref(object);
	return err;
}

enum err head_print(const struct head *head, char **out)
{
	json_t *object = json_pack("{s:s,s:I,s:s,s:I,s:s}", "instance",
	    head->instance, "seq", (json_int_t)head->seq, "hash", head->hash,
	    "time", (json_int_t)head->time, "signature", head->signature);
	char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;

	json_decref(object);
	if (!text)
		return ERR_MEMORY;
	*out = text;
	return ERR_NONE;
}

/* The label's own NUL is the zero byte behind it. */
static size_t signed_bytes(const struct head *head, char out[SIGNED_SIZE])
{
	int length;

	memcpy(out, HEAD_LABEL, sizeof(HEAD_LABEL));
	length =
	    snprintf(out + sizeof(HEAD_LABEL), SIGNED_SIZE - sizeof(HEAD_LABEL),
		"%s\n%" PRId64 "\n%s\n%" PRId64 "\n", head->instance, head->seq,
		head->hash, head->time);
	return length > 0 ? sizeof(HEAD_LABEL) + (size_t)length : 0;
}

static bool verify(const unsigned char key[HEAD_KEY_BYTES],
    const unsigned char signature[SIGNATURE_BYTES], const char *bytes,
    size_t length)
{
	EVP_PKEY *public = EVP_PKEY_new_raw_public_key(
	    EVP_PKEY_ED25519, NULL, key, HEAD_KEY_BYTES);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool genuine = false;

	if (public && context &&
	    EVP_DigestVerifyInit(context, NULL, NULL, NULL, public) == 1)
		genuine = EVP_DigestVerify(context, signature, SIGNATURE_BYTES,
			      (const unsigned char *)bytes, length) == 1;
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(public);
	ERR_clear_error();
	return genuine;
}

bool head_is_genuine(const struct head *head, const char *key)
{
	unsigned char raw[HEAD_KEY_BYTES], signature[SIGNATURE_BYTES];
	char bytes[SIGNED_SIZE];
	size_t key_length = 0, signature_length = 0;

	if (decode_base64(key, strcspn(key, " \r\n"), raw, sizeof(raw),
		&key_length) != ERR_NONE ||
	    key_length != sizeof(raw) ||
	    decode_base64(head->signature, strlen(head->signature), signature,
		sizeof(signature), &signature_length) != ERR_NONE ||
	    signature_length != sizeof(signature))
		return false;
	return verify(raw, signature, bytes, signed_bytes(head, bytes));
}
