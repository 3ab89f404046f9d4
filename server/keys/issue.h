/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The certificates that sekimorid makes, field by field (RFC 5280): its CAs,
 * its own, its terminals'. P-256 and SHA-256 throughout, random 128-bit serial
 * numbers. When each is made and who signs it is authority.h's business.
 */
#ifndef SEKIMORI_ISSUE_H
#define SEKIMORI_ISSUE_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/err.h"

/* Clocks of terminals may be a little behind. */
enum {
	ISSUE_BACKDATE_S = 300
};

struct issue_signer {
	X509 *certificate;
	EVP_PKEY *key;
};

/* What every certificate has. */
struct issue_subject {
	EVP_PKEY *key;    /* its public half is certified */
	const char *name; /* common name; NULL: none */
	int64_t from, until;
};

/* Self-signed, may sign leaves only. The caller frees *out. */
enum err issue_authority(const struct issue_subject *subject, X509 **out);
/* names are DNS names or IP addresses. */
enum err issue_server(const struct issue_subject *subject,
    const struct issue_signer *signer, char *const *names, size_t name_count,
    X509 **out);
enum err issue_terminal(const struct issue_subject *subject,
    const struct issue_signer *signer, X509 **out);

#endif
