/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the card child may still do, before it loads anybody's code: no new
 * privileges, no capabilities even as root, no dumps, little memory, no other
 * program, no network but Unix sockets (pcscd), a list of system calls.
 */
#ifndef SEKIMORI_CARD_SANDBOX_H
#define SEKIMORI_CARD_SANDBOX_H

#include "shared/err.h"

/* All of it or an error, on which the process must end. forbidden: a directory
 * that stays shut, where the kernel can do that; NULL: none. */
enum err sandbox_enter(const char *forbidden);

/* From here on the process dies with the thread that started it. */
enum err sandbox_die_with_parent(void);

#endif
