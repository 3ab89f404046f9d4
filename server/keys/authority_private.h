/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of an authority, for authority.c, which reads it, and
 * authority_renew.c, which makes its rows.
 */
#ifndef SEKIMORI_AUTHORITY_PRIVATE_H
#define SEKIMORI_AUTHORITY_PRIVATE_H

#include "server/keys/authority.h"
#include "server/store/authority_rows.h"

enum {
	AUDIT_KEY_BYTES = 32
};

/* A certificate with its key, and the row it came from. */
struct holder {
	int64_t id, from, until;
	X509 *certificate;
	EVP_PKEY *key;
};

struct authority {
	size_t ca_count;
	struct holder cas[AUTHORITY_ROWS_MAX]; /* oldest first */
	struct holder server;
	size_t server_ca; /* whose signature the server's certificate bears */
	EVP_PKEY *audit_key;
	char *chain_pem, *trusted_pem;
	char *server_key_pem; /* a secret */
};

void authority_holder_clear(struct holder *holder);
/* Index of the CA that signs at now. */
size_t authority_signing_ca(const struct authority *authority, int64_t now_s);
/* No leaf outlives the CA that signed it. */
int64_t authority_leaf_until(
    const struct holder *ca, int64_t now_s, int64_t lifetime_s);

#endif
