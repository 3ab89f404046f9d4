/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent believes of a server and shows of itself: TLS 1.3 only, the
 * CA certificates it was given and none of the system's, the terminal's own
 * key. Two ways to trust: by the stored CA bundle, or, once in a terminal's
 * life, by the join code's hash of the CA's key. Knows no connection.
 */
#ifndef SEKIMORI_AGENT_TLS_CONTEXT_H
#define SEKIMORI_AGENT_TLS_CONTEXT_H

#include <openssl/ssl.h>

#include "shared/err.h"

enum {
	TLS_PIN_BYTES = 16
};

struct tls_pin {
	unsigned char bytes[TLS_PIN_BYTES]; /* begin of the CA's SPKI hash */
};

struct tls_identity {
	const char *ca_pem;
	const char *certificate_pem;
	const char *key_pem;
};

/* ERR_INVALID if a PEM text is malformed or key and certificate are not a
 * pair. The caller frees with SSL_CTX_free. */
enum err tls_context_new(const struct tls_identity *identity, SSL_CTX **out);

/* Trusts only a CA in the server's chain that matches pin, which must live
 * as long as the context. Shows no certificate. */
enum err tls_context_new_pinned(const struct tls_pin *pin, SSL_CTX **out);

#endif
