/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A scratch directory with keys, certificates and scripted PKCS #11 modules
 * (fake_token.c), for tests of the card child as the agent starts it.
 */
#ifndef TESTS_CARD_WORLD_H
#define TESTS_CARD_WORLD_H

#include <limits.h>

#include "pam_module/agent/card_child.h"

struct card_world {
	char directory[64];
	char program[PATH_MAX];
	struct config_list modules;
	struct card_child child;
	struct card_reader reader;
};

/* The build tree's sekimori-card, no modules yet. */
void card_world_open(struct card_world *world);
void card_world_close(struct card_world *world);

/* A path in its directory; one of four buffers in turn. */
const char *card_world_path(const struct card_world *world, const char *name);

struct card_made {
	const char *algorithm;       /* "RSA", "P-256", "P-384" */
	unsigned bits;               /* of RSA; 0: 2048 */
	int from_days, days;         /* of validity, from now; 0: one year */
	const char *usage, *purpose; /* OpenSSL's words; NULL: for logins */
	bool is_ca;
	unsigned padding; /* bytes of comment, to make it large */
};

/* Leaves NAME.der and NAME.pem; out_key is SHA-256 of its key. */
void card_world_make(const struct card_world *world, const char *name,
    const struct card_made *what, unsigned char out_key[CARD_HASH_BYTES]);

/* Adds a module with this script; {} in it stands for the directory. */
void card_world_module(
    struct card_world *world, const char *name, const char *script);

/* What a module wrote of its logins; empty if nothing. */
void card_world_logins(const struct card_world *world, const char *name,
    char *out, size_t out_size);

/* By tags of these keys; count 0: any. */
struct card_wanted card_world_wanted(
    const unsigned char keys[][CARD_HASH_BYTES], size_t count);

/* Gives a PIN; NULL: PIN pad. */
enum card_signing card_world_sign(const struct card_world *world,
    struct card_session *session, const char *pin, struct card_seen *seen,
    struct card_signature *out);

/* Whether the signature is of the certificate's key, over that message. */
bool card_world_is_proof(
    const struct card_wanted *wanted, const struct card_signature *signature);

#endif
