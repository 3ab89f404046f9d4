/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificate requests (PKCS #10, RFC 2986) as terminals send them.
 */
#ifndef SEKIMORI_REQUEST_H
#define SEKIMORI_REQUEST_H

#include "shared/err.h"

/* A P-256 key that has signed its own request: ERR_INVALID otherwise. */
enum err request_check(const char *pem);

#endif
