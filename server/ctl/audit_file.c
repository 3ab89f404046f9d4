/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ctl/audit_file.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "shared/encode.h"
#include "shared/json.h"

static enum err hash_next(unsigned char hash[AUDIT_FILE_HASH_BYTES],
    const char *record, size_t length)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	enum err err = ERR_CRYPTO;

	if (context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
	    EVP_DigestUpdate(context, hash, AUDIT_FILE_HASH_BYTES) == 1 &&
	    EVP_DigestUpdate(context, record, length) == 1 &&
	    EVP_DigestFinal_ex(context, hash, NULL) == 1)
		err = ERR_NONE;
	EVP_MD_CTX_free(context);
	return err;
}

/* Does this line carry record number seq and the hash it must have? */
static bool line_fits(
    const char *line, int64_t seq, unsigned char hash[AUDIT_FILE_HASH_BYTES])
{
	char hex[ENCODE_HEX_SIZE(AUDIT_FILE_HASH_BYTES)];
	unsigned char next[AUDIT_FILE_HASH_BYTES];
	json_error_t error;
	json_t *object = NULL, *record;
	const char *told;
	size_t length = strlen(line);
	bool fits = false;

	/* Cut at the end of the file, over-long, or with a NUL in it. */
	if (length == 0 || line[length - 1] != '\n')
		return false;
	object = json_loadb(line, length, JSON_REJECT_DUPLICATES, &error);
	record = json_object_get(object, "record");
	told = json_string_value(json_object_get(object, "hash"));
	if (!json_is_string(record) || !told ||
	    json_integer_value(json_object_get(object, "seq")) != seq)
		goto out;
	memcpy(next, hash, sizeof(next));
	if (hash_next(
		next, json_string_value(record), json_string_length(record)))
		goto out;
	encode_hex(next, sizeof(next), hex);
	fits = strcmp(hex, told) == 0;
	if (fits)
		memcpy(hash, next, sizeof(next));
out:
	json_decref(object);
	return fits;
}

enum err audit_file_verify(
    FILE *file, const unsigned char *head, struct audit_file_check *out)
{
	struct audit_file_check check = {0};
	char *line = malloc(AUDIT_FILE_LINE_BYTES_MAX);

	if (!line)
		return ERR_MEMORY;
	while (fgets(line, AUDIT_FILE_LINE_BYTES_MAX, file)) {
		if (!line_fits(line, check.records + 1, check.hash)) {
			check.first_bad = check.records + 1;
			break;
		}
		check.records++;
		if (head && memcmp(head, check.hash, sizeof(check.hash)) == 0)
			check.head_found = true;
	}
	free(line);
	if (ferror(file))
		return ERR_IO;
	*out = check;
	return ERR_NONE;
}
