/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a PSKC file (RFC 6030) says, gathered until a key package is whole and
 * can become a token. Texts and attributes come in one by one, each with the
 * place where it stands; what is wrong with one is returned as a sentence.
 * Must not know XML.
 */
#ifndef SEKIMORI_CTL_STOCK_CONTAINER_H
#define SEKIMORI_CTL_STOCK_CONTAINER_H

#include "server/ctl/stock.h"
#include "server/ctl/stock_keys.h"

/* Elements that mean something here; all others are passed over. */
enum stock_place {
	STOCK_OUTSIDE,
	STOCK_CONTAINER,
	STOCK_ENCRYPTION_KEY,
	STOCK_KEY_NAME,
	STOCK_DERIVED_KEY,
	STOCK_DERIVATION,
	STOCK_PBKDF2,
	STOCK_SALT,
	STOCK_SALT_SPECIFIED,
	STOCK_ITERATIONS,
	STOCK_KEY_LENGTH,
	STOCK_PRF,
	STOCK_MAC_METHOD,
	STOCK_MAC_KEY,
	STOCK_MAC_KEY_METHOD,
	STOCK_MAC_KEY_DATA,
	STOCK_MAC_KEY_VALUE,
	STOCK_SIGNATURE,
	STOCK_PACKAGE,
	STOCK_DEVICE,
	STOCK_SERIAL,
	STOCK_DATE,
	STOCK_USER,
	STOCK_POLICY,
	STOCK_KEY,
	STOCK_PARAMETERS,
	STOCK_SUITE,
	STOCK_CHALLENGE,
	STOCK_RESPONSE,
	STOCK_DATA,
	STOCK_DATUM, /* one of enum stock_datum_name */
	STOCK_PLAIN,
	STOCK_ENCRYPTED,
	STOCK_METHOD,
	STOCK_CIPHER_DATA,
	STOCK_CIPHER_VALUE,
	STOCK_VALUE_MAC,
};

enum stock_datum_name {
	STOCK_SECRET,
	STOCK_COUNTER,
	STOCK_INTERVAL,
	STOCK_DRIFT,
	STOCK_DATUM_COUNT,
};

struct stock_datum {
	bool is_plain, is_sealed;
	struct secret plain; /* of a secret: its bytes; of numbers: the text */
	struct stock_sealed sealed;
};

struct stock_package {
	struct stock_row row;
	struct stock_datum data[STOCK_DATUM_COUNT];
	bool has_type, has_digits;
};

struct stock_container {
	const struct secret *given; /* what the key file held; may be empty */
	struct stock_report *report;
	struct stock_keys keys;
	struct stock_derivation derivation;
	struct stock_sealed mac_key;
	bool is_encrypted, is_derived, has_mac_key;
	enum stock_datum_name datum; /* being read */
	struct stock_package package;
};

/* At an element's beginning, before its attributes. */
void stock_container_begin(struct stock_container *container,
    enum stock_place place, enum stock_datum_name datum);
/* NULL, or what is wrong. text is without white space around it. */
const char *stock_container_attribute(struct stock_container *container,
    enum stock_place place, const char *name, const char *value);
const char *stock_container_text(struct stock_container *container,
    enum stock_place place, const char *text, size_t length);
/* At an element's end. A fault of the keys concerns the file as a whole. */
const char *stock_container_end(
    struct stock_container *container, enum stock_place place);
/* stock_package.c. At a package's end: the token, or NULL and the fault and
 * where. The row is the container's. */
const struct stock_row *stock_container_row(
    struct stock_container *container, const char **fault, const char **place);
void stock_container_wipe(struct stock_container *container);

/* Digits only, fifteen at most. */
bool stock_number_read(const char *text, size_t length, int64_t *out);

/* Whether a fault there makes all the rest unreadable. */
bool stock_place_is_of_file(enum stock_place place);

#endif
