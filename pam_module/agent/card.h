/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One operation with a card, as the dialogue sees it: look for a key, give it
 * a PIN, get a signature. Behind the table stands a child process that lives
 * for this operation (card_child.c) or, in unit tests, a list of answers. Only
 * a signature is proof; everything else here is for showing the right words.
 * Nothing from behind the table is believed beyond its shape.
 */
#ifndef SEKIMORI_AGENT_CARD_H
#define SEKIMORI_AGENT_CARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/card_proof.h"
#include "shared/err.h"
#include "shared/secret.h"

enum {
	CARD_FIND_WAIT_MS = 4000, /* at most; the caller may have less left */
	CARD_SIGN_WAIT_MS = 3500,
};

/* What is looked for. tag_count 0: any key fit for authentication, as for an
 * enrolment. */
struct card_wanted {
	unsigned char challenge[CARD_CHALLENGE_BYTES];
	size_t tag_count;
	unsigned char tags[CARD_TAGS_SHARED][CARD_TAG_BYTES];
	struct card_message message; /* to be signed */
};

enum card_presence {
	CARD_TROUBLE = 0, /* reader, module or child failed */
	CARD_ABSENT,      /* no card in any reader */
	CARD_OTHER,       /* cards, but none with a wanted key */
	CARD_SEVERAL,     /* more than one would do */
	CARD_PRESENT,
};

/* Of the PIN, by the token's flags (PKCS #11 v2.40, CKF_USER_PIN_...). */
enum card_pin {
	CARD_PIN_FINE = 0,
	CARD_PIN_LOW,   /* failed before, more than one try left */
	CARD_PIN_FINAL, /* one try left */
	CARD_PIN_LOCKED,
};

struct card_seen {
	enum card_presence presence;
	enum card_pin pin;
	int tries_left; /* where the card tells; -1: it does not */
	bool has_pin_pad;
	unsigned pin_min, pin_max; /* bytes */
	unsigned char key[CARD_HASH_BYTES];
	int64_t valid_until; /* of the certificate, unix seconds */
};

enum card_signing {
	CARD_SIGNING_TROUBLE = 0, /* pulled, hung, broken: costs no attempt */
	CARD_SIGNING_PIN_WRONG,   /* seen.pin and tries_left are renewed */
	CARD_SIGNING_PIN_LOCKED,
	CARD_SIGNING_CANCELLED, /* at the PIN pad */
	CARD_SIGNED,
};

struct card_signature {
	enum card_algorithm algorithm;
	size_t certificate_length, signature_length;
	unsigned char certificate[CARD_CERTIFICATE_BYTES_MAX]; /* DER */
	unsigned char signature[CARD_SIGNATURE_BYTES_MAX]; /* ECDSA in DER */
};

/* What becomes of a session when its card leaves; the policy's word. */
enum card_removed {
	CARD_REMOVED_LOCK = 0,
	CARD_REMOVED_LOGOUT,
	CARD_REMOVED_NOTHING,
};

struct card_session; /* one child */

/* Deadlines are times of steady_ms(); a child that misses one is trouble. */
struct card_reader {
	/* Starts a child and looks. *out is NULL unless CARD_PRESENT. */
	struct card_seen (*find)(void *context,
	    const struct card_wanted *wanted, int64_t deadline_ms,
	    struct card_session **out);
	/* pin NULL with a PIN pad: begins; the person types there. A wrong PIN
	 * leaves the session open for another. */
	enum card_signing (*sign)(void *context, struct card_session *session,
	    const struct secret *pin, int64_t deadline_ms,
	    struct card_seen *seen, struct card_signature *out);
	/* For a PIN pad: asks the card to take a PIN and returns at once, so
	 * that the person can be shown a prompt meanwhile; sign(NULL) then
	 * collects. */
	enum err (*start_pin_pad)(void *context, struct card_session *session);
	/* Kills and reaps the child whatever it does. NULL is fine. */
	void (*close)(void *context, struct card_session *session);
	void *context;
};

#endif
