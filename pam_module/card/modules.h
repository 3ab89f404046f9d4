/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The PKCS #11 modules of this machine, by way of p11-kit: those of its
 * configuration that are not for trust policy, or only those that are named.
 * The only file that calls p11-kit; what comes out are function lists. They
 * are never unloaded: the process ends with its one operation.
 */
#ifndef SEKIMORI_CARD_MODULES_H
#define SEKIMORI_CARD_MODULES_H

#include <p11-kit/pkcs11.h>
#include <stdbool.h>
#include <stddef.h>

enum {
	MODULES_MAX = 16
};

struct modules {
	size_t count;
	CK_FUNCTION_LIST *list[MODULES_MAX];
};

/* paths is NULL-terminated; empty: p11-kit's configuration. One that cannot
 * be loaded is left out. */
void modules_load(char *const *paths, struct modules *out);

/* C_Initialize, with what the configuration says for it. */
bool module_start(CK_FUNCTION_LIST *module);

#endif
