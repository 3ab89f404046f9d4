/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One-time codes: HOTP (RFC 4226) and TOTP (RFC 6238), computed by liboath,
 * which is included here only. A time step is a counter; everything is
 * integer counters. This file says which counter a code belongs to and
 * whether it is still unspent, and what it tells about the token's clock; it
 * remembers nothing.
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
	OTP_DRIFT_MAX = 10,       /* steps a clock may be off in all */
	OTP_WINDOW_STEPS_MAX = 2, /* that a town may configure */
	OTP_WIDE_STEPS = 20,      /* either side, where resync looks */
	OTP_WIDE_LOOK_AHEAD = 100,
};

struct otp_token {
	enum otp_type type;
	enum otp_algorithm algorithm;
	int digits;       /* 6 or 8 */
	int64_t period_s; /* 30 or 60; 0 for HOTP */
	struct secret seed;
	int64_t floor; /* the lowest counter not yet spent */
	int64_t drift; /* TOTP: steps its clock is ahead of ours, -10 to 10 */
};

struct otp_window {
	int64_t steps;      /* TOTP: either side of now and drift */
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

/*
 * The same for resync, in a wide range and for two codes in a row, both
 * unspent: *out_counter is that of the second. Its clock may be further off
 * than OTP_DRIFT_MAX; ask otp_offset.
 */
enum otp_match otp_verify_pair(const struct otp_token *token,
    const struct secret *code, const struct secret *next, int64_t now_s,
    int64_t *out_counter);

/* Steps that the clock which showed this counter is ahead; 0 for HOTP. */
int64_t otp_offset(
    const struct otp_token *token, int64_t counter, int64_t now_s);

/* The drift after a success: one step at most towards the offset seen. */
int64_t otp_learn(
    const struct otp_token *token, int64_t counter, int64_t now_s);

/*
 * Would this code, which is wrong, be good further off? Always computes as
 * many codes, whatever the type and whether one matches.
 */
bool otp_is_astray(const struct otp_token *token,
    const struct otp_window *window, const struct secret *code, int64_t now_s);

#endif
