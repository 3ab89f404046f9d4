/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One card enrolled by its holder, inside the transaction: the code says who he
 * is, the signature that he holds the key, the certificate's standing that
 * the key may be believed. The code is spent with the binding and by nothing
 * else: whoever holds the wrong card in his hand may take the right one.
 */
#ifndef SEKIMORI_CARD_ENROLMENT_H
#define SEKIMORI_CARD_ENROLMENT_H

#include "server/keys/card_verify.h"
#include "server/terminal_call.h"

struct card_enrolment {
	struct terminal_call call;
	/* As they stand in the body. */
	const char *token, *invitation, *certificate, *signature, *algorithm;
	/* Decoded on the loop's thread. */
	unsigned char der[CARD_CERTIFICATE_BYTES_MAX];
	unsigned char signed_by[CARD_SIGNATURE_BYTES_MAX];
	struct card_proof proof;

	/* Filled inside the transaction. */
	struct card_evidence card;
	char user[NAME_BYTES_MAX + 1]; /* the code's; empty: unknown */
	bool was_done;                 /* told again: nothing was bound now */
};

enum err card_enrolment_work(struct terminal_call *call, struct store *store);

/* Before any card is asked: whether the code is one. If not, the refusal is
 * set, recorded and counted as for a whole enrolment. */
enum err card_enrolment_check_code(
    struct card_enrolment *enrolment, struct store *store, bool *out_is_one);

#endif
