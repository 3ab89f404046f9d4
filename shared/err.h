/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors of every part. This file owns the one list of things that can go
 * wrong and a plain word for each. A refusal to let somebody in is not an
 * error: verdicts have their own enum in server/core/.
 */
#ifndef SEKIMORI_ERR_H
#define SEKIMORI_ERR_H

enum err {
	ERR_NONE = 0,
	ERR_MEMORY,      /* allocation failed */
	ERR_IO,          /* the system refused to read or write */
	ERR_INVALID,     /* what was given is malformed */
	ERR_TOO_LONG,    /* over a named limit */
	ERR_NOT_FOUND,   /* no such thing */
	ERR_EXISTS,      /* already there */
	ERR_NOT_ALLOWED, /* the caller may not, or the state forbids it */
	ERR_TIMEOUT,     /* a deadline passed */
	ERR_UNREACHABLE, /* nobody answers */
	ERR_CORRUPT,     /* stored data fails its check */
	ERR_FULL,        /* no room on disk, or a table is full */
	ERR_BUSY,        /* try again */
	ERR_CRYPTO,      /* a cryptographic library call failed */
	ERR_VERSION,     /* written by a newer program */
	ERR_CLOCK,       /* time cannot be trusted */
};

/* A short English phrase, lower case, never NULL, for any value. */
const char *err_text(enum err err);

#endif
