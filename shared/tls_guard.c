/* SPDX-License-Identifier: Apache-2.0 */
#include "shared/tls_guard.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/key_shape.h"

enum {
	CERTIFICATE_LIST_BYTES_MAX = 16384
};

/* OpenSSL's own list ends with ffdhe8192, which costs the server a hundred
 * times as much, and the client chooses. */
static const char groups[] = "X25519:P-256:P-384";

static size_t number_at(const unsigned char *bytes, size_t count)
{
	size_t number = 0;

	for (size_t i = 0; i < count; i++)
		number = number << 8 | bytes[i];
	return number;
}

/* The entries of a Certificate message (RFC 8446, 4.4.2): a certificate and
 * its extensions, each behind its length. */
static bool entries_are_ordinary(const unsigned char *at, size_t left)
{
	while (left > 0) {
		size_t length = left >= 3 ? number_at(at, 3) : left;

		if (left < 3 || length > left - 3 ||
		    !key_shape_of_certificate(at + 3, length))
			return false;
		at += 3 + length;
		left -= 3 + length;
		length = left >= 2 ? number_at(at, 2) : left;
		if (left < 2 || length > left - 2)
			return false;
		at += 2 + length;
		left -= 2 + length;
	}
	return true;
}

/* type 1, length 3, context 1 and none, length of the entries 3 */
static bool list_is_ordinary(const unsigned char *message, size_t length)
{
	enum {
		CONTEXT_AT = 4,
		ENTRIES_AT = CONTEXT_AT + 1 + 3
	};

	return length >= ENTRIES_AT && message[CONTEXT_AT] == 0 &&
	       number_at(message + CONTEXT_AT + 1, 3) == length - ENTRIES_AT &&
	       entries_are_ordinary(message + ENTRIES_AT, length - ENTRIES_AT);
}

/*
 * OpenSSL reads all that the other end sends, keys too, before it asks anybody,
 * and one key can keep the loop for half a second. It offers no refusal here,
 * but shows the message, in its own buffer and before it reads it; a context
 * where there may be none makes it refuse. The transcript is hashed already.
 */
static void look_at_message(int is_ours, int version, int type,
    const void *bytes, size_t length, SSL *ssl, void *context)
{
	unsigned char *message = (unsigned char *)(uintptr_t)bytes;

	(void)version;
	(void)ssl;
	(void)context;
	if (!is_ours && type == SSL3_RT_HANDSHAKE && length > 4 &&
	    message[0] == SSL3_MT_CERTIFICATE &&
	    !list_is_ordinary(message, length))
		message[4] = 0xff;
}

enum err tls_guard(SSL_CTX *context)
{
	SSL_CTX_set_max_cert_list(context, CERTIFICATE_LIST_BYTES_MAX);
	SSL_CTX_set_msg_callback(context, look_at_message);
#ifdef SSL_OP_NO_RX_CERTIFICATE_COMPRESSION
	/* What comes compressed (RFC 8879) is shown compressed. */
	SSL_CTX_set_options(context, SSL_OP_NO_RX_CERTIFICATE_COMPRESSION);
#endif
	return SSL_CTX_set1_groups_list(context, groups) == 1 ? ERR_NONE
							      : ERR_CRYPTO;
}
