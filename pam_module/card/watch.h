/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stays with one token and says so again and again, until it is gone. It
 * polls: SoftHSM and others cannot wait for events. Needs no PIN.
 */
#ifndef SEKIMORI_CARD_WATCH_H
#define SEKIMORI_CARD_WATCH_H

#include "pam_module/card/modules.h"
#include "shared/card_proof.h"

/* Returns when the token is gone, cannot be asked, or nobody reads out_fd or
 * writes in_fd any more. */
void watch_key(const struct modules *modules,
    const unsigned char key[CARD_HASH_BYTES], int in_fd, int out_fd);

#endif
