/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a card's signature proves what its certificate says, and whether
 * that certificate may be believed: the chain to one trusted CA, validity,
 * key usage, and that CA's CRL. Certificates, CRLs and signatures here come
 * from outside. Time is an argument. Must not know persons or the database.
 */
#ifndef SEKIMORI_CARD_VERIFY_H
#define SEKIMORI_CARD_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/core/card.h"
#include "shared/card_proof.h"
#include "shared/err.h"

enum {
	CARD_AUTHORITIES_MAX = 64,
	CARD_CRL_BYTES_MAX = 8 * 1024 * 1024, /* DER */
	CARD_NAME_SIZE = 256,
	CARD_PROBLEM_SIZE = 320,
};

/* The CAs that are trusted for cards, parsed once; immutable. */
struct card_authorities;

/* One row as it is stored. */
struct card_authority {
	const unsigned char *certificate; /* DER */
	size_t certificate_length;
	bool needs_crl;           /* false: trusted with --no-crl */
	const unsigned char *crl; /* DER, or NULL: none yet */
	size_t crl_length;
};

/* A CRL that is not its CA's own counts as none. */
enum err card_authorities_new(const struct card_authority *rows, size_t count,
    struct card_authorities **out);
void card_authorities_free(struct card_authorities *authorities);

/*
 * When the first CRL that is needed ends: nobody logs in with a card of that
 * CA afterwards. `due`, when a quarter of its life is left, is the time to
 * worry. One that is missing: both 0; none is needed: both INT64_MAX.
 */
struct card_crl_outlook {
	int64_t due, until; /* unix seconds */
};
struct card_crl_outlook card_authorities_outlook(
    const struct card_authorities *authorities);
struct card_crl_outlook card_crl_outlook(int64_t from, int64_t until);

/*
 * What an officer gives to `card trust`, PEM or DER, checked: a CA
 * certificate in its time that may sign certificates (and CRLs, if there is
 * one); a CRL signed by it, with nextUpdate, not stale. ERR_INVALID fills
 * problem with a sentence that says how to mend it. The caller frees the two
 * DER outputs; crl may be NULL.
 */
enum err card_authority_read(const void *certificate, size_t certificate_length,
    const void *crl, size_t crl_length, int64_t now_s,
    unsigned char **out_certificate, size_t *out_certificate_length,
    unsigned char **out_crl, size_t *out_crl_length,
    char problem[CARD_PROBLEM_SIZE]);

/* What is kept of a certificate, of a card or of a CA. */
struct card_certificate {
	unsigned char key[CARD_KEY_BYTES];
	int64_t valid_from, valid_until; /* unix seconds */
	/* RFC 4514, one line of UTF-8, cut if long; never an identity. */
	char subject[CARD_NAME_SIZE];
	char issuer[CARD_NAME_SIZE];
};

/* Of DER that was read before, of whatever certificate. */
enum err card_certificate_describe(
    const unsigned char *der, size_t length, struct card_certificate *out);
/* thisUpdate and nextUpdate of a CRL in DER; 0: none, or not readable. */
void card_crl_dates(const unsigned char *der, size_t length, int64_t *out_from,
    int64_t *out_until);

/* Of a person's certificate, PEM or DER. ERR_INVALID fills problem: not a
 * certificate, a CA's, not for authentication, a key that is not RSA of 2048
 * to 4096 bits, P-256 or P-384. The caller frees out_der. */
enum err card_certificate_read(const void *bytes, size_t length,
    struct card_certificate *out, unsigned char **out_der, size_t *out_length,
    char problem[CARD_PROBLEM_SIZE]);

/* Standing of a certificate in DER apart from any signature: never FORGED
 * unless it cannot be read or its key is not allowed. */
enum card_standing card_certificate_stand(
    const struct card_authorities *authorities, const unsigned char *der,
    size_t length, int64_t now_s);

struct card_proof {
	const unsigned char *certificate; /* DER */
	size_t certificate_length;
	const unsigned char *signature;
	size_t signature_length;
	enum card_algorithm algorithm;
};

/* The whole look: signature over message by the certificate's key, then its
 * standing. Whatever cannot be read is CARD_FORGED. */
void card_verify(const struct card_authorities *authorities,
    const struct card_proof *proof, const struct card_message *message,
    int64_t now_s, struct card_evidence *out);

#endif
