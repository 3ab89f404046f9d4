/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a person typed, as a code or as his number. Japanese input methods leave
 * full-width digits, blanks and hyphens behind, and people copy the groups they
 * see. What is no code at all (a password typed at the wrong prompt, a My
 * Number card's PIN of four digits) never leaves the terminal: a stand-in that
 * no code equals goes out instead. Pure.
 */
#ifndef SEKIMORI_AGENT_TYPED_H
#define SEKIMORI_AGENT_TYPED_H

#include <stddef.h>

#include "shared/secret.h"
#include "shared/text.h"

enum {
	TYPED_DIGITS_MIN = 6, /* of any code */
	TYPED_DIGITS_MAX = 16,
	TYPED_EMERGENCY_DIGITS = 10
};

enum typed_kind {
	TYPED_EMPTY = 0,
	TYPED_OTP,
	TYPED_EMERGENCY, /* exactly TYPED_EMERGENCY_DIGITS digits */
	TYPED_NO_CODE,   /* out holds the stand-in */
};

/* out holds ASCII digits and is wiped by the caller. */
enum typed_kind typed_read(
    const void *bytes, size_t length, struct secret *out);

/*
 * A staff number, or one with a code behind a slash for whoever is asked but
 * once: `1042`, `1042/755224`. out is the number, empty if nothing was typed;
 * what can be no number does not leave the terminal either, TYPED_NO_NUMBER
 * stands in. Returns where the code begins, or length if there is no slash.
 */
#define TYPED_NO_NUMBER "-"
size_t typed_number(
    const void *bytes, size_t length, char out[NAME_BYTES_MAX + 1]);

#endif
