/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decision (CONTRACT sections 4 and 5): one question about one subject at
 * one time has one answer. Values in, values out: no I/O, no clock, no
 * randomness, no log, no database. Everything that must be remembered is in
 * struct decision; whoever calls makes it durable before telling anybody.
 */
#ifndef SEKIMORI_DECIDE_H
#define SEKIMORI_DECIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/core/card.h"
#include "server/core/grace.h"
#include "server/core/otp.h"
#include "server/core/policy.h"
#include "server/core/throttle.h"
#include "server/core/verdict.h"
#include "shared/secret.h"

enum {
	SUBJECT_TOKENS_MAX = 8,
	SUBJECT_EMERGENCY_MAX = 16,
	EMERGENCY_HASH_BYTES = 32,
};

/* An emergency code, by its keyed hash. */
struct emergency_code {
	int64_t id;
	int64_t until; /* unix seconds, exclusive */
	bool spent;
	struct secret hash;
};

struct subject_token {
	int64_t id;
	char serial[65]; /* for the record */
	struct otp_token otp;
};

/*
 * Whoever asks to log in, as the store knows him. For a stranger `known` is
 * false and the rest is a decoy of ordinary shape: decided in full, never
 * accepted.
 */
struct subject {
	bool known;
	bool shared; /* nobody in particular, of an account that several have */
	bool frozen; /* the person, the terminal or everything */
	bool suspended;
	bool enrolled; /* ever had a confirmed authenticator */
	int64_t valid_from, valid_until; /* unix seconds, until exclusive;
					    0: no bound */
	struct throttle throttle;        /* of the factor asked with */
	size_t token_count;              /* confirmed and usable ones only */
	struct subject_token tokens[SUBJECT_TOKENS_MAX];
	size_t emergency_count;
	struct emergency_code emergency[SUBJECT_EMERGENCY_MAX];
	size_t card_count; /* bound and not revoked here */
	struct subject_card cards[SUBJECT_CARDS_MAX];
	struct grace grace; /* for who asks without a factor */
};

struct question {
	enum factor factor;
	bool proven;       /* the first factor was proved before us */
	bool first_factor; /* the same, be it a password that several share: a
			      rule in shadow mode may let past */
	bool clock_trusted;
	int64_t now_s;
	struct secret code; /* as typed; length 0 is empty. For
			       FACTOR_EMERGENCY its keyed hash, or length 0 */
	bool paired;        /* resync: `next` is the code after it */
	struct secret next;
	bool card_shown; /* FACTOR_CARD: false is empty */
	struct card_evidence card;
	const char *service, *tty; /* for grace; NULL: none to be had */
};

struct decide_limits {
	struct throttle_limits throttle;
	struct otp_window window;
};

struct decision {
	enum result result;
	enum reason reason; /* with RESULT_DENY, and with `shadowed` */
	bool shadowed;      /* a refusal, let past by a rule in shadow mode:
			       RESULT_EXEMPT */
	int64_t retry_at;   /* with REASON_THROTTLED, else 0 */
	bool evaluated;     /* a code was looked at, so it was charged */
	bool by_grace;      /* RESULT_ACCEPT without a factor */
	bool card_unfit;    /* a bound card signed, but its certificate does
			       not stand: REASON_WRONG, not charged */
	bool throttle_changed;
	struct throttle throttle; /* to store, when changed */
	int token_index;          /* of subject.tokens to move, or -1 */
	int64_t floor, drift;     /* its new ones */
	int astray_index;         /* of subject.tokens that a wrong code would
				     fit at another time, or -1 */
	int emergency_index;      /* of subject.emergency to spend, or -1 */
	int card_index;           /* of subject.cards that let in, or -1 */
};

/*
 * Decides. permit is policy's answer for this subject. The result is
 * RESULT_CONTINUE, or RESULT_ACCEPT by grace, only when question->factor is
 * FACTOR_NONE. A stranger's subject is never accepted, whatever it holds.
 *
 * Under a rule in shadow mode a refusal of somebody known whose first factor
 * was proven becomes an exemption, with everything charged and spent as ever.
 * Never so: clock, frozen, suspended, expired, not yet valid.
 */
struct decision decide(const struct question *question,
    const struct subject *subject, const struct policy_answer *permit,
    const struct decide_limits *limits);

/* Which of subject.cards has this key, or -1. */
int subject_find_card(
    const struct subject *subject, const unsigned char key[CARD_KEY_BYTES]);

/*
 * The factor whose waits a challenge heeds: that of a policy which offers
 * nothing else, so that nobody is asked for what would be refused; otherwise
 * FACTOR_NONE, because an emergency code must not wait for the token's
 * throttle.
 */
enum factor decide_only_factor(const struct policy_answer *permit);

/* Subjects and questions hold seeds and codes. A subject is wiped as far as it
 * is filled, because it has room for many times what a person has. */
void subject_wipe(struct subject *subject);
void question_wipe(struct question *question);

#endif
