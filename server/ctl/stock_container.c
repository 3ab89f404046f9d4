/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ctl/stock_container.h"

#include <stdio.h>
#include <string.h>

#include "shared/encode.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum {
	NUMBER_DIGITS_MAX = 15
};

/* --- words ------------------------------------------------------------------
 */

static const struct algorithm_row {
	const char *uri;
	enum stock_type type;
} KEY_ALGORITHMS[] = {
    {"urn:ietf:params:xml:ns:keyprov:pskc:hotp", STOCK_HOTP},
    {"urn:ietf:params:xml:ns:keyprov:pskc:totp", STOCK_TOTP},
    /* of the drafts before the RFC, still in vendors' files */
    {"http://www.ietf.org/keyprov/pskc#hotp", STOCK_HOTP},
    {"http://www.ietf.org/keyprov/pskc#totp", STOCK_TOTP},
};

static const struct suite_row {
	const char *name;
	enum stock_algorithm algorithm;
} SUITES[] = {
    {"HMAC-SHA1", STOCK_SHA1},
    {"HMAC-SHA-1", STOCK_SHA1},
    {"SHA1", STOCK_SHA1},
    {"HMAC-SHA256", STOCK_SHA256},
    {"HMAC-SHA-256", STOCK_SHA256},
    {"SHA256", STOCK_SHA256},
    {"HMAC-SHA512", STOCK_SHA512},
    {"HMAC-SHA-512", STOCK_SHA512},
    {"SHA512", STOCK_SHA512},
};

static const char PBKDF2[] =
    "http://www.rsasecurity.com/rsalabs/pkcs/schemas/pkcs-5v2-0#pbkdf2";
static const char PBKDF2_11[] = "http://www.w3.org/2009/xmlenc11#pbkdf2";
static const char NOT_BASE64[] = "This is not base64, or it is too long.";
static const char UNKNOWN_CIPHER[] =
    "Only AES in CBC mode (xmlenc#aes128-cbc, aes192-cbc, aes256-cbc) can be "
    "decrypted.";

/* --- values -----------------------------------------------------------------
 */

bool stock_number_read(const char *text, size_t length, int64_t *out)
{
	int64_t number = 0;

	if (length == 0 || length > NUMBER_DIGITS_MAX)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		number = number * 10 + (text[i] - '0');
	}
	*out = number;
	return true;
}

/* Base64 may be broken into lines. */
static bool read_base64(const char *text, size_t length, unsigned char *out,
    size_t room, size_t *out_length)
{
	char packed[ENCODE_BASE64_SIZE(STOCK_CIPHER_BYTES_MAX)];
	size_t used = 0;
	bool fits = true;

	for (size_t i = 0; fits && i < length; i++) {
		if (strchr(" \t\r\n", text[i]))
			continue;
		fits = used < sizeof(packed);
		if (fits)
			packed[used++] = text[i];
	}
	fits = fits &&
	       decode_base64(packed, used, out, room, out_length) == ERR_NONE;
	secret_wipe_bytes(packed, sizeof(packed));
	return fits;
}

static const char *set_number(
    const char *text, size_t length, const char *fault, int64_t *out)
{
	return stock_number_read(text, length, out) ? NULL : fault;
}

/* --- attributes -------------------------------------------------------------
 */

static const char *set_type(struct stock_package *package, const char *uri)
{
	for (size_t i = 0; i < COUNT(KEY_ALGORITHMS); i++)
		if (strcmp(KEY_ALGORITHMS[i].uri, uri) == 0) {
			package->row.type = KEY_ALGORITHMS[i].type;
			package->has_type = true;
			return NULL;
		}
	return "This algorithm cannot be imported: only "
	       "urn:ietf:params:xml:ns:keyprov:pskc:hotp and …:totp.";
}

static const char *set_response(
    struct stock_package *package, const char *name, const char *value)
{
	int64_t digits = 0;

