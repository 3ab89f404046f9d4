/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The join code: base32 of ten secret bytes, which the server wants to see,
 * and of the first sixteen bytes of the CA's key hash, by which the terminal
 * knows the server. Pure.
 */
#ifndef SEKIMORI_AGENT_JOIN_CODE_H
#define SEKIMORI_AGENT_JOIN_CODE_H

#include "pam_module/agent/tls_context.h"
#include "shared/secret.h"

enum {
	JOIN_CODE_SECRET_BYTES = 10,
	JOIN_CODE_TYPED_MAX = 128, /* with blanks and hyphens */
};

struct join_code {
	struct secret shown; /* base32 text of the secret, for the server */
	struct tls_pin pin;
};

/* ERR_INVALID or ERR_TOO_LONG: not a join code. The caller wipes out. */
enum err join_code_read(const char *text, size_t length, struct join_code *out);

void join_code_wipe(struct join_code *code);

#endif
