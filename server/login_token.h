/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The `login` of a challenge: what was asked, for how long, and the challenge
 * itself, authenticated with the server's key and bound to the terminal's
 * certificate. The server needs no memory of it until it is finished. Sans
 * I/O; knows nothing of persons.
 */
#ifndef SEKIMORI_LOGIN_TOKEN_H
#define SEKIMORI_LOGIN_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/certificate.h"
#include "shared/err.h"
#include "shared/secret.h"
#include "shared/text.h"

enum {
	LOGIN_CHALLENGE_BYTES = 32,
	LOGIN_LIFETIME_S = 120,
	/* text of the longest token, NUL included */
	LOGIN_TOKEN_SIZE = 2048,
};

/* Strings are "" when absent. */
struct login_claims {
	char user[NAME_BYTES_MAX + 1];
	char person[NAME_BYTES_MAX + 1];
	char service[NAME_BYTES_MAX + 1];
	char tty[NAME_BYTES_MAX + 1];
	char rhost[NAME_BYTES_MAX + 1];
	bool proven;
	int64_t until; /* unix seconds, exclusive */
	int64_t epoch; /* the store's: of another, the login is over */
	unsigned char challenge[LOGIN_CHALLENGE_BYTES]; /* also its name */
};

enum err login_token_write(const struct login_claims *claims,
    const struct secret *key,
    const unsigned char fingerprint[CERTIFICATE_HASH_BYTES],
    char out[LOGIN_TOKEN_SIZE]);

/* ERR_NOT_FOUND for anything but a token of ours for this certificate. Its
 * end may have come: the caller compares `until` and `epoch`. */
enum err login_token_read(const char *text, const struct secret *key,
    const unsigned char fingerprint[CERTIFICATE_HASH_BYTES],
    struct login_claims *out);

#endif
