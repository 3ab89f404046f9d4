/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One-time codes: HOTP (RFC 4226) and TOTP (RFC 6238), computed by liboath,
 * which is included here only. A time step is a counter; everything is
 * integer counters. This file says which counter a code belongs to and
 * whether it is still unspent; it remembers nothing.
 */
#ifndef SEKIMORI_OTP_H
#define SEKIMORI_OTP_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/err.h"
#include "shared/secret.h"

enum otp_type {
	OTP_TOTP = 0,
	OTP_HOTP
};
enum otp_algorithm {
	OTP_SHA1 = 0,
	OTP_SHA256,
	OTP_SHA512
};

enum {
	OTP_DIGITS_MAX = 8,
	OTP_SEED_BYTES_MIN = 14,  /* 112 bits: NIST SP 800-63B-4, 3.1.4 */
	OTP_HOTP_LOOK_BEHIND = 3, /* counters told apart as `used` */
};

struct otp_token {
	enum otp_type type;
	enum otp_algorithm algorithm;
	int digits;       /* 6 or 8 */
	int64_t period_s; /* 30 or 60; 0 for HOTP */
	struct secret seed;
	int64_t floor; /* the lowest counter not yet spent */
};

struct otp_window {
	int64_t steps;      /* TOTP: either side of now */
	int64_t look_ahead; /* HOTP: counters beyond the floor */
};

enum otp_match {
	OTP_NO_MATCH = 0,
	OTP_SPENT,
	OTP_MATCH
};

/* Call once at start. */
enum err otp_init(void);

/* The code of a counter as digits with NUL. out has OTP_DIGITS_MAX + 1. */
enum err otp_generate(
    const struct otp_token *token, int64_t counter, char *out);

/* The counter of a TOTP token at a time. */
int64_t otp_step(const struct otp_token *token, int64_t now_s);

/*
 * Which counter inside the window has this code? All candidates are computed
 * and compared in constant time whatever matches. OTP_MATCH sets
 * *out_counter; the caller moves the floor to *out_counter + 1.
 */
enum otp_match otp_verify(const struct otp_token *token,
    const struct otp_window *window, const struct secret *code, int64_t now_s,
    int64_t *out_counter);

#endif
