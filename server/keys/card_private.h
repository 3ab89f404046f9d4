/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What card_verify.c, which judges, and card_read.c, which reads what an
 * officer gives, both ask of a certificate. Leaves no error in OpenSSL's
 * queue.
 */
#ifndef SEKIMORI_CARD_PRIVATE_H
#define SEKIMORI_CARD_PRIVATE_H

#include <openssl/x509.h>

#include "server/keys/card_verify.h"

/* DER, all of it and nothing behind it; NULL for anything else. */
X509 *card_x509_from_der(const unsigned char *der, size_t length);
X509_CRL *card_crl_from_der(const unsigned char *der, size_t length);

/* CARD_ALGORITHM_NONE: a key that no card may log in with. */
enum card_algorithm card_key_algorithm(X509 *certificate);

/* May a key of this certificate answer for a person? Not a CA's, and made
 * for authentication as far as it says what it is made for. */
bool card_usage_fits(X509 *certificate);

/* Is this CRL this CA's own? */
bool card_crl_is_of(X509_CRL *crl, X509 *ca);

/* When it was made and when the next one is due; 0: it does not say. */
int64_t card_crl_from(X509_CRL *crl);
int64_t card_crl_until(X509_CRL *crl);

#endif