	if (strcmp(name, "Encoding") == 0 && strcmp(value, "DECIMAL") != 0)
		return "Codes must be decimal (Encoding=\"DECIMAL\").";
	if (strcmp(name, "CheckDigits") == 0 && strcmp(value, "false") != 0 &&
	    strcmp(value, "0") != 0)
		return "Codes with a check digit cannot be imported.";
	if (strcmp(name, "Length") != 0)
		return NULL;
	if (!stock_number_read(value, strlen(value), &digits) || digits > 99)
		return "Length is not a number of digits.";
	package->row.digits = (int)digits;
	package->has_digits = true;
	return NULL;
}

static const char *set_cipher(const char *uri, struct stock_sealed *out)
{
	out->cipher = stock_cipher_find(uri);
	return out->cipher ? NULL : UNKNOWN_CIPHER;
}

static const char *set_mac(enum stock_mac *out, const char *uri)
{
	*out = stock_mac_find(uri);
	return *out ? NULL
		    : "Only HMAC with SHA-1, SHA-256 or SHA-512 can be used "
		      "here.";
}

const char *stock_container_attribute(struct stock_container *container,
    enum stock_place place, const char *name, const char *value)
{
	struct stock_package *package = &container->package;
	bool is_algorithm = strcmp(name, "Algorithm") == 0;

	if (place == STOCK_CONTAINER && strcmp(name, "Version") == 0 &&
	    strcmp(value, "1.0") != 0 && strcmp(value, "1.1") != 0)
		return "Only versions 1.0 and 1.1 can be read.";
	if (place == STOCK_RESPONSE)
		return set_response(package, name, value);
	if (!is_algorithm)
		return NULL;
	if (place == STOCK_KEY)
		return set_type(package, value);
	if (place == STOCK_METHOD)
		return set_cipher(
		    value, &package->data[container->datum].sealed);
	if (place == STOCK_MAC_KEY_METHOD)
		return set_cipher(value, &container->mac_key);
	if (place == STOCK_MAC_METHOD)
		return set_mac(&container->keys.mac, value);
	if (place == STOCK_PRF)
		return set_mac(&container->derivation.prf, value);
	if (place == STOCK_DERIVATION && strcmp(value, PBKDF2) != 0 &&
	    strcmp(value, PBKDF2_11) != 0)
		return "A key can be derived by PBKDF2 only.";
	return NULL;
}

/* --- texts ------------------------------------------------------------------
 */

static const char *set_suite(
    struct stock_package *package, const char *text, size_t length)
{
	for (size_t i = 0; i < COUNT(SUITES); i++)
		if (strlen(SUITES[i].name) == length &&
		    memcmp(SUITES[i].name, text, length) == 0) {
			package->row.algorithm = SUITES[i].algorithm;
			return NULL;
		}
	return "This suite cannot be imported: only HMAC-SHA1, HMAC-SHA256 and "
	       "HMAC-SHA512.";
}

static const char *set_serial(
    struct stock_package *package, const char *text, size_t length)
{
	if (length >= sizeof(package->row.serial))
		return "The serial number is longer than 64 bytes.";
	memcpy(package->row.serial, text, length);
	package->row.serial[length] = '\0';
	return NULL;
}

static const char *set_plain(
    struct stock_container *container, const char *text, size_t length)
{
	struct stock_datum *datum = &container->package.data[container->datum];

	datum->is_plain = true;
	if (container->datum != STOCK_SECRET)
		return secret_set(&datum->plain, text, length) == ERR_NONE
			   ? NULL
			   : "This is no number.";
	return read_base64(text, length, datum->plain.bytes,
		   STOCK_SEED_BYTES_MAX, &datum->plain.length)
		   ? NULL
		   : NOT_BASE64;
}

static const char *set_sealed(
    struct stock_sealed *sealed, const char *text, size_t length)
{
	return read_base64(text, length, sealed->bytes, sizeof(sealed->bytes),
		   &sealed->length)
		   ? NULL
		   : NOT_BASE64;
}

static const char *set_salt(
    struct stock_derivation *derivation, const char *text, size_t length)
{
	return read_base64(text, length, derivation->salt,
		   sizeof(derivation->salt), &derivation->salt_length)
		   ? NULL
		   : NOT_BASE64;
}

const char *stock_container_text(struct stock_container *container,
    enum stock_place place, const char *text, size_t length)
{
	struct stock_package *package = &container->package;
	struct stock_sealed *sealed = &package->data[container->datum].sealed;
	struct stock_derivation *derivation = &container->derivation;

