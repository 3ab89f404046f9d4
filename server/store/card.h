/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cards: which keys are bound to which person, which CAs are trusted for
 * them, and one-time invitations to enrol one. A binding is a key, not a
 * name: the certificate beside it is kept for lists and warnings only.
 */
#ifndef SEKIMORI_STORE_CARD_H
#define SEKIMORI_STORE_CARD_H

#include "server/core/card.h"
#include "server/keys/card_verify.h"
#include "server/store/store.h"

/* Counts bound cards and parses the CAs; for store_open(). */
enum err card_load(struct store *store);

/* Is any card bound to anybody? As of this transaction; costs nothing. */
static inline bool card_any_bound(const struct store *store)
{
	return store->cards_bound > 0;
}

/* Zero opens nothing. */
enum card_state {
	CARD_STATE_REVOKED = 0,
	CARD_STATE_ACTIVE = 1
};

struct card {
	int64_t id;
	int64_t person_id;
	char user[NAME_BYTES_MAX + 1]; /* the person's staff number */
	enum card_state state;
	struct card_certificate certificate; /* as der says */
	unsigned char der[CARD_CERTIFICATE_BYTES_MAX];
	size_t der_length;
	int64_t enrolled_at, last_used_at; /* unix seconds; 0: never */
};

/*
 * Binds a key to a person and marks the person enrolled. ERR_EXISTS: the key
 * is bound already, to whomever out_holder then says (person id). ERR_FULL:
 * SUBJECT_CARDS_MAX active ones.
 */
enum err card_add(struct store *store, int64_t person_id,
    const struct card_certificate *certificate, const unsigned char *der,
    size_t length, int64_t now_s, int64_t *out_holder);
/* The same key, a newer certificate. */
enum err card_renew(
    struct store *store, int64_t id, const unsigned char *der, size_t length);

/*
 * Both, whichever it is, and the person's card factor is open again: what
 * enrolling means. ERR_EXISTS: it is somebody else's. ERR_FULL.
 */
enum err card_bind(struct store *store, int64_t person_id,
    const struct card_certificate *certificate, const unsigned char *der,
    size_t length, int64_t now_s);

/* By key, the active one or else the latest. ERR_NOT_FOUND. */
enum err card_find(struct store *store, const unsigned char key[CARD_KEY_BYTES],
    struct card *out);
/* For good: a revoked key can be bound anew only by card_add. */
enum err card_revoke(struct store *store, int64_t id);
/* All that a person has, and the invitation. */
enum err card_revoke_all(struct store *store, int64_t person_id);
enum err card_used(struct store *store, int64_t id, int64_t now_s);
/* A person's, the latest last. */
enum err card_each(struct store *store, int64_t person_id,
    enum err (*each)(void *context, const struct card *card), void *context);
/* Everybody's, at most limit of them after an id. */
enum err card_each_after(struct store *store, int64_t after, int64_t limit,
    enum err (*each)(void *context, const struct card *card), void *context);

/* The active keys of a person, for the decision and for challenges. */
enum err card_keys(struct store *store, int64_t person_id,
    struct subject_card out[SUBJECT_CARDS_MAX], size_t *out_count);

/* Those of everybody who has a PAM account; ERR_FULL: more than there is room
 * for, and none is told. */
enum err card_keys_of_login(struct store *store, const char *login,
    unsigned char out[CARD_TAGS_SHARED][CARD_KEY_BYTES], size_t *out_count);

/* Who holds an active key, of those who have this PAM account.
 * ERR_NOT_FOUND. */
enum err card_holder(struct store *store,
    const unsigned char key[CARD_KEY_BYTES], const char *login,
    int64_t *out_person_id);

/* --- one for another --- */

/* What the key's active card replaces, whose holder is the same; itself is
 * nothing. */
enum err card_replaces(struct store *store,
    const unsigned char key[CARD_KEY_BYTES], int64_t old_id);
/* On the first use: what the card replaces is revoked. *out_done says whether
 * there was such a one, and out_key which. */
enum err card_end_replaced(struct store *store, int64_t id,
    unsigned char out_key[CARD_KEY_BYTES], bool *out_done);
/* The same for whatever card a person's invitation will bring; 0 takes it
 * back. */
enum err card_invitation_replaces(
    struct store *store, int64_t person_id, int64_t old_id);
enum err card_invitation_replaced(
    struct store *store, int64_t person_id, int64_t *out_old_id);

/* --- CAs --- */

/* Adds a CA or replaces its CRL and mode; store->card_authorities (the parsed
 * form) is new at once and brought back by a rollback. ERR_FULL: too many. */
enum err card_authority_set(
    struct store *store, const struct card_authority *authority, int64_t now_s);
enum err card_authority_remove(
    struct store *store, const unsigned char key[CARD_KEY_BYTES]);
struct card_authority_row {
	struct card_certificate certificate;
	bool needs_crl;
	/* thisUpdate and nextUpdate; 0: no CRL */
	int64_t crl_from, crl_until;
	int64_t added_at;
};
enum err card_authority_each(struct store *store,
    enum err (*each)(void *context, const struct card_authority_row *row),
    void *context);

/* --- invitations --- */

enum {
	CARD_INVITATION_LIFETIME_S = 600,
	CARD_INVITATION_HASH_BYTES = 32,
};

/* code_hash: keyed (store_keyed_hash, label CARD_INVITATION_LABEL). Replaces
 * what the person had. */
#define CARD_INVITATION_LABEL "card"
enum err card_invite(struct store *store, int64_t person_id,
    const unsigned char code_hash[CARD_INVITATION_HASH_BYTES], int64_t until);
/*
 * Whose it is. ERR_NOT_FOUND: none such, over or spent. Until it is over, what
 * it was spent on may ask again, because an answer can be lost: *out_used then
 * says that this key is bound to this person and nothing is left to do.
 */
enum err card_invitation_find(struct store *store,
    const unsigned char code_hash[CARD_INVITATION_HASH_BYTES],
    const unsigned char key[CARD_KEY_BYTES], int64_t now_s,
    int64_t *out_person_id, bool *out_used);
/* Whether there is such a one, spent or not; as for whoever asks before he
 * has a key to show. */
enum err card_invitation_know(struct store *store,
    const unsigned char code_hash[CARD_INVITATION_HASH_BYTES], int64_t now_s,
    bool *out_known);
/* Spends the person's invitation on a key. */
enum err card_invitation_spend(struct store *store, int64_t person_id,
    const unsigned char key[CARD_KEY_BYTES]);
/* All of them, as when the clock is set back. */
enum err card_invitations_void(struct store *store);

#endif
