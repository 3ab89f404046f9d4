/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The certificate authority: signs the server's and the terminals'
 * certificates and makes its own successor in time. Private keys live in the
 * database, sealed. A successor is published (terminals fetch it) long
 * before it signs, so nobody is ever shown a certificate from a CA that he
 * has not heard of.
 *
 *   |---------------- old CA valid ----------------|
 *              |publish|------ new CA signs --------------- ...
 */
#ifndef SEKIMORI_AUTHORITY_H
#define SEKIMORI_AUTHORITY_H

#include <stdbool.h>

#include "server/store/store.h"
#include "shared/certificate.h"

struct authority_lifetimes {
	int64_t ca_s, server_s, terminal_s;
};

/* A CA publishes its successor when a quarter of its life is left and lets
 * it sign when an eighth is left; leaves renew at a third. */

struct authority; /* keys of all living CAs and the server certificate */

/* At init: first CA and first server certificate, in the store. names are
 * DNS names or IP addresses for subjectAltName. */
enum err authority_create(struct store *store,
    const struct authority_lifetimes *lifetimes, char *const *names,
    size_t name_count, int64_t now_s);
enum err authority_load(struct store *store, struct authority **out);
void authority_free(struct authority *authority);

/*
 * Makes whatever is due at now: a successor CA, a server certificate (also
 * when names changed); drops CAs that have ended. Leaves authority as it is:
 * with *out_changed, load again after the commit and hand the identity to
 * http_set_identity. *out_next_s: when to ask again, at once after a change.
 */
enum err authority_renew(struct store *store, struct authority *authority,
    const struct authority_lifetimes *lifetimes, char *const *names,
    size_t name_count, int64_t now_s, bool *out_changed, int64_t *out_next_s);

/* PEM texts owned by authority: the server's chain (with its CA), its key, and
 * every CA to trust, newest last. */
const char *authority_server_chain(const struct authority *authority);
const char *authority_server_key(const struct authority *authority);
const char *authority_trusted(const struct authority *authority);
/* First 16 bytes matter in join codes: hash of the CA in the server's chain. */
void authority_signing_spki(const struct authority *authority,
    unsigned char out[CERTIFICATE_HASH_BYTES]);

/* Signs a terminal's request. The subject is the terminal's name, whatever
 * the request says; clientAuth only. The caller frees *out_pem. */
enum err authority_sign_terminal(const struct authority *authority,
    const char *request_pem, const char *terminal_name, int64_t now_s,
    int64_t lifetime_s, char **out_pem,
    unsigned char out_fingerprint[CERTIFICATE_HASH_BYTES], int64_t *out_until);

/* The Ed25519 key that signs audit heads. */
void authority_audit_key(
    const struct authority *authority, unsigned char out_public[32]);
enum err authority_sign_head(const struct authority *authority,
    const void *bytes, size_t length, unsigned char out_signature[64]);

#endif
