/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One signature by a found key: PIN, private key, SHA-256 with PKCS #1 v1.5
 * or ECDSA by the two mechanisms that every token has, and the form that the
 * server takes. What comes out has been checked against the certificate's
 * key; a card or module that lies is trouble.
 */
#ifndef SEKIMORI_CARD_SIGN_H
#define SEKIMORI_CARD_SIGN_H

#include "pam_module/card/find.h"
#include "pam_module/card/wire.h"

/* out->seen holds what the person was told, and is renewed; outcome and
 * signature are filled. pin NULL: PIN pad. Call again only after
 * CARD_SIGNING_PIN_WRONG. */
void sign_message(const struct card_key *key,
    const struct card_message *message, const struct secret *pin,
    struct wire_signing *out);

#endif
