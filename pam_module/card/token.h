/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One token in one reader, through its module's functions: which are there,
 * what their PIN's flags say, which certificates can be read without a PIN,
 * which private key belongs to one. Modules and cards may answer anything:
 * every count and length is bounded here. Asks for no PIN, signs nothing.
 */
#ifndef SEKIMORI_CARD_TOKEN_H
#define SEKIMORI_CARD_TOKEN_H

#include <p11-kit/pkcs11.h>

#include "pam_module/agent/card.h"
#include "pam_module/card/identity.h"

enum {
	TOKEN_SLOTS_MAX = 32,
	TOKEN_OBJECTS_MAX = 32,
	TOKEN_ID_BYTES_MAX = 128,
};

struct token {
	CK_FUNCTION_LIST *functions;
	CK_SLOT_ID slot;
	CK_SESSION_HANDLE session;
	struct card_seen opened; /* what it said of its PIN then */
};

struct token_objects {
	size_t count;
	CK_OBJECT_HANDLE list[TOKEN_OBJECTS_MAX];
};

/* A certificate with the identifier that its private key has too. */
struct token_certificate {
	struct identity identity;
	size_t id_length;
	unsigned char id[TOKEN_ID_BYTES_MAX];
};

/* Slots with a token in them. False: the module fails, or has too many. */
bool token_slots(CK_FUNCTION_LIST *functions, CK_SLOT_ID out[TOKEN_SLOTS_MAX],
    size_t *out_count);

/* Opens a session. TROUBLE, ABSENT (pulled meanwhile, or blank), OTHER (no
 * driver knows it, or the PIN-protected signing half of a My Number card), or
 * PRESENT with out filled: the caller closes. */
enum card_presence token_open(
    CK_FUNCTION_LIST *functions, CK_SLOT_ID slot, struct token *out);
void token_close(struct token *token);

/* Fills what the token says of its PIN: pin, tries_left, has_pin_pad,
 * pin_min, pin_max. */
bool token_read_pin(const struct token *token, struct card_seen *seen);

/* X.509 certificates that anybody may read. */
bool token_certificates(const struct token *token, struct token_objects *out);
/* ERR_INVALID: not one that could log in; ERR_IO: it cannot be read. The
 * caller frees the identity. */
enum err token_certificate(const struct token *token, CK_OBJECT_HANDLE object,
    struct token_certificate *out);

/* After login. out_always: it wants the PIN before each signature. */
bool token_private_key(const struct token *token,
    const struct token_certificate *certificate, CK_OBJECT_HANDLE *out,
    bool *out_always);

/* PRESENT: still in its slot and never out of it since token_open(). ABSENT
 * or TROUBLE otherwise. */
enum card_presence token_look(const struct token *token);

#endif
