/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What neither end of a TLS connection spends time on before it knows who the
 * other is: long lists of certificates, keys that are slow to read, expensive
 * key exchanges. Must not know whom to believe.
 */
#ifndef SEKIMORI_TLS_GUARD_H
#define SEKIMORI_TLS_GUARD_H

#include <openssl/ssl.h>

#include "shared/err.h"

/* For a context of TLS 1.3, of a client or a server. Takes its message
 * callback. ERR_CRYPTO. */
enum err tls_guard(SSL_CTX *context);

#endif
