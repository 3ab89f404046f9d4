/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificate requests (PKCS #10, RFC 2986) as strangers send them: reading
 * one never asks anybody anything and never takes long.
 */
#ifndef SEKIMORI_REQUEST_H
#define SEKIMORI_REQUEST_H

#include <openssl/evp.h>

#include "shared/err.h"

/* The P-256 key of a request in PEM, whose signature proves that the asker
 * has it. Nothing else of the request is looked at. ERR_INVALID. The caller
 * frees *out. */
enum err request_read(const char *pem, EVP_PKEY **out);

/* The same, to know beforehand. */
enum err request_check(const char *pem);

#endif
