/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An exported audit chain in a file, checked without a server: hash(n) =
 * SHA-256(hash(n-1) || record(n)), recomputed here from the records alone.
 */
#ifndef SEKIMORI_CTL_AUDIT_FILE_H
#define SEKIMORI_CTL_AUDIT_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "shared/err.h"

enum {
	AUDIT_FILE_HASH_BYTES = 32,
	AUDIT_FILE_LINE_BYTES_MAX = 65536
};

struct audit_file_check {
	int64_t records;
	int64_t first_bad; /* sequence number expected there; 0: none */
	bool head_found;   /* the head asked for is one of the hashes */
	unsigned char hash[AUDIT_FILE_HASH_BYTES]; /* of the last good one */
};

/*
 * Reads lines of {"seq","record","hash"}; a chain begins at 1 and misses no
 * number. head may be NULL. What does not fit is told by first_bad, not by
 * the error; ERR_IO, ERR_MEMORY.
 */
enum err audit_file_verify(
    FILE *file, const unsigned char *head, struct audit_file_check *out);

#endif
