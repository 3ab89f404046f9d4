/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader behind a token, by PC/SC. A card that was given its PIN would
 * sign for any program on this machine until somebody resets it: PKCS #11 has
 * no call for that, and many cards know no log-out. The only file that calls
 * pcsc-lite.
 */
#ifndef SEKIMORI_CARD_READER_H
#define SEKIMORI_CARD_READER_H

#include "pam_module/card/token.h"

/* Forgets the PIN: logs out, closes the session, and resets the card if it is
 * one. Best effort, at the end of an operation; the token is closed. */
void reader_forget_pin(struct token *token);

#endif
