/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text forms of bytes: hexadecimal, base64 and base64url (RFC 4648 sections
 * 4, 5, 8) and base32 (section 6). Decoders are strict: no white space, no
 * stray padding, no non-zero trailing bits, so that one value has one text.
 * They serve secrets too, so they take no branch and no table look-up on the
 * value of a character.
 */
#ifndef SEKIMORI_ENCODE_H
#define SEKIMORI_ENCODE_H

#include <stddef.h>

#include "shared/err.h"

/* Room for the text of n bytes, terminating NUL included. */
#define ENCODE_HEX_SIZE(n) ((n)*2 + 1)
#define ENCODE_BASE64_SIZE(n) (((n) + 2) / 3 * 4 + 1)
#define ENCODE_BASE32_SIZE(n) (((n) + 4) / 5 * 8 + 1)

/* Encoders write a NUL-terminated text; out has room as above. */
void encode_hex(const void *bytes, size_t length, char *out);
void encode_base64(const void *bytes, size_t length, char *out);
void encode_base64url(
    const void *bytes, size_t length, char *out); /* no padding */
void encode_base32(
    const void *bytes, size_t length, char *out); /* no padding */

/*
 * Decoders read text_length characters and write at most out_size bytes;
 * *out_length is how many. ERR_INVALID for a character, a length or trailing
 * bits that no encoder writes, ERR_TOO_LONG if out is too small. On failure
 * the outputs are untouched.
 *
 * decode_hex takes both cases. decode_base32 takes both cases, padded or not,
 * and skips single blanks and hyphens between characters: people type it.
 */
enum err decode_hex(const char *text, size_t text_length, void *out,
    size_t out_size, size_t *out_length);
enum err decode_base64(const char *text, size_t text_length, void *out,
    size_t out_size, size_t *out_length);
enum err decode_base64url(const char *text, size_t text_length, void *out,
    size_t out_size, size_t *out_length);
enum err decode_base32(const char *text, size_t text_length, void *out,
    size_t out_size, size_t *out_length);

#endif
