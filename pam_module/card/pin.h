/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Giving a PIN to a token: at most once per PIN that a person typed, never
 * one that the card would count for its length, never the last try unasked.
 * Reads the token's flags before and after, because some cards report a
 * lock as a general error. The PIN is not kept.
 */
#ifndef SEKIMORI_CARD_PIN_H
#define SEKIMORI_CARD_PIN_H

#include "pam_module/card/token.h"

/*
 * Logs in. pin NULL: at the PIN pad. seen holds what the person was told and
 * is renewed. CARD_SIGNED stands for success. TROUBLE also if the PIN is too
 * short or long for the card, if it has fewer tries left than the person was
 * told, or if somebody is logged in already, for then nothing was proven.
 */
enum card_signing pin_login(const struct token *token, const struct secret *pin,
    struct card_seen *seen);

/* The same PIN once more for one signature (CKA_ALWAYS_AUTHENTICATE), after
 * C_SignInit. */
enum card_signing pin_confirm(const struct token *token,
    const struct secret *pin, struct card_seen *seen);

#endif
