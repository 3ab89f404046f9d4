/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One login call as it goes through the server: filled by api_login.c on the
 * loop's thread, worked on by login_work.c inside the transaction.
 */
#ifndef SEKIMORI_LOGIN_CALL_H
#define SEKIMORI_LOGIN_CALL_H

#include "server/core/card.h"
#include "server/login_token.h"
#include "server/store/person.h"
#include "server/terminal_call.h"
#include "shared/card_proof.h"

enum {
	LOGIN_ATTEMPT_BYTES = 16,
	LOGIN_NAME_BYTES = 16, /* of an accepted login: the challenge's first */
	LOGIN_CODE_BYTES_MAX = 64,
	LOGIN_ATTEMPT_KEPT_S = 60,
	LOGIN_KEY_SHOWN = 16, /* of a card's key; enough to find it */
};

/* What a card has signed with, decoded and not yet believed. */
struct login_proof {
	enum card_algorithm algorithm;
	size_t certificate_length, signature_length;
	unsigned char certificate[CARD_CERTIFICATE_BYTES_MAX];
	unsigned char signature[CARD_SIGNATURE_BYTES_MAX];
};

struct login_call {
	struct terminal_call call;
	struct login_claims claims; /* what is asked; from body or token */
	bool by_token;              /* POST /v1/logins/{login} */
	bool own_account;           /* the caller runs as it */
	char session[NAME_BYTES_MAX + 1]; /* as its terminal calls it, or "" */
	bool has_attempt;
	unsigned char attempt[LOGIN_ATTEMPT_BYTES];
	enum factor factor;
	struct secret code;        /* as typed; length 0: empty */
	struct login_proof *proof; /* of FACTOR_CARD; NULL: empty; owned */

	/* Filled inside the transaction, for the log and the counts. */
	struct decision decision;
	bool decided;         /* a decision was made now; false: told again */
	struct person person; /* who asked, or his decoy */
	enum person_match match;
	bool vouched; /* the first factor was proved, and it is this person's */
	bool asks_person; /* of a challenge: who of those that share it? */
	unsigned char stranger[PERSON_STRANGER_BYTES]; /* of what was named */
	struct card_evidence card;                     /* what proof is worth */
	const char *card_note; /* for the record; NULL: not looked at */
	char card_replaced[2 * LOGIN_KEY_SHOWN + 1]; /* by its first use */
	int64_t grace_id; /* of the session's grace; 0: none was found */
	unsigned char grace_login[LOGIN_NAME_BYTES]; /* that it began with */
	bool names_keys;                             /* of a challenge; */
	size_t tag_count; /* but none, if there are too many */
	unsigned char tags[CARD_TAGS_SHARED][CARD_TAG_BYTES];
};

static inline bool login_knows(const struct login_call *login)
{
	return login->match == PERSON_KNOWN;
}

/* The work of both forms of the login call. */
enum err login_work(struct terminal_call *call, struct store *store);

#endif