	if (place == STOCK_SERIAL)
		return set_serial(package, text, length);
	if (place == STOCK_SUITE)
		return set_suite(package, text, length);
	if (place == STOCK_PLAIN)
		return set_plain(container, text, length);
	if (place == STOCK_CIPHER_VALUE)
		return set_sealed(sealed, text, length);
	if (place == STOCK_VALUE_MAC)
		return read_base64(text, length, sealed->mac,
			   sizeof(sealed->mac), &sealed->mac_length)
			   ? NULL
			   : NOT_BASE64;
	if (place == STOCK_MAC_KEY_VALUE)
		return set_sealed(&container->mac_key, text, length);
	if (place == STOCK_SALT_SPECIFIED)
		return set_salt(derivation, text, length);
	if (place == STOCK_ITERATIONS)
		return set_number(text, length, "This is no number of rounds.",
		    &derivation->iterations);
	if (place == STOCK_KEY_LENGTH)
		return set_number(text, length, "A key has 16, 24 or 32 bytes.",
		    &derivation->key_bytes);
	return NULL;
}

/* --- keys -------------------------------------------------------------------
 */

static const char *derive(struct stock_container *container)
{
	enum err err = stock_keys_derive(
	    container->given, &container->derivation, &container->keys);

	if (err == ERR_TOO_LONG)
		return "PBKDF2 has more than 5000000 rounds here, which takes "
		       "too long.";
	return err == ERR_NONE
		   ? NULL
		   : "The key cannot be derived: salt, number of rounds, key "
		     "length or function are missing or cannot be used.";
}

static const char *make_key(struct stock_container *container)
{
	if (container->given->length == 0)
		return "The file is encrypted. Name the file with its key: "
		       "--key-file FILE, or - to be asked.";
	if (container->is_derived)
		return derive(container);
	return stock_keys_take(container->given, &container->keys) == ERR_NONE
		   ? NULL
		   : "The key file does not hold an AES key: 32, 48 or 64 "
		     "hexadecimal digits are needed.";
}

static const char *make_mac_key(struct stock_container *container)
{
	/* Without a key there would be MACs under none, which anybody makes. */
	if (!container->is_encrypted)
		return "MACMethod must come behind EncryptionKey.";
	return stock_keys_set_mac(&container->keys, container->keys.mac,
		   container->has_mac_key ? &container->mac_key : NULL) ==
		       ERR_NONE
		   ? NULL
		   : "The key of the MACs cannot be decrypted: the key file "
		     "holds another key, or this file was changed.";
}

void stock_container_begin(struct stock_container *container,
    enum stock_place place, enum stock_datum_name datum)
{
	if (place == STOCK_ENCRYPTION_KEY) {
		container->is_encrypted = true;
		container->derivation.prf = STOCK_HMAC_SHA1;
	}
	if (place == STOCK_DERIVED_KEY)
		container->is_derived = true;
	if (place == STOCK_MAC_KEY)
		container->has_mac_key = true;
	if (place == STOCK_PACKAGE)
		secret_wipe_bytes(
		    &container->package, sizeof(container->package));
	if (place == STOCK_DATUM)
		container->datum = datum;
	if (place == STOCK_ENCRYPTED)
		container->package.data[container->datum].is_sealed = true;
	container->report->holders += place == STOCK_USER;
	container->report->dates += place == STOCK_DATE;
	container->report->policies += place == STOCK_POLICY;
	container->report->signatures += place == STOCK_SIGNATURE;
}

const char *stock_container_end(
    struct stock_container *container, enum stock_place place)
{
	if (place == STOCK_ENCRYPTION_KEY)
		return make_key(container);
	if (place == STOCK_MAC_METHOD)
		return make_mac_key(container);
	if (place == STOCK_CHALLENGE)
		return "Tokens that answer a challenge cannot be imported.";
	return NULL;
}

bool stock_place_is_of_file(enum stock_place place)
{
	return place < STOCK_PACKAGE;
}

void stock_container_wipe(struct stock_container *container)
{
	stock_keys_wipe(&container->keys);
	secret_wipe_bytes(&container->package, sizeof(container->package));
}
