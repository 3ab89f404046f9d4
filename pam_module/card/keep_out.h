/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shuts this process out of one directory, by Landlock: the agent's state,
 * with the terminal's key and the CA that the agent believes. The child has
 * the agent's user, so permissions do not. Where the kernel has no Landlock,
 * nothing changes.
 */
#ifndef SEKIMORI_CARD_KEEP_OUT_H
#define SEKIMORI_CARD_KEEP_OUT_H

#include "shared/err.h"

/* For good. No new privileges must be set before. */
enum err keep_out_of(const char *directory);

#endif
