/* SPDX-License-Identifier: Apache-2.0 */
#include "server/login_card.h"

#include <stdlib.h>
#include <string.h>

#include "server/nonce.h"
#include "server/store/card.h"
#include "server/store/subject.h"
#include "shared/encode.h"

_Static_assert((int)CARD_CHALLENGE_BYTES == (int)LOGIN_CHALLENGE_BYTES &&
		   (int)CARD_HASH_BYTES == (int)CERTIFICATE_HASH_BYTES &&
		   (int)CARD_HASH_BYTES == (int)CARD_KEY_BYTES,
    "a challenge and a hash are the same everywhere");
_Static_assert(
    (int)CARD_TAGS == (int)SUBJECT_CARDS_MAX, "every key of a person is named");
_Static_assert((int)CARD_KEY_BYTES <= (int)NONCE_BYTES_MAX,
    "a random key is drawn in one call");

/* --- members --- */

static bool is_absent(const char *text)
{
	return !text || *text == '\0';
}

static bool decode(
    const char *text, unsigned char *out, size_t size, size_t *out_length)
{
	return is_absent(text) || decode_base64(text, strlen(text), out, size,
				      out_length) == ERR_NONE;
}

/* Malformed comes before empty: what is there must be well formed. */
static const char *decode_proof(
    const struct login_card_members *members, struct login_proof *proof)
{
	if (!decode(members->certificate, proof->certificate,
		sizeof(proof->certificate), &proof->certificate_length))
		return "member \"certificate\" must be base64 of at most 8192 "
		       "bytes";
	if (!decode(members->signature, proof->signature,
		sizeof(proof->signature), &proof->signature_length))
		return "member \"signature\" must be base64 of at most 512 "
		       "bytes";
	if (is_absent(members->algorithm))
		return NULL;
	proof->algorithm = card_algorithm_from_text(members->algorithm);
	if (proof->algorithm == CARD_ALGORITHM_NONE)
		return "member \"algorithm\" must be rsa-pkcs1-sha256 or "
		       "ecdsa-sha256";
	return NULL;
}

static bool is_whole(const struct login_proof *proof)
{
	return proof->certificate_length > 0 && proof->signature_length > 0 &&
	       proof->algorithm != CARD_ALGORITHM_NONE;
}

enum err login_card_take(struct login_call *login,
    const struct login_card_members *members, const char **out_problem)
{
	struct login_proof *proof;

	if (!members->certificate && !members->signature && !members->algorithm)
		return ERR_NONE;
	*out_problem = "members \"certificate\", \"signature\" and "
		       "\"algorithm\" are for factor card";
	if (login->factor != FACTOR_CARD)
		return ERR_INVALID;
	proof = calloc(1, sizeof(*proof));
	if (!proof)
		return ERR_MEMORY;
	*out_problem = decode_proof(members, proof);
	if (!*out_problem && is_whole(proof))
		login->proof = proof;
	else
		free(proof);
	return *out_problem ? ERR_INVALID : ERR_NONE;
}

/* --- looking --- */

enum err login_card_message(
    const struct login_call *login, struct card_message *out)
{
	const struct login_claims *claims = &login->claims;

	return card_login_message(login->call.exchange->peer->issuer_spki,
	    claims->challenge, login->call.terminal.name, claims->user,
	    claims->service, out);
}

enum err login_card_look(struct login_call *login, const struct store *store)
{
	const struct login_proof *shown = login->proof;
	struct card_proof proof;
	struct card_message message;
	enum err err;

	memset(&login->card, 0, sizeof(login->card));
	if (!shown)
		return ERR_NONE;
	err = login_card_message(login, &message);
	if (err != ERR_NONE)
		return err;
	proof = (struct card_proof){
	    .certificate = shown->certificate,
	    .certificate_length = shown->certificate_length,
	    .signature = shown->signature,
	    .signature_length = shown->signature_length,
	    .algorithm = shown->algorithm,
	};
	card_verify(store->card_authorities, &proof, &message,
	    login->call.now_s, &login->card);
	return ERR_NONE;
}

/* Why a card that was looked at did or did not let in. */
static const char *explain(
    const struct login_call *login, const struct subject *subject)
{
	if (login->card.standing == CARD_FORGED)
		return card_standing_text(CARD_FORGED);
	if (subject_find_card(subject, login->card.key) < 0)
		return "not_bound";
	if (login->card.standing == CARD_GOOD &&
	    login->decision.result == RESULT_DENY)
		return "not_offered";
	return card_standing_text(login->card.standing);
}

enum err login_card_end_replaced(struct login_call *login, struct store *store,
    const struct subject *subject)
{
	int index = login->decision.card_index;
	unsigned char key[CARD_KEY_BYTES];
	bool done = false;
	enum err err;

	if (login->decision.result != RESULT_ACCEPT || index < 0)
		return ERR_NONE;
	err = card_end_replaced(store, subject->cards[index].id, key, &done);
	if (err == ERR_NONE && done)
		encode_hex(key, LOGIN_KEY_SHOWN, login->card_replaced);
	return err;
}

void login_card_note(struct login_call *login, const struct subject *subject)
{
	const struct decision *decision = &login->decision;

	login->card_note = NULL;
	if (login->proof && (decision->evaluated || decision->card_unfit))
		login->card_note = explain(login, subject);
}

/* --- tags --- */

static int compare_tags(const void *left, const void *right)
{
	return memcmp(left, right, CARD_TAG_BYTES);
}

/* A random key stands in where there is none. */
static enum err make_tags(struct login_call *login,
    unsigned char keys[][CARD_KEY_BYTES], size_t count, size_t total)
{
	enum err err = ERR_NONE;

	for (size_t i = 0; i < total && err == ERR_NONE; i++) {
		if (i >= count)
			err = nonce_take(keys[i], CARD_KEY_BYTES);
		if (err == ERR_NONE)
			err = card_tag(
			    login->claims.challenge, keys[i], login->tags[i]);
	}
	if (err == ERR_NONE) {
		qsort(login->tags, total, sizeof(*login->tags), compare_tags);
		login->tag_count = total;
		login->names_keys = true;
	}
	return err;
}

static enum err make_shared_tags(struct login_call *login, struct store *store)
{
	unsigned char keys[CARD_TAGS_SHARED][CARD_KEY_BYTES];
	size_t count = 0;
	enum err err =
	    card_keys_of_login(store, login->claims.user, keys, &count);

	if (err == ERR_FULL) {
		login->names_keys = true;
		return ERR_NONE;
	}
	return err == ERR_NONE ? make_tags(login, keys, count, CARD_TAGS_SHARED)
			       : err;
}

static enum err make_own_tags(struct login_call *login, struct store *store)
{
	struct subject_card cards[SUBJECT_CARDS_MAX];
	unsigned char keys[CARD_TAGS][CARD_KEY_BYTES];
	size_t count = 0;
	enum err err = card_keys(store, login->person.id, cards, &count);

	for (size_t i = 0; i < count; i++)
		memcpy(keys[i], cards[i].key, CARD_KEY_BYTES);
	return err == ERR_NONE ? make_tags(login, keys, count, CARD_TAGS) : err;
}

enum err login_card_tags(struct login_call *login, struct store *store,
    const struct policy_answer *permit)
{
	login->tag_count = 0;
	login->names_keys = false;
	if ((permit->factors & 1u << FACTOR_CARD) == 0 ||
	    !card_any_bound(store))
		return ERR_NONE;
	return login->asks_person ? make_shared_tags(login, store)
				  : make_own_tags(login, store);
}
