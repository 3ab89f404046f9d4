/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Terminals: name, group, the certificates they hold and the join codes that
 * let them in. A renewed certificate's first use retires its predecessor.
 */
#ifndef SEKIMORI_TERMINAL_H
#define SEKIMORI_TERMINAL_H

#include "server/store/store.h"
#include "shared/certificate.h"
#include "shared/text.h"

enum terminal_state {
	TERMINAL_WAITING = 0,
	TERMINAL_JOINED,
	TERMINAL_REVOKED
};

struct terminal {
	int64_t id;
	char name[NAME_BYTES_MAX + 1];
	char group[NAME_BYTES_MAX + 1];
	enum terminal_state state;
	bool frozen;
	int64_t created_at, last_seen_at;
};

const char *terminal_state_text(enum terminal_state state);

enum err terminal_add(struct store *store, struct terminal *terminal);
enum err terminal_save(struct store *store, const struct terminal *terminal);
enum err terminal_find(
    struct store *store, const char *name, struct terminal *out);
enum err terminal_each(struct store *store,
    enum err (*each)(void *context, const struct terminal *terminal),
    void *context);

/* The 10-byte secret of a join code, stored as a keyed hash; replaces an
 * older one of the same terminal. */
enum err terminal_set_join_code(struct store *store, int64_t terminal_id,
    const struct secret *code, int64_t until);
/* Consumes it: ERR_NOT_FOUND for a wrong, used or expired one. */
enum err terminal_use_join_code(struct store *store, const struct secret *code,
    int64_t now_s, struct terminal *out);
/* Voids all join codes (clock accepted backwards). */
enum err terminal_void_join_codes(struct store *store);

enum terminal_certificate { /* what a certificate is to its terminal */
	TERMINAL_CERTIFICATE_UNKNOWN = 0,
	TERMINAL_CERTIFICATE_RETIRED, /* its successor has been used */
	TERMINAL_CERTIFICATE_CURRENT,
	TERMINAL_CERTIFICATE_ISSUED, /* not used yet */
};

enum err terminal_add_certificate(struct store *store, int64_t terminal_id,
    const unsigned char fingerprint[CERTIFICATE_HASH_BYTES], int64_t until);
/*
 * Who holds this certificate. The first use of an ISSUED one makes it CURRENT
 * and retires the others (*out_what still says ISSUED). UNKNOWN leaves
 * *out_terminal untouched.
 */
enum err terminal_identify(struct store *store,
    const unsigned char fingerprint[CERTIFICATE_HASH_BYTES],
    struct terminal *out_terminal, enum terminal_certificate *out_what);
/* After a join: every older certificate of this terminal is retired. */
enum err terminal_retire_certificates(struct store *store, int64_t terminal_id);

#endif
