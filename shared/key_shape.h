/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether what a stranger sends as a certificate or request holds a key of a
 * kind that is cheap to read. OpenSSL reads the key with the rest, before
 * anybody can ask what it is, and a curve that comes as a list of numbers can
 * take it half a second to read. Looks at DER itself; believes nothing.
 */
#ifndef SEKIMORI_KEY_SHAPE_H
#define SEKIMORI_KEY_SHAPE_H

#include <stdbool.h>
#include <stddef.h>

/* RSA of about 4096 bits at most, P-256 or P-384 by name. False for everything
 * else, and for what is not one whole certificate or PKCS #10 request so far as
 * that is looked at. */
bool key_shape_of_certificate(const unsigned char *der, size_t length);
bool key_shape_of_request(const unsigned char *der, size_t length);

#endif
