/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads ~/.google_authenticator, the file of pam_google_authenticator: one
 * person's seed, options as `" NAME value`, and scratch codes, a line each.
 * Says also what of it has no place here. Knows nothing of the server.
 */
#ifndef SEKIMORI_CTL_IMPORT_GOOGLE_H
#define SEKIMORI_CTL_IMPORT_GOOGLE_H

#include "server/ctl/import_oath.h"
#include "shared/text.h"

enum {
	IMPORT_GOOGLE_LINES_MAX = 200,
};

struct import_google {
	bool is_totp;
	int period_s; /* 0: HOTP. Always SHA-1 and 6 digits. */
	struct secret seed;
	/* The least that may be accepted: the counter, or after the last step
	 * that was used. */
	int64_t counter;
	/* What is left out. */
	size_t scratch_codes;
	bool has_rate_limit, has_window, has_skew, allows_reuse;
};

/* now_s: steps beyond it were never used. ERR_INVALID fills problem, never
 * with the seed; ERR_IO. The caller wipes out->seed. */
enum err import_google_read(FILE *file, int64_t now_s,
    struct import_google *out, struct import_oath_problem *problem);

/*
 * Whose it is by where it lies: /home/alice/.google_authenticator or
 * alice.google_authenticator is alice's. False when the path names nobody.
 */
bool import_google_holder(const char *path, char out[NAME_BYTES_MAX + 1]);

#endif
